//! Giving memory back after a burst. What a burst leaves lies free in the allocator, between what is still in use, and would
//! stay with the process for ever. So once much was freed, and nothing is in flight, the buffers kept for the next requests
//! go too, and the allocator is told to give back all pages that are free.
//!
//! Pipes are given up too when none is in use.
//!
//! That costs a moment, so it happens at most once a second, and never while requests are in flight.

use crate::engine::{Engine, Wish};
use crate::spare::Spare;
use crate::time::Time;
use alloc::vec::Vec;
use core::time::Duration;

/// How long after something was freed to look.
const PAUSE: Duration = Duration::from_secs(1);
/// So many bytes freed within that time are worth it.
const WORTH_IT: usize = 1024 * 1024;

impl Engine {
    /// When to look next; none while nothing was freed and there are no pipes.
    pub(crate) fn memory_deadline(&self) -> Option<Time> {
        let is_worth_a_look = || self.buffers.freed() > 0 || self.buffers.pipes.are_made();
        self.memory_due.or_else(|| is_worth_a_look().then(|| self.now.after(PAUSE)))
    }

    /// Gives memory back if it is time.
    pub(crate) fn look_at_memory(&mut self) {
        if self.memory_due.is_none_or(|due| due > self.now) {
            self.memory_due = self.memory_deadline();
            return;
        }
        if self.requests.len() == 0 && self.buffers.pipes.give_up() {
            self.wish(Wish::ClosePipes);
        }
        if self.buffers.freed() < WORTH_IT {
            self.buffers.forget_freed();
            self.memory_due = None;
        } else if self.requests.len() > 0 {
            self.memory_due = Some(self.now.after(PAUSE));
        } else {
            self.memory_due = None;
            self.buffers.drop_spare();
            self.spare = Spare::default();
            self.part_of = Vec::new();
            self.reply = Vec::new();
            self.line = Vec::new();
            self.wish(Wish::ReleaseMemory);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::counters::{AllCounters, WorkerCounters};
    use crate::engine::{Engine, Setup, Wish};
    use crate::id::ClientId;
    use crate::pressure::WorkerLimits;
    use crate::request::{Merge, Request};
    use crate::table::Id;
    use crate::time::Time;
    use alloc::string::String;
    use alloc::vec::Vec;
    use golem_protocol::memcached::Command;

    const SECOND: u64 = 1_000_000;

    fn engine() -> Engine {
        let counters = WorkerCounters::new(core::iter::empty());
        let all = AllCounters([alloc::sync::Arc::clone(&counters)].into());
        Engine::new(Setup {
            pools: Vec::new(),
            counters,
            all,
            seed: 1,
            version: String::new(),
            epoch: 0,
            workers: 1,
            limits: WorkerLimits::default(),
        })
    }

    /// A turn at this time; what was wished, and when the next is due.
    fn turn(engine: &mut Engine, now: u64) -> (Option<Wish>, Option<Time>) {
        engine.begin_turn(Time(now));
        engine.expire();
        (engine.next_wish(), engine.next_deadline())
    }

    #[test]
    fn memory_is_released_once_a_second_after_a_burst() {
        let mut engine = engine();
        assert_eq!(turn(&mut engine, 5), (None, None));
        engine.buffers.note_freed(2 * super::WORTH_IT);
        assert_eq!(engine.next_deadline(), Some(Time(SECOND + 5)));
        assert_eq!(turn(&mut engine, 10), (None, Some(Time(SECOND + 10))));
        assert_eq!(turn(&mut engine, SECOND + 9), (None, Some(Time(SECOND + 10))));
        assert_eq!(turn(&mut engine, SECOND + 10), (Some(Wish::ReleaseMemory), None));
        assert_eq!(engine.buffers.freed(), 0);
        assert_eq!(turn(&mut engine, 3 * SECOND), (None, None));
    }

    #[test]
    fn little_is_not_worth_it() {
        let mut engine = engine();
        engine.buffers.note_freed(super::WORTH_IT - 1);
        assert_eq!(turn(&mut engine, 0), (None, Some(Time(SECOND))));
        assert_eq!(turn(&mut engine, SECOND), (None, None));
        assert_eq!(engine.buffers.freed(), 0, "counted from zero again");
    }

    #[test]
    fn nothing_is_released_while_a_request_is_in_flight() {
        let mut engine = engine();
        let request = Request::new(ClientId::of(0, 0), Command::Get, false, Merge::PassThrough, 0);
        let request = engine.requests.insert(request);
        engine.buffers.note_freed(super::WORTH_IT);
        assert_eq!(turn(&mut engine, 0), (None, Some(Time(SECOND))));
        assert_eq!(turn(&mut engine, SECOND), (None, Some(Time(2 * SECOND))));
        engine.requests.remove(request);
        assert_eq!(turn(&mut engine, 2 * SECOND), (Some(Wish::ReleaseMemory), None));
    }
}
