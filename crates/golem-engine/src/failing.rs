//! Servers that fail, as one worker sees them: failures in a row are counted, at the limit the coordinator is told, and
//! its word is followed.
//!
//! A failure is one lost or refused connection, or one period of `timeout` in which a connection with waiting requests
//! completed no reply; it is never one per request. The end of an idle connection is none, and what this machine lacks
//! (descriptors, ports, memory) is not the server's fault.

use crate::coordinator::{Report, Snapshot};
use crate::doubt::moment;
use crate::engine::{Engine, Wish};
use crate::failure::Failure;
use crate::id::ServerConnId;
use crate::lane::{Lane, Lost};
use crate::pool::{Pool, PoolIndex};
use crate::server::{Expect, Link, ServerConn};
use crate::time::Time;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use golem_ring::ServerIndex;

impl ServerConn {
    /// A reply has come in whole. One that is in time clears the server's record.
    #[inline]
    pub(crate) fn note_reply(&mut self, expect: &Expect, now: Time) {
        self.replied = now;
        if !expect.discard && self.counters.failures_in_row.get() != 0 && !self.is_leaving {
            self.counters.failures_in_row.set(0);
        }
    }

    /// When the period ends in which a reply must come, if any is waited for. What a connection does that is leaving says
    /// nothing about the server where it is now.
    pub(crate) fn period_ends(&self, timeout: Duration) -> Option<Time> {
        (self.oldest().is_some() && !self.is_leaving).then(|| self.replied.after(timeout))
    }

    /// Whether such a period has ended by `now`. The next one then begins.
    fn ends_period(&mut self, now: Time, timeout: Duration) -> bool {
        let has_ended = self.period_ends(timeout).is_some_and(|end| end <= now);
        if has_ended {
            self.replied = now;
        }
        has_ended
    }

    /// Whether its loss is the server's failure.
    fn is_failure(&self, failure: Failure) -> bool {
        let is_idle = self.link == Link::Up && self.oldest().is_none() && failure != Failure::BadReply;
        !is_idle && !self.was_full && !self.is_leaving && !failure.is_local()
    }
}

impl Failure {
    /// Whether it is this process or machine that lacks something: memory, descriptors, ports, buffers.
    pub(crate) const fn is_local(self) -> bool {
        // In Linux's numbers: EAGAIN, ENOMEM, ENFILE, EMFILE, EADDRINUSE, EADDRNOTAVAIL, ENOBUFS.
        matches!(self, Self::Os(11 | 12 | 23 | 24 | 98 | 99 | 105))
    }
}

impl Engine {
    /// A connection was lost, or could not be made: counts it against the server if it is its failure, and says what its lane
    /// should make of it.
    pub(crate) fn blame_loss(&mut self, conn: &ServerConn, failure: Failure) -> Lost {
        let is_failure = conn.is_failure(failure);
        if is_failure {
            self.blame(conn.pool, conn.of.index);
        }
        let is_near = |pool: &Pool| {
            let limit = i64::from(pool.settings.server_failure_limit);
            let has_more = conn.counters.failures_in_row.get() < limit;
            pool.settings.auto_eject_hosts && has_more && !pool.snapshot.is_ejected(conn.of.index)
        };
        match self.pools.get(conn.pool.index()) {
            _ if conn.has_answered => Lost::AfterAnswers,
            Some(pool) if is_failure && is_near(pool) => Lost::NearEjection,
            Some(_) | None => Lost::BeforeAnswers,
        }
    }

    /// A connection was looked at: whether a `timeout` has passed in which it answered nothing.
    pub(crate) fn blame_silence(&mut self, id: ServerConnId, timeout: Duration) {
        if let Some(conn) = self.conns.get_mut(id)
            && conn.ends_period(self.now, timeout)
        {
            let (pool, server) = (conn.pool, conn.of.index);
            self.blame(pool, server);
        }
    }

    /// A server has failed once more.
    fn blame(&mut self, pool: PoolIndex, server: ServerIndex) {
        let Some(here) = self.pools.get(pool.index()) else { return };
        if !here.settings.auto_eject_hosts || here.is_leaving || here.snapshot.is_ejected(server) {
            return;
        }
        let (limit, seen) = (here.settings.server_failure_limit.max(1), here.snapshot.number());
        let Some(counters) = here.servers.get(server.index()).map(|server| &server.counters) else { return };
        counters.failures_in_row.add(1);
        let until = self.now.after(moment(&here.settings));
        // Should the server be kept, it is told again after as many more.
        if counters.failures_in_row.get() % i64::from(limit) == 0 {
            self.wish(Wish::Report(Report { pool, server, seen }));
        }
        self.doubts.is_any = true;
        let here = self.pools.get_mut(pool.index()).and_then(|pool| pool.servers.get_mut(server.index()));
        if let Some(here) = here {
            here.in_doubt_until = until;
        }
    }

    /// Follows the coordinator's word from now on; an older one than the last is nothing new. Requests on their way to an
    /// ejected server stay there, and are answered or fail.
    pub fn follow(&mut self, snapshot: Arc<Snapshot>) {
        let index = snapshot.pool();
        let Some(pool) = self.pools.get_mut(index.index()) else { return };
        if snapshot.number() <= pool.snapshot.number() {
            return;
        }
        let old = core::mem::replace(&mut pool.snapshot, snapshot);
        let standings = pool.server_indexes().map(|server| (server, pool.snapshot.is_ejected(server)));
        let changed: Vec<_> =
            standings.filter(|(server, is_out)| *is_out != old.is_ejected(*server)).collect();
        for (server, is_ejected) in changed {
            self.begin_anew(index, server, !is_ejected);
        }
        self.resolve_doubts();
    }

    /// The number of the snapshot that holds for a pool.
    pub fn followed(&self, pool: PoolIndex) -> u64 {
        self.pools.get(pool.index()).map_or(0, |pool| pool.snapshot.number())
    }

    /// Begins anew with `server`, which was ejected or has come back. Connections on which nothing waits are closed: they may
    /// be dead without anybody's knowing, and would fail the first request after the return. When it is back, so are those
    /// whose requests have all been told that they are late, since they may be stuck. Why earlier attempts failed is forgotten.
    fn begin_anew(&mut self, pool: PoolIndex, server: ServerIndex, is_back: bool) {
        let here = self.pools.get_mut(pool.index()).and_then(|pool| pool.servers.get_mut(server.index()));
        let Some(here) = here else { return };
        here.counters.failures_in_row.set(0);
        here.in_doubt_until = self.now;
        here.lanes.iter_mut().for_each(Lane::forget_failures);
        let conns: Vec<ServerConnId> = here.lanes.iter().filter_map(|lane| lane.conn).collect();
        for id in conns {
            let Some(conn) = self.conns.get(id) else { continue };
            let is_idle = conn.link == Link::Up && conn.oldest().is_none();
            if is_idle || (is_back && conn.all_are_late()) {
                self.retire(id);
            }
        }
    }
}
