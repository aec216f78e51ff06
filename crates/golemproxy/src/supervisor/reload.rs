//! Another configuration for the running process: the coordinator goes over to it, then every worker is told. All that can fail
//! was tried before.

use super::{Reception, Supervisor};
use crate::doors::{Doors, Renewal};
use crate::room::{Entrance, Entrances, PoolRoom};
use crate::worker::{DoorChange, Reload, ToWorker};
use golem_config::{Config, Pool, Process};
use golem_engine::counters::AllCounters;
use golem_engine::{PoolIndex, Succession, WorkerLimits};
use golem_net::Listener;
use std::io;
use std::sync::Arc;

/// Listening sockets by their numbers.
pub type Listening = Vec<(u32, Listener)>;

impl Supervisor {
    /// The addresses where the process listens.
    pub const fn doors(&self) -> &Doors {
        &self.doors
    }

    /// Serves `config` from now on, behind the doors of `renewal`, of which `listening` are new, with room for so many clients.
    /// What is in flight goes on; pools and servers that stay keep their clients, connections and counters.
    ///
    /// # Errors
    /// The poller does not watch a new listener: nobody can come in there.
    pub fn reload(
        &mut self,
        config: &Config,
        renewal: Renewal,
        listening: Listening,
        clients: usize,
    ) -> io::Result<()> {
        let pools: Vec<_> = config.pools.iter().cloned().map(Arc::new).collect();
        let limits = limits_of(&config.process);
        let (driver, desk) = (&mut self.driver, &mut self.desk);
        let Some(next) = desk.coordination.reload(&pools, driver, &desk.workers) else { return Ok(()) };
        self.told.push((next.number(), desk.workers.len()));
        desk.room.resize(clients);
        let entrances = desk.next_entrances(&renewal, &next);
        let (mut statistics, mut of_pools) = divide(&renewal, listening, entrances.clone());
        let statistics_now = renewal.statistics;
        // The files of sockets go before their sockets.
        self.doors.adopt(renewal);
        // Whoever waits at a listener that is gone came before this change, and is told of it as all others are.
        statistics.close_gone(driver, desk);
        if desk.workers.len() > 1 {
            of_pools.close_gone(driver, desk);
        }
        desk.statistics = statistics_now;
        let outcome = statistics.carry_out(driver, &mut Entrances::new());
        if desk.workers.len() > 1 {
            desk.tell(&next, pools, limits, None);
            // Who comes in later is of pools of which the workers have been told.
            outcome.and(of_pools.carry_out(driver, &mut desk.entrances))
        } else {
            desk.tell(&next, pools, limits, Some(of_pools));
            desk.entrances = entrances;
            outcome
        }
    }
}

impl Supervisor {
    /// One worker more serves this configuration: whether all do.
    pub(super) fn is_served_by_all(&mut self, number: u64) -> bool {
        let Some((_, left)) = self.told.iter_mut().find(|(told, _)| *told == number) else { return false };
        *left = left.saturating_sub(1);
        let is_done = *left == 0;
        self.told.retain(|(_, left)| *left > 0);
        is_done
    }
}

/// What a worker may hold.
pub(super) const fn limits_of(process: &Process) -> WorkerLimits {
    WorkerLimits { soft: process.worker_soft_limit, hard: process.worker_hard_limit }
}

/// What becomes of the listeners of the statistics, and of those of the pools.
pub(super) fn divide(
    renewal: &Renewal,
    listening: Listening,
    entrances: Entrances,
) -> (DoorChange, DoorChange) {
    let (statistics, pools): (Listening, Listening) =
        listening.into_iter().partition(|(number, _)| renewal.statistics == Some(*number));
    // A driver that does not have a listener is not touched by its change or end.
    let (changed, closed) = (renewal.changed.clone(), renewal.closed.clone());
    let statistics = DoorChange { opened: statistics, closed: closed.clone(), ..DoorChange::default() };
    (statistics, DoorChange { opened: pools, changed, closed, entrances })
}

/// The pools behind the doors of `renewal`, each with its room.
pub(super) fn entrances(renewal: &Renewal, rooms: impl Iterator<Item = Arc<PoolRoom>>) -> Entrances {
    let pools = (0..).map(PoolIndex::new).zip(rooms).map(|(pool, room)| Entrance { pool, room });
    renewal.pools.iter().copied().zip(pools).collect()
}

impl Reception {
    /// The pools behind the doors of `renewal`; those that stay keep their rooms, which may be larger or smaller now.
    fn next_entrances(&self, renewal: &Renewal, next: &Succession) -> Entrances {
        let rooms = next.pools().iter().map(|pool| {
            let known = self.entrances.values().find(|entrance| pool.origin.pool == Some(entrance.pool));
            let room = known.map_or_else(|| PoolRoom::new(&pool.settings), |known| Arc::clone(&known.room));
            room.resize(&pool.settings);
            room
        });
        entrances(renewal, rooms)
    }

    /// Tells the workers of another configuration, and what becomes of the listeners if one has them.
    fn tell(
        &mut self,
        next: &Arc<Succession>,
        pools: Vec<Arc<Pool>>,
        limits: WorkerLimits,
        mut doors: Option<DoorChange>,
    ) {
        let workers = 0..self.workers.len();
        let on_the_way =
            |number: usize| self.handed.get(number).copied().unwrap_or(0) - self.clients_of(number).1;
        let before: Vec<i64> = workers.map(on_the_way).collect();
        let own = self.source.counters.0.iter().take(self.workers.len());
        let own: Vec<_> = own.map(|counters| counters.next(next)).collect();
        let all = AllCounters(own.iter().chain([self.coordination.counters()]).map(Arc::clone).collect());
        self.source.replace(pools, all.clone());
        // The counters of pools that are gone are, too.
        self.handed =
            before.iter().enumerate().map(|(number, way)| way + self.clients_of(number).1).collect();
        for (worker, counters) in self.workers.iter().zip(own) {
            let (next, all, doors) = (Arc::clone(next), all.clone(), doors.take());
            // One that has ended needs no telling.
            let reload = Reload { next, counters, all, limits, doors };
            let _ = worker.send(ToWorker::Reload(Box::new(reload)));
        }
    }
}
