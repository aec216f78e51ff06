//! `get`, `gets`, `gat`, `gats`.

use super::{BAD_EXPTIME, BAD_FORMAT, KEY_MAX, Outcome, say};
use crate::number;
use crate::store::Store;
use crate::words::Words;

/// `get key…`, `gets key…`.
pub(super) fn get(store: &mut Store, words: &Words<'_>, with_cas: bool, out: &mut Vec<u8>) -> Outcome {
    values(store, words, 1, None, with_cas, out)
}

/// `gat exptime key…`, `gats exptime key…`; without a key just an END.
pub(super) fn get_and_touch(
    store: &mut Store,
    words: &Words<'_>,
    with_cas: bool,
    out: &mut Vec<u8>,
) -> Outcome {
    let Some(exptime) = number::signed32(words.word(1)) else { return say(out, BAD_EXPTIME) };
    let expires = store.expiry(exptime);
    values(store, words, 2, Some(expires), with_cas, out)
}

/// The values of the keys from word `first` on. A key that is too long takes back the values before it.
fn values(
    store: &mut Store,
    words: &Words<'_>,
    first: usize,
    touch: Option<u32>,
    with_cas: bool,
    out: &mut Vec<u8>,
) -> Outcome {
    let start = out.len();
    for key in words.all_from(first) {
        if key.len() > KEY_MAX {
            out.truncate(start);
            return say(out, BAD_FORMAT);
        }
        value(store, key, touch, with_cas, out);
    }
    say(out, "END")
}

/// One VALUE, if the key is there.
fn value(store: &mut Store, key: &[u8], touch: Option<u32>, with_cas: bool, out: &mut Vec<u8>) {
    let item = store.find_and_use(key).and_then(|slot| {
        let item = store.get_mut(slot)?;
        item.expires = touch.unwrap_or(item.expires);
        Some(&*item)
    });
    let found = item.is_some();
    if let Some(item) = item {
        out.extend_from_slice(b"VALUE ");
        out.extend_from_slice(item.key());
        let (flags, length, cas) = (item.flags(), item.data().len(), item.cas());
        let header = if with_cas { format!(" {flags} {length} {cas}") } else { format!(" {flags} {length}") };
        say(out, &header);
        out.extend_from_slice(item.data());
        out.extend_from_slice(b"\r\n");
    }
    let counters = &mut store.counters;
    match (touch.is_some(), found) {
        (true, true) => counters.touch_hits += 1,
        (true, false) => counters.touch_misses += 1,
        (false, true) => counters.get_hits += 1,
        (false, false) => counters.get_misses += 1,
    }
    if touch.is_some() {
        counters.cmd_touch += 1;
    } else {
        counters.cmd_get += 1;
    }
}
