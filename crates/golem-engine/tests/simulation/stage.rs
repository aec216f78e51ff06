//! Where a simulation plays: engines, connections and a clock, driven exactly as the driver would. Who the peers are and
//! what they do is somebody else's business: scripts and the random world act on the links.

pub(crate) mod coordinating;
mod driving;
mod settings;
mod writing;

use crate::dice::Dice;
use crate::link::{Attempt, Link};
use crate::pipe::Pipe;
use coordinating::Office;
use golem_engine::counters::{AllCounters, WorkerCounters};
use golem_engine::id::{ClientId, Connection};
use golem_engine::{Engine, Notice, PoolIndex, ServerOf, Setup, Time, WorkerLimits};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use golem_config::Pool as Settings;
pub(crate) use settings::settings;

/// How bytes are cut on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cuts {
    /// As they come, up to the driver's scratch buffer.
    Whole,
    /// One to three bytes.
    Tiny,
    /// Now this, now that.
    Mixed,
}

/// The driver's scratch buffer.
const SCRATCH: usize = 64 * 1024;

/// One engine and what its driver knows.
pub(crate) struct Worker {
    pub(crate) engine: Engine,
    pub(crate) counters: Arc<WorkerCounters>,
    links: BTreeMap<Connection, usize>,
    /// Connections that it was told are gone, in this turn: it may have wished to close them just before.
    gone: Vec<Connection>,
    /// The place of the coordinator's word that it follows.
    pub(crate) word: usize,
    /// What lies in its pipes.
    pipes: Vec<Pipe>,
    /// There was something in one of them since they were last closed.
    has_pipes: bool,
}

/// An engine wants a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) link: usize,
    pub(crate) server: usize,
}

pub(crate) struct Stage {
    pub(crate) name: String,
    /// Microseconds.
    pub(crate) now: u64,
    pub(crate) settings: Arc<Settings>,
    pub(crate) workers: Vec<Worker>,
    pub(crate) office: Office,
    pub(crate) links: Vec<Link>,
    /// Wanted connections that no server has looked at.
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) dice: Dice,
    pub(crate) cuts: Cuts,
    /// Room of pipes of server connections.
    pub(crate) server_room: usize,
    /// Events that an engine or the coordinator was told of, each followed by a check of all that must hold.
    pub(crate) steps: u64,
    /// Events that were not followed by one, because there was much to check.
    unchecked: u64,
    /// Leaps of time, in which nobody could do anything: when they ended, and microseconds.
    pub(crate) leaps: Vec<(u64, u64)>,
    /// Servers have moved.
    has_moved: bool,
    /// What is ready is told in any order.
    pub(crate) is_shuffled: bool,
    /// Something happened since it was last cleared.
    pub(crate) progress: bool,
    trace: bool,
}

impl Stage {
    /// `workers` engines with one pool.
    pub(crate) fn new(name: String, settings: Settings, workers: usize, dice: Dice) -> Self {
        let settings = Arc::new(settings);
        let counters: Vec<Arc<WorkerCounters>> =
            (0..workers).map(|_| WorkerCounters::new(std::iter::once(settings.servers.len()))).collect();
        let office = Office::new(&settings, workers);
        let all = counters.iter().chain([&office.counters]).map(Arc::clone).collect();
        let all = AllCounters(all);
        let workers = counters
            .into_iter()
            .enumerate()
            .map(|(number, counters)| Worker {
                engine: Engine::new(Setup {
                    pools: vec![Arc::clone(&settings)],
                    counters: Arc::clone(&counters),
                    all: all.clone(),
                    seed: number as u64,
                    version: "0.1.0".to_owned(),
                    epoch: 1_700_000_000,
                    workers,
                    limits: WorkerLimits::default(),
                }),
                counters,
                links: BTreeMap::new(),
                gone: Vec::new(),
                word: 0,
                pipes: Vec::new(),
                has_pipes: false,
            })
            .collect();
        Self {
            name,
            now: 1,
            settings,
            workers,
            office,
            links: Vec::new(),
            arrivals: Vec::new(),
            notices: Vec::new(),
            dice,
            cuts: Cuts::Whole,
            server_room: 1 << 20,
            steps: 0,
            unchecked: 0,
            leaps: Vec::new(),
            is_shuffled: false,
            has_moved: false,
            progress: false,
            trace: std::env::var_os("GOLEM_SIM_TRACE").is_some(),
        }
    }

    /// Every worker may hold so many bytes.
    pub(crate) fn limit(&mut self, soft: u64, hard: u64) {
        for worker in &mut self.workers {
            worker.engine.limit(WorkerLimits { soft, hard });
        }
    }

    /// Every worker has so many pipes with room for so many bytes, for values of which at least so many are missing.
    pub(crate) fn use_pipes(&mut self, most: u16, room: usize, least: usize) {
        for worker in &mut self.workers {
            worker.pipes = (0..most).map(|_| Pipe::new(room)).collect();
            worker.engine.use_pipes(most, least);
        }
    }

    /// Bytes that lie in the pipes of a worker.
    pub(crate) fn in_pipes(&self, worker: usize) -> usize {
        self.workers[worker].pipes.iter().map(Pipe::len).sum()
    }

    /// Whether a worker has pipes open.
    pub(crate) fn has_pipes(&self) -> bool {
        self.workers.iter().any(|worker| worker.has_pipes)
    }

    fn close_pipes(&mut self, worker: usize) {
        if self.in_pipes(worker) > 0 {
            self.fail("something lies in the pipes that are to be closed");
        }
        self.workers[worker].has_pipes = false;
    }

    /// A client comes in; its link.
    pub(crate) fn accept(&mut self, worker: usize, room: (usize, usize)) -> usize {
        self.workers[worker].engine.begin_turn(Time(self.now));
        let id = self.workers[worker].engine.accept(PoolIndex::new(0));
        self.adopt(worker, room, id)
    }

    /// A client comes in that is one too many; its link.
    pub(crate) fn turn_away(&mut self, worker: usize, room: (usize, usize)) -> usize {
        self.workers[worker].engine.begin_turn(Time(self.now));
        let id = self.workers[worker].engine.turn_away(PoolIndex::new(0));
        self.adopt(worker, room, id)
    }

    /// The process ends: a worker is to let its clients go.
    pub(crate) fn leave(&mut self, worker: usize) {
        self.workers[worker].engine.begin_turn(Time(self.now));
        self.workers[worker].engine.leave();
        self.verify(worker);
        self.finish_turn(worker);
    }

    fn adopt(&mut self, worker: usize, room: (usize, usize), id: Option<ClientId>) -> usize {
        let Some(id) = id else { self.fail("the engine takes no client") };
        let link = self.links.len();
        let mut fresh = Link::new(worker, Connection::Client(id), room);
        fresh.attempt = Attempt::Over;
        fresh.active = self.now;
        self.links.push(fresh);
        self.workers[worker].links.insert(Connection::Client(id), link);
        self.verify(worker);
        link
    }

    /// Microseconds that have leapt since `since`.
    pub(crate) fn leapt_since(&self, since: u64) -> u64 {
        self.leaps.iter().filter(|(end, _)| *end > since).map(|(_, leap)| leap).sum()
    }

    /// One line of the history, if it is wanted.
    pub(crate) fn note(&self, what: impl FnOnce() -> String) {
        if self.trace {
            eprintln!("{:>9} {}", self.now, what());
        }
    }

    /// Ends the simulation: something is not as it must be.
    pub(crate) fn fail(&self, what: &str) -> ! {
        panic!("{} at {} µs: {what}", self.name, self.now)
    }

    /// When the first engine wants to look at its timers.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        let engines = self.workers.iter().map(|worker| worker.engine.next_deadline());
        engines.chain([self.office.coordinator.next_deadline()]).flatten().map(|time| time.0).min()
    }

    /// Sums of a pool counter over the workers, by its name.
    pub(crate) fn pool_counter(&self, name: &str) -> i64 {
        let table = golem_engine::counters::PoolCounters::TABLE;
        let Some(place) = table.iter().position(|row| row.0 == name) else { self.fail(name) };
        self.counters().map(|counters| counters.pools[0].pool.values()[place]).sum()
    }

    /// Sums of a server counter over the workers, by its name.
    pub(crate) fn server_counter(&self, server: usize, name: &str) -> i64 {
        let table = golem_engine::counters::ServerCounters::TABLE;
        let Some(place) = table.iter().position(|row| row.0 == name) else { self.fail(name) };
        let label = format!("s{server}");
        let Some(server) = self.settings.servers.iter().position(|server| server.label == label) else {
            return 0;
        };
        self.counters().map(|counters| counters.pools[0].servers[server].values()[place]).sum()
    }

    fn counters(&self) -> impl Iterator<Item = &WorkerCounters> {
        self.workers.iter().map(|worker| &*worker.counters).chain([&*self.office.counters])
    }
}

/// Which fake server is meant: the number in its label.
pub(crate) fn number_of(of: &ServerOf) -> usize {
    number_in(of.settings().map_or("", |server| &server.label))
}

fn number_in(label: &str) -> usize {
    label.trim_start_matches('s').parse().expect("a label with a number")
}

/// Bytes as a person reads them, shortened.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let front = &bytes[..bytes.len().min(100)];
    let more = if bytes.len() > 100 { format!("… ({} bytes)", bytes.len()) } else { String::new() };
    format!("{}{more}", front.escape_ascii())
}
