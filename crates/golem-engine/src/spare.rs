//! Emptied gathers of a worker, kept for the next multi-key requests, so that in the long run those allocate nothing
//! either: as many as fit into a bounded number of bytes, whatever the number of requests in flight.

use crate::buffers::Buffers;
use crate::gather::{Gather, Rule};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Bytes that all of them may take.
const MOST: usize = 1024 * 1024;

/// See the top of the file.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    #[allow(clippy::vec_box, reason = "requests hold them boxed; unboxing would allocate again")]
    gathers: Vec<Box<Gather>>,
    room: usize,
}

impl Spare {
    /// An empty gather.
    pub(crate) fn take(&mut self, rule: Rule) -> Box<Gather> {
        match self.gathers.pop() {
            Some(mut gather) => {
                self.room -= gather.room();
                gather.rule = rule;
                gather
            }
            None => Box::new(Gather::new(rule)),
        }
    }

    /// Empties a gather and keeps it if there is room.
    pub(crate) fn give(&mut self, mut gather: Box<Gather>, buffers: &mut Buffers) {
        gather.reset(buffers);
        let room = self.room + gather.room();
        if room <= MOST {
            self.room = room;
            self.gathers.push(gather);
        } else {
            buffers.note_freed(gather.room());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, Spare};
    use crate::buffers::Buffers;
    use crate::gather::Rule;
    use alloc::boxed::Box;
    use alloc::vec::Vec;
    use golem_ring::ServerIndex;

    #[test]
    fn gathers_are_kept_up_to_a_number_of_bytes() {
        let (mut spare, mut buffers) = (Spare::default(), Buffers::default());
        let mut taken: Vec<_> = (0..1000).map(|_| spare.take(Rule::Values)).collect();
        for gather in &mut taken {
            let part = gather.add_part(ServerIndex::new(0));
            gather.hold(part, 0, &[7; 10_000], &mut buffers);
        }
        taken.into_iter().for_each(|gather| spare.give(gather, &mut buffers));
        assert!((50..105).contains(&spare.gathers.len()), "{}", spare.gathers.len());
        assert!(spare.room <= MOST && buffers.freed() > 8_000_000);
        let kept = spare.gathers.len();
        let taken: Vec<_> = (0..kept).map(|_| spare.take(Rule::AllOk)).collect();
        assert_eq!((spare.room, spare.gathers.len()), (0, 0));
        assert!(taken.iter().all(|gather| gather.parts.is_empty() && gather.room() > 10_000));
    }

    #[test]
    fn gathers_are_kept_to_the_last_byte_of_room() {
        let (mut spare, mut buffers) = (Spare::default(), Buffers::default());
        let gather = spare.take(Rule::AllOk);
        spare.give(gather, &mut buffers);
        let room = spare.room;
        assert!(room > 0 && buffers.freed() == 0);
        let gather = spare.take(Rule::Values);
        assert_eq!((gather.rule, spare.room), (Rule::Values, 0));
        spare.room = MOST - room;
        spare.give(gather, &mut buffers);
        assert_eq!((spare.room, spare.gathers.len(), buffers.freed()), (MOST, 1, 0));
        let another = Box::new(crate::gather::Gather::new(Rule::Values));
        spare.give(another, &mut buffers);
        assert_eq!((spare.room, spare.gathers.len(), buffers.freed()), (MOST, 1, room));
    }
}
