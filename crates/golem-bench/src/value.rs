//! What values look like. A value names its key and carries a stamp that says which request wrote it; the rest is a stretch
//! of one long text, and where it begins depends on the stamp. So a value can be judged by itself, and one that is put
//! together from two is found out.
//!
//! A value shorter than key and stamp together carries no stamp: only the last digits of its key.

use crate::names::{DIGITS, digits, parse};
use crate::random::{mixed, word};

/// Bytes of a stamp as text.
const STAMP: usize = 16;
/// A value of at least so many bytes carries its stamp.
pub(crate) const HEAD: usize = DIGITS + STAMP;
/// Different beginnings of the text behind the stamp.
const BEGINNINGS: u64 = 4096;

/// Which request wrote a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(pub(crate) u64);

const SEQUENCE_BITS: u32 = 38;
const THREAD_BITS: u32 = 10;

impl Stamp {
    /// Of a value that was there before the load: all keys are stored once, and null servers answer so.
    pub const FIRST: Self = Self(0);

    /// Of request `sequence` of a thread in a run.
    pub(crate) fn new(run: u16, thread: u32, sequence: u64) -> Self {
        let thread = u64::from(thread) & ((1 << THREAD_BITS) - 1);
        let sequence = sequence & ((1 << SEQUENCE_BITS) - 1);
        Self(u64::from(run) << (SEQUENCE_BITS + THREAD_BITS) | thread << SEQUENCE_BITS | sequence)
    }

    /// Run, thread, and number of the request.
    pub(crate) fn parts(self) -> (u16, u32, u64) {
        let thread = (self.0 >> SEQUENCE_BITS) & ((1 << THREAD_BITS) - 1);
        // Shifted so far, 16 bits are left.
        let run = (self.0 >> (SEQUENCE_BITS + THREAD_BITS)) as u16;
        (run, thread as u32, self.0 & ((1 << SEQUENCE_BITS) - 1))
    }

    fn text(self) -> [u8; STAMP] {
        let mut text = [0; STAMP];
        for (at, byte) in text.iter_mut().enumerate() {
            let digit = (self.0 >> (60 - 4 * at)) as u8 & 15;
            *byte = if digit < 10 { b'0' + digit } else { b'a' - 10 + digit };
        }
        text
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let mut number = 0u64;
        for byte in text {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                _ => return None,
            };
            number = number << 4 | u64::from(digit);
        }
        Some(Self(number))
    }

    fn beginning(self) -> usize {
        (mixed(self.0) % BEGINNINGS) as usize
    }
}

/// The text of values up to a size.
#[derive(Debug)]
pub struct Values {
    text: Vec<u8>,
}

impl Values {
    /// For values of at most `largest` bytes.
    pub(crate) fn new(largest: u32) -> Self {
        let length = u64::from(largest) + BEGINNINGS;
        let letter = |at| b'a' + (word(1, at / 8) >> (8 * (at % 8))) as u8 % 26;
        Self { text: (0..length).map(letter).collect() }
    }

    /// Appends a value.
    pub(crate) fn write(&self, key: u32, stamp: Stamp, size: usize, out: &mut Vec<u8>) {
        let digits = digits(key);
        if size < HEAD {
            let from_key = size.min(DIGITS);
            out.extend_from_slice(&digits[DIGITS - from_key..]);
            out.extend_from_slice(&self.text[..size - from_key]);
            return;
        }
        out.extend_from_slice(&digits);
        out.extend_from_slice(&stamp.text());
        let begin = stamp.beginning();
        out.extend_from_slice(&self.text[begin..begin + size - HEAD]);
    }

    /// What follows the digits of the key in a value of this size that was there before the load.
    pub(crate) fn behind_key(&self, size: usize) -> Vec<u8> {
        let mut value = Vec::new();
        self.write(0, Stamp::FIRST, size, &mut value);
        value.split_off(size.min(DIGITS))
    }
}

/// A value that is being read, in any number of pieces.
#[derive(Debug)]
pub(crate) struct Judge {
    key: u32,
    size: usize,
    /// Bytes that were there and right.
    at: usize,
    head: [u8; HEAD],
    stamp: Option<Stamp>,
}

/// Why a value is not right.
pub(crate) type Fault = &'static str;

impl Judge {
    /// A value of `size` bytes that belongs to `key`.
    pub(crate) fn new(key: u32, size: usize) -> Self {
        Self { key, size, at: 0, head: [0; HEAD], stamp: None }
    }

    /// The stamp, once all has been read; none when the value is too short for one.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        self.stamp
    }

    /// Reads on; no more bytes than the value still lacks.
    pub(crate) fn read(&mut self, values: &Values, mut bytes: &[u8]) -> Result<(), Fault> {
        let head = self.size.min(if self.size < HEAD { DIGITS } else { HEAD });
        if self.at < head {
            let taken = bytes.len().min(head - self.at);
            self.head[self.at..self.at + taken].copy_from_slice(&bytes[..taken]);
            self.at += taken;
            bytes = &bytes[taken..];
            if self.at < head {
                return Ok(());
            }
            self.judge_head()?;
        }
        let begin = self.stamp.map_or(0, Stamp::beginning) + self.at - head;
        match values.text.get(begin..begin + bytes.len()) {
            Some(text) if text == bytes => {
                self.at += bytes.len();
                Ok(())
            }
            Some(_) | None => {
                Err("a value that nobody wrote: its text is not the one that its stamp asks for")
            }
        }
    }

    fn judge_head(&mut self) -> Result<(), Fault> {
        let wanted = digits(self.key);
        if self.size < HEAD {
            let from_key = self.size.min(DIGITS);
            let is_right = self.head[..from_key] == wanted[DIGITS - from_key..];
            return if is_right { Ok(()) } else { Err("a value of another key") };
        }
        let (key, stamp) = self.head.split_at(DIGITS);
        if key != wanted {
            let other = <&[u8; DIGITS]>::try_from(key).ok().and_then(parse);
            return Err(if other.is_some() { "a value of another key" } else { "a value without its key" });
        }
        self.stamp = Some(Stamp::parse(stamp).ok_or("a value without a stamp")?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::{HEAD, Judge, Stamp, Values};

    const STAMP: Stamp = Stamp(0x1234_5678_9abc_def0);

    fn value(key: u32, stamp: Stamp, size: usize) -> Vec<u8> {
        let mut out = Vec::new();
        Values::new(5000).write(key, stamp, size, &mut out);
        out
    }

    fn judged(key: u32, bytes: &[u8], step: usize) -> Result<Option<Stamp>, &'static str> {
        let values = Values::new(5000);
        let mut judge = Judge::new(key, bytes.len());
        for piece in bytes.chunks(step) {
            judge.read(&values, piece)?;
        }
        Ok(judge.stamp())
    }

    #[test]
    fn value_names_its_key_and_its_writer() {
        assert!(value(7, STAMP, 40).starts_with(b"0000000007123456789abcdef0"));
        for size in [0, 1, 9, 10, 11, 25, 26, 27, 40, 5000] {
            let bytes = value(123_456, STAMP, size);
            assert_eq!(bytes.len(), size);
            for step in [1, 3, 30, 10_000] {
                assert_eq!(
                    judged(123_456, &bytes, step),
                    Ok((size >= HEAD).then_some(STAMP)),
                    "{size} {step}"
                );
            }
        }
    }

    #[test]
    fn stamp_has_three_parts() {
        assert_eq!(Stamp::new(7, 1023, (1 << 38) - 1).parts(), (7, 1023, (1 << 38) - 1));
        assert_eq!(Stamp::new(0, 0, 0), Stamp::FIRST);
    }

    #[test]
    fn every_wrong_byte_is_seen() {
        for size in [5, 20, 26, 400] {
            let bytes = value(9, STAMP, size);
            for at in 0..size {
                let mut bad = bytes.clone();
                bad[at] ^= 1;
                // A stamp that is another one asks for another text; without a text it may be a good one.
                let judged = judged(9, &bad, 1000);
                assert!(judged.is_err() || judged.unwrap() != Some(STAMP) && size >= HEAD, "{size} {at}");
            }
        }
    }

    #[test]
    fn value_made_of_two_is_seen() {
        let (one, other) = (value(9, STAMP, 300), value(9, Stamp(77), 300));
        for at in [26, 27, 150, 299] {
            let torn = [&one[..at], &other[at..]].concat();
            assert!(judged(9, &torn, 1000).is_err() || torn == one, "{at}");
        }
    }
}
