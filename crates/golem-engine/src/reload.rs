//! Another configuration takes the place of the one in use, between two events of one worker. It cannot fail: all that can
//! was tried before by whoever made the [`Succession`].
//!
//! Pools and servers that stay keep everything; only their indexes change. Connections to servers that are gone, and pools
//! that are gone with their clients, live until the last of what they owe is there: such pools lie behind those of the
//! configuration, at indexes that nobody else knows.

use crate::counters::{AllCounters, PoolSet, WorkerCounters};
use crate::engine::Engine;
use crate::id::{ClientId, ServerConnId};
use crate::lane::Lane;
use crate::pool::{Pool, PoolIndex, Server, ServerOf};
use crate::succession::{Heir, NextPool, Succession};
use crate::time::Time;
use alloc::sync::Arc;
use alloc::vec::Vec;
use golem_config::Pool as Settings;

impl Engine {
    /// Serves the pools of `next` from now on. `counters` are this worker's for them, made by [`WorkerCounters::next`]; `all` are
    /// those of all workers.
    pub fn reload(&mut self, next: &Succession, counters: Arc<WorkerCounters>, all: AllCounters) {
        self.setup.pools = next.pools.iter().map(|pool| Arc::clone(&pool.settings)).collect();
        (self.setup.counters, self.setup.all) = (Arc::clone(&counters), all);
        let heirs = next.heirs(self.pools.len());
        self.let_servers_go(&heirs);
        self.let_lanes_go(next);
        let before: Vec<Arc<Settings>> = self.pools.iter().map(|pool| Arc::clone(&pool.settings)).collect();
        let moves = self.replace_pools(next, &counters, &heirs);
        self.move_connections(&moves, &heirs);
        self.move_clients(&moves, &before);
        for place in next.pools.len()..self.pools.len() {
            self.let_pool_go(PoolIndex::new(place as u16));
        }
        self.preconnect();
        self.resolve_doubts();
    }

    /// Takes connections to servers that are gone off their lanes, while the indexes are the old ones.
    fn let_servers_go(&mut self, heirs: &[Option<Heir>]) {
        let is_gone = |pool: PoolIndex, of: &ServerOf| {
            let heir = heirs.get(pool.index()).and_then(Option::as_ref);
            heir.is_some_and(|heir| heir.server(of.index).is_none())
        };
        let conns = self.conns.iter().filter(|(_, conn)| !conn.is_leaving && is_gone(conn.pool, &conn.of));
        let gone: Vec<ServerConnId> = conns.map(|(id, _)| id).collect();
        gone.into_iter().for_each(|id| self.detach(id));
    }

    /// Takes connections off lanes that no client uses and that the configuration does not want any more.
    fn let_lanes_go(&mut self, next: &Succession) {
        for pool in &next.pools {
            let Some(here) = pool.origin.pool.and_then(|was| self.pools.get(was.index())) else { continue };
            let kept = here.lanes_kept(&pool.settings);
            let lanes = here.servers.iter().flat_map(|server| server.lanes.iter().skip(kept));
            let gone: Vec<ServerConnId> = lanes.filter_map(|lane| lane.conn).collect();
            gone.into_iter().for_each(|id| self.detach(id));
        }
    }

    /// Puts the pools of `next` into the place of those in use, and those that are gone but not yet done with behind them. Says
    /// where each has gone; none: nothing is left of it.
    fn replace_pools(
        &mut self,
        next: &Succession,
        counters: &WorkerCounters,
        heirs: &[Option<Heir>],
    ) -> Vec<Option<PoolIndex>> {
        let mut is_in_use = alloc::vec![false; self.pools.len()];
        let clients = self.clients.iter().map(|(_, client)| client.pool);
        for pool in clients.chain(self.conns.iter().map(|(_, conn)| conn.pool)) {
            if let Some(is_in_use) = is_in_use.get_mut(pool.index()) {
                *is_in_use = true;
            }
        }
        let mut old: Vec<Option<Pool>> = core::mem::take(&mut self.pools).into_iter().map(Some).collect();
        for (pool, set) in next.pools.iter().zip(&counters.pools) {
            let before = pool.origin.pool.and_then(|was| old.get_mut(was.index())?.take());
            self.pools.push(match before {
                Some(before) => before.succeed(pool, set),
                None => Pool::new(Arc::clone(&pool.settings), Arc::clone(&pool.snapshot), set),
            });
        }
        let mut moves: Vec<Option<PoolIndex>> =
            heirs.iter().map(|heir| heir.as_ref().map(|heir| heir.pool)).collect();
        for ((to, pool), is_in_use) in moves.iter_mut().zip(old).zip(is_in_use) {
            if let Some(mut pool) = pool.filter(|_| is_in_use) {
                pool.is_leaving = true;
                *to = Some(PoolIndex::new(self.pools.len() as u16));
                self.pools.push(pool);
            }
        }
        moves
    }

    /// Server connections go with their servers, or with their pools. What they wait for may last longer or less long now.
    fn move_connections(&mut self, moves: &[Option<PoolIndex>], heirs: &[Option<Heir>]) {
        let ids: Vec<ServerConnId> = self.conns.iter().map(|(id, _)| id).collect();
        for id in ids {
            let Some(conn) = self.conns.get_mut(id) else { continue };
            let heir = heirs.get(conn.pool.index()).and_then(Option::as_ref);
            if let Some(heir) = heir.filter(|_| !conn.is_leaving)
                && let Some(index) = heir.server(conn.of.index)
                && let Some(pool) = self.pools.get(heir.pool.index())
            {
                conn.of = ServerOf { pool: Arc::clone(&pool.settings), index };
                conn.follow_limit();
            }
            if let Some(to) = moves.get(conn.pool.index()).copied().flatten() {
                conn.pool = to;
            }
            conn.timer = None;
            self.arm_server(id);
        }
    }

    /// Clients go with their pools; those whose pool is gone get what they are owed and are closed.
    fn move_clients(&mut self, moves: &[Option<PoolIndex>], before: &[Arc<Settings>]) {
        let ids: Vec<ClientId> = self.clients.iter().map(|(id, _)| id).collect();
        for id in ids {
            let Some(client) = self.clients.get_mut(id) else { continue };
            let was = before.get(client.pool.index());
            if let Some(to) = moves.get(client.pool.index()).copied().flatten() {
                client.pool = to;
            }
            let Some(pool) = self.pools.get(client.pool.index()) else { continue };
            let Some(was) = was.filter(|_| !pool.is_leaving) else {
                self.dismiss(id);
                continue;
            };
            let settings = &pool.settings;
            if client.soft_limit == was.client_soft_limit || client.soft_limit < settings.client_soft_limit {
                client.soft_limit = settings.client_soft_limit;
            }
            let idle_at = settings.client_idle_timeout.map(|limit| client.active.after(limit));
            let is_other = settings.client_idle_timeout != was.client_idle_timeout;
            let is_watched = client.is_watched();
            match idle_at.filter(|_| is_other) {
                Some(at) => self.arm_idle(id, at),
                None if is_other => client.idle_at = Time::NEVER,
                None => {}
            }
            if is_watched {
                self.resume_if_light(id);
            }
        }
    }

    /// A pool that is gone needs its connections no more once its clients have gone, too.
    pub(crate) fn let_pool_go(&mut self, index: PoolIndex) {
        let Some(pool) = self.pools.get(index.index()) else { return };
        if !pool.is_leaving || pool.has_clients() {
            return;
        }
        let lanes = pool.servers.iter().flat_map(|server| &server.lanes);
        let conns: Vec<ServerConnId> = lanes.filter_map(|lane| lane.conn).collect();
        conns.into_iter().for_each(|id| self.detach(id));
    }

    /// A client that has gone, or moved to another lane, was the last of one that the configuration does not want any more.
    pub(crate) fn let_lane_go(&mut self, index: PoolIndex, lane: u16) {
        let Some(pool) = self.pools.get(index.index()) else { return };
        let lanes = pool.servers.iter().filter_map(|server| server.lanes.get(usize::from(lane)));
        let conns: Vec<ServerConnId> = lanes.filter_map(|lane| lane.conn).collect();
        conns.into_iter().for_each(|id| self.detach(id));
    }

    /// Moves a client of which nothing is in flight off a lane that the configuration does not want any more.
    #[cold]
    pub(crate) fn change_lane(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        let (index, old) = (client.pool, client.lane);
        let Some(pool) = self.pools.get_mut(index.index()) else { return };
        client.lane = pool.enter_lane();
        if pool.leave_lane(old) {
            self.let_lane_go(index, old);
        }
    }
}

impl Pool {
    /// This pool as `next` says from now on; `set` are its counters.
    fn succeed(mut self, next: &NextPool, set: &PoolSet) -> Self {
        let mut old: Vec<Option<Server>> = core::mem::take(&mut self.servers).into_iter().map(Some).collect();
        self.set_settings(Arc::clone(&next.settings));
        let lanes = self.lanes_in_use();
        let servers = next.origin.servers.iter().zip(&set.servers).map(|(was, counters)| {
            let mut server = was
                .and_then(|was| old.get_mut(was.index())?.take())
                .unwrap_or_else(|| Server::new(Arc::clone(counters)));
            server.lanes.resize(lanes, Lane::default());
            server
        });
        self.servers = servers.collect();
        self.snapshot = Arc::clone(&next.snapshot);
        let requests = self.requests();
        self.repeats.look_again(requests);
        self
    }
}
