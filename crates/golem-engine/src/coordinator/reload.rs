//! Another configuration takes the place of the one in use: what is known of servers that stay goes with them, the rings are
//! built here once for all workers, and probes of servers that are gone end.

use super::{Coordinator, Order, Pool, Snapshot};
use crate::pool::PoolIndex;
use crate::succession::{Heir, NextPool, Origin, Succession, origins};
use alloc::sync::Arc;
use alloc::vec::Vec;
use golem_config::Pool as Settings;
use golem_ring::ServerIndex;

impl Coordinator {
    /// From now on these pools are served, in configuration order. The order to tell all workers follows those given before.
    pub fn reload(&mut self, pools: &[Arc<Settings>]) {
        self.number += 1;
        self.reloaded = self.number;
        let old: Vec<Arc<Settings>> = self.pools.iter().map(|pool| Arc::clone(&pool.settings)).collect();
        let mut before: Vec<Option<Pool>> = core::mem::take(&mut self.pools).into_iter().map(Some).collect();
        let mut next = Vec::new();
        for (place, (settings, origin)) in (0..).zip(pools.iter().zip(origins(&old, pools))) {
            let pool = origin.pool.and_then(|was| before.get_mut(was.index())?.take());
            let index = PoolIndex::new(place);
            let pool = Pool::succeed(pool, index, Arc::clone(settings), &origin, self.number);
            let (settings, snapshot) = (Arc::clone(settings), Arc::clone(&pool.snapshot));
            next.push(NextPool { settings, snapshot, origin });
            self.pools.push(pool);
        }
        let next = Succession::new(self.number, next);
        self.counters = self.counters.next(&next);
        self.move_probes(&next.heirs(old.len()));
        self.note_who_is_in();
        self.orders.push_back(Order::Reload(Arc::new(next)));
    }

    /// The number of the configuration in use, 0 for the first: no snapshot of an earlier one has as large a number.
    pub const fn reloaded(&self) -> u64 {
        self.reloaded
    }

    /// Probes go with their servers; those whose servers are gone, or are in the ring, end.
    fn move_probes(&mut self, heirs: &[Option<Heir>]) {
        let pools = &self.pools;
        let orders = &mut self.orders;
        self.probes.retain_mut(|probe| {
            let heir = heirs.get(probe.pool.index()).and_then(Option::as_ref);
            let moved = heir.and_then(|heir| Some((heir.pool, heir.server(probe.server)?)));
            let is_out = moved.is_some_and(|(pool, server)| {
                pools.get(pool.index()).is_some_and(|pool| pool.snapshot.is_ejected(server))
            });
            if let Some(moved) = moved.filter(|_| is_out) {
                (probe.pool, probe.server) = moved;
            } else {
                orders.push_back(Order::EndProbe(probe.id));
            }
            is_out
        });
    }

    /// A pool that ejects no more has all its servers in.
    fn note_who_is_in(&self) {
        for (pool, set) in self.pools.iter().zip(&self.counters.pools) {
            for (server, counters) in (0..).map(ServerIndex::new).zip(&set.servers) {
                if !pool.snapshot.is_ejected(server) {
                    counters.ejected.set(0);
                }
            }
        }
    }
}

impl Pool {
    /// What was `pool` becomes this.
    fn succeed(
        pool: Option<Self>,
        index: PoolIndex,
        settings: Arc<Settings>,
        origin: &Origin,
        number: u64,
    ) -> Self {
        let mut standings: Vec<_> = pool.into_iter().flat_map(|pool| pool.servers).map(Some).collect();
        let servers = origin.servers.iter().map(|was| {
            let known = was.and_then(|was| standings.get_mut(was.index())?.take());
            known.filter(|_| settings.auto_eject_hosts).unwrap_or_default()
        });
        let servers: Vec<super::Standing> = servers.collect();
        let live = servers.iter().map(|standing| !standing.is_out()).collect();
        let snapshot = Arc::new(Snapshot::new(index, &settings, live, number));
        Self { settings, snapshot, servers }
    }
}
