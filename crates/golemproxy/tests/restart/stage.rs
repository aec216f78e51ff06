//! A worker on its thread, over cache servers on theirs.

use crate::client::{Client, wait_until};
use crate::trap::{A_CLIENT_COMES, Times, set_trap};
use golem_engine::coordinator::Coordinator;
use golem_engine::counters::{AllCounters, PoolSet, WorkerCounters};
use golem_engine::{Setup, WorkerLimits};
use golem_memserver::{Faults, MemServer, Options};
use golem_net::{Clock, Counts, ListenSpec, Listener, Sender, Target};
use golemproxy::crew::{self, Panics};
use golemproxy::defect::Defect;
use golemproxy::notices::SaidOfClients;
use golemproxy::room::Room;
use golemproxy::worker::{DoorChange, ToWorker, Worker};
use std::fmt::Write;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

pub(crate) fn any_port() -> Target {
    Target::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

pub(crate) fn configuration(listen: &str, timeout: u32, servers: &[MemServer]) -> String {
    let mut text = format!(
        "main:\n  listen: {listen}\n  hash: fnv1a_64\n  timeout: {timeout}\n  auto_eject_hosts: true\n  \
         eject_max_percent: 100\n  servers:\n"
    );
    for (number, server) in servers.iter().enumerate() {
        writeln!(text, "    - {}:1 server{number}", server.local_addr().unwrap()).unwrap();
    }
    text
}

/// The only worker of a process, on its thread, which accepts its clients itself.
pub(crate) struct Stage {
    pub(crate) address: SocketAddr,
    pub(crate) servers: Vec<MemServer>,
    pub(crate) counters: Arc<WorkerCounters>,
    pub(crate) room: Arc<Room>,
    pub(crate) sender: Sender<ToWorker>,
    pub(crate) coordinator: Coordinator,
    pub(crate) thread: JoinHandle<Result<io::Result<Counts>, Defect>>,
}

impl Stage {
    /// Over two servers.
    pub(crate) fn new(timeout: u32) -> Self {
        let start = |_| MemServer::start(&any_port(), Options::default()).unwrap();
        let servers: Vec<_> = (0..2).map(start).collect();
        // The address is not used: the worker is given a listener.
        let text = configuration("127.0.0.1:1", timeout, &servers);
        let config = golem_config::parse("test", &text).unwrap().config;
        let [counters, shared] = [(); 2].map(|()| WorkerCounters::new([2].into_iter()));
        let clock = Clock::new();
        let pools: Vec<_> = config.pools.iter().cloned().map(Arc::new).collect();
        let coordinator = Coordinator::new(&pools, shared, clock.wall(0));
        let setup = Setup {
            pools: pools.clone(),
            counters: Arc::clone(&counters),
            all: AllCounters([Arc::clone(&counters)].into()),
            seed: 1,
            version: "0".to_owned(),
            epoch: 0,
            workers: 1,
            limits: WorkerLimits::default(),
        };
        let (mut worker, sender) = Worker::new(setup, clock, SaidOfClients::default()).unwrap();
        let listener = Listener::bind(&ListenSpec::new(any_port())).unwrap();
        let Target::Tcp(address) = listener.address().unwrap() else { panic!("not TCP") };
        let room = Room::new(100, None);
        worker.listen(DoorChange::only(listener, &pools[0]), &room).unwrap();
        let thread = thread::spawn(move || crew::work(0, worker, &Panics::default()));
        Self { address, servers, counters, room, sender, coordinator, thread }
    }

    pub(crate) fn pool(&self) -> &PoolSet {
        &self.counters.pools[0]
    }

    pub(crate) fn silence(&self, silence: bool) {
        for server in &self.servers {
            server.set_faults(Faults { silence, ..Faults::default() }).unwrap();
        }
    }

    /// Has the worker panic while it takes in a client.
    pub(crate) fn panic(&self) {
        let before = self.pool().pool.worker_restarts.get();
        set_trap(A_CLIENT_COMES, Times::Once);
        assert!(Client::connect(self.address).ends());
        wait_until("the restart", || self.pool().pool.worker_restarts.get() > before);
    }

    pub(crate) fn stop(self) {
        self.sender.send(ToWorker::Stop).unwrap();
        self.thread.join().unwrap().unwrap().unwrap();
    }
}
