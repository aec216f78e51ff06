//! `modula`: as many slots for a server as it weighs, in index order; a key belongs to slot `hash mod slots`. nutcracker writes
//! the slots out; here only where each server's end, so that a weight of two thousand million costs nothing.

use alloc::vec::Vec;

use super::{Table, live};
use crate::{Member, Random, ServerIndex};

/// A server's run of slots.
#[derive(Debug)]
struct Run {
    /// The first slot after the run.
    end: u64,
    server: ServerIndex,
}

/// The runs of the live servers in index order.
#[derive(Debug)]
pub(crate) struct Modula {
    runs: Vec<Run>,
    slots: u64,
}

impl Table for Modula {
    fn build(members: &[Member<'_>]) -> Self {
        let mut slots = 0;
        let runs = live(members)
            .filter(|(_, member)| member.weight > 0)
            .map(|(server, member)| {
                slots += u64::from(member.weight);
                Run { end: slots, server }
            })
            .collect();
        Self { runs, slots }
    }

    #[inline]
    fn pick(&self, hash: impl FnOnce() -> u32, _random: &mut Random) -> Option<ServerIndex> {
        if self.runs.is_empty() {
            return None;
        }
        let slot = u64::from(hash()) % self.slots;
        let at = self.runs.partition_point(|run| run.end <= slot);
        self.runs.get(at).map(|run| run.server)
    }

    fn places(&self, values: u64, mut each: impl FnMut(ServerIndex, f64)) {
        // So many values for every slot, and one more for the first ones.
        let up_to = |slot: u64| values / self.slots.max(1) * slot + (values % self.slots.max(1)).min(slot);
        let mut start = 0;
        for run in &self.runs {
            each(run.server, (up_to(run.end) - up_to(start)) as f64 / values as f64);
            start = run.end;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::{Modula, Table};
    use crate::{Member, Random};

    fn table(weights: [u32; 3]) -> Modula {
        Modula::build(&weights.map(|weight| Member { label: "", weight, live: true }))
    }

    fn pick(table: &Modula, hash: u32) -> usize {
        table.pick(|| hash, &mut Random::new(0)).unwrap().index()
    }

    #[test]
    fn each_server_has_its_weight_in_slots() {
        let table = table([1, 3, 2]);
        let picked: [usize; 8] = core::array::from_fn(|hash| pick(&table, hash as u32));
        assert_eq!(picked, [0, 1, 1, 1, 2, 2, 0, 1]);
    }

    #[test]
    fn huge_weights_cost_no_memory_and_do_not_wrap() {
        let table = table([i32::MAX as u32; 3]);
        assert_eq!(pick(&table, 0), 0);
        assert_eq!(pick(&table, i32::MAX as u32), 1);
        assert_eq!(pick(&table, u32::MAX), 2);
    }
}
