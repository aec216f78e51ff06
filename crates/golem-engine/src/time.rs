//! Time as the engine knows it: microseconds since the process started, given by the driver once per turn
//! (invariant 9), and the timers, one per connection at most, armed lazily.

use crate::id::Connection;
use alloc::collections::BinaryHeap;
use core::cmp::Reverse;
use core::time::Duration;

/// A point in time, in microseconds since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub u64);

impl Time {
    /// Later than anything happens.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    /// This much later.
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)))
    }

    /// How long it is from `earlier` to this, zero if it is before.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// When to look at which connection again. A timer that comes too early is armed again by whoever looks; so a busy
/// connection costs one operation per `timeout`, not one per request.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Time, Connection)>>,
}

impl Timers {
    /// Looks at `connection` at `at`. The caller keeps note of it: at most one timer per connection.
    pub(crate) fn arm(&mut self, at: Time, connection: Connection) {
        self.heap.push(Reverse((at, connection)));
    }

    /// Drops the timers of connections that are gone, when there are far more timers than the `living` can have.
    pub(crate) fn sweep(&mut self, living: usize, mut is_alive: impl FnMut(Connection) -> bool) {
        if self.heap.len() > 4 * living + 64 {
            self.heap.retain(|Reverse((_, connection))| is_alive(*connection));
        }
    }

    /// The next one that is due at `now`.
    pub(crate) fn due(&mut self, now: Time) -> Option<Connection> {
        if self.heap.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            return self.heap.pop().map(|Reverse((_, connection))| connection);
        }
        None
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::{Time, Timers};
    use crate::id::{ClientId, Connection};
    use crate::table::Id;
    use core::time::Duration;

    #[test]
    fn a_time_is_so_long_after_another() {
        assert_eq!(Time(5).after(Duration::from_millis(2)), Time(2005));
        assert_eq!(Time(5).after(Duration::MAX), Time::NEVER);
        assert_eq!(Time(2005).since(Time(5)), Duration::from_millis(2));
        assert_eq!(Time(5).since(Time(6)), Duration::ZERO);
    }

    #[test]
    fn timers_of_the_dead_are_dropped_once_they_are_many() {
        let mut timers = Timers::default();
        let client = |place| Connection::Client(ClientId::of(place, 0));
        (0..72).for_each(|place| timers.arm(Time(place), client(place as u32)));
        timers.sweep(2, |_| false);
        assert_eq!(timers.heap.len(), 72, "four for each of the living, and 64");
        (72..74).for_each(|place| timers.arm(Time(place), client(place as u32)));
        timers.sweep(2, |connection| connection == client(73) || connection == client(9));
        assert_eq!(timers.next(), Some(Time(9)));
        assert_eq!(timers.due(Time(8)), None);
        assert_eq!(timers.due(Time(9)), Some(client(9)));
        assert_eq!(timers.due(Time(100)), Some(client(73)));
        assert_eq!((timers.due(Time(100)), timers.next()), (None, None));
    }
}
