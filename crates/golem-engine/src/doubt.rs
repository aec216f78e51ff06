//! Requests for a server that has just failed, in a pool that ejects. Each failure on the way to ejection may cost a request, but
//! only one: while that one tries the server, and until the coordinator has said whether the server goes, the others are not
//! read, for a moment. Then they go where its word says.
//!
//! A moment is short, and ends after few failures, so that a server which is kept, or says nothing, holds up nobody.

use crate::engine::Engine;
use crate::forward::Asker;
use crate::id::ClientId;
use crate::pool::PoolIndex;
use crate::server::Link;
use crate::time::Time;
use alloc::vec::Vec;
use core::time::Duration;
use golem_config::Pool as Settings;
use golem_protocol::memcached::{Group, Request as Head, keys_of};
use golem_ring::{Distribution, Random, ServerIndex};

/// How long requests wait at most after each failure; an eighth of the pool's `timeout`, if that is shorter.
const MOMENT: Duration = Duration::from_millis(50);

/// What one engine knows of servers in doubt.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    /// Some server may be in doubt, or somebody waits: looked at once in a turn, so that requests need look no further when not.
    pub is_any: bool,
    /// Clients that wait, and until when.
    held: Vec<(Time, ClientId)>,
}

/// How long a failure leaves a pool's server in doubt.
pub(crate) fn moment(settings: &Settings) -> Duration {
    settings.timeout.map_or(MOMENT, |timeout| MOMENT.min(timeout / 8))
}

impl Engine {
    /// Whether a request has to wait until more is known of its server; then its client is held back with it.
    #[cold]
    pub(crate) fn waits_in_doubt(&mut self, asker: Asker, head: &Head, frame: &[u8]) -> bool {
        let Some(until) = self.doubt_about(asker, head, frame) else { return false };
        let Some(client) = self.clients.get_mut(asker.client) else { return false };
        (client.is_slow, client.waits, client.held_back) = (true, true, true);
        self.doubts.held.push((until, asker.client));
        true
    }

    /// Until when the request has to wait, if it has to.
    fn doubt_about(&mut self, asker: Asker, head: &Head, frame: &[u8]) -> Option<Time> {
        let pool = self.pools.get(asker.pool.index())?;
        // Where a request goes at random cannot be foretold.
        if !pool.settings.auto_eject_hosts || pool.settings.distribution == Distribution::Random {
            return None;
        }
        match head.command.group() {
            Group::Retrieval if head.keys > 1 => {
                let ring = pool.snapshot.ring();
                // Not used, see above.
                let mut random = Random::new(0);
                let mut servers =
                    keys_of(head, frame).filter_map(|key| ring.server_of(key.of(frame), &mut random));
                servers.find_map(|server| self.doubt(asker.pool, server, asker.lane))
            }
            Group::Retrieval | Group::Storage | Group::Single | Group::Meta => {
                let server = self.route(asker.pool, head, frame)?;
                self.doubt(asker.pool, server, asker.lane)
            }
            Group::WholePool | Group::Local => None,
        }
    }

    /// Until when it is in doubt whether a server is there, if somebody else finds that out.
    fn doubt(&self, pool: PoolIndex, server: ServerIndex, lane: u16) -> Option<Time> {
        let pool = self.pools.get(pool.index())?;
        let here = pool.servers.get(server.index())?;
        if here.in_doubt_until <= self.now || pool.snapshot.is_ejected(server) {
            return None;
        }
        let lane = here.lanes.get(usize::from(lane))?;
        let conn = lane.conn.and_then(|conn| self.conns.get(conn));
        let is_tried = match conn {
            Some(conn) => conn.link == Link::Connecting && conn.oldest().is_some(),
            // The coordinator has been told.
            None => lane.refusal(self.now).is_some(),
        };
        (is_tried && lane.has_failed_once_at_most()).then_some(here.in_doubt_until)
    }

    /// More is known of a server: who waits for that is read again.
    #[inline]
    pub(crate) fn resolve_doubts(&mut self) {
        if !self.doubts.held.is_empty() {
            self.release_held(Time::NEVER);
        }
    }

    /// Who has waited for long enough is read again; looks whether there is still reason to wait.
    #[inline]
    pub(crate) fn look_at_doubts(&mut self) {
        if self.doubts.is_any {
            self.release_held(self.now);
            let mut servers = self.pools.iter().flat_map(|pool| &pool.servers);
            let is_in_doubt = servers.any(|server| server.in_doubt_until > self.now);
            // Whoever waits is looked at until it is released, whatever became of its server meanwhile.
            self.doubts.is_any = is_in_doubt || !self.doubts.held.is_empty();
        }
    }

    /// Has those clients read again that wait until `by` at most.
    #[cold]
    fn release_held(&mut self, by: Time) {
        let held = core::mem::take(&mut self.doubts.held);
        for (until, id) in held {
            if until > by {
                self.doubts.held.push((until, id));
            } else if let Some(client) = self.clients.get_mut(id).filter(|client| client.waits) {
                (client.waits, client.is_slow) = (false, client.is_throttled);
                self.read_on(id);
            }
        }
    }

    /// When somebody has waited for long enough.
    pub(crate) fn doubts_deadline(&self) -> Option<Time> {
        self.doubts.held.iter().map(|(until, _)| *until).min()
    }
}
