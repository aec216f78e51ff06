//! `delete`, `touch`, `incr`, `decr`.

use super::{BAD_EXPTIME, BAD_FORMAT, KEY_MAX, NOT_A_NUMBER, Outcome, say_unless};
use crate::number;
use crate::store::{Arithmetic, Counted, Store};
use crate::words::Words;

/// `delete key [0] [noreply]`.
pub(super) fn delete(store: &mut Store, words: &Words<'_>, out: &mut Vec<u8>) -> Outcome {
    let count = words.count();
    let quiet = count > 2 && words.is_noreply();
    let zero = words.word(2) == b"0";
    if (count == 3 && !zero && !quiet) || (count == 4 && !(zero && quiet)) {
        return say_unless(
            quiet,
            out,
            "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]",
        );
    }
    let key = words.word(1);
    if key.len() > KEY_MAX {
        return say_unless(quiet, out, BAD_FORMAT);
    }
    match store.find(key) {
        Some(slot) => {
            store.remove(slot);
            store.counters.delete_hits += 1;
            say_unless(quiet, out, "DELETED")
        }
        None => {
            store.counters.delete_misses += 1;
            say_unless(quiet, out, "NOT_FOUND")
        }
    }
}

/// `touch key exptime [noreply]`.
pub(super) fn touch(store: &mut Store, words: &Words<'_>, out: &mut Vec<u8>) -> Outcome {
    let quiet = words.is_noreply();
    let key = words.word(1);
    if key.len() > KEY_MAX {
        return say_unless(quiet, out, BAD_FORMAT);
    }
    let Some(exptime) = number::signed32(words.word(2)) else {
        return say_unless(quiet, out, BAD_EXPTIME);
    };
    let expires = store.expiry(exptime);
    store.counters.cmd_touch += 1;
    match store.find_and_use(key).and_then(|slot| store.get_mut(slot)) {
        Some(item) => {
            item.expires = expires;
            store.counters.touch_hits += 1;
            say_unless(quiet, out, "TOUCHED")
        }
        None => {
            store.counters.touch_misses += 1;
            say_unless(quiet, out, "NOT_FOUND")
        }
    }
}

/// `incr key delta [noreply]`, `decr key delta [noreply]`.
pub(super) fn arithmetic(store: &mut Store, words: &Words<'_>, up: bool, out: &mut Vec<u8>) -> Outcome {
    let quiet = words.is_noreply();
    let key = words.word(1);
    if key.len() > KEY_MAX {
        return say_unless(quiet, out, BAD_FORMAT);
    }
    let Some(delta) = number::unsigned(words.word(2)) else {
        return say_unless(quiet, out, "CLIENT_ERROR invalid numeric delta argument");
    };
    match store.count(key, Arithmetic { up, delta, cas: 0 }) {
        Counted::Done(_, value, _) => say_unless(quiet, out, &value.to_string()),
        Counted::NotNumeric => say_unless(quiet, out, NOT_A_NUMBER),
        Counted::TooLarge => say_unless(quiet, out, "SERVER_ERROR out of memory"),
        Counted::NotFound | Counted::OtherCas => {
            if up {
                store.counters.incr_misses += 1;
            } else {
                store.counters.decr_misses += 1;
            }
            say_unless(quiet, out, "NOT_FOUND")
        }
    }
}
