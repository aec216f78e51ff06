//! Connections that are let go because their server is somewhere else from now on. No request fails by that: what is on
//! its way there is answered there, what comes next goes to a new connection, and the old one is closed, quietly, when
//! nobody waits there any more.
//!
//! Invariant: a connection that is leaving is on no lane, and what becomes of it changes nothing for its successor there:
//! not its lane, nor what is known of the server.

use crate::engine::{Engine, Wish};
use crate::id::{Connection, ServerConnId};
use crate::lane::Lane;
use crate::pool::PoolIndex;
use crate::server::{Incoming, Link, ServerConn};
use alloc::vec::Vec;
use golem_ring::ServerIndex;

impl Engine {
    /// A server has moved: connections that are made from now on reach it at another address. Those that are being made
    /// are made anew, with the requests that wait for them.
    pub fn moved(&mut self, pool: PoolIndex, server: ServerIndex) {
        let here = self.pools.get_mut(pool.index()).and_then(|pool| pool.servers.get_mut(server.index()));
        let Some(here) = here else { return };
        here.version = None;
        here.lanes.iter_mut().for_each(Lane::forget_failures);
        let conns: Vec<ServerConnId> = here.lanes.iter().filter_map(|lane| lane.conn).collect();
        // What was held against it happened somewhere else.
        here.counters.failures_in_row.set(0);
        for id in conns {
            if self.is_connecting(id) {
                self.make_anew(id);
            } else {
                self.detach(id);
            }
        }
    }

    /// Takes a connection off its lane, so that the next request makes a new one. It goes on, with its timeouts as before,
    /// until every reply that it expects has come, or its request was told that it is late.
    pub(crate) fn detach(&mut self, id: ServerConnId) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        conn.is_leaving = true;
        // What the client asked behind it may be on the way to the new connection, and would be overtaken.
        conn.asked_idle = false;
        conn.drop_kept(&mut self.buffers);
        let (pool, server, lane) = (conn.pool, conn.of.index, conn.lane);
        self.clear_lane(id, (pool, server, lane));
        self.let_go(id);
    }

    /// Closes a connection that is leaving, if nobody waits there any more.
    #[inline]
    pub(crate) fn let_go(&mut self, id: ServerConnId) {
        if self.conns.get(id).is_some_and(|conn| conn.is_leaving && conn.all_are_late()) {
            self.retire(id);
        }
    }

    /// Closes a connection for which nobody waits.
    pub(crate) fn retire(&mut self, id: ServerConnId) {
        let Some(mut conn) = self.conns.remove(id) else { return };
        #[cfg(feature = "prototype")]
        self.end_subscription(id);
        self.wish(Wish::Close(Connection::Server(id)));
        self.clear_lane(id, (conn.pool, conn.of.index, conn.lane));
        conn.counters.connections_open.sub(1);
        if conn.link == Link::Up {
            conn.counters.server_connections.sub(1);
        }
        while conn.pop().is_some() {}
        conn.drop_kept(&mut self.buffers);
        conn.outbox.clear(&mut self.buffers);
        conn.rest.clear(&mut self.buffers);
        if let Some(Incoming::Value(filling, _) | Incoming::Last(filling, _)) = conn.incoming.take() {
            filling.discard(&mut self.buffers);
        }
    }

    fn clear_lane(&mut self, id: ServerConnId, (pool, server, lane): (PoolIndex, ServerIndex, u16)) {
        let lane = self.pools.get_mut(pool.index()).and_then(|pool| pool.lane_mut(server, lane));
        if let Some(lane) = lane.filter(|lane| lane.conn == Some(id)) {
            lane.conn = None;
        }
    }

    /// Gives an attempt to connect up and makes another in its place. Nothing of what waits for it was written yet, so it
    /// waits for the new one, as long as it would have for the old one.
    fn make_anew(&mut self, id: ServerConnId) {
        let Some(mut conn) = self.conns.remove(id) else { return };
        self.wish(Wish::Close(Connection::Server(id)));
        let (pool, of, lane) = (conn.pool, conn.of.clone(), conn.lane);
        let Some(here) = self.pools.get_mut(pool.index()) else { return };
        conn.counters.connections_total.add(1);
        conn.made_by = self.now.after(here.settings.connect_timeout);
        (conn.timer, conn.timer_is_far) = (None, false);
        let fresh = self.conns.insert(conn);
        if let Some(lane) = here.lane_mut(of.index, lane) {
            lane.conn = Some(fresh);
        }
        self.arm_server(fresh);
        self.wish(Wish::Connect { conn: fresh, of });
    }
}

impl ServerConn {
    /// Checks what must hold of the lane of connection `id` between any two steps; `holder` is the connection that is on it.
    pub(crate) fn check_lane(
        &self,
        id: ServerConnId,
        holder: Option<ServerConnId>,
    ) -> Result<(), &'static str> {
        match (self.is_leaving, holder == Some(id)) {
            (true, true) => Err("it is leaving and still on its lane"),
            (false, false) => Err("it is not the connection of its lane"),
            (true, false) if self.all_are_late() => Err("it is leaving and nobody waits there"),
            (true, false) if self.asked_idle => Err("it is leaving, and its request may be repeated"),
            (true, false) | (false, true) => Ok(()),
        }
    }
}
