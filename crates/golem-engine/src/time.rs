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
