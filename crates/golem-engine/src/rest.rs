//! The start of a frame whose end has not come: all that a connection keeps of its input. It is topped up with no more
//! than what the frame needs, so that a read that ends in the middle of a frame costs one short copy.

use crate::buffers::Buffers;
use alloc::vec::Vec;

/// See the top of the file.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    bytes: Vec<u8>,
    /// Bytes at the front that are known to hold no line end.
    pub scanned: usize,
    /// Length of the frame, once its header has told it; 0 before.
    pub need: usize,
}

impl Rest {
    /// Whether nothing is kept.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes from the front of `bytes` what the frame lacks: up to its length if that is known, else up to the next
    /// line end. Says how many bytes that were.
    pub(crate) fn top_up(&mut self, bytes: &[u8], buffers: &mut Buffers) -> usize {
        let wanted = if self.need > 0 {
            self.need.saturating_sub(self.bytes.len())
        } else {
            memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1)
        };
        let (now, _) = bytes.split_at(wanted.min(bytes.len()));
        self.keep(now, buffers);
        now.len()
    }

    /// Puts `bytes` behind what is kept.
    pub(crate) fn keep(&mut self, bytes: &[u8], buffers: &mut Buffers) {
        if self.bytes.len() + bytes.len() > self.bytes.capacity() {
            let mut larger = buffers.take((self.bytes.len() + bytes.len()).max(self.need));
            larger.extend_from_slice(&self.bytes);
            buffers.give(core::mem::replace(&mut self.bytes, larger));
        }
        // Beyond the largest class the buffer grows by doubling, with what really came in.
        let before = self.bytes.capacity();
        self.bytes.extend_from_slice(bytes);
        buffers.note_grown(self.bytes.capacity() - before);
    }

    /// Bytes that its buffer takes.
    pub(crate) const fn room(&self) -> usize {
        self.bytes.capacity()
    }

    /// Takes the bytes out, to be looked at; what is left of them comes back by [`Rest::put_back`].
    pub(crate) fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.bytes)
    }

    /// Keeps `bytes[used..]`.
    pub(crate) fn put_back(&mut self, bytes: Vec<u8>, used: usize, buffers: &mut Buffers) {
        if used == 0 {
            self.bytes = bytes;
            return;
        }
        if let Some(left) = bytes.get(used..)
            && !left.is_empty()
        {
            self.keep(left, buffers);
        }
        buffers.give(bytes);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self, buffers: &mut Buffers) {
        buffers.give(core::mem::take(&mut self.bytes));
        self.scanned = 0;
        self.need = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Rest;
    use crate::buffers::{Buffers, MEDIUM, SMALL};

    #[test]
    fn no_more_is_kept_than_the_frame_needs() {
        let (mut rest, mut buffers) = (Rest::default(), Buffers::default());
        assert_eq!(rest.top_up(b"get a\r\nget b\r\n", &mut buffers), 7);
        rest.need = 10;
        assert_eq!(rest.top_up(b"xyz\r\nmore", &mut buffers), 3);
        assert_eq!(rest.top_up(b"more", &mut buffers), 0);
        let bytes = rest.take();
        assert_eq!(bytes, b"get a\r\nxyz");
        rest.put_back(bytes, 7, &mut buffers);
        assert_eq!(rest.take(), b"xyz");
        rest.keep(b"get c", &mut buffers);
        (rest.scanned, rest.need) = (5, 30);
        rest.clear(&mut buffers);
        assert!(rest.is_empty());
        assert_eq!((rest.scanned, rest.need), (0, 0));
    }

    #[test]
    fn a_long_line_is_kept_whole() {
        let (mut rest, mut buffers) = (Rest::default(), Buffers::default());
        for _ in 0..100_000 {
            rest.top_up(b"0123456789abcdef", &mut buffers);
        }
        assert_eq!(rest.take().len(), 1_600_000);
    }

    #[test]
    fn the_buffer_is_filled_before_a_larger_one_is_taken() {
        let (mut rest, mut buffers) = (Rest::default(), Buffers::default());
        rest.keep(&[1; 100], &mut buffers);
        let place = rest.bytes.as_ptr();
        rest.keep(&[2; SMALL - 100], &mut buffers);
        assert_eq!((rest.bytes.as_ptr(), rest.bytes.capacity()), (place, SMALL));
        rest.keep(&[3], &mut buffers);
        assert_eq!(rest.bytes.capacity(), MEDIUM);
        assert_eq!(rest.bytes.len(), SMALL + 1);
        let small = buffers.take(1);
        assert_eq!(small.as_ptr(), place, "the small one went back");
        rest.clear(&mut buffers);
        rest.need = 3000;
        rest.keep(b"set a 0 0 2985", &mut buffers);
        assert_eq!(rest.bytes.capacity(), MEDIUM, "as large as the frame");
    }

    #[test]
    fn bytes_that_were_not_used_keep_their_buffer() {
        let (mut rest, mut buffers) = (Rest::default(), Buffers::default());
        rest.keep(b"get a b c", &mut buffers);
        let bytes = rest.take();
        let place = bytes.as_ptr();
        rest.put_back(bytes, 0, &mut buffers);
        assert_eq!(rest.bytes.as_ptr(), place);
        let bytes = rest.take();
        rest.put_back(bytes, 9, &mut buffers);
        assert_eq!(rest.bytes.capacity(), 0, "an idle connection holds none");
        let small = buffers.take(1);
        assert_eq!(small.as_ptr(), place);
    }
}
