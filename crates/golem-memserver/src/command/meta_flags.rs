//! The flags of a meta command, read once before the command looks at its item, and the parts of replies that all meta
//! commands share.

use super::BAD_FORMAT;
use crate::base64;
use crate::number;
use crate::store::Store;
use crate::words::Words;

/// A line with this many words or more has too many flags.
pub(super) const WORDS_MAX: usize = 20;
/// An opaque token with its letter is at most this long.
const OPAQUE_MAX: usize = 32;
/// The letters of memcached 1.6.18, those too that mean nothing to the command at hand.
const LETTERS: &[u8] = b"bNTRlOPLkstcfvhuqFCMJDI";
const BAD_TOKEN: &str = "CLIENT_ERROR bad token in command line format";
const BAD_KEY: &str = "CLIENT_ERROR error decoding key";
const BAD_MODE: &str = "CLIENT_ERROR incorrect length for M token";
const BAD_INITIAL: &str = "CLIENT_ERROR invalid numeric initial value";
const BAD_DELTA: &str = "CLIENT_ERROR invalid numeric delta value";

/// What the flags say.
#[derive(Default)]
pub(super) struct Flags {
    /// The key: the word itself, or decoded after `b`.
    pub(super) key: Vec<u8>,
    /// `b`
    pub(super) key_binary: bool,
    /// `q`
    pub(super) quiet: bool,
    /// `v`
    pub(super) value: bool,
    /// `I`
    pub(super) invalidate: bool,
    /// `N`, as a time
    pub(super) vivify: Option<u32>,
    /// `T`, as a time
    pub(super) ttl: Option<u32>,
    /// `R`, as a time
    pub(super) recache: u32,
    /// `F`
    pub(super) client_flags: u32,
    /// `C`
    pub(super) cas: Option<u64>,
    /// `M`
    pub(super) mode: Option<u8>,
    /// `D`
    pub(super) delta: u64,
    /// `J`
    pub(super) initial: u64,
    /// One of `N T R l h`: the item counts as used only once the answer was written.
    pub(super) use_later: bool,
    /// `u`: the item does not count as used.
    pub(super) no_use: bool,
}

impl Flags {
    /// Reads the flags from word `first` on; the key is word 1. A duplicate or unknown letter ends the reading, a bad
    /// token does not, and of several errors the last one with a text is told.
    pub(super) fn read(store: &Store, words: &Words<'_>, first: usize) -> Result<Self, &'static str> {
        let mut flags = Self { key: words.word(1).to_vec(), delta: 1, ..Self::default() };
        let (mut failed, mut text) = (false, BAD_FORMAT);
        let mut seen = 0u128;
        for flag in words.from(first) {
            let Some((&letter, token)) = flag.split_first() else { continue };
            if letter >= 127 || seen & (1 << letter) != 0 {
                return Err("CLIENT_ERROR duplicate flag");
            }
            seen |= 1 << letter;
            if !LETTERS.contains(&letter) {
                return Err("CLIENT_ERROR invalid flag");
            }
            if let Err(problem) = flags.set(store, letter, token) {
                failed = true;
                text = problem.unwrap_or(text);
            }
        }
        if failed { Err(text) } else { Ok(flags) }
    }

    /// Takes in one flag. An error may come without a text of its own.
    fn set(&mut self, store: &Store, letter: u8, token: &[u8]) -> Result<(), Option<&'static str>> {
        match letter {
            b'v' => self.value = true,
            b'u' => self.no_use = true,
            b'q' => self.quiet = true,
            b'I' => self.invalidate = true,
            b'l' | b'h' => self.use_later = true,
            b'b' => {
                self.key_binary = true;
                self.key = base64::decode(&self.key).ok_or(Some(BAD_KEY))?;
            }
            b'N' | b'T' | b'R' => {
                self.use_later = true;
                let time = store.expiry(number::signed32(token).ok_or(Some(BAD_TOKEN))?);
                match letter {
                    b'N' => self.vivify = Some(time),
                    b'T' => self.ttl = Some(time),
                    _ => self.recache = time,
                }
            }
            b'F' => self.client_flags = number::unsigned32(token).ok_or(None)?,
            b'C' => self.cas = Some(number::unsigned(token).ok_or(Some(BAD_TOKEN))?),
            b'J' => self.initial = number::unsigned(token).ok_or(Some(BAD_INITIAL))?,
            b'D' => self.delta = number::unsigned(token).ok_or(Some(BAD_DELTA))?,
            b'M' => match token {
                [mode] => self.mode = Some(*mode),
                _ => return Err(Some(BAD_MODE)),
            },
            _ => {}
        }
        Ok(())
    }
}

/// Appends ` O…` as it was given; an error when it is too long.
pub(super) fn push_opaque(out: &mut Vec<u8>, flag: &[u8]) -> Result<(), &'static str> {
    if flag.len() > OPAQUE_MAX {
        return Err("CLIENT_ERROR opaque token too long");
    }
    out.push(b' ');
    out.extend_from_slice(flag);
    Ok(())
}

/// Appends ` k<key>`, for a binary key ` k<base64> b`.
pub(super) fn push_key(out: &mut Vec<u8>, key: &[u8], binary: bool) {
    out.extend_from_slice(b" k");
    if binary {
        base64::encode(key, out);
        out.extend_from_slice(b" b");
    } else {
        out.extend_from_slice(key);
    }
}

/// Appends a letter with a value.
pub(super) fn push(out: &mut Vec<u8>, letter: char, value: impl std::fmt::Display) {
    out.extend_from_slice(format!(" {letter}{value}").as_bytes());
}

/// Appends ` t` and the seconds left, -1 for an item that never expires. Seconds of an item that has expired while it
/// was looked at wrap round 32 bits, as in the real server.
pub(super) fn push_ttl(out: &mut Vec<u8>, expires: u32, now: u32) {
    if expires == 0 {
        out.extend_from_slice(b" t-1");
    } else {
        push(out, 't', expires.wrapping_sub(now));
    }
}

/// Appends the parts of a reply that need no item: opaque and key.
pub(super) fn push_echoes(
    out: &mut Vec<u8>,
    words: &Words<'_>,
    key: &[u8],
    binary: bool,
) -> Result<(), &'static str> {
    for flag in words.from(2) {
        match flag.first() {
            Some(b'O') => push_opaque(out, flag)?,
            Some(b'k') => push_key(out, key, binary),
            _ => {}
        }
    }
    Ok(())
}
