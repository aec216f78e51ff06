//! Buffers of a worker: taken when the first byte has to be kept, given back when the last one has left, so that an
//! idle connection holds none. Three sizes; each pool keeps a bounded number, so that nothing is kept after a burst.
//!
//! Every buffer that a connection or a request holds comes from here, so what is counted here is what the worker holds.

use crate::chain::{Chain, Link};
use crate::pipes::{Pipe, Pipes};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Replies and incomplete requests of one client.
pub(crate) const SMALL: usize = 2048;
/// Requests of many clients on their way to one server.
pub(crate) const MEDIUM: usize = 16 * 1024;
/// One segment of a large payload; the driver reads straight into it.
pub(crate) const SEGMENT: usize = 64 * 1024;
/// From this length on a payload moves in segments instead of being copied.
pub(crate) const LARGE_PAYLOAD: usize = 16 * 1024;

const SMALL_KEPT: usize = 1024;
const MEDIUM_KEPT: usize = 64;
const SEGMENTS_KEPT: usize = 32;
/// Chains kept.
const CHAINS_KEPT: usize = 1024;
/// Queues of links kept, and how long each may be.
const LINKS_KEPT: usize = 256;
const LONGEST_KEPT: usize = 16;

/// The pools of one worker.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    small: Vec<Vec<u8>>,
    medium: Vec<Vec<u8>>,
    segments: Vec<Vec<u8>>,
    /// Empty queues of the chains' links.
    links: Vec<VecDeque<Link>>,
    /// Empty chains for replies that have to wait.
    #[allow(clippy::vec_box, reason = "requests hold them boxed; unboxing would allocate again")]
    chains: Vec<Box<Chain>>,
    /// Bytes that were freed instead of kept, since somebody asked.
    freed: usize,
    /// Bytes of the buffers that were taken and not given back, whatever they hold.
    in_use: usize,
    /// Bytes that large payloads which have begun to come in still lack.
    promised: usize,
    /// Pipes for large values.
    pub pipes: Pipes,
}

impl Buffers {
    /// An empty buffer with room for at least `len` bytes; above [`MEDIUM`] the caller grows it as bytes come in.
    pub(crate) fn take(&mut self, len: usize) -> Vec<u8> {
        let buffer = if len <= SMALL {
            self.small.pop().unwrap_or_else(|| Vec::with_capacity(SMALL))
        } else {
            self.medium.pop().unwrap_or_else(|| Vec::with_capacity(MEDIUM))
        };
        self.in_use += buffer.capacity();
        buffer
    }

    /// A buffer of [`SEGMENT`] bytes with unspecified content, to be read into.
    pub(crate) fn take_segment(&mut self) -> Vec<u8> {
        let segment = self.segments.pop().unwrap_or_else(|| alloc::vec![0; SEGMENT]);
        self.in_use += segment.capacity();
        segment
    }

    /// Takes a buffer back; one of an odd size or one too many is freed.
    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        self.note_shrunk(buffer.capacity());
        match buffer.capacity() {
            SMALL if self.small.len() < SMALL_KEPT => {
                buffer.clear();
                self.small.push(buffer);
            }
            MEDIUM if self.medium.len() < MEDIUM_KEPT => {
                buffer.clear();
                self.medium.push(buffer);
            }
            SEGMENT if self.segments.len() < SEGMENTS_KEPT && buffer.len() == SEGMENT => {
                self.segments.push(buffer);
            }
            len => self.freed += len,
        }
    }
}

impl Buffers {
    /// An empty queue of links.
    pub(crate) fn take_links(&mut self) -> VecDeque<Link> {
        self.links.pop().unwrap_or_default()
    }

    /// Takes an empty queue back; a long one, or one too many, is freed.
    pub(crate) fn give_links(&mut self, links: VecDeque<Link>) {
        debug_assert!(links.is_empty());
        if (1..=LONGEST_KEPT).contains(&links.capacity()) && self.links.len() < LINKS_KEPT {
            self.links.push(links);
        }
    }

    /// An empty chain, boxed.
    pub(crate) fn take_chain(&mut self) -> Box<Chain> {
        let chain = self.chains.pop().unwrap_or_else(|| Box::new(Chain::new(0)));
        self.in_use += chain.room();
        chain
    }

    /// Takes an empty chain back, with the buffer that it may have kept; one too many is freed.
    pub(crate) fn give_chain(&mut self, mut chain: Box<Chain>) {
        debug_assert!(chain.is_empty());
        if self.chains.len() < CHAINS_KEPT {
            self.note_shrunk(chain.room());
            self.chains.push(chain);
        } else {
            chain.clear(self);
            self.freed += size_of::<Chain>();
        }
    }

    /// Bytes freed instead of kept, since [`Buffers::forget_freed`].
    pub(crate) const fn freed(&self) -> usize {
        self.freed
    }

    /// So many bytes more were freed elsewhere.
    pub(crate) const fn note_freed(&mut self, bytes: usize) {
        self.freed += bytes;
    }

    /// Counts from zero again.
    pub(crate) const fn forget_freed(&mut self) {
        self.freed = 0;
    }

    /// Gives everything free to the allocator.
    pub(crate) fn drop_spare(&mut self) {
        let pipes = core::mem::take(&mut self.pipes);
        *self = Self { in_use: self.in_use, promised: self.promised, pipes, ..Self::default() };
    }

    /// Takes a pipe back into which `held` bytes came, of which `left` are still there.
    pub(crate) fn give_pipe(&mut self, pipe: Pipe, held: usize, left: usize) {
        self.note_shrunk(held);
        self.pipes.give(pipe, left);
    }

    /// Bytes that connections and requests hold, with what they were promised.
    #[inline]
    pub(crate) const fn held(&self) -> usize {
        self.in_use + self.promised
    }

    /// A buffer that was taken has grown by so many bytes, or one was made elsewhere that will be given here.
    #[inline]
    pub(crate) const fn note_grown(&mut self, bytes: usize) {
        self.in_use += bytes;
    }

    /// So many bytes are in use no more.
    #[inline]
    pub(crate) const fn note_shrunk(&mut self, bytes: usize) {
        self.in_use = self.in_use.saturating_sub(bytes);
    }

    /// So many bytes of a large payload are still to come; room for them is kept.
    pub(crate) const fn promise(&mut self, bytes: usize) {
        self.promised += bytes;
    }

    /// So many of them have come, or never will.
    pub(crate) const fn redeem(&mut self, bytes: usize) {
        self.promised = self.promised.saturating_sub(bytes);
    }

    /// Bytes that large payloads on their way in still lack.
    pub(crate) const fn promised(&self) -> usize {
        self.promised
    }

    /// Bytes in use, and those promised: to be checked against what there is.
    pub(crate) const fn account(&self) -> (usize, usize) {
        (self.in_use, self.promised)
    }
}

#[cfg(test)]
mod tests {
    use super::{Buffers, MEDIUM, SEGMENT, SMALL};
    use crate::chain::Chain;
    use alloc::boxed::Box;
    use alloc::collections::VecDeque;
    use alloc::vec::Vec;

    #[test]
    fn a_buffer_given_back_is_used_again() {
        let mut buffers = Buffers::default();
        for len in [1, SMALL, SMALL + 1, MEDIUM] {
            let mut buffer = buffers.take(len);
            buffer.push(1);
            let place = buffer.as_ptr();
            buffers.give(buffer);
            let again = buffers.take(len);
            assert_eq!(again.as_ptr(), place);
            assert!(again.is_empty());
            buffers.give(again);
        }
    }

    #[test]
    fn the_pools_are_bounded() {
        let mut buffers = Buffers::default();
        let segments: alloc::vec::Vec<_> = (0..10_000).map(|_| buffers.take_segment()).collect();
        assert_eq!(buffers.held(), 10_000 * SEGMENT);
        segments.into_iter().for_each(|segment| buffers.give(segment));
        assert_eq!(buffers.held(), 0);
        assert_eq!(buffers.freed(), (10_000 - super::SEGMENTS_KEPT) * SEGMENT);
        assert!(buffers.segments.len() <= super::SEGMENTS_KEPT);
    }

    #[test]
    fn each_kind_is_kept_up_to_its_own_number() {
        let mut buffers = Buffers::default();
        for (size, kept) in [(SMALL, super::SMALL_KEPT), (MEDIUM, super::MEDIUM_KEPT)] {
            (0..kept).for_each(|_| buffers.give(Vec::with_capacity(size)));
            assert_eq!(buffers.freed(), 0);
            buffers.give(Vec::with_capacity(size));
            assert_eq!(buffers.freed(), size, "one too many");
            buffers.forget_freed();
        }
        assert_eq!((buffers.small.len(), buffers.medium.len()), (super::SMALL_KEPT, super::MEDIUM_KEPT));
        buffers.give(Vec::with_capacity(SMALL + 1));
        buffers.give(Vec::with_capacity(SEGMENT));
        assert_eq!(buffers.freed(), SMALL + 1 + SEGMENT, "odd sizes, and a segment that is not filled");
        buffers.note_freed(5);
        assert_eq!(buffers.freed(), SMALL + SEGMENT + 6);
    }

    #[test]
    fn queues_and_chains_are_kept_up_to_a_number_too() {
        let mut buffers = Buffers::default();
        buffers.give_links(VecDeque::new());
        buffers.give_links(VecDeque::with_capacity(super::LONGEST_KEPT + 1));
        assert!(buffers.links.is_empty(), "nothing to keep, and too long");
        (0..super::LINKS_KEPT + 1)
            .for_each(|_| buffers.give_links(VecDeque::with_capacity(super::LONGEST_KEPT)));
        assert_eq!(buffers.links.len(), super::LINKS_KEPT);
        assert_eq!(buffers.take_links().capacity(), super::LONGEST_KEPT);
        assert_eq!(buffers.links.len(), super::LINKS_KEPT - 1);
        (0..super::CHAINS_KEPT).for_each(|_| buffers.give_chain(Box::new(Chain::new(0))));
        assert_eq!(buffers.freed(), 0);
        buffers.note_freed(3);
        buffers.give_chain(Box::new(Chain::new(0)));
        assert_eq!(buffers.freed(), 3 + size_of::<Chain>());
        let taken = buffers.take_chain();
        assert_eq!(buffers.chains.len(), super::CHAINS_KEPT - 1);
        buffers.give_chain(taken);
        assert_eq!(buffers.chains.len(), super::CHAINS_KEPT);
    }
}
