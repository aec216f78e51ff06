//! The life of a server connection: made at the first need, given up when it fails, falls silent or loses step. What
//! waits there then fails, each request by itself; the next request makes a new one, unless it is too early for that.

use crate::counters::ServerCounters;
use crate::engine::{Engine, Notice, Wish};
use crate::failure::Failure;
use crate::id::{Connection, ServerConnId};
use crate::pool::{PoolIndex, ServerOf, Version};
use crate::server::{Incoming, Link, ServerConn};
use alloc::sync::Arc;
use core::time::Duration;
use golem_ring::ServerIndex;

impl Engine {
    /// The connection of `lane` to a server; a new one is asked for if there is none.
    ///
    /// # Errors
    /// Why the last one failed, while it is too early to try again; or that too many wait for it.
    #[inline]
    pub(crate) fn connection(
        &mut self,
        pool: PoolIndex,
        server: ServerIndex,
        lane: u16,
    ) -> Result<ServerConnId, Failure> {
        if let Some(conn) = self.pools.get(pool.index()).and_then(|pool| pool.lane(server, lane))
            && self.conns.get(conn).is_some_and(|conn| !conn.may_be_busy())
            && !self.pressure.refuses
        {
            return Ok(conn);
        }
        self.connection_if_any(pool, server, lane)
    }

    /// As [`Engine::connection`], where it is not one that anybody may ask anything.
    #[cold]
    fn connection_if_any(
        &mut self,
        pool: PoolIndex,
        server: ServerIndex,
        lane: u16,
    ) -> Result<ServerConnId, Failure> {
        if self.pressure.refuses {
            self.count_over_worker_limit(pool);
            return Err(Failure::NoMemory);
        }
        match self.pools.get(pool.index()).and_then(|pool| pool.lane(server, lane)) {
            Some(conn) if self.conns.get(conn).is_some_and(ServerConn::is_crowded) => {
                Err(self.crowded(pool, server))
            }
            Some(conn) => Ok(conn),
            None => self.connect(pool, server, lane),
        }
    }

    /// As [`Engine::connection`], for a request that was let in when it began: there is room for it.
    pub(crate) fn connection_for_admitted(
        &mut self,
        pool: PoolIndex,
        server: ServerIndex,
        lane: u16,
    ) -> Result<ServerConnId, Failure> {
        match self.pools.get(pool.index()).and_then(|pool| pool.lane(server, lane)) {
            Some(conn) => Ok(conn),
            None => self.connect(pool, server, lane),
        }
    }

    /// What is counted about a server; a set of its own for one that the counters do not know, which there is not.
    fn server_counters(&self, pool: PoolIndex, server: ServerIndex) -> Arc<ServerCounters> {
        let server = self.pools.get(pool.index()).and_then(|pool| pool.servers.get(server.index()));
        server.map(|server| Arc::clone(&server.counters)).unwrap_or_default()
    }

    #[cold]
    pub(crate) fn crowded(&self, pool: PoolIndex, server: ServerIndex) -> Failure {
        self.server_counters(pool, server).requests_turned_away.add(1);
        Failure::Crowded
    }

    #[cold]
    fn connect(&mut self, pool: PoolIndex, server: ServerIndex, lane: u16) -> Result<ServerConnId, Failure> {
        let counters = self.server_counters(pool, server);
        let place = self.pools.get_mut(pool.index()).and_then(|pool| pool.lane_mut(server, lane));
        if let Some(failure) = place.and_then(|place| place.refusal(self.now)) {
            counters.requests_held_off.add(1);
            return Err(failure);
        }
        let Some(settings) = self.pools.get(pool.index()).map(|pool| Arc::clone(&pool.settings)) else {
            return Err(Failure::NoServer);
        };
        let times = (self.now, self.now.after(settings.connect_timeout));
        let of = ServerOf { pool: settings, index: server };
        let conn = self.conns.insert(ServerConn::new((pool, of.clone(), lane), Arc::clone(&counters), times));
        if let Some(place) = self.pools.get_mut(pool.index()).and_then(|pool| pool.lane_mut(server, lane)) {
            place.conn = Some(conn);
        }
        self.arm_server(conn);
        counters.connections_open.add(1);
        counters.connections_total.add(1);
        self.wish(Wish::Connect { conn, of });
        Ok(conn)
    }

    /// Whether this connection is still wanted and not there yet.
    pub fn is_connecting(&self, id: ServerConnId) -> bool {
        self.conns.get(id).is_some_and(|conn| conn.link == Link::Connecting)
    }

    /// To which server a connection goes, if it is still wanted.
    pub fn server_of(&self, id: ServerConnId) -> Option<&ServerOf> {
        self.conns.get(id).map(|conn| &conn.of)
    }

    /// A connection that was asked for is there.
    pub fn connected(&mut self, id: ServerConnId) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        if conn.link == Link::Up {
            return;
        }
        conn.come_up(self.now);
        if !conn.outbox.is_empty() {
            self.mark_server_dirty(id);
        }
        self.resolve_doubts();
    }

    /// Gives a server connection up.
    pub(crate) fn server_lost(&mut self, id: ServerConnId, failure: Failure, detail: &'static str) {
        if self.conns.get(id).is_some() {
            self.wish(Wish::Close(Connection::Server(id)));
            self.server_gone(id, failure, detail);
        }
    }

    /// A server connection is gone: everything that waits there fails.
    pub(crate) fn server_gone(&mut self, id: ServerConnId, failure: Failure, detail: &'static str) {
        let Some(mut conn) = self.conns.remove(id) else { return };
        #[cfg(feature = "prototype")]
        self.end_subscription(id);
        let (pool, server) = (conn.pool, conn.of.index);
        let lost = self.blame_loss(&conn, failure);
        if let Some(here) = self.pools.get_mut(pool.index()).filter(|_| !conn.is_leaving) {
            if let Some(lane) = here.lane_mut(server, conn.lane) {
                lane.lose(failure, lost, self.now, &mut self.random);
            }
            if let Some(server) = here.servers.get_mut(server.index()) {
                server.version = None;
            }
        }
        let counters = Arc::clone(&conn.counters);
        counters.connections_open.sub(1);
        if conn.link == Link::Up {
            counters.server_connections.sub(1);
        }
        counters.note_loss(failure, conn.link);
        self.repeat(&mut conn, failure);
        conn.drop_kept(&mut self.buffers);
        let waiting = conn.waiting().filter(|expect| !expect.discard).count();
        let of = conn.of.clone();
        self.wish(Wish::Notice(Notice::ServerLost { of, failure, detail, waiting }));
        conn.outbox.clear(&mut self.buffers);
        conn.rest.clear(&mut self.buffers);
        if let Some(Incoming::Value(filling, _) | Incoming::Last(filling, _)) = conn.incoming.take() {
            filling.discard(&mut self.buffers);
        }
        while let Some(expect) = conn.pop() {
            if !expect.discard {
                self.fail_part(expect.request, expect.part, failure);
            }
        }
        self.resolve_doubts();
    }

    /// Makes sure that somebody looks at the connection when its oldest request is late.
    #[inline]
    pub(crate) fn arm_server(&mut self, id: ServerConnId) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let Some(settings) = self.pools.get(conn.pool.index()).map(|pool| &pool.settings) else { return };
        let timeout = settings.timeout;
        conn.is_timed = timeout.is_some();
        if conn.timer.is_some() && !conn.timer_is_far {
            return;
        }
        let period =
            timeout.filter(|_| settings.auto_eject_hosts).and_then(|timeout| conn.period_ends(timeout));
        if let Some(deadline) = conn.deadline(timeout).into_iter().chain(period).min() {
            conn.timer_is_far = conn.all_are_late();
            if conn.timer.is_none_or(|timer| deadline < timer) {
                conn.timer = Some(deadline);
                self.timers.arm(deadline, Connection::Server(id));
            }
        }
    }

    /// Fails the requests that are late; gives the connection up if it is the connection that is at fault.
    pub(crate) fn server_due(&mut self, id: ServerConnId) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let (pool, now) = (conn.pool, self.now);
        if conn.timer.is_some_and(|timer| timer > now) {
            // A far timer, left over when a nearer one took its place.
            return;
        }
        conn.timer = None;
        let timeout = self.timeout(pool);
        if let Some(why) = self.conns.get(id).and_then(|conn| conn.gives_up(now, timeout)) {
            self.server_lost(id, Failure::TimedOut, why);
            return;
        }
        if let Some(timeout) = timeout {
            self.blame_silence(id, timeout);
            self.fail_late(id, timeout);
            self.let_go(id);
        }
        self.arm_server(id);
    }

    /// Fails the requests of a connection that are late; those of which nothing was written are never sent.
    fn fail_late(&mut self, id: ServerConnId, timeout: Duration) {
        let now = self.now;
        let mut late = 0;
        while let Some(expect) = self.conns.get_mut(id).and_then(|conn| conn.next_late(now, timeout)) {
            late += usize::from(self.is_wanted(expect.request));
            self.fail_part(expect.request, expect.part, Failure::TimedOut);
        }
        if let Some(conn) = self.conns.get_mut(id) {
            for expect in conn.withdraw_late(now, timeout, &mut self.buffers) {
                late += usize::from(self.is_wanted(expect.request));
                self.fail_part(expect.request, expect.part, Failure::TimedOut);
            }
        }
        if late > 0
            && let Some(conn) = self.conns.get(id)
        {
            conn.counters.server_timedout.add(1);
            conn.counters.requests_late.add(late);
            let of = conn.of.clone();
            self.wish(Wish::Notice(Notice::Late { of, requests: late }));
        }
    }

    /// Notes what a server says it is.
    pub(crate) fn learn_version(&mut self, pool: PoolIndex, server: ServerIndex, line: &[u8]) {
        let version = core::str::from_utf8(line).ok().and_then(parse_version);
        if let Some(server) =
            self.pools.get_mut(pool.index()).and_then(|pool| pool.servers.get_mut(server.index()))
        {
            server.version = version;
        }
    }
}

/// The numbers of `VERSION 1.6.18\r\n`; what follows them is left out.
fn parse_version(line: &str) -> Option<Version> {
    let word = line.strip_prefix("VERSION ")?.split_ascii_whitespace().next()?;
    let mut numbers = word.split('.').map(|number| {
        let digits = number.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        digits.parse::<u32>().ok()
    });
    Some([numbers.next()??, numbers.next().flatten().unwrap_or(0), numbers.next().flatten().unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn a_version_is_its_numbers() {
        assert_eq!(parse_version("VERSION 1.6.18\r\n"), Some([1, 6, 18]));
        assert_eq!(parse_version("VERSION 1.6.18_2 more\r\n"), Some([1, 6, 18]));
        assert_eq!(parse_version("VERSION 2\r\n"), Some([2, 0, 0]));
        assert_eq!(parse_version("VERSION x\r\n"), None);
    }
}
