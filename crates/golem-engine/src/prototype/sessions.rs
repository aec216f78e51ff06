//! Which lane a client is on, and why; what becomes of a dedicated lane when its client, or its connection, goes.

use crate::engine::Engine;
use crate::id::{ClientId, ServerConnId};
use crate::lane::Lane;
use crate::pool::PoolIndex;
use alloc::vec::Vec;
use golem_ring::ServerIndex;

/// What a client is in the middle of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Plain,
    /// A transaction, on this server once it is known.
    Queueing(Option<ServerIndex>),
    /// Subscribed to so many channels.
    Subscribed(i32),
}

impl State {
    pub(super) const fn is_subscribed(self) -> bool {
        matches!(self, Self::Subscribed(_))
    }

    /// With so many channels more.
    pub(super) const fn with_channels(self, more: i32) -> Self {
        let channels = if let Self::Subscribed(channels) = self { channels + more } else { more };
        if channels > 0 { Self::Subscribed(channels) } else { Self::Plain }
    }
}

/// One client's session.
#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(super) state: State,
    /// The shared lane to which it goes back; none while it is there.
    shared: Option<u16>,
}

impl Engine {
    /// Puts a client on a lane of its own, or back on the shared one. False if something of it is outstanding.
    pub(super) fn choose_lane(&mut self, id: ClientId, own: bool) -> bool {
        let Some(client) = self.clients.get(id) else { return true };
        let (pool, lane, has_settled) = (client.pool, client.lane, client.head.is_none());
        let session = self.prototype.sessions.entry(id).or_default();
        if session.shared.is_some() == own {
            return true;
        }
        if !has_settled {
            return false;
        }
        let next = match session.shared.take() {
            Some(shared) => {
                self.free_lane(pool, lane);
                shared
            }
            None => {
                session.shared = Some(lane);
                self.dedicated_lane(pool)
            }
        };
        if let Some(client) = self.clients.get_mut(id) {
            client.lane = next;
        }
        true
    }

    /// A lane that nobody else is on: its connections are made when they are needed, like any other.
    fn dedicated_lane(&mut self, pool: PoolIndex) -> u16 {
        let free = &mut self.prototype.free_lanes;
        if let Some(at) = free.iter().position(|(of, _)| *of == pool) {
            return free.swap_remove(at).1;
        }
        let Some(here) = self.pools.get_mut(pool.index()) else { return 0 };
        let mut lane = 0;
        for server in &mut here.servers {
            lane = server.lanes.len() as u16;
            server.lanes.push(Lane::default());
        }
        lane
    }

    /// Nobody is on a dedicated lane any more: its connections are closed, whatever they wait for.
    fn free_lane(&mut self, pool: PoolIndex, lane: u16) {
        let Some(here) = self.pools.get_mut(pool.index()) else { return };
        let lanes = here.servers.iter().filter_map(|server| server.lanes.get(lane as usize)?.conn);
        for conn in lanes.collect::<Vec<ServerConnId>>() {
            self.prototype.subscribers.remove(&conn);
            self.retire(conn);
        }
        self.prototype.free_lanes.push((pool, lane));
    }

    /// Messages that come for the channel `key` are this client's.
    pub(super) fn listen(&mut self, id: ClientId, key: &[u8]) {
        let Some(home) = self.home_of(id, key) else { return };
        let Some(client) = self.clients.get(id) else { return };
        let pool = self.pools.get(client.pool.index());
        if let Some(conn) = pool.and_then(|pool| pool.lane(home, client.lane)) {
            self.prototype.subscribers.insert(conn, id);
        }
    }

    /// A client is gone: whatever it blocks on is given up with it. Says on which shared lane it counts.
    pub(crate) fn end_session(&mut self, id: ClientId, pool: PoolIndex, lane: u16) -> u16 {
        let session = self.prototype.sessions.remove(&id);
        match session.and_then(|session| session.shared) {
            Some(shared) => {
                self.free_lane(pool, lane);
                shared
            }
            None => lane,
        }
    }

    /// A connection is gone, lost or let go. Nobody else can go on with a subscription: its client has to begin anew, and is
    /// closed so that it knows.
    pub(crate) fn end_subscription(&mut self, conn: ServerConnId) {
        if let Some(client) = self.prototype.subscribers.remove(&conn) {
            self.finish_client(client);
        }
    }
}
