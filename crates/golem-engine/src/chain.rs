//! A chain of buffers (and of pipes, see `pipes`): bytes are appended at the end and leave at the front. Outboxes of
//! connections, replies held for order and large payloads are chains. Bytes never move once they are in: a partial write
//! only advances the front, and new output goes behind; so what was handed out stays valid until it is sent.

use crate::buffers::{Buffers, MEDIUM, SMALL};
use crate::pipes::{Pipe, PipeId};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// What holds bytes.
#[derive(Debug)]
enum Store {
    Memory(Vec<u8>),
    /// They are not here to be seen.
    Pipe(Pipe),
}

/// A store of which the bytes `start..end` are still wanted.
#[derive(Debug)]
pub(crate) struct Link {
    store: Store,
    start: usize,
    end: usize,
}

impl Link {
    fn bytes(&self) -> Option<&[u8]> {
        match &self.store {
            Store::Memory(bytes) => bytes.get(self.start..self.end),
            Store::Pipe(_) => None,
        }
    }

    const fn is_piped(&self) -> bool {
        matches!(self.store, Store::Pipe(_))
    }

    /// Bytes that its store takes.
    fn room(&self) -> usize {
        match &self.store {
            Store::Memory(bytes) => bytes.capacity(),
            Store::Pipe(_) => self.end,
        }
    }

    fn give_back(self, buffers: &mut Buffers) {
        match self.store {
            Store::Memory(bytes) => buffers.give(bytes),
            Store::Pipe(pipe) => buffers.give_pipe(pipe, self.end, self.end - self.start),
        }
    }
}

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct Chain {
    /// Buffers that are appended to no more, in order. The queue itself is borrowed like a buffer, so that an empty chain
    /// holds no memory.
    full: VecDeque<Link>,
    tail: Vec<u8>,
    /// Bytes at the front of `tail` that have left.
    tail_start: usize,
    len: usize,
    /// The least size of a new buffer.
    floor: usize,
}

impl Chain {
    /// An empty chain whose buffers hold at least `floor` bytes.
    pub(crate) const fn new(floor: usize) -> Self {
        Self { full: VecDeque::new(), tail: Vec::new(), tail_start: 0, len: 0, floor }
    }

    /// Bytes in the chain.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that its buffers take.
    pub(crate) fn room(&self) -> usize {
        let full: usize = self.full.iter().map(Link::room).sum();
        full + self.tail.capacity()
    }

    /// Copies `bytes` to the end.
    #[inline]
    pub(crate) fn append(&mut self, bytes: &[u8], buffers: &mut Buffers) {
        if bytes.len() <= self.tail.capacity() - self.tail.len() {
            self.tail.extend_from_slice(bytes);
            self.len += bytes.len();
        } else {
            self.append_over_the_edge(bytes, buffers);
        }
    }

    fn append_over_the_edge(&mut self, mut bytes: &[u8], buffers: &mut Buffers) {
        self.len += bytes.len();
        while !bytes.is_empty() {
            let room = self.tail.capacity() - self.tail.len();
            if room == 0 {
                let wanted = if self.tail.is_empty() { bytes.len().max(self.floor) } else { MEDIUM };
                self.close_tail(buffers);
                self.tail = buffers.take(wanted);
                continue;
            }
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.tail.extend_from_slice(now);
            bytes = later;
        }
    }

    /// Makes the tail a link like the others, so that something can be put behind it.
    fn close_tail(&mut self, buffers: &mut Buffers) {
        let bytes = core::mem::take(&mut self.tail);
        let start = core::mem::take(&mut self.tail_start);
        if start < bytes.len() {
            let end = bytes.len();
            self.links(buffers).push_back(Link { store: Store::Memory(bytes), start, end });
        } else {
            buffers.give(bytes);
        }
    }

    /// The queue of full buffers, to be put into.
    fn links(&mut self, buffers: &mut Buffers) -> &mut VecDeque<Link> {
        if self.full.capacity() == 0 {
            self.full = buffers.take_links();
        }
        &mut self.full
    }

    /// Moves `bytes[..end]` behind what is there, without copying.
    pub(crate) fn push(&mut self, bytes: Vec<u8>, end: usize, buffers: &mut Buffers) {
        self.close_tail(buffers);
        self.len += end;
        self.links(buffers).push_back(Link { store: Store::Memory(bytes), start: 0, end });
    }

    /// Puts the `end` bytes that lie in `pipe` behind what is there.
    pub(crate) fn push_pipe(&mut self, pipe: Pipe, end: usize, buffers: &mut Buffers) {
        if end == 0 {
            return buffers.give_pipe(pipe, 0, 0);
        }
        self.close_tail(buffers);
        self.len += end;
        self.links(buffers).push_back(Link { store: Store::Pipe(pipe), start: 0, end });
    }

    /// Moves all of `other` behind what is there; short ones are copied, so that small replies share a buffer.
    pub(crate) fn append_chain(&mut self, mut other: Self, buffers: &mut Buffers) {
        if other.full.is_empty() && other.len <= MEDIUM / 4 {
            self.append(other.tail.get(other.tail_start..).unwrap_or_default(), buffers);
            other.clear(buffers);
            return;
        }
        self.close_tail(buffers);
        self.len += other.len;
        self.links(buffers).append(&mut other.full);
        buffers.give_links(other.full);
        self.tail = other.tail;
        self.tail_start = other.tail_start;
    }

    /// As [`Chain::append_chain`], from a chain that is used again: it is empty then, and keeps a small buffer.
    #[inline]
    pub(crate) fn take_all(&mut self, other: &mut Self, buffers: &mut Buffers) {
        if other.full.is_empty() && other.tail_start == 0 && other.tail.capacity() <= SMALL {
            self.append(&other.tail, buffers);
            other.tail.clear();
            other.len = 0;
        } else {
            self.append_chain(core::mem::replace(other, Self::new(other.floor)), buffers);
        }
    }

    /// As [`Chain::clear`], for a chain that is used again: it keeps a small buffer.
    pub(crate) fn empty(&mut self, buffers: &mut Buffers) {
        if self.full.is_empty() && self.tail.capacity() <= SMALL {
            self.tail.clear();
            self.tail_start = 0;
            self.len = 0;
        } else {
            self.clear(buffers);
        }
    }

    /// The bytes from the front on, as slices, up to those that lie in a pipe.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let tail = self.tail.get(self.tail_start..);
        let tail = tail.filter(|_| !self.full.iter().any(Link::is_piped));
        self.full.iter().map_while(Link::bytes).chain(tail).filter(|slice| !slice.is_empty())
    }

    /// The pipe in which the bytes behind those of [`Chain::slices`] lie, and how many.
    #[inline]
    pub(crate) fn first_pipe(&self) -> Option<(PipeId, usize)> {
        self.full.iter().find_map(|link| match &link.store {
            Store::Memory(_) => None,
            Store::Pipe(pipe) => Some((pipe.id(), link.end - link.start)),
        })
    }

    /// The bytes behind those in the first pipe, up to those in the next.
    pub(crate) fn behind_pipe(&self) -> impl Iterator<Item = &[u8]> {
        let mut links = self.full.iter().skip_while(|link| !link.is_piped());
        let tail = self.tail.get(self.tail_start..);
        let is_last = links.next().is_some() && !links.clone().any(Link::is_piped);
        links.map_while(Link::bytes).chain(tail.filter(|_| is_last)).filter(|slice| !slice.is_empty())
    }

    /// The last two bytes, where there are two in memory.
    pub(crate) fn last_two(&self) -> Option<[u8; 2]> {
        let mut last = [None, None];
        for slice in self.full.iter().filter_map(Link::bytes).chain(self.tail.get(self.tail_start..)) {
            for &byte in slice.get(slice.len().saturating_sub(2)..).unwrap_or_default() {
                last = [last[1], Some(byte)];
            }
        }
        Some([last[0]?, last[1]?])
    }

    /// Drops `count` bytes at the front: they have left. Buffers that are through go back.
    pub(crate) fn advance(&mut self, count: usize, buffers: &mut Buffers) {
        let mut left = count.min(self.len);
        self.len -= left;
        while left > 0
            && let Some(link) = self.full.front_mut()
        {
            let step = left.min(link.end - link.start);
            link.start += step;
            left -= step;
            if link.start == link.end
                && let Some(link) = self.full.pop_front()
            {
                link.give_back(buffers);
            }
        }
        self.tail_start += left;
        if self.len == 0 {
            self.release(buffers);
        }
    }

    /// Takes out `count` bytes at `at`: they must not leave. The bytes before and behind stay where they are, except those
    /// that share a buffer with both. What lies in a pipe must be taken out as a whole.
    pub(crate) fn cut(&mut self, at: usize, count: usize, buffers: &mut Buffers) {
        self.close_tail(buffers);
        let (mut at, mut left) = (at, count.min(self.len.saturating_sub(at)));
        self.len -= left;
        let mut place = 0;
        while left > 0
            && let Some(link) = self.full.get_mut(place)
        {
            let len = link.end - link.start;
            let step = left.min(len.saturating_sub(at));
            let (from, to) = (link.start + at, link.start + at + step);
            at = at.saturating_sub(len);
            left -= step;
            place += 1;
            if step == 0 {
                continue;
            }
            if from > link.start {
                let behind = link.bytes().and_then(|bytes| bytes.get(to - link.start..));
                let behind = behind.unwrap_or_default().to_vec();
                link.end = from;
                if !behind.is_empty() {
                    buffers.note_grown(behind.capacity());
                    let end = behind.len();
                    self.full.insert(place, Link { store: Store::Memory(behind), start: 0, end });
                }
            } else if to < link.end {
                link.start = to;
            } else if let Some(link) = self.full.remove(place - 1) {
                link.give_back(buffers);
                place -= 1;
            }
        }
        if self.len == 0 {
            self.release(buffers);
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self, buffers: &mut Buffers) {
        while let Some(link) = self.full.pop_front() {
            link.give_back(buffers);
        }
        self.len = 0;
        self.release(buffers);
    }

    fn release(&mut self, buffers: &mut Buffers) {
        self.tail_start = 0;
        if self.tail.capacity() > 0 {
            buffers.give(core::mem::take(&mut self.tail));
        }
        if self.full.capacity() > 0 {
            buffers.give_links(core::mem::take(&mut self.full));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
    use super::Chain;
    use crate::buffers::{Buffers, MEDIUM, SEGMENT, SMALL};
    use alloc::vec::Vec;
    use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

    #[derive(Clone, Debug)]
    enum Step {
        Append(usize),
        Push(usize),
        AppendChain(usize, bool),
        TakeAll(usize, bool),
        Advance(usize),
        Cut(usize, usize),
        Clear,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..3000usize).prop_map(Step::Append),
            1 => (0..40_000usize).prop_map(Step::Append),
            1 => (1..SEGMENT).prop_map(Step::Push),
            2 => ((0..40_000usize), any::<bool>()).prop_map(|(n, pushed)| Step::AppendChain(n, pushed)),
            2 => ((0..3000usize), any::<bool>()).prop_map(|(n, pushed)| Step::TakeAll(n, pushed)),
            4 => (0..50_000usize).prop_map(Step::Advance),
            2 => ((0..50_000usize), (0..30_000usize)).prop_map(|(at, len)| Step::Cut(at, len)),
            1 => Just(Step::Clear),
        ]
    }

    proptest! {
        #[test]
        fn a_chain_gives_the_bytes_that_went_in(steps in proptest::collection::vec(step(), 0..60), floor in 0..20_000usize) {
            let (mut chain, mut buffers, mut model, mut counter) =
                (Chain::new(floor), Buffers::default(), Vec::new(), 0u8);
            let mut other = Chain::new(0);
            let mut fresh = |len: usize| -> Vec<u8> {
                (0..len).map(|_| { counter = counter.wrapping_mul(31).wrapping_add(7); counter }).collect()
            };
            for step in steps {
                match step {
                    Step::Append(len) => {
                        let bytes = fresh(len);
                        chain.append(&bytes, &mut buffers);
                        model.extend(bytes);
                    }
                    Step::Push(len) => {
                        let bytes = fresh(len);
                        let mut segment = buffers.take_segment();
                        segment[..len].copy_from_slice(&bytes);
                        chain.push(segment, len, &mut buffers);
                        model.extend(bytes);
                    }
                    Step::AppendChain(len, pushed) => {
                        let bytes = fresh(len);
                        let mut other = Chain::new(0);
                        other.append(&bytes, &mut buffers);
                        model.extend(bytes);
                        if pushed {
                            other.push(alloc::vec![1, 2, 3], 2, &mut buffers);
                            model.extend([1, 2]);
                        }
                        chain.append_chain(other, &mut buffers);
                    }
                    Step::TakeAll(len, pushed) => {
                        let bytes = fresh(len);
                        other.append(&bytes, &mut buffers);
                        other.empty(&mut buffers);
                        assert!(other.is_empty() && other.slices().next().is_none());
                        other.append(&bytes, &mut buffers);
                        model.extend(bytes);
                        if pushed {
                            other.push(alloc::vec![1, 2, 3], 2, &mut buffers);
                            model.extend([1, 2]);
                        }
                        chain.take_all(&mut other, &mut buffers);
                        assert!(other.is_empty() && other.slices().next().is_none());
                    }
                    Step::Advance(len) => {
                        chain.advance(len, &mut buffers);
                        model.drain(..len.min(model.len()));
                    }
                    Step::Cut(at, len) => {
                        chain.cut(at, len, &mut buffers);
                        let at = at.min(model.len());
                        model.drain(at..model.len().min(at + len));
                    }
                    Step::Clear => {
                        chain.clear(&mut buffers);
                        model.clear();
                    }
                }
                assert_eq!(chain.len(), model.len());
                assert!(!model.is_empty() || chain.full.capacity() + chain.tail.capacity() == 0, "an empty chain holds none");
                assert_eq!(chain.slices().collect::<Vec<_>>().concat(), model);
                let last = model.len().checked_sub(2).map(|at| [model[at], model[at + 1]]);
                assert_eq!(chain.last_two(), last);
            }
        }
    }

    /// A chain of `len` bytes in buffers of their own, and where the first of them lies.
    fn of(len: usize, buffers: &mut Buffers) -> (Chain, *const u8) {
        let mut chain = Chain::new(0);
        chain.append(&alloc::vec![7; len], buffers);
        let place = chain.slices().next().map_or(core::ptr::null(), <[u8]>::as_ptr);
        (chain, place)
    }

    #[test]
    fn short_chains_are_copied_and_long_ones_are_moved() {
        let mut buffers = Buffers::default();
        let mut chain = Chain::new(MEDIUM);
        for len in [1, MEDIUM / 4, 1] {
            let (short, place) = of(len, &mut buffers);
            chain.append_chain(short, &mut buffers);
            assert_eq!(chain.slices().count(), 1, "{len} bytes share a buffer with others");
            assert_ne!(chain.slices().last().map(<[u8]>::as_ptr), Some(place));
        }
        let (long, place) = of(MEDIUM / 4 + 1, &mut buffers);
        chain.append_chain(long, &mut buffers);
        assert_eq!(chain.slices().last().map(<[u8]>::as_ptr), Some(place));
        let (short, _) = of(9, &mut buffers);
        chain.append_chain(short, &mut buffers);
        assert_eq!(chain.slices().count(), 2, "behind it, in its buffer");
    }

    #[test]
    fn a_chain_used_again_keeps_a_small_buffer_and_no_larger_one() {
        let mut buffers = Buffers::default();
        let mut out = Chain::new(MEDIUM);
        for (len, kept) in [(10, SMALL), (SMALL, SMALL), (SMALL + 1, 0)] {
            let (mut chain, _) = of(len, &mut buffers);
            chain.empty(&mut buffers);
            assert_eq!((chain.len(), chain.tail.capacity()), (0, kept));
            let (mut chain, _) = of(len, &mut buffers);
            out.take_all(&mut chain, &mut buffers);
            assert_eq!((chain.len(), chain.tail.capacity()), (0, kept));
        }
        let (mut begun, _) = of(10, &mut buffers);
        begun.advance(4, &mut buffers);
        begun.empty(&mut buffers);
        begun.append(b"next", &mut buffers);
        assert_eq!(begun.slices().collect::<Vec<_>>(), [b"next"]);
        let mut pushed = Chain::new(0);
        pushed.push(alloc::vec![1, 2, 3], 3, &mut buffers);
        pushed.append(b"more", &mut buffers);
        pushed.empty(&mut buffers);
        assert_eq!((pushed.len(), pushed.tail.capacity(), pushed.full.capacity()), (0, 0, 0));
    }

    #[test]
    fn buffers_are_as_large_as_what_is_put_into_them() {
        let mut buffers = Buffers::default();
        let (chain, _) = of(10, &mut buffers);
        assert_eq!(chain.tail.capacity(), SMALL);
        let (chain, _) = of(SMALL + 1, &mut buffers);
        assert_eq!(chain.tail.capacity(), MEDIUM);
        let mut chain = Chain::new(SMALL);
        for _ in 0..3 {
            chain.append(&[1; SMALL], &mut buffers);
        }
        assert_eq!(chain.tail.capacity(), MEDIUM, "a second one is likely to be filled too");
        assert_eq!(chain.slices().count(), 2);
        let mut chain = Chain::new(MEDIUM);
        chain.append(b"x", &mut buffers);
        assert_eq!(chain.tail.capacity(), MEDIUM);
        chain.append(&[1; MEDIUM], &mut buffers);
        assert_eq!(
            chain.slices().map(<[u8]>::len).collect::<Vec<_>>(),
            [MEDIUM, 1],
            "a buffer is filled first"
        );
    }

    #[test]
    fn what_has_left_or_was_cut_out_goes_back() {
        let mut buffers = Buffers::default();
        let mut chain = Chain::new(0);
        for byte in 0..3 {
            chain.push(alloc::vec![byte; SEGMENT], SEGMENT, &mut buffers);
        }
        chain.cut(SEGMENT, SEGMENT, &mut buffers);
        assert_eq!((chain.full.len(), chain.len()), (2, 2 * SEGMENT));
        chain.advance(SEGMENT, &mut buffers);
        assert_eq!((chain.full.len(), chain.len()), (1, SEGMENT));
        chain.advance(SEGMENT - 1, &mut buffers);
        assert_eq!((chain.full.len(), chain.len()), (1, 1));
        let capacity = chain.full.capacity();
        chain.advance(1, &mut buffers);
        assert!(capacity > 0 && chain.full.capacity() == 0);
        assert_eq!(buffers.take_links().capacity(), capacity);
        let back = [0; 3].map(|_| buffers.take_segment().first().copied());
        assert_eq!(back, [Some(2), Some(0), Some(1)], "the one that was cut out first");
    }
}
