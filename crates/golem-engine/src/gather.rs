//! The replies of a request's parts, kept until the last part has ended, and the rules by which they become one reply.

use crate::buffers::Buffers;
use crate::chain::Chain;
use crate::failure::Failure;
use alloc::boxed::Box;
use alloc::vec::Vec;
use golem_ring::ServerIndex;

/// How the parts make one reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Values in the order of the client's keys, then one `END`.
    Values,
    /// `OK` if every server said so.
    AllOk,
    /// The lowest version that is known once all parts have ended, however they did.
    LowestVersion,
}

/// How one part ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartEnd {
    /// It has not yet.
    Waiting,
    /// With its reply.
    Answered,
    /// With an error line of the server, kept in the part's bytes.
    ErrorLine,
    /// Without a reply.
    Failed(Failure),
}

/// One value as it came from a server.
#[derive(Debug)]
enum Block {
    /// So many bytes of the part's buffer.
    Copied(usize),
    /// A large one, in its own segments; boxed, so that small ones take little room.
    Moved(Box<Chain>),
}

/// What one server is asked, and what it said.
#[derive(Debug)]
pub(crate) struct Part {
    /// Which server.
    pub server: ServerIndex,
    /// How it ended.
    pub end: PartEnd,
    /// Values with their place among the part's keys, in order.
    blocks: Vec<(u32, Block)>,
    bytes: Vec<u8>,
    /// Used while values are written.
    written: Written,
}

/// How far a part's values are written.
#[derive(Debug, Default)]
struct Written {
    /// Keys that are through.
    keys: u32,
    /// Blocks that are through: one for each of them that was found.
    blocks: usize,
    /// Bytes of the part's buffer.
    bytes: usize,
}

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct Gather {
    /// How the parts make one reply.
    pub rule: Rule,
    /// The parts, in the order in which they were made.
    pub parts: Vec<Part>,
    /// For each key of the client, in order: the part that asks for it.
    pub key_part: Vec<u32>,
    /// Parts that have not ended.
    pub waiting: u32,
    /// Bytes held in all parts.
    pub held: usize,
    /// Emptied parts, for the next request.
    spare: Vec<Part>,
    /// Bytes that it takes, now that it is empty.
    room: usize,
}

/// Room that an emptied part keeps for its next use.
const KEPT: usize = 16 * 1024;

impl Gather {
    /// One without parts.
    pub(crate) const fn new(rule: Rule) -> Self {
        Self {
            rule,
            parts: Vec::new(),
            key_part: Vec::new(),
            waiting: 0,
            held: 0,
            spare: Vec::new(),
            room: 0,
        }
    }

    /// Adds a part for `server` and gives its number.
    pub(crate) fn add_part(&mut self, server: ServerIndex) -> u32 {
        let mut part = self.spare.pop().unwrap_or_else(|| Part {
            server,
            end: PartEnd::Waiting,
            blocks: Vec::new(),
            bytes: Vec::new(),
            written: Written::default(),
        });
        part.server = server;
        part.end = PartEnd::Waiting;
        self.parts.push(part);
        self.waiting += 1;
        self.parts.len() as u32 - 1
    }

    /// Keeps a value of part `number` that answers the part's key number `ordinal`.
    pub(crate) fn hold(&mut self, number: u32, ordinal: u32, block: &[u8], buffers: &mut Buffers) {
        if let Some(part) = self.parts.get_mut(number as usize) {
            buffers.note_grown(block.len());
            part.bytes.extend_from_slice(block);
            part.blocks.push((ordinal, Block::Copied(block.len())));
            self.held += block.len();
        }
    }

    /// As [`Gather::hold`], for all values at the front of `bytes`, of each of which `next` says which key it answers and how
    /// long it is. Says how many bytes they have.
    #[inline]
    pub(crate) fn hold_run(
        &mut self,
        number: u32,
        bytes: &[u8],
        buffers: &mut Buffers,
        mut next: impl FnMut(&[u8]) -> Option<(u32, usize)>,
    ) -> usize {
        let Some(part) = self.parts.get_mut(number as usize) else { return 0 };
        let mut end = 0;
        while let Some((ordinal, len)) = bytes.get(end..).and_then(&mut next) {
            part.blocks.push((ordinal, Block::Copied(len)));
            end += len;
        }
        buffers.note_grown(end);
        part.bytes.extend_from_slice(bytes.get(..end).unwrap_or_default());
        self.held += end;
        end
    }

    /// As [`Gather::hold`], for a large value.
    pub(crate) fn hold_chain(&mut self, number: u32, ordinal: u32, block: Chain) {
        if let Some(part) = self.parts.get_mut(number as usize) {
            self.held += block.len();
            part.blocks.push((ordinal, Block::Moved(Box::new(block))));
        }
    }

    /// Part `number` has ended; `line` is kept if it is an error line. True once all have.
    pub(crate) fn end_part(&mut self, number: u32, end: PartEnd, line: &[u8], buffers: &mut Buffers) -> bool {
        if let Some(part) = self.parts.get_mut(number as usize)
            && part.end == PartEnd::Waiting
        {
            part.end = end;
            self.waiting -= 1;
            if end != PartEnd::Answered {
                self.held -= part.drop_values(buffers);
            }
            if end == PartEnd::ErrorLine {
                buffers.note_grown(line.len());
                part.bytes.extend_from_slice(line);
                self.held += line.len();
            }
        }
        self.waiting == 0
    }

    /// The part that speaks for a request that failed: of those that did, the one with the lowest server, as
    /// nutcracker does it.
    pub(crate) fn failed_part(&self) -> Option<&Part> {
        self.parts.iter().filter(|part| part.end != PartEnd::Answered).min_by_key(|part| part.server)
    }

    /// Whether a part ended without a reply.
    pub(crate) fn has_lost_part(&self) -> bool {
        self.parts.iter().any(|part| matches!(part.end, PartEnd::Failed(_)))
    }

    /// Moves the values to `out` in the order of the client's keys.
    pub(crate) fn write_values(&mut self, out: &mut Chain, buffers: &mut Buffers) {
        for part in &mut self.parts {
            part.written = Written::default();
        }
        for &number in &self.key_part {
            let Some(part) = self.parts.get_mut(number as usize) else { continue };
            let Written { keys, blocks, bytes } = &mut part.written;
            // A key without a block was a miss.
            if let Some((_, block)) = part.blocks.get_mut(*blocks).filter(|(of, _)| of == keys) {
                match block {
                    Block::Copied(len) => {
                        let begin = *bytes;
                        *bytes += *len;
                        out.append(part.bytes.get(begin..*bytes).unwrap_or_default(), buffers);
                    }
                    Block::Moved(chain) => {
                        out.append_chain(core::mem::replace(chain, Chain::new(0)), buffers);
                    }
                }
                *blocks += 1;
            }
            *keys += 1;
        }
    }

    /// Empties it, so that it can serve another request.
    pub(crate) fn reset(&mut self, buffers: &mut Buffers) {
        for mut part in self.parts.drain(..) {
            part.drop_values(buffers);
            if part.bytes.capacity() <= KEPT && part.blocks.capacity() <= KEPT / 64 && self.spare.len() < 64 {
                self.spare.push(part);
            }
        }
        self.key_part.clear();
        self.key_part.shrink_to(KEPT / 4);
        self.waiting = 0;
        self.held = 0;
        let parts = self.parts.capacity() + self.spare.capacity();
        self.room = size_of::<Self>()
            + self.key_part.capacity() * size_of::<u32>()
            + parts * size_of::<Part>()
            + self.spare.iter().map(Part::room).sum::<usize>();
    }

    /// Bytes of its values in the worker's account.
    pub(crate) fn account(&self) -> usize {
        self.parts.iter().map(Part::account).sum()
    }

    /// About how many bytes it takes; known once it was emptied.
    pub(crate) const fn room(&self) -> usize {
        self.room
    }
}

impl Part {
    /// Bytes of its values in the worker's account: copied ones as they are, large ones with their buffers.
    fn account(&self) -> usize {
        let moved = self.blocks.iter().map(|(_, block)| match block {
            Block::Copied(_) => 0,
            Block::Moved(chain) => chain.room(),
        });
        self.bytes.len() + moved.sum::<usize>()
    }

    /// Bytes that it takes besides itself.
    fn room(&self) -> usize {
        self.bytes.capacity() + self.blocks.capacity() * size_of::<(u32, Block)>()
    }

    /// The error line of the server, empty if there is none.
    pub(crate) fn line(&self) -> &[u8] {
        if self.end == PartEnd::ErrorLine { &self.bytes } else { b"" }
    }

    /// Drops what it holds and says how many bytes that were.
    fn drop_values(&mut self, buffers: &mut Buffers) -> usize {
        let mut dropped = self.bytes.len();
        buffers.note_shrunk(dropped);
        self.bytes.clear();
        for (_, block) in self.blocks.drain(..) {
            if let Block::Moved(mut chain) = block {
                dropped += chain.len();
                chain.clear(buffers);
            }
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, Gather, KEPT, Part, PartEnd, Rule};
    use crate::buffers::Buffers;
    use crate::chain::Chain;
    use crate::failure::Failure;
    use golem_ring::ServerIndex;

    #[test]
    fn values_leave_in_the_order_of_the_keys_and_misses_leave_no_gap() {
        let (mut buffers, mut gather) = (Buffers::default(), Gather::new(Rule::Values));
        // Keys A0 B0 A1 C0 B1 A2, letter = server, A0 missing.
        for server in 0..3 {
            gather.add_part(ServerIndex::new(server));
        }
        gather.key_part.extend([0, 1, 0, 2, 1, 0]);
        gather.hold(1, 0, b"B0", &mut buffers);
        gather.hold(2, 0, b"C0", &mut buffers);
        gather.hold(0, 1, b"A1", &mut buffers);
        let mut large = Chain::new(0);
        large.append(b"A2", &mut buffers);
        gather.hold_chain(0, 2, large);
        gather.hold(1, 1, b"B1", &mut buffers);
        assert_eq!(gather.held, 10);
        assert!(!gather.end_part(0, PartEnd::Answered, b"", &mut buffers));
        assert!(!gather.end_part(0, PartEnd::Answered, b"", &mut buffers), "a part ends once");
        assert!(!gather.end_part(1, PartEnd::Answered, b"", &mut buffers));
        assert!(gather.end_part(2, PartEnd::Answered, b"", &mut buffers));
        let mut out = Chain::new(0);
        gather.write_values(&mut out, &mut buffers);
        assert_eq!(out.slices().flatten().copied().collect::<alloc::vec::Vec<_>>(), b"B0A1C0B1A2");
    }

    #[test]
    fn a_run_of_values_is_held_as_if_one_by_one() {
        let (mut buffers, mut gather) = (Buffers::default(), Gather::new(Rule::Values));
        gather.add_part(ServerIndex::new(0));
        gather.key_part.extend([0; 5]);
        // Keys 0 and 2 are misses.
        let mut found = [(1, 2), (3, 3)].into_iter();
        assert_eq!(gather.hold_run(0, b"aabbbcc", &mut buffers, |_| found.next()), 5);
        assert_eq!(gather.hold_run(0, b"cc", &mut buffers, |rest| (rest == b"cc").then_some((4, 2))), 2);
        assert_eq!(gather.hold_run(7, b"x", &mut buffers, |_| Some((0, 1))), 0, "no such part");
        assert_eq!((gather.held, gather.account()), (7, 7));
        assert!(gather.end_part(0, PartEnd::Answered, b"", &mut buffers));
        let mut out = Chain::new(0);
        gather.write_values(&mut out, &mut buffers);
        assert_eq!(out.slices().flatten().copied().collect::<alloc::vec::Vec<_>>(), b"aabbbcc");
    }

    #[test]
    fn the_failed_part_with_the_lowest_server_speaks() {
        let (mut buffers, mut gather) = (Buffers::default(), Gather::new(Rule::Values));
        for server in [2, 0, 1] {
            gather.add_part(ServerIndex::new(server));
        }
        gather.hold(0, 0, b"VALUE", &mut buffers);
        gather.end_part(0, PartEnd::ErrorLine, b"SERVER_ERROR x\r\n", &mut buffers);
        gather.end_part(1, PartEnd::Answered, b"", &mut buffers);
        assert_eq!(gather.failed_part().map(|part| part.server), Some(ServerIndex::new(1)));
        gather.end_part(2, PartEnd::Failed(Failure::TimedOut), b"", &mut buffers);
        assert_eq!(gather.failed_part().map(|part| part.end), Some(PartEnd::Failed(Failure::TimedOut)));
        assert!(gather.has_lost_part());
        assert_eq!(gather.held, 16, "only the error line is held");
        gather.reset(&mut buffers);
        assert_eq!((gather.held, gather.waiting, gather.parts.len()), (0, 0, 0));
    }

    #[test]
    fn an_emptied_gather_keeps_what_is_usual_and_says_how_much_that_is() {
        let (mut buffers, mut gather) = (Buffers::default(), Gather::new(Rule::Values));
        let large = gather.add_part(ServerIndex::new(0));
        gather.hold(large, 0, &[7; KEPT + 1], &mut buffers);
        let usual = gather.add_part(ServerIndex::new(1));
        gather.hold(usual, 0, &[7; 100], &mut buffers);
        let many = gather.add_part(ServerIndex::new(2));
        (0..=KEPT as u32 / 64).for_each(|ordinal| gather.hold(many, ordinal, b"x", &mut buffers));
        gather.key_part.extend(core::iter::repeat_n(0, KEPT));
        gather.reset(&mut buffers);
        assert_eq!(gather.spare.len(), 1, "one had too many bytes, one too many values");
        let room =
            gather.spare[0].bytes.capacity() + gather.spare[0].blocks.capacity() * size_of::<(u32, Block)>();
        assert!(room > 100);
        let parts = (gather.parts.capacity() + 4) * size_of::<Part>();
        assert_eq!(gather.key_part.capacity(), KEPT / 4);
        let keys = gather.key_part.capacity() * 4;
        assert_eq!(gather.room(), size_of::<Gather>() + keys + parts + room);
        assert_eq!(gather.spare.capacity(), 4);
        // What is used again starts empty.
        let part = gather.add_part(ServerIndex::new(5));
        assert_eq!(gather.parts[part as usize].server, ServerIndex::new(5));
        assert_eq!((gather.parts[part as usize].end, gather.waiting), (PartEnd::Waiting, 1));
        assert_eq!(
            (gather.spare.len(), gather.parts[0].blocks.len(), gather.parts[0].bytes.len()),
            (0, 0, 0)
        );
        for server in 0..70 {
            gather.add_part(ServerIndex::new(server));
        }
        gather.reset(&mut buffers);
        assert_eq!(gather.spare.len(), 64);
    }

    #[test]
    fn a_part_that_fails_gives_up_what_it_held() {
        let (mut buffers, mut gather) = (Buffers::default(), Gather::new(Rule::Values));
        for server in 0..2 {
            gather.add_part(ServerIndex::new(server));
        }
        let mut large = Chain::new(0);
        large.append(&[1; 5000], &mut buffers);
        gather.hold(0, 0, &[7; 10], &mut buffers);
        gather.hold_chain(0, 1, large);
        gather.hold(1, 0, &[7; 3], &mut buffers);
        assert_eq!(gather.held, 5013);
        gather.end_part(0, PartEnd::Failed(Failure::TimedOut), b"nothing to be kept", &mut buffers);
        assert_eq!((gather.held, gather.parts[0].line()), (3, &b""[..]));
        assert_eq!(gather.failed_part().map(|part| part.server), Some(ServerIndex::new(0)));
        assert!(gather.end_part(1, PartEnd::ErrorLine, b"ERROR\r\n", &mut buffers));
        assert_eq!((gather.held, gather.parts[1].line()), (7, &b"ERROR\r\n"[..]));
    }
}
