//! The commands: which words make one, and which function answers it. Each function reads its words in the order in
//! which memcached 1.6.18 does, because the order decides which error a doubly wrong line gets.

use crate::store::{Mode, Store};
use crate::words::Words;

mod administration;
mod meta;
mod meta_flags;
mod meta_get;
mod meta_set;
mod retrieval;
mod single;
mod storage;

pub(crate) use storage::Upload;

/// The longest key in bytes, as it stands in the line.
const KEY_MAX: usize = 250;
const BAD_FORMAT: &str = "CLIENT_ERROR bad command line format";
const BAD_EXPTIME: &str = "CLIENT_ERROR invalid exptime argument";
const NOT_A_NUMBER: &str = "CLIENT_ERROR cannot increment or decrement non-numeric value";

/// What a line leads to.
pub(crate) enum Outcome {
    /// It was answered.
    Done,
    /// A data block follows.
    Upload(Box<Upload>),
    /// `length` bytes follow that are to be skipped before the reply is given.
    Swallow { length: usize, reply: Vec<u8> },
    /// The connection is to be closed after what was answered before.
    Close,
}

/// Appends a reply line.
fn say(out: &mut Vec<u8>, line: &str) -> Outcome {
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(b"\r\n");
    Outcome::Done
}

/// Appends a reply line unless the client asked for none.
fn say_unless(quiet: bool, out: &mut Vec<u8>, line: &str) -> Outcome {
    if quiet { Outcome::Done } else { say(out, line) }
}

/// Executes one line, without its line end; replies go to `out`.
pub(crate) fn execute(store: &mut Store, line: &[u8], out: &mut Vec<u8>) -> Outcome {
    let words = Words::of(line);
    let count = words.count();
    let name = words.word(0);
    match name {
        [] | [_] => say(out, "ERROR"),
        b"mg" if count >= 2 => meta_get::get(store, &words, out),
        b"ms" if count >= 2 => meta_set::set(store, &words, out),
        b"md" if count >= 2 => meta::delete(store, &words, out),
        b"ma" if count >= 2 => meta::arithmetic(store, &words, out),
        b"me" => meta::debug(store, &words, out),
        b"mn" => say(out, "MN"),
        b"get" | b"bget" if count >= 2 => retrieval::get(store, &words, false, out),
        b"gets" if count >= 2 => retrieval::get(store, &words, true, out),
        b"gat" if count >= 2 => retrieval::get_and_touch(store, &words, false, out),
        b"gats" if count >= 2 => retrieval::get_and_touch(store, &words, true, out),
        b"set" if matches!(count, 5 | 6) => storage::store(store, &words, Mode::Set, out),
        b"add" if matches!(count, 5 | 6) => storage::store(store, &words, Mode::Add, out),
        b"replace" if matches!(count, 5 | 6) => storage::store(store, &words, Mode::Replace, out),
        b"append" if matches!(count, 5 | 6) => storage::store(store, &words, Mode::Append, out),
        b"prepend" if matches!(count, 5 | 6) => storage::store(store, &words, Mode::Prepend, out),
        b"cas" if matches!(count, 6 | 7) => storage::store(store, &words, Mode::Cas, out),
        b"incr" if matches!(count, 3 | 4) => single::arithmetic(store, &words, true, out),
        b"decr" if matches!(count, 3 | 4) => single::arithmetic(store, &words, false, out),
        b"delete" if matches!(count, 2..=4) => single::delete(store, &words, out),
        b"touch" if matches!(count, 3 | 4) => single::touch(store, &words, out),
        b"flush_all" if matches!(count, 1..=3) => administration::flush_all(store, &words, out),
        b"verbosity" if matches!(count, 2 | 3) => administration::verbosity(&words, out),
        b"version" => say(out, &format!("VERSION {}", store.options().version)),
        b"stats" => administration::stats(store, &words, out),
        b"shutdown" => say(out, "ERROR: shutdown not enabled"),
        b"quit" => Outcome::Close,
        _ if is_http(name, &words) => Outcome::Close,
        _ => say(out, "ERROR"),
    }
}

/// Did a web browser find its way here? Looked at only where memcached looks: after all known commands, which it
/// tells apart by their first letter.
fn is_http(name: &[u8], words: &Words<'_>) -> bool {
    let is_meta = name.len() == 2 && name.starts_with(b"m");
    let known_letter = matches!(name.first(), Some(b'g' | b's' | b'a' | b'c' | b'i' | b'd' | b't'));
    let known_name = matches!(
        name,
        b"replace"
            | b"prepend"
            | b"bget"
            | b"flush_all"
            | b"verbosity"
            | b"lru"
            | b"lru_crawler"
            | b"watch"
            | b"extstore"
    );
    !is_meta && !known_letter && !known_name && words.last().starts_with(b"HTTP/")
}
