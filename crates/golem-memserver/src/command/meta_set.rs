//! `ms`: stores a value in one of several modes.

use super::meta_flags::{Flags, WORDS_MAX, push, push_key, push_opaque};
use super::storage::{Answer, Upload, block_length};
use super::{BAD_FORMAT, KEY_MAX, Outcome, say};
use crate::item::Item;
use crate::store::{Mode, Store, Write, Written};
use crate::words::Words;

/// A part of the reply that the client asked for.
enum Part {
    Opaque(Vec<u8>),
    Key,
    Cas,
}

/// The form of the reply.
pub(super) struct Form {
    quiet: bool,
    parts: Vec<Part>,
    key: Vec<u8>,
    key_binary: bool,
}

impl Form {
    /// Answers; with `q` a stored value is not answered.
    pub(super) fn answer(&self, stored: Written, out: &mut Vec<u8>) {
        let (status, cas) = match stored {
            Written::Stored(_) if self.quiet => return,
            Written::Stored(cas) => ("HD", cas),
            Written::NotStored => ("NS", 0),
            Written::Exists => ("EX", 0),
            Written::NotFound => ("NF", 0),
        };
        out.extend_from_slice(status.as_bytes());
        for part in &self.parts {
            match part {
                Part::Opaque(flag) => {
                    out.push(b' ');
                    out.extend_from_slice(flag);
                }
                Part::Key => push_key(out, &self.key, self.key_binary),
                Part::Cas => push(out, 'c', cas),
            }
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// `ms key length flag…`.
pub(super) fn set(store: &mut Store, words: &Words<'_>, out: &mut Vec<u8>) -> Outcome {
    if words.word(1).len() > KEY_MAX || words.count() == 2 {
        return say(out, BAD_FORMAT);
    }
    if words.count() >= WORDS_MAX {
        return say(out, "CLIENT_ERROR options flags too long");
    }
    let Some(length) = block_length(words.word(2)) else { return say(out, BAD_FORMAT) };
    match prepare(store, words, length) {
        Ok((write, form)) => Outcome::Upload(Upload::new(write, Answer::Meta(form), length, store.noted())),
        Err(line) => Outcome::Swallow { length, reply: format!("{line}\r\n").into_bytes() },
    }
}

/// What is to be stored, and how it is to be answered.
fn prepare(store: &mut Store, words: &Words<'_>, length: usize) -> Result<(Write, Form), &'static str> {
    let flags = Flags::read(store, words, 3)?;
    let parts = parts(words);
    let mut mode = match flags.mode {
        None | Some(b'S') => Mode::Set,
        Some(b'E') => Mode::Add,
        Some(b'A') => Mode::Append,
        Some(b'P') => Mode::Prepend,
        Some(b'R') => Mode::Replace,
        Some(_) => return Err("CLIENT_ERROR invalid mode for ms M token"),
    };
    if flags.cas.is_some() && matches!(mode, Mode::Set | Mode::Replace) {
        mode = Mode::Cas;
    }
    let parts = parts?;
    if let Err(line) = store.admit(flags.key.len(), flags.client_flags, length - 2) {
        if let Some(old) = store.find(&flags.key) {
            store.remove(old);
        }
        return Err(line);
    }
    let mut item = Item::new(&flags.key, flags.client_flags, flags.ttl.unwrap_or(0), Vec::new());
    item.key_binary = flags.key_binary;
    let accept_older = flags.invalidate && mode == Mode::Cas;
    let write = Write { mode, item, cas: flags.cas.unwrap_or(0), accept_older };
    Ok((write, Form { quiet: flags.quiet, parts, key: flags.key, key_binary: flags.key_binary }))
}

/// The parts of the reply, in the order of the flags.
fn parts(words: &Words<'_>) -> Result<Vec<Part>, &'static str> {
    let mut parts = Vec::new();
    for flag in words.from(3) {
        match flag.first() {
            Some(b'O') => {
                push_opaque(&mut Vec::new(), flag)?;
                parts.push(Part::Opaque(flag.to_vec()));
            }
            Some(b'k') => parts.push(Part::Key),
            Some(b'c') => parts.push(Part::Cas),
            _ => {}
        }
    }
    Ok(parts)
}
