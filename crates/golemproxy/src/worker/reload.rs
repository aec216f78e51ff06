//! Another configuration for a worker: its engine swaps between two events, and its listeners, if they are here, change along.

use super::Worker;
use crate::mail::Mail;
use crate::room::{Entrance, Entrances, PoolRoom};
use golem_config::Pool;
use golem_engine::counters::{AllCounters, WorkerCounters};
use golem_engine::{PoolIndex, Succession, WorkerLimits};
use golem_net::{Driver, Handler, Listener};
use std::io;
use std::sync::Arc;

/// Another configuration for a worker.
#[derive(Debug)]
pub struct Reload {
    /// What it is to the one in use.
    pub next: Arc<Succession>,
    /// This worker's counters for it.
    pub counters: Arc<WorkerCounters>,
    /// Those of all workers.
    pub all: AllCounters,
    /// What this worker may hold.
    pub limits: WorkerLimits,
    /// What becomes of the listeners, if they are here.
    pub doors: Option<DoorChange>,
}

/// What becomes of the listeners of the pools.
#[derive(Debug, Default)]
pub struct DoorChange {
    /// New ones, by their numbers.
    pub opened: Vec<(u32, Listener)>,
    /// Those that stay and get another length of the queue, or another keepalive.
    pub changed: Vec<(u32, u32, bool)>,
    /// Those that are gone.
    pub closed: Vec<u32>,
    /// The pools behind those that there are then.
    pub entrances: Entrances,
}

impl DoorChange {
    /// The first listener, that of the only pool.
    pub fn only(listener: Listener, pool: &Pool) -> Self {
        let entrance = Entrance { pool: PoolIndex::new(0), room: PoolRoom::new(pool) };
        Self { opened: vec![(0, listener)], entrances: [(0, entrance)].into(), ..Self::default() }
    }

    /// Gives up the listeners of `driver` that are gone. Those who wait there come in to the pools of before.
    pub fn close_gone(&mut self, driver: &mut Driver, handler: &mut impl Handler) {
        for number in self.closed.drain(..) {
            driver.close_listener(number, handler);
        }
    }

    /// Changes the other listeners of `driver`, adds the new ones, and changes the pools behind them.
    ///
    /// # Errors
    /// The poller refuses a listener; the others are changed.
    pub fn carry_out(self, driver: &mut Driver, entrances: &mut Entrances) -> io::Result<()> {
        let mut outcome = Ok(());
        for (number, listener) in self.opened {
            outcome = outcome.and(driver.listen(listener, number));
        }
        for (number, backlog, keepalive) in self.changed {
            outcome = outcome.and(driver.adjust_listener(number, backlog, keepalive));
        }
        *entrances = self.entrances;
        outcome
    }
}

impl Worker {
    /// Serves another configuration from now on.
    pub(super) fn reload(&mut self, Reload { next, counters, all, limits, mut doors }: Reload) {
        if let Some(doors) = &mut doors {
            doors.close_gone(&mut self.driver, &mut self.desk);
        }
        // Clients that have come are of the pools before.
        self.finish_turn();
        // Before: nothing comes in between, and a worker that panics in there begins anew with it.
        let _ = self.tell(Mail::Serving(next.number()));
        self.desk.engine.limit(limits);
        self.desk.engine.reload(&next, counters, all);
        let pools: Vec<_> = next.pools().iter().map(|pool| Arc::clone(&pool.settings)).collect();
        self.notices.keep(&pools);
        if let Some(doors) = doors
            && let Err(error) = doors.carry_out(&mut self.driver, &mut self.desk.entrances)
        {
            tracing::error!("a listener cannot be watched: {error}; its pool gets no clients");
        }
    }
}
