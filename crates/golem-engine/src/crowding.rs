//! How much may wait for one server connection. From half of its limit on those who asked it are not read until they are
//! answered, which costs nobody anything; from all of it on new requests fail at once, so that a server that is stuck takes no
//! more than that from the others. A connection that is being made also has a limit of requests.

use crate::server::{Link, ServerConn};
use crate::time::Time;

/// So many requests may wait for one connection to be made.
pub(crate) const WAITING_MOST: usize = 16_384;

impl ServerConn {
    /// Whether nobody else may ask it anything.
    pub(crate) fn is_crowded(&self) -> bool {
        self.outbox.len() >= self.limit
            || (self.link == Link::Connecting && self.waiting().len() >= WAITING_MOST)
    }

    /// Whether so much waits to be written that those who asked should not ask for more.
    pub(crate) const fn is_busy(&self) -> bool {
        self.outbox.len() > self.limit / 2
    }

    /// Whether it has to be looked at if it is crowded or busy: on the common way it is not.
    #[inline]
    pub(crate) const fn may_be_busy(&self) -> bool {
        self.outbox.len() > self.light
    }

    /// Its pool's limit may be another one.
    pub(crate) fn follow_limit(&mut self) {
        self.limit = usize::try_from(self.of.pool.server_connection_limit).unwrap_or(usize::MAX);
        if self.link == Link::Up {
            self.light = self.limit / 2;
        }
    }

    /// It is made.
    pub(crate) fn come_up(&mut self, now: Time) {
        self.link = Link::Up;
        // A request that may take long is heard of later.
        self.heard = self.heard.max(now);
        self.light = self.limit / 2;
        self.counters.server_connections.add(1);
    }
}
