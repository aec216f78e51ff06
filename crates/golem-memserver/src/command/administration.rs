//! `flush_all`, `verbosity`, `stats`.

use super::{BAD_EXPTIME, BAD_FORMAT, Outcome, say, say_unless};
use crate::counters::Counters;
use crate::number;
use crate::store::Store;
use crate::words::Words;

/// `flush_all [delay] [noreply]`.
pub(super) fn flush_all(store: &mut Store, words: &Words<'_>, out: &mut Vec<u8>) -> Outcome {
    let quiet = words.is_noreply();
    store.counters.cmd_flush += 1;
    let mut delay = 0;
    if words.count() != if quiet { 2 } else { 1 } {
        match number::signed32(words.word(1)) {
            Some(given) => delay = given,
            None => return say_unless(quiet, out, BAD_EXPTIME),
        }
    }
    store.flush(delay);
    say_unless(quiet, out, "OK")
}

/// `verbosity level [noreply]`: checked and answered; there is no output whose amount it could change.
pub(super) fn verbosity(words: &Words<'_>, out: &mut Vec<u8>) -> Outcome {
    let line = number::unsigned32(words.word(1)).map_or(BAD_FORMAT, |_| "OK");
    say_unless(words.is_noreply(), out, line)
}

/// `stats`, `stats settings`, `stats reset`: what this server has of memcached's numbers.
pub(super) fn stats(store: &mut Store, words: &Words<'_>, out: &mut Vec<u8>) -> Outcome {
    match words.word(1) {
        b"" => general(store, out),
        b"settings" => settings(store, out),
        b"reset" => {
            store.counters = Counters::default();
            return say(out, "RESET");
        }
        _ => return say(out, "ERROR"),
    }
    say(out, "END")
}

fn stat(out: &mut Vec<u8>, name: &str, value: impl std::fmt::Display) {
    say(out, &format!("STAT {name} {value}"));
}

fn general(store: &Store, out: &mut Vec<u8>) {
    stat(out, "uptime", store.uptime());
    stat(out, "time", store.unix_time());
    stat(out, "version", &store.options().version);
    stat(out, "pointer_size", 64);
    for (name, value) in store.counters.list() {
        stat(out, name, value);
    }
    stat(out, "limit_maxbytes", store.options().memory_limit);
    stat(out, "bytes", store.bytes());
    stat(out, "curr_items", store.len());
}

fn settings(store: &Store, out: &mut Vec<u8>) {
    stat(out, "maxbytes", store.options().memory_limit);
    stat(out, "evictions", "on");
    stat(out, "cas_enabled", "yes");
    stat(out, "item_size_max", store.options().item_size_max);
    stat(out, "flush_enabled", "yes");
}
