//! The coordinator's hands: the supervisor's thread gives it the clock and the reports of the workers, sends its word to all
//! of them, makes its probes on the supervisor's own driver, and writes its changes to the log. It has names looked up as well.

mod lookups;

use crate::mail::Mail;
use crate::names::Names;
use crate::notices::said_of;
use crate::places::{Named, Place, names};
use crate::worker::ToWorker;
use golem_config::Pool;
use golem_engine::coordinator::{Change, Coordinator, Order, PROBE, ProbeId, Report};
use golem_engine::counters::WorkerCounters;
use golem_engine::{Failure, ServerOf, Succession, Time};
use golem_net::{Clock, CloseReason, ConnId, Driver, Handler, Resolver, Sender, Slices, Target};
use lookups::Asker;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The `user` numbers of probes have this bit.
const PROBES: u64 = 1 << 63;

/// A probe under way.
#[derive(Debug)]
struct Visit {
    probe: ProbeId,
    /// None while the name of its server is looked up, and when the connection is gone.
    conn: Option<ConnId>,
    sent: usize,
}

/// See the top of the file.
#[derive(Debug)]
pub struct Coordination {
    coordinator: Coordinator,
    clock: Clock,
    names: Names<Asker, Named>,
    resolver: Resolver<Mail>,
    /// Those of the coordinator; what happens to names is counted there, too.
    counters: Arc<WorkerCounters>,
    visits: Vec<Visit>,
    /// The configuration that the coordinator has just gone over to; the workers are to be told.
    succession: Option<Arc<Succession>>,
}

impl Coordination {
    /// For these pools. What it counts goes to `counters`; answers about names come back by `mail`.
    pub fn new(pools: &[Arc<Pool>], counters: Arc<WorkerCounters>, clock: Clock, mail: Sender<Mail>) -> Self {
        let mut table = Names::new(clock.wall(0));
        table.serve(names(pools), Time(clock.now()));
        Self {
            coordinator: Coordinator::new(pools, Arc::clone(&counters), clock.wall(0)),
            clock,
            names: table,
            counters,
            resolver: Resolver::new(mail),
            visits: Vec::new(),
            succession: None,
        }
    }

    /// Whether a connection with this number is a probe.
    pub const fn owns(user: u64) -> bool {
        user & PROBES != 0
    }

    /// A worker reports a server that fails.
    pub fn report(&mut self, report: Report) {
        self.coordinator.report(report);
    }

    /// Goes over to another configuration. What was ordered before is done first; the caller is to tell the workers at once.
    pub fn reload(
        &mut self,
        pools: &[Arc<Pool>],
        driver: &mut Driver,
        workers: &[Sender<ToWorker>],
    ) -> Option<Arc<Succession>> {
        let now = Time(self.clock.now());
        self.coordinator.begin_turn(now);
        self.coordinator.reload(pools);
        self.carry_out(driver, workers);
        self.counters = Arc::clone(self.coordinator.counters());
        self.names.serve(names(pools), now);
        self.succession.take()
    }

    /// What is counted here rather than by a worker.
    pub const fn counters(&self) -> &Arc<WorkerCounters> {
        &self.counters
    }

    /// How long the driver may wait if nothing happens.
    pub fn wait(&self) -> Option<Duration> {
        // The system's timers may be a little early.
        let late = Duration::from_micros(500);
        let deadlines = [self.coordinator.next_deadline(), self.names.next_deadline()];
        deadlines.into_iter().flatten().min().map(|at| at.since(Time(self.clock.now())) + late)
    }

    /// Does what is due.
    pub fn work(&mut self, driver: &mut Driver, workers: &[Sender<ToWorker>]) {
        self.coordinator.expire();
        self.names.expire(Time(self.clock.now()));
        loop {
            self.carry_out(driver, workers);
            if !self.serve_names(driver, workers) {
                return;
            }
        }
    }

    fn carry_out(&mut self, driver: &mut Driver, workers: &[Sender<ToWorker>]) {
        while let Some(order) = self.coordinator.next_order() {
            match order {
                Order::Probe { probe, of } => self.begin(driver, probe, &of),
                Order::EndProbe(probe) => self.end(driver, probe),
                Order::Publish(snapshot) => {
                    for worker in workers {
                        // One that has ended needs no telling.
                        let _ = worker.send(ToWorker::Snapshot(Arc::clone(&snapshot)));
                    }
                }
                Order::Reload(next) => self.succession = Some(next),
                Order::Notice(change) => Self::say(&change),
            }
        }
    }

    /// The address of a server that is being probed is known, or not to be had.
    fn found(&mut self, driver: &mut Driver, probe: ProbeId, address: Option<SocketAddr>) {
        if !self.visits.iter().any(|visit| visit.probe == probe) {
            // It has ended meanwhile.
            return;
        }
        match address {
            Some(address) => self.connect(driver, probe, &Target::Tcp(address)),
            None => self.coordinator.probe_lost(probe, Failure::HostDown),
        }
    }

    fn begin(&mut self, driver: &mut Driver, probe: ProbeId, of: &ServerOf) {
        self.visits.push(Visit { probe, conn: None, sent: 0 });
        match Place::of(of) {
            Some(Place::Target(target)) => self.connect(driver, probe, &target),
            Some(Place::Name(name)) => self.ask(name, Asker::Probe(probe)),
            None => self.coordinator.probe_lost(probe, Failure::HostDown),
        }
    }

    fn connect(&mut self, driver: &mut Driver, probe: ProbeId, target: &Target) {
        match driver.connect(target, PROBES | probe.0) {
            Ok(conn) => {
                if let Some(visit) = self.visits.iter_mut().find(|visit| visit.probe == probe) {
                    visit.conn = Some(conn);
                }
                // It waits until the connection is there.
                driver.flush(self, conn);
            }
            Err(error) => self.coordinator.probe_lost(probe, failure_of(CloseReason::from(&error))),
        }
    }

    fn end(&mut self, driver: &mut Driver, probe: ProbeId) {
        let Some(at) = self.visits.iter().position(|visit| visit.probe == probe) else { return };
        if let Some(conn) = self.visits.swap_remove(at).conn {
            driver.close(conn);
        }
    }

    fn lost(&mut self, user: u64, reason: CloseReason) {
        if let Some(visit) = self.visit(user) {
            visit.conn = None;
            let probe = visit.probe;
            self.coordinator.probe_lost(probe, failure_of(reason));
        }
    }

    fn visit(&mut self, user: u64) -> Option<&mut Visit> {
        self.visits.iter_mut().find(|visit| PROBES | visit.probe.0 == user)
    }

    fn say(change: &Change) {
        match change {
            Change::Ejected { of, hold, left } => tracing::warn!(
                "{} is ejected for {} ms at least; {left} of {} servers are left",
                said_of(of),
                hold.as_millis(),
                of.pool.servers.len()
            ),
            Change::Kept { of, out } => tracing::warn!(
                "{} fails and is kept, since {out} of {} servers are ejected and eject_max_percent allows no more",
                said_of(of),
                of.pool.servers.len()
            ),
            Change::Restored { of, after } => {
                tracing::warn!("{} has answered and is back after {} ms", said_of(of), after.as_millis());
            }
        }
    }
}

/// The driver's calls for probes.
impl Handler for Coordination {
    fn woken(&mut self) {
        self.coordinator.begin_turn(Time(self.clock.now()));
    }

    fn accepted(&mut self, _listener: u32, _conn: ConnId) -> Option<u64> {
        // Probes are made, not accepted.
        None
    }

    fn connect_failed(&mut self, user: u64, reason: CloseReason) {
        self.lost(user, reason);
    }

    fn received(&mut self, user: u64, bytes: &[u8]) {
        self.coordinator.probe_received(ProbeId(user & !PROBES), bytes);
    }

    fn end_of_stream(&mut self, user: u64) {
        self.coordinator.probe_lost(ProbeId(user & !PROBES), Failure::ConnectionClosed);
    }

    fn closed(&mut self, user: u64, reason: CloseReason) {
        self.lost(user, reason);
    }

    fn output<'a>(&'a self, user: u64, slices: &mut Slices<'a>) {
        if let Some(visit) = self.visits.iter().find(|visit| PROBES | visit.probe.0 == user) {
            slices.push(PROBE.get(visit.sent..).unwrap_or_default());
        }
    }

    fn sent(&mut self, user: u64, n: usize) {
        if let Some(visit) = self.visit(user) {
            visit.sent += n;
        }
    }
}

fn failure_of(reason: CloseReason) -> Failure {
    Failure::from_os(reason.errno())
}
