//! Large requests come in only when there is room for all of them: the length that their line declares is kept free for
//! them, so that what has begun to come in can be finished whatever the others do. One for which there is no room waits, as
//! the bytes of its line, and its client is not read meanwhile; nothing is lost by that, as its own reply is what it would
//! wait for. It waits for others, who may be slow, so not for long: then it is let in above the soft limits, or refused at
//! the hard ones, and its data are dropped as they come.

use crate::engine::Engine;
use crate::failure::Failure;
use crate::forward::Asker;
use crate::server::ServerConn;
use crate::time::Time;
use core::time::Duration;
use golem_ring::ServerIndex;

/// How long a large request waits for room at most; half of the pool's `timeout`, if that is shorter.
const PATIENCE: Duration = Duration::from_secs(1);

/// A large request that waits for room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    /// Whose it is, and which connection it wants.
    asker: Asker,
    server: ServerIndex,
    /// Its length.
    total: usize,
    /// When it has waited for long enough.
    until: Time,
}

/// Why a large request may not come in.
pub(crate) enum Refused {
    /// There is no room.
    Now(Failure),
    /// It waits for room, held back with its client.
    ForNow,
}

impl Engine {
    /// Whether a request of `total` bytes may come in that will go to `server`.
    ///
    /// # Errors
    /// It may not.
    pub(crate) fn admit(&mut self, asker: Asker, server: ServerIndex, total: usize) -> Result<(), Refused> {
        let waited = self.clients.get_mut(asker.client).and_then(|client| client.waits_until.take());
        let conn = self.conn_of(asker, server);
        if conn.is_some_and(ServerConn::is_crowded) {
            return Err(Refused::Now(self.crowded(asker.pool, server)));
        }
        let is_busy = conn.is_some_and(ServerConn::is_busy);
        let is_due = waited.is_some_and(|until| until <= self.now);
        // What has come of it already takes room, too, while it waits.
        let (held, hard, total_bytes) = (self.held(), self.pressure.limits.hard, total as u64);
        let least = if is_due { held.saturating_add(total_bytes) } else { held.max(total_bytes) };
        if least > hard {
            self.count_over_worker_limit(asker.pool);
            return Err(Refused::Now(Failure::NoMemory));
        }
        if is_due || (!is_busy && self.has_room(total)) {
            return Ok(());
        }
        self.wait_for_room(asker, server, total, waited);
        Err(Refused::ForNow)
    }

    /// Whether the worker has room for a request of `total` bytes. One that is larger than all that may be held softly has to
    /// itself what is left.
    fn has_room(&self, total: usize) -> bool {
        let (held, soft) = (self.held(), self.pressure.limits.soft);
        held.saturating_add(total as u64) <= soft || (self.buffers.promised() == 0 && held < soft / 2)
    }

    fn conn_of(&self, asker: Asker, server: ServerIndex) -> Option<&ServerConn> {
        let conn = self.pools.get(asker.pool.index())?.lane(server, asker.lane)?;
        self.conns.get(conn)
    }

    /// Has the client wait. One that has waited already and found its room taken goes on from where it was.
    fn wait_for_room(&mut self, asker: Asker, server: ServerIndex, total: usize, waited: Option<Time>) {
        let patience = self.timeout(asker.pool).map_or(PATIENCE, |timeout| PATIENCE.min(timeout / 2));
        let until = waited.unwrap_or(self.now.after(patience));
        let waiting = Waiting { asker, server, total, until };
        if let Some(client) = self.clients.get_mut(asker.client) {
            (client.is_slow, client.waits) = (true, true);
            client.waits_until = Some(until);
            client.held_back = true;
        }
        if waited.is_some() {
            self.pressure.waiting.push_front(waiting);
        } else {
            self.pressure.waiting.push_back(waiting);
            if let Some(counters) = self.pool_counters(asker.pool) {
                counters.uploads_waited.add(1);
            }
        }
    }

    /// Has those large requests read again for which there is room now, or which have waited for long enough.
    pub(crate) fn admit_waiting(&mut self) {
        let (mut place, mut taken, mut is_full) = (0, 0, false);
        while let Some(&waiting) = self.pressure.waiting.get(place) {
            let id = waiting.asker.client;
            let is_there = self.clients.get(id).is_some_and(|client| client.waits);
            if is_there && waiting.until > self.now {
                is_full |= !self.has_room(waiting.total + taken);
                if is_full || self.is_blocked(&waiting) {
                    place += 1;
                    continue;
                }
            }
            self.pressure.waiting.remove(place);
            if let Some(client) = self.clients.get_mut(id).filter(|client| client.waits) {
                client.waits = false;
                taken += waiting.total;
                self.read_on(id);
            }
        }
    }

    /// When one of them is to be read again: at once, if there is room for it now.
    pub(crate) fn admission_deadline(&self) -> Option<Time> {
        let waiting = &self.pressure.waiting;
        let mut fitting = waiting.iter().take_while(|waiting| self.has_room(waiting.total));
        if fitting.any(|waiting| !self.is_blocked(waiting)) {
            return Some(self.now);
        }
        waiting.iter().map(|waiting| waiting.until).min()
    }

    /// Whether its server is behind. One that takes nothing more refuses it, so that need not be waited for.
    fn is_blocked(&self, waiting: &Waiting) -> bool {
        let conn = self.conn_of(waiting.asker, waiting.server);
        conn.is_some_and(|conn| conn.is_busy() && !conn.is_crowded())
    }
}
