//! The coordinator's part: reports of the engines go in, its word goes out to all of them, and its probes reach the servers
//! or do not, as the history says.

use super::{Settings, Stage, number_of};

use golem_engine::coordinator::{Change, Coordinator, Order, ProbeId, Report};
use golem_engine::counters::{AllCounters, WorkerCounters};
use golem_engine::{PoolIndex, Succession, Time};
use golem_ring::ServerIndex;
use std::sync::Arc;

pub(crate) struct Office {
    pub(crate) coordinator: Coordinator,
    pub(crate) counters: Arc<WorkerCounters>,
    /// On their way to the coordinator.
    pub(crate) reports: Vec<Report>,
    /// Probes that wait for an answer, with their servers.
    pub(crate) probes: Vec<(ProbeId, usize)>,
    /// What was said, for the history to look at.
    pub(crate) changes: Vec<Change>,
}

impl Office {
    pub(crate) fn new(settings: &Arc<Settings>) -> Self {
        let counters = WorkerCounters::new(std::iter::once(settings.servers.len()));
        Self {
            coordinator: Coordinator::new(
                &[Arc::clone(settings)],
                Arc::clone(&counters),
                1_700_000_000_000_000,
            ),
            counters,
            reports: Vec::new(),
            probes: Vec::new(),
            changes: Vec::new(),
        }
    }
}

impl Stage {
    /// One turn of the coordinator.
    pub(crate) fn coordinate(&mut self) {
        self.office.coordinator.begin_turn(Time(self.now));
        for report in std::mem::take(&mut self.office.reports) {
            self.note(|| format!("{report:?}"));
            self.office.coordinator.report(report);
        }
        self.office.coordinator.expire();
        while let Some(order) = self.office.coordinator.next_order() {
            self.progress = true;
            match order {
                Order::Probe { probe, of } => self.office.probes.push((probe, number_of(&of))),
                Order::EndProbe(over) => self.office.probes.retain(|(probe, _)| *probe != over),
                Order::Notice(change) => {
                    self.note(|| format!("{change:?}"));
                    self.office.changes.push(change);
                }
                Order::Reload(next) => self.reload_workers(&next),
                Order::Publish(snapshot) => {
                    for worker in 0..self.workers.len() {
                        self.workers[worker].engine.follow(Arc::clone(&snapshot));
                        self.verify(worker);
                    }
                }
            }
        }
    }

    /// As [`Stage::move_server`], for any one.
    pub(crate) fn move_some_server(&mut self) {
        let server = self.dice.below(self.settings.servers.len());
        self.move_server(server);
    }

    /// All workers hear that `server` is at another address.
    pub(crate) fn move_server(&mut self, server: usize) {
        self.note(|| format!("server {server} moves"));
        for worker in 0..self.workers.len() {
            self.workers[worker].engine.moved(PoolIndex::new(0), ServerIndex::new(server as u32));
            self.verify(worker);
        }
    }

    /// Another configuration takes the place of the one in use.
    pub(crate) fn reload(&mut self, pools: Vec<Settings>) {
        let pools: Vec<Arc<Settings>> = pools.into_iter().map(Arc::new).collect();
        self.settings = Arc::clone(&pools[0]);
        self.office.coordinator.begin_turn(Time(self.now));
        self.office.coordinator.reload(&pools);
        self.coordinate();
    }

    fn reload_workers(&mut self, next: &Succession) {
        self.office.counters = Arc::clone(self.office.coordinator.counters());
        for worker in &mut self.workers {
            worker.counters = worker.counters.next(next);
        }
        let counters = self.workers.iter().map(|worker| &worker.counters).chain([&self.office.counters]);
        let all = AllCounters(counters.map(Arc::clone).collect());
        for number in 0..self.workers.len() {
            let worker = &mut self.workers[number];
            worker.engine.begin_turn(Time(self.now));
            worker.engine.reload(next, Arc::clone(&worker.counters), all.clone());
            self.verify(number);
        }
    }

    /// The probe of `server` is answered with `bytes`; false if there is none.
    pub(crate) fn answer_probe(&mut self, server: usize, bytes: &[u8]) -> bool {
        let Some(&(probe, _)) = self.office.probes.iter().find(|(_, of)| *of == server) else { return false };
        self.office.coordinator.begin_turn(Time(self.now));
        self.office.coordinator.probe_received(probe, bytes);
        self.coordinate();
        true
    }
}
