//! The keys that a server connection's unanswered retrievals asked for, in order: a `VALUE` that names another key is
//! the one unforgivable bug about to happen, and is caught here.

use alloc::vec::Vec;

/// Bytes at the front that may lie idle before the rest is moved down.
const SLACK: usize = 16 * 1024;

/// A queue of short byte strings in one buffer.
#[derive(Debug, Default)]
pub(crate) struct KeyQueue {
    bytes: Vec<u8>,
    head: usize,
}

impl KeyQueue {
    /// Puts `key` at the end. A key has at most 255 bytes; the parser refuses longer ones.
    #[inline]
    pub(crate) fn push(&mut self, key: &[u8]) {
        debug_assert!(key.len() <= 255);
        self.bytes.push(key.len() as u8);
        self.bytes.extend_from_slice(key);
    }

    /// Takes the first key off and says whether it was `key`.
    #[inline]
    pub(crate) fn pop_is(&mut self, key: &[u8]) -> bool {
        let Some((&len, rest)) = self.bytes.get(self.head..).and_then(<[u8]>::split_first) else {
            return false;
        };
        let same = rest.get(..len as usize) == Some(key);
        self.head += 1 + len as usize;
        self.tidy();
        same
    }

    /// The first key.
    #[inline]
    pub(crate) fn first(&self) -> Option<&[u8]> {
        let (&len, rest) = self.bytes.get(self.head..)?.split_first()?;
        rest.get(..len as usize)
    }

    /// The keys, first one first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.get(self.head..).unwrap_or_default();
        core::iter::from_fn(move || {
            let (&len, behind) = rest.split_first()?;
            let (key, after) = behind.split_at_checked(len as usize)?;
            rest = after;
            Some(key)
        })
    }

    /// Takes `count` keys off.
    #[inline]
    pub(crate) fn skip(&mut self, count: u32) {
        for _ in 0..count {
            let len = self.bytes.get(self.head).copied().unwrap_or(0);
            self.head += 1 + len as usize;
        }
        self.tidy();
    }

    /// Takes `count` keys out that stand behind `before` others.
    pub(crate) fn remove(&mut self, before: u32, count: u32) {
        let start = self.place_behind(self.head, before);
        let end = self.place_behind(start, count);
        self.bytes.drain(start..end);
        self.tidy();
    }

    fn place_behind(&self, from: usize, count: u32) -> usize {
        let step = |at: usize, _| at + 1 + self.bytes.get(at).map_or(0, |&len| len as usize);
        (0..count).fold(from, step).min(self.bytes.len())
    }

    #[inline]
    fn tidy(&mut self) {
        if self.head >= self.bytes.len() {
            self.bytes.clear();
            self.head = 0;
            if self.bytes.capacity() > 4 * SLACK {
                self.bytes = Vec::new();
            }
        } else if self.head > SLACK && self.head > self.bytes.len() / 2 {
            self.bytes.drain(..self.head);
            self.head = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyQueue, SLACK};

    #[test]
    fn keys_leave_in_the_order_in_which_they_came() {
        let mut keys = KeyQueue::default();
        for n in 0..20_000u32 {
            keys.push(&n.to_le_bytes());
            if n >= 1000 {
                assert!(keys.pop_is(&(n - 1000).to_le_bytes()));
            }
        }
        assert!(keys.bytes.len() < 100_000, "the front is given up");
        keys.skip(999);
        assert!(!keys.pop_is(b"other"));
        assert!(!keys.pop_is(b"more"));
    }

    #[test]
    fn keys_are_taken_out_of_the_middle() {
        let mut keys = KeyQueue::default();
        [&b"zero"[..], b"one", b"", b"three", b"four"].into_iter().for_each(|key| keys.push(key));
        keys.skip(1);
        keys.remove(1, 2);
        assert!(keys.pop_is(b"one"));
        assert!(keys.pop_is(b"four"));
        keys.push(b"five");
        keys.remove(0, 1);
        assert!(!keys.pop_is(b"five"));
    }

    #[test]
    fn the_front_is_given_up_once_it_is_the_larger_half() {
        let mut keys = KeyQueue::default();
        // 256 bytes each, with its length.
        let key = [7; 255];
        (0..200).for_each(|_| keys.push(&key));
        keys.skip(64);
        assert_eq!((keys.head, keys.bytes.len()), (SLACK, 200 * 256));
        keys.skip(36);
        assert_eq!((keys.head, keys.bytes.len()), (100 * 256, 200 * 256), "exactly half");
        keys.skip(1);
        assert_eq!((keys.head, keys.bytes.len()), (0, 99 * 256));
        assert!(keys.bytes.capacity() <= 4 * SLACK);
        keys.skip(99);
        assert_eq!((keys.head, keys.bytes.len()), (0, 0));
        assert!(keys.bytes.capacity() > 0, "a usual buffer is kept");
        (0..300).for_each(|_| keys.push(&key));
        assert!(keys.bytes.capacity() > 4 * SLACK);
        (0..300).for_each(|_| assert!(keys.pop_is(&key)));
        assert_eq!(keys.bytes.capacity(), 0, "a large one is not");
        assert_eq!((keys.first(), keys.iter().count()), (None, 0));
    }

    #[test]
    fn keys_can_be_looked_at_in_order() {
        let mut keys = KeyQueue::default();
        [&b"zero"[..], b"one", b"", b"three"].into_iter().for_each(|key| keys.push(key));
        keys.skip(1);
        assert_eq!(keys.first(), Some(&b"one"[..]));
        assert_eq!(keys.iter().collect::<alloc::vec::Vec<_>>(), [&b"one"[..], b"", b"three"]);
        assert!(!keys.pop_is(b"on"));
        assert!(keys.pop_is(b""));
        keys.remove(0, 5);
        assert_eq!(keys.first(), None);
    }
}
