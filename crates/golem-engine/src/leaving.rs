//! Clients that have to go although they did nothing wrong: there are too many of them, they were idle for too long, or the
//! process ends. What they are owed is delivered first.

use crate::client::{Client, Input, Stage};
use crate::engine::{Engine, Notice, Wish};
use crate::id::{ClientId, Connection};
use crate::pool::PoolIndex;
use crate::time::Time;
use alloc::vec::Vec;

/// What memcached says when it has no room for a client.
const TOO_MANY: &[u8] = b"ERROR Too many open connections\r\n";

impl Engine {
    /// A client came in at the address of `pool`, which has `max_clients` already: it is told so and closed. None if there is no
    /// such pool.
    pub fn turn_away(&mut self, pool: PoolIndex) -> Option<ClientId> {
        let here = self.pools.get_mut(pool.index())?;
        let mut client = Client::new(pool, here.enter_lane(), here.settings.client_soft_limit);
        client.is_turned_away = true;
        let id = self.clients.insert(client);
        if let Some(counters) = self.pool_counters(pool) {
            counters.client_total.add(1);
            counters.clients_refused.add(1);
        }
        self.wish(Wish::Notice(Notice::ClientRefused { pool, why: "max_clients are connected" }));
        self.answer(id, TOO_MANY);
        self.finish_client(id);
        Some(id)
    }

    /// Has somebody look at a client when it may have been idle for too long.
    pub(crate) fn arm_idle(&mut self, id: ClientId, at: Time) {
        // Clients that came and went would leave their timers behind for as long as a client may be idle.
        let (clients, conns) = (&self.clients, &self.conns);
        self.timers.sweep(clients.len() + conns.len(), |connection| match connection {
            Connection::Client(id) => clients.get(id).is_some(),
            Connection::Server(id) => conns.get(id).is_some(),
        });
        if let Some(client) = self.clients.get_mut(id) {
            client.idle_at = at;
            self.timers.arm(at, Connection::Client(id));
        }
    }

    /// Closes a client that has sent nothing for `client_idle_timeout` and is owed nothing.
    pub(crate) fn look_if_idle(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        client.idle_at = Time::NEVER;
        let Some(pool) = self.pools.get(client.pool.index()) else { return };
        let Some(limit) = pool.settings.client_idle_timeout else { return };
        if client.stage != Stage::Open {
            return;
        }
        let is_owed = !client.has_settled() || client.held_back;
        let due = if is_owed { self.now.after(limit) } else { client.active.after(limit) };
        if due > self.now {
            self.arm_idle(id, due);
            return;
        }
        let pool = client.pool;
        if let Some(counters) = self.pool_counters(pool) {
            counters.clients_idle.add(1);
        }
        self.finish_client(id);
    }

    /// Takes no more requests: what was asked is answered, idle clients are closed at once, the others when they have what
    /// they are owed, and who is in the middle of a request as well.
    pub fn leave(&mut self) {
        self.is_leaving = true;
        let ids: Vec<ClientId> = self.clients.iter().map(|(id, _)| id).collect();
        ids.into_iter().for_each(|id| self.dismiss(id));
    }

    /// Closes a client at once if it is idle, else when it has what it is owed.
    pub(crate) fn dismiss(&mut self, id: ClientId) {
        let Some(client) = self.clients.get(id) else { return };
        let is_idle = client.has_settled() && client.rest.is_empty();
        if is_idle && matches!(client.input, Input::Requests) && client.stage == Stage::Open {
            self.close_client(id);
        } else if !client.held_back {
            self.finish_client(id);
        }
    }

    /// Whether all clients have gone, and all that was asked has been answered, also requests without a reply.
    pub fn has_left(&self) -> bool {
        self.clients.len() == 0 && self.conns.iter().all(|(_, conn)| conn.waiting().next().is_none())
    }
}
