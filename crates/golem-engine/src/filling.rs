//! A large payload that is coming in: the driver reads straight into its segments, or moves it through a pipe. A segment
//! is taken only when the one before is full, so a length on the wire reserves nothing.

use crate::buffers::{Buffers, MEDIUM, SEGMENT};
use crate::chain::Chain;
use crate::pipes::{Pipe, PipeId};
use alloc::vec::Vec;

/// Where the next bytes of a large payload should be read to.
#[derive(Debug)]
pub enum ReadTarget<'a> {
    /// Nowhere in particular; at most so many bytes, since a large value may follow.
    Anywhere(usize),
    /// Here, and of what does not fit at most so many bytes anywhere.
    Memory(&'a mut [u8], usize),
    /// So many bytes into this pipe, and none elsewhere.
    Pipe(PipeId, usize),
}

impl<'a> ReadTarget<'a> {
    /// The place in memory, if it is one.
    pub const fn memory(self) -> Option<&'a mut [u8]> {
        match self {
            Self::Memory(target, _) => Some(target),
            Self::Anywhere(_) | Self::Pipe(..) => None,
        }
    }
}

/// Bytes at the end of a payload that never go into a pipe: CR LF, which has to be seen.
pub(crate) const END: usize = 2;

/// Where a payload lies that comes in.
#[derive(Debug)]
enum Place {
    /// In a segment, of which so many bytes are filled; what was before lies in the chain.
    Segment(Vec<u8>, usize),
    /// In a pipe, so many bytes; the beginning lies in the chain.
    Pipe(Pipe, usize),
    /// At the end of the chain.
    Chain,
}

/// Bytes of one frame, of which `remaining` are still to come.
#[derive(Debug)]
pub(crate) struct Filling {
    chain: Chain,
    place: Place,
    remaining: usize,
}

impl Filling {
    /// Starts with the bytes of `here`; `remaining` bytes follow.
    pub(crate) fn new(here: &[&[u8]], remaining: usize, buffers: &mut Buffers) -> Self {
        buffers.promise(remaining);
        let place = Place::Segment(buffers.take_segment(), 0);
        let mut filling = Self { chain: Chain::new(SEGMENT), place, remaining };
        here.iter().for_each(|bytes| filling.copy(bytes, buffers));
        filling
    }

    /// As [`Filling::new`]; what follows, but for its last [`END`] bytes, may come through `pipe`.
    pub(crate) fn piped(here: &[&[u8]], remaining: usize, pipe: Pipe, buffers: &mut Buffers) -> Self {
        buffers.promise(remaining);
        let mut chain = Chain::new(0);
        here.iter().for_each(|bytes| chain.append(bytes, buffers));
        Self { chain, place: Place::Pipe(pipe, 0), remaining }
    }

    /// [`Filling::piped`] if there should be and is a pipe for so much, else [`Filling::new`].
    pub(crate) fn by_size(here: &[&[u8]], remaining: usize, buffers: &mut Buffers) -> Self {
        let pipe = if buffers.pipes.are_for(remaining) { buffers.pipes.take() } else { None };
        match pipe {
            Some(pipe) => Self::piped(here, remaining, pipe, buffers),
            None => Self::new(here, remaining, buffers),
        }
    }

    fn copy(&mut self, mut bytes: &[u8], buffers: &mut Buffers) {
        while !bytes.is_empty() {
            self.make_room(buffers);
            let Place::Segment(segment, filled) = &mut self.place else {
                return self.chain.append(bytes, buffers);
            };
            let room = segment.get_mut(*filled..).unwrap_or_default();
            let step = room.len().min(bytes.len());
            let (now, later) = bytes.split_at(step);
            if let Some(room) = room.get_mut(..step) {
                room.copy_from_slice(now);
            }
            *filled += step;
            bytes = later;
        }
    }

    /// Makes room in memory.
    fn make_room(&mut self, buffers: &mut Buffers) {
        match &mut self.place {
            Place::Segment(segment, filled) if *filled == segment.len() => {
                let full = core::mem::replace(segment, buffers.take_segment());
                self.chain.push(full, *filled, buffers);
                *filled = 0;
            }
            Place::Pipe(..) => self.leave_pipe(buffers),
            Place::Segment(..) | Place::Chain => {}
        }
    }

    /// Nothing more goes into the pipe: it is full, or only the end is missing.
    pub(crate) fn leave_pipe(&mut self, buffers: &mut Buffers) {
        if !matches!(self.place, Place::Pipe(..)) {
            return;
        }
        let is_long = self.remaining > MEDIUM;
        let next = if is_long { Place::Segment(buffers.take_segment(), 0) } else { Place::Chain };
        if let Place::Pipe(pipe, filled) = core::mem::replace(&mut self.place, next) {
            self.chain.push_pipe(pipe, filled, buffers);
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

    /// Where the next bytes of this payload go; never more than what is still to come, and what comes behind it in the same
    /// read at most `beyond` bytes.
    pub(crate) fn target(&mut self, beyond: usize, buffers: &mut Buffers) -> ReadTarget<'_> {
        if let Place::Pipe(pipe, _) = &self.place
            && self.remaining > END
        {
            return ReadTarget::Pipe(pipe.id(), self.remaining - END);
        }
        self.make_room(buffers);
        match &mut self.place {
            Place::Segment(segment, filled) => {
                let end = segment.len().min(*filled + self.remaining);
                ReadTarget::Memory(segment.get_mut(*filled..end).unwrap_or_default(), beyond)
            }
            Place::Pipe(..) | Place::Chain => ReadTarget::Anywhere(beyond),
        }
    }

    /// `count` bytes were put at the front of the target.
    pub(crate) fn filled(&mut self, count: usize, buffers: &mut Buffers) {
        let count = count.min(self.remaining);
        match &mut self.place {
            Place::Segment(_, filled) => *filled += count,
            Place::Pipe(_, filled) => {
                *filled += count;
                buffers.note_grown(count);
            }
            Place::Chain => return,
        }
        self.remaining -= count;
        buffers.redeem(count);
    }

    /// Bytes that its buffers take.
    pub(crate) fn room(&self) -> usize {
        self.chain.room()
            + match &self.place {
                Place::Segment(segment, _) => segment.capacity(),
                Place::Pipe(_, filled) => *filled,
                Place::Chain => 0,
            }
    }

    /// Whether all bytes are there.
    pub(crate) const fn is_complete(&self) -> bool {
        self.remaining == 0
    }

    /// Bytes that are still to come.
    pub(crate) const fn remaining(&self) -> usize {
        self.remaining
    }

    /// The byte that came last; none is known of what lies in a pipe.
    pub(crate) fn last(&self) -> Option<u8> {
        match &self.place {
            Place::Segment(segment, filled) if *filled > 0 => segment.get(*filled - 1).copied(),
            Place::Segment(..) | Place::Chain => self.chain.last_two().map(|[_, last]| last),
            Place::Pipe(..) => None,
        }
    }

    /// The payload.
    pub(crate) fn finish(mut self, buffers: &mut Buffers) -> Chain {
        buffers.redeem(self.remaining);
        match self.place {
            Place::Segment(segment, filled) => self.chain.push(segment, filled, buffers),
            Place::Pipe(pipe, filled) => self.chain.push_pipe(pipe, filled, buffers),
            Place::Chain => {}
        }
        self.chain
    }

    /// Gives the buffers back.
    pub(crate) fn discard(self, buffers: &mut Buffers) {
        self.finish(buffers).clear(buffers);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::{Filling, ReadTarget};
    use crate::buffers::{Buffers, MEDIUM, SEGMENT};
    use crate::pipes::Pipe;
    use alloc::vec::Vec;

    #[test]
    fn bytes_come_by_copy_and_by_direct_reads_in_order() {
        let mut buffers = Buffers::default();
        let total = 3 * SEGMENT + 17;
        let bytes: Vec<u8> = (0..total).map(|n| (n % 251) as u8).collect();
        let mut filling = Filling::new(&[&bytes[..4], &bytes[4..10]], total - 10, &mut buffers);
        let mut at = 10 + filling.feed(&bytes[10..1000], &mut buffers);
        while !filling.is_complete() {
            let target = filling.target(usize::MAX, &mut buffers).memory().unwrap();
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
        assert_eq!(filling.target(usize::MAX, &mut buffers).memory().unwrap().len(), SEGMENT - 2);
        filling.target(usize::MAX, &mut buffers).memory().unwrap().fill(b'c');
        filling.filled(SEGMENT - 2, &mut buffers);
        assert_eq!(
            filling.target(usize::MAX, &mut buffers).memory().unwrap().len(),
            2,
            "no more than is still to come"
        );
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

    #[test]
    fn all_but_the_end_may_come_through_a_pipe() {
        let mut buffers = Buffers::default();
        let mut filling = Filling::piped(&[b"VALUE"], 100_002, Pipe::for_test(3), &mut buffers);
        for count in [60_000, 40_000] {
            let left = filling.remaining() - 2;
            assert!(
                matches!(filling.target(usize::MAX, &mut buffers), ReadTarget::Pipe(pipe, most) if pipe.index() == 3 && most == left)
            );
            filling.filled(count, &mut buffers);
            assert_eq!(filling.last(), None);
        }
        assert!(matches!(filling.target(usize::MAX, &mut buffers), ReadTarget::Anywhere(_)));
        assert_eq!(filling.feed(b"\r\nnext", &mut buffers), 2);
        assert!(filling.is_complete());
        assert_eq!((buffers.account(), filling.last()), ((filling.room(), 0), Some(b'\n')));
        let mut chain = filling.finish(&mut buffers);
        assert_eq!((chain.len(), chain.last_two()), (100_007, Some(*b"\r\n")));
        assert_eq!(chain.slices().collect::<Vec<_>>(), [b"VALUE"], "up to the pipe");
        chain.advance(5, &mut buffers);
        chain.advance(99_999, &mut buffers);
        assert_eq!(chain.slices().count(), 0);
        assert_eq!(chain.first_pipe().map(|(pipe, left)| (pipe.index(), left)), Some((3, 1)));
        chain.advance(1, &mut buffers);
        assert_eq!(
            (chain.slices().collect::<Vec<_>>(), chain.first_pipe()),
            (Vec::from([&b"\r\n"[..]]), None)
        );
        chain.clear(&mut buffers);
        assert_eq!((buffers.held(), buffers.pipes.next_spilled()), (0, None), "the pipe is empty");
    }

    #[test]
    fn what_comes_behind_a_pipe_is_known_up_to_the_next() {
        let mut buffers = Buffers::default();
        let mut chain = crate::chain::Chain::new(0);
        assert_eq!(chain.behind_pipe().count(), 0, "there is none");
        for (pipe, bytes) in [(0, b"one"), (1, b"two")] {
            chain.append(b"head", &mut buffers);
            chain.push_pipe(Pipe::for_test(pipe), 10, &mut buffers);
            buffers.note_grown(10);
            chain.append(bytes, &mut buffers);
        }
        assert_eq!(chain.slices().collect::<Vec<_>>().concat(), b"head");
        assert_eq!(chain.behind_pipe().collect::<Vec<_>>().concat(), b"onehead");
        chain.advance(14, &mut buffers);
        assert_eq!(chain.slices().collect::<Vec<_>>().concat(), b"onehead");
        assert_eq!(chain.behind_pipe().collect::<Vec<_>>().concat(), b"two");
        chain.advance(17, &mut buffers);
        assert_eq!(
            (chain.slices().collect::<Vec<_>>().concat(), chain.first_pipe()),
            (b"two".to_vec(), None)
        );
        assert_eq!(chain.behind_pipe().count(), 0);
        chain.clear(&mut buffers);
        assert_eq!(buffers.held(), 0);
    }

    #[test]
    fn what_a_pipe_does_not_take_comes_behind_it() {
        for (left, is_segment) in [(MEDIUM, false), (MEDIUM + 1, true)] {
            let mut buffers = Buffers::default();
            let mut filling = Filling::piped(&[b"V"], 1000 + left, Pipe::for_test(0), &mut buffers);
            filling.filled(1000, &mut buffers);
            filling.leave_pipe(&mut buffers);
            filling.leave_pipe(&mut buffers);
            assert_eq!(filling.target(usize::MAX, &mut buffers).memory().is_some(), is_segment);
            assert_eq!(filling.feed(&alloc::vec![7; left], &mut buffers), left);
            assert_eq!((filling.is_complete(), buffers.held()), (true, filling.room()));
            let mut chain = filling.finish(&mut buffers);
            chain.advance(700, &mut buffers);
            chain.clear(&mut buffers);
            assert_eq!(buffers.held(), 0);
            assert!(buffers.pipes.next_spilled().is_some(), "some of it was not sent");
        }
    }

    #[test]
    fn a_pipe_that_takes_nothing_leaves_no_trace() {
        let mut buffers = Buffers::default();
        let mut filling = Filling::piped(&[b"V"], 100_000, Pipe::for_test(0), &mut buffers);
        filling.leave_pipe(&mut buffers);
        assert!(filling.target(usize::MAX, &mut buffers).memory().is_some());
        let chain = filling.finish(&mut buffers);
        assert_eq!((chain.len(), chain.first_pipe(), buffers.pipes.next_spilled()), (1, None, None));
    }
}
