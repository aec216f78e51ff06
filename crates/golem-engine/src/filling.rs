//! A large payload that is coming in: the driver reads straight into its segments. A segment is taken only when the one
//! before is full, so a length on the wire reserves nothing.

use crate::buffers::{Buffers, SEGMENT};
use crate::chain::Chain;
use alloc::vec::Vec;

/// Bytes of one frame, of which `remaining` are still to come.
#[derive(Debug)]
pub(crate) struct Filling {
    chain: Chain,
    segment: Vec<u8>,
    filled: usize,
    remaining: usize,
}

impl Filling {
    /// Starts with the bytes of `here`; `remaining` bytes follow.
    pub(crate) fn new(here: &[&[u8]], remaining: usize, buffers: &mut Buffers) -> Self {
        buffers.promise(remaining);
        let mut filling =
            Self { chain: Chain::new(SEGMENT), segment: buffers.take_segment(), filled: 0, remaining };
        here.iter().for_each(|bytes| filling.copy(bytes, buffers));
        filling
    }

    fn copy(&mut self, mut bytes: &[u8], buffers: &mut Buffers) {
        while !bytes.is_empty() {
            self.make_room(buffers);
            let room = self.segment.get_mut(self.filled..).unwrap_or_default();
            let step = room.len().min(bytes.len());
            let (now, later) = bytes.split_at(step);
            if let Some(room) = room.get_mut(..step) {
                room.copy_from_slice(now);
            }
            self.filled += step;
            bytes = later;
        }
    }

    fn make_room(&mut self, buffers: &mut Buffers) {
        if self.filled == self.segment.len() {
            let full = core::mem::replace(&mut self.segment, buffers.take_segment());
            self.chain.push(full, self.filled, buffers);
            self.filled = 0;
        }
    }

    /// Copies what belongs to this payload from the front of `bytes` and says how much that was.
    pub(crate) fn feed(&mut self, bytes: &[u8], buffers: &mut Buffers) -> usize {
        let step = self.remaining.min(bytes.len());
        self.copy(bytes.get(..step).unwrap_or_default(), buffers);
        self.remaining -= step;
        buffers.redeem(step);
        step
    }

    /// Where the next bytes of this payload go; never longer than what is still to come.
    pub(crate) fn target(&mut self, buffers: &mut Buffers) -> &mut [u8] {
        self.make_room(buffers);
        let end = self.segment.len().min(self.filled + self.remaining);
        self.segment.get_mut(self.filled..end).unwrap_or_default()
    }

    /// `count` bytes were put at the front of the target.
    pub(crate) fn filled(&mut self, count: usize, buffers: &mut Buffers) {
        let count = count.min(self.remaining);
        self.filled += count;
        self.remaining -= count;
        buffers.redeem(count);
    }

    /// Bytes that its buffers take.
    pub(crate) fn room(&self) -> usize {
        self.chain.room() + self.segment.capacity()
    }

    /// Whether all bytes are there.
    pub(crate) const fn is_complete(&self) -> bool {
        self.remaining == 0
    }

    /// Bytes that are still to come.
    pub(crate) const fn remaining(&self) -> usize {
        self.remaining
    }

    /// The byte that came last.
    pub(crate) fn last(&self) -> Option<u8> {
        match self.filled.checked_sub(1) {
            Some(last) => self.segment.get(last).copied(),
            None => self.chain.last_two().map(|[_, last]| last),
        }
    }

    /// The payload.
    pub(crate) fn finish(mut self, buffers: &mut Buffers) -> Chain {
        buffers.redeem(self.remaining);
        self.chain.push(self.segment, self.filled, buffers);
        self.chain
    }

    /// Gives the buffers back.
    pub(crate) fn discard(self, buffers: &mut Buffers) {
        self.finish(buffers).clear(buffers);
    }
}

#[cfg(test)]
mod tests {
    use super::Filling;
    use crate::buffers::{Buffers, SEGMENT};
    use alloc::vec::Vec;

    #[test]
    fn bytes_come_by_copy_and_by_direct_reads_in_order() {
        let mut buffers = Buffers::default();
        let total = 3 * SEGMENT + 17;
        let bytes: Vec<u8> = (0..total).map(|n| (n % 251) as u8).collect();
        let mut filling = Filling::new(&[&bytes[..4], &bytes[4..10]], total - 10, &mut buffers);
        let mut at = 10 + filling.feed(&bytes[10..1000], &mut buffers);
        while !filling.is_complete() {
            let target = filling.target(&mut buffers);
            let step = target.len().min(4099);
            assert!(step > 0);
            target[..step].copy_from_slice(&bytes[at..at + step]);
            filling.filled(step, &mut buffers);
            at += step;
        }
        assert_eq!(buffers.held(), filling.room());
        assert_eq!(filling.feed(b"next", &mut buffers), 0);
        assert_eq!(filling.finish(&mut buffers).slices().collect::<Vec<_>>().concat(), bytes);
    }

    #[test]
    fn the_byte_that_came_last_is_known_also_at_the_edge_of_a_segment() {
        let mut buffers = Buffers::default();
        let mut filling = Filling::new(&[b"ab"], SEGMENT, &mut buffers);
        assert_eq!((filling.last(), filling.remaining()), (Some(b'b'), SEGMENT));
        assert_eq!(filling.target(&mut buffers).len(), SEGMENT - 2);
        filling.target(&mut buffers).fill(b'c');
        filling.filled(SEGMENT - 2, &mut buffers);
        assert_eq!(filling.target(&mut buffers).len(), 2, "no more than is still to come");
        assert_eq!(filling.last(), Some(b'c'), "it is in the segment before");
        assert_eq!(filling.feed(b"de", &mut buffers), 2);
        assert_eq!((filling.last(), filling.remaining(), filling.is_complete()), (Some(b'e'), 0, true));
        filling.filled(7, &mut buffers);
        assert_eq!(filling.remaining(), 0);
        filling.discard(&mut buffers);
        assert_eq!(buffers.freed(), 0);
        let segments = [0; 2].map(|_| buffers.take_segment());
        let mut begins: Vec<u8> = segments.iter().filter_map(|segment| segment.first().copied()).collect();
        begins.sort_unstable();
        assert_eq!(begins, *b"ad", "both went back");
    }
}
