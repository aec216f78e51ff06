//! The coordinator: what concerns all workers alike is decided here, once per process, free of input and output like the
//! engines. Workers report servers that keep failing; it ejects them for all, has them probed, and takes them back. Its
//! word is a numbered [`Snapshot`] that never changes and that all engines share (invariant 10).
//!
//! A turn: [`Coordinator::begin_turn`] with the clock, then what came in ([`Coordinator::report`],
//! [`Coordinator::probe_received`], [`Coordinator::probe_lost`]), then [`Coordinator::expire`]; then whoever runs it
//! carries out the [`Order`]s. It is on the control plane: nothing here is done for a request.

mod probe;
mod reload;
mod snapshot;
mod standing;

pub use probe::{PROBE, ProbeId};
pub use snapshot::Snapshot;

use crate::counters::{PoolCounters, ServerCounters, WorkerCounters};
use crate::failure::Failure;
use crate::pool::{PoolIndex, ServerOf};
use crate::succession::Succession;
use crate::time::Time;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use golem_config::Pool as Settings;
use golem_ring::ServerIndex;
use probe::{Probe, Verdict};
use standing::{Standing, Terms};

/// A worker says that a server has failed so often in a row that it should be ejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whose server.
    pub pool: PoolIndex,
    /// Which server.
    pub server: ServerIndex,
    /// The number of the snapshot that the worker had: what it saw before a return says nothing about the time after.
    pub seen: u64,
}

/// What the coordinator wants done, in this order.
#[derive(Clone, Debug)]
pub enum Order {
    /// Connect to this server, send [`PROBE`], and pass on what comes back.
    Probe {
        /// The probe's name.
        probe: ProbeId,
        /// Which server.
        of: ServerOf,
    },
    /// The probe is over: close its connection. It may be gone already.
    EndProbe(ProbeId),
    /// Give this to every worker.
    Publish(Arc<Snapshot>),
    /// Have every worker serve these pools from now on, in place of those before.
    Reload(Arc<Succession>),
    /// Say it in the log.
    Notice(Change),
}

/// A change that is worth a line in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A server was taken out of the ring.
    Ejected {
        /// Which server.
        of: ServerOf,
        /// Until the first probe.
        hold: Duration,
        /// Servers that are left in the ring.
        left: usize,
    },
    /// A server fails, but too many are out already.
    Kept {
        /// Which server.
        of: ServerOf,
        /// Servers that are out.
        out: usize,
    },
    /// A server answered its probe and is in the ring again.
    Restored {
        /// Which server.
        of: ServerOf,
        /// How long it was out.
        after: Duration,
    },
}

/// One pool as the coordinator sees it.
#[derive(Debug)]
struct Pool {
    settings: Arc<Settings>,
    snapshot: Arc<Snapshot>,
    servers: Vec<Standing>,
}

/// See the top of the file.
#[derive(Debug)]
pub struct Coordinator {
    now: Time,
    /// Microseconds since 1970 at time 0.
    epoch: u64,
    pools: Vec<Pool>,
    /// What is counted here rather than by a worker.
    counters: Arc<WorkerCounters>,
    probes: Vec<Probe>,
    last_probe: u64,
    /// The number of the newest snapshot.
    number: u64,
    /// The number of the configuration in use.
    reloaded: u64,
    orders: VecDeque<Order>,
}

impl Coordinator {
    /// The coordinator of these pools, in configuration order, with all servers in the ring. `counters` are its own; `epoch` is
    /// the time of day at time 0, in microseconds since 1970.
    pub fn new(pools: &[Arc<Settings>], counters: Arc<WorkerCounters>, epoch: u64) -> Self {
        let pool = |(place, settings): (u16, &Arc<Settings>)| Pool {
            settings: Arc::clone(settings),
            snapshot: Arc::new(Snapshot::first(PoolIndex::new(place), settings)),
            servers: settings.servers.iter().map(|_| Standing::default()).collect(),
        };
        Self {
            now: Time::default(),
            epoch,
            pools: (0..).zip(pools).map(pool).collect(),
            counters,
            probes: Vec::new(),
            last_probe: 0,
            number: 0,
            reloaded: 0,
            orders: VecDeque::new(),
        }
    }

    /// A turn starts; all that happens in it happens at `now`.
    pub fn begin_turn(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// When the turn started.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// A worker reports a server.
    pub fn report(&mut self, report: Report) {
        let Report { pool: index, server, seen } = report;
        let now = self.now;
        if seen < self.reloaded {
            // The indexes are those of another configuration. Should the server still fail, it is reported again.
            return;
        }
        let Some(pool) = self.pools.get_mut(index.index()) else { return };
        let (all, out) = (pool.servers.len(), pool.snapshot.ejected());
        let terms = Terms::of(&pool.settings);
        let of = ServerOf { pool: Arc::clone(&pool.settings), index: server };
        let Some(standing) = pool.servers.get_mut(server.index()) else { return };
        if standing.is_out() || seen < standing.changed() {
            return;
        }
        if (out + 1) * 100 > pool.settings.eject_max_percent as usize * all {
            let is_news = standing.keep(now, &terms);
            self.pool_counters(index, |counters| counters.server_kept.add(1));
            if is_news {
                self.say(Change::Kept { of, out });
            }
            return;
        }
        let hold = standing.eject(now, self.number + 1, &terms);
        let left = all - out - 1;
        let ejected_at = self.epoch.saturating_add(now.0);
        self.server_counters(index, server, |counters| {
            counters.server_ejected_at.set(i64::try_from(ejected_at).unwrap_or(i64::MAX));
            counters.ejected.set(1);
        });
        self.pool_counters(index, |counters| counters.server_ejects.add(1));
        self.publish(index, server, false);
        self.say(Change::Ejected { of, hold, left });
    }

    /// A probe's server sent these bytes.
    pub fn probe_received(&mut self, id: ProbeId, bytes: &[u8]) {
        let Some(probe) = self.probes.iter_mut().find(|probe| probe.id == id) else { return };
        match probe.feed(bytes) {
            Verdict::Unknown => {}
            Verdict::Well => self.end_probe(id, true),
            Verdict::Unwell => self.end_probe(id, false),
        }
    }

    /// A probe's connection was lost, or could not be made; it is gone.
    pub fn probe_lost(&mut self, id: ProbeId, _failure: Failure) {
        self.end_probe(id, false);
    }

    /// Looks at what is due.
    pub fn expire(&mut self) {
        let now = self.now;
        while let Some(late) = self.probes.iter().find(|probe| probe.deadline() <= now).map(|probe| probe.id)
        {
            self.end_probe(late, false);
        }
        for (place, here) in self.pools.iter_mut().enumerate() {
            let terms = Terms::of(&here.settings);
            let standings = here.servers.iter_mut().enumerate();
            for (server, standing) in standings.filter(|(_, standing)| standing.wants_probe(now)) {
                standing.begin_probe(now, &terms);
                self.last_probe += 1;
                let id = ProbeId(self.last_probe);
                let (pool, server) = (PoolIndex::new(place as u16), ServerIndex::new(server as u32));
                self.probes.push(Probe::new(id, pool, server, now));
                let of = ServerOf { pool: Arc::clone(&here.settings), index: server };
                self.orders.push_back(Order::Probe { probe: id, of });
            }
        }
    }

    /// When the next turn is due if nothing happens before.
    pub fn next_deadline(&self) -> Option<Time> {
        let standings = self.pools.iter().flat_map(|pool| &pool.servers);
        let due = standings.filter_map(Standing::probe_at);
        due.chain(self.probes.iter().map(Probe::deadline)).min()
    }

    /// The next thing to do.
    pub fn next_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// What is counted here rather than by a worker, for the configuration in use.
    pub const fn counters(&self) -> &Arc<WorkerCounters> {
        &self.counters
    }

    /// The newest snapshot of each pool, for a worker that starts late.
    pub fn snapshots(&self) -> impl Iterator<Item = &Arc<Snapshot>> {
        self.pools.iter().map(|pool| &pool.snapshot)
    }

    /// A probe has ended. Its server is in again if it is well, else there will be another one.
    fn end_probe(&mut self, id: ProbeId, is_well: bool) {
        let Some(at) = self.probes.iter().position(|probe| probe.id == id) else { return };
        let Probe { pool: index, server, .. } = self.probes.swap_remove(at);
        self.orders.push_back(Order::EndProbe(id));
        let (now, number) = (self.now, self.number + 1);
        let Some(pool) = self.pools.get_mut(index.index()) else { return };
        let of = ServerOf { pool: Arc::clone(&pool.settings), index: server };
        let Some(standing) = pool.servers.get_mut(server.index()) else { return };
        if !is_well {
            standing.probe_failed(now);
            self.server_counters(index, server, |counters| counters.probes_failed.add(1));
            return;
        }
        let after = standing.restore(now, number);
        self.server_counters(index, server, |counters| counters.ejected.set(0));
        self.pool_counters(index, |counters| counters.server_restores.add(1));
        self.publish(index, server, true);
        self.say(Change::Restored { of, after });
    }

    /// All workers shall know that `server` is in the ring or not.
    fn publish(&mut self, pool: PoolIndex, server: ServerIndex, is_in: bool) {
        let Some(pool) = self.pools.get_mut(pool.index()) else { return };
        self.number += 1;
        pool.snapshot = Arc::new(pool.snapshot.with(&pool.settings, server, is_in, self.number));
        self.orders.push_back(Order::Publish(Arc::clone(&pool.snapshot)));
    }

    fn say(&mut self, change: Change) {
        self.orders.push_back(Order::Notice(change));
    }

    fn pool_counters(&self, pool: PoolIndex, count: impl FnOnce(&PoolCounters)) {
        if let Some(set) = self.counters.pools.get(pool.index()) {
            count(&set.pool);
        }
    }

    fn server_counters(&self, pool: PoolIndex, server: ServerIndex, count: impl FnOnce(&ServerCounters)) {
        let set = self.counters.pools.get(pool.index());
        if let Some(counters) = set.and_then(|set| set.servers.get(server.index())) {
            count(counters);
        }
    }
}

#[cfg(test)]
mod tests;
