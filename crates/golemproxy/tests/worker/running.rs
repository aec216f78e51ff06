//! A worker on its thread, over cache servers on theirs.

use crate::heap::{self, Heap};
use golem_engine::Setup;
use golem_engine::counters::{AllCounters, PoolSet, WorkerCounters};
use golem_memserver::{Faults, MemServer, Options};
use golem_net::{Clock, Counts, ListenSpec, Listener, Sender, Target};
use golemproxy::notices::SaidOfClients;
use golemproxy::room::Room;
use golemproxy::worker::{DoorChange, ToWorker, Worker};
use std::fmt::Write;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// One at a time: the tests of this program share the processors and the process's memory.
static TURN: Mutex<()> = Mutex::new(());

fn any_port() -> Target {
    Target::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts cache servers, once no other test of this program runs.
pub(crate) fn servers(number: usize) -> (MutexGuard<'static, ()>, Vec<MemServer>) {
    let turn = turn();
    let start = |_| MemServer::start(&any_port(), Options::default()).unwrap();
    (turn, (0..number).map(start).collect())
}

/// A configuration file with one pool over the servers.
pub(crate) fn configuration(listen: &str, servers: &[MemServer]) -> String {
    let addresses: Vec<_> = servers.iter().map(|server| server.local_addr().unwrap()).collect();
    configuration_of(listen, &addresses)
}

fn configuration_of(listen: &str, servers: &[SocketAddr]) -> String {
    let mut text = format!("main:\n  listen: {listen}\n  hash: fnv1a_64\n  timeout: 5000\n  servers:\n");
    for (number, server) in servers.iter().enumerate() {
        writeln!(text, "    - {server}:1 server{number}").unwrap();
    }
    text
}

/// A worker that listens and is not started yet: who connects now is accepted in its first turn.
pub(crate) struct Waiting {
    pub(crate) address: SocketAddr,
    pub(crate) servers: Vec<MemServer>,
    counters: Arc<WorkerCounters>,
    worker: Worker,
    sender: Sender<ToWorker>,
    turn: MutexGuard<'static, ()>,
}

/// A running worker.
pub(crate) struct Running {
    pub(crate) servers: Vec<MemServer>,
    pub(crate) counters: Arc<WorkerCounters>,
    pub(crate) heap: &'static Heap,
    sender: Sender<ToWorker>,
    thread: JoinHandle<io::Result<Counts>>,
    _turn: MutexGuard<'static, ()>,
}

impl Waiting {
    /// Over so many cache servers.
    pub(crate) fn new(servers: usize) -> Self {
        let (turn, servers) = self::servers(servers);
        // The address is not used: the worker is given a listener.
        let text = configuration("127.0.0.1:1", &servers);
        Self::with(turn, servers, &text)
    }

    /// Over servers of the test.
    pub(crate) fn over(addresses: &[SocketAddr]) -> Self {
        Self::with(turn(), Vec::new(), &configuration_of("127.0.0.1:1", addresses))
    }

    fn with(turn: MutexGuard<'static, ()>, servers: Vec<MemServer>, text: &str) -> Self {
        let config = golem_config::parse("test", text).unwrap().config;
        let counters = WorkerCounters::new([config.pools[0].servers.len()].into_iter());
        let clock = Clock::new();
        let pools: Vec<_> = config.pools.iter().cloned().map(Arc::new).collect();
        let setup = Setup {
            pools: pools.clone(),
            counters: Arc::clone(&counters),
            all: AllCounters([Arc::clone(&counters)].into()),
            seed: 1,
            version: "0".to_owned(),
            epoch: clock.wall(0) / 1_000_000,
            workers: 1,
            limits: golem_engine::WorkerLimits::default(),
        };
        let (mut worker, sender) = Worker::new(setup, clock, SaidOfClients::default()).unwrap();
        let mut spec = ListenSpec::new(any_port());
        spec.backlog = 4096;
        let listener = Listener::bind(&spec).unwrap();
        let Target::Tcp(address) = listener.address().unwrap() else { panic!("not TCP") };
        worker.listen(DoorChange::only(listener, &pools[0]), &Room::new(usize::MAX, None)).unwrap();
        Self { address, servers, counters, worker, sender, turn }
    }

    /// Starts it.
    pub(crate) fn start(self) -> Running {
        let Self { servers, counters, worker, sender, turn, .. } = self;
        let heap: &'static Heap = Box::leak(Box::default());
        let thread = thread::spawn(move || {
            heap::watch(heap);
            worker.run()
        });
        Running { servers, counters, heap, sender, thread, _turn: turn }
    }
}

impl Running {
    /// Waits until `is_so` of the worker's counters.
    pub(crate) fn wait_until(&self, what: &str, is_so: impl Fn(&PoolSet) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !is_so(&self.counters.pools[0]) {
            assert!(Instant::now() < deadline, "{what} does not happen: {:?}", self.counters.pools[0]);
            thread::yield_now();
        }
    }

    /// Lets one server keep its replies to itself, or all of them answer.
    pub(crate) fn silence(&self, silent: Option<usize>) {
        for (number, server) in self.servers.iter().enumerate() {
            server.set_faults(Faults { silence: silent == Some(number), ..Faults::default() }).unwrap();
        }
    }

    /// Ends the worker and says how much its driver did.
    pub(crate) fn stop(self) -> Counts {
        self.sender.send(ToWorker::Stop).unwrap();
        self.thread.join().unwrap().unwrap()
    }
}
