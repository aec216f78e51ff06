//! The supervisor: builds everything that can fail, starts the workers, accepts clients for them when there are several,
//! and waits for signals. It is on the control plane only: no request passes through it.

use crate::places::Places;
use crate::worker::{ToWorker, Worker};
use golem_config::{Config, ListenTarget, Pool};
use golem_engine::counters::{AllCounters, WorkerCounters};
use golem_engine::{PoolIndex, Setup};
use golem_net::{
    Clock, CloseReason, ConnId, Driver, Handler, ListenSpec, Listener, Mailbox, Sender, Signal, Signals,
    Slices, Stream, Target, mailbox,
};
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

/// What happened that concerns the whole process.
#[derive(Debug)]
pub enum Event {
    /// The process got a signal.
    Signal(Signal),
    /// A worker has ended, with this error.
    WorkerEnded(String),
}

impl From<Signal> for Event {
    fn from(signal: Signal) -> Self {
        Self::Signal(signal)
    }
}

/// Opens the listening socket of a pool.
///
/// # Errors
/// The host does not resolve, or the address cannot be bound; the text names pool and address.
pub fn bind(pool: &Pool) -> Result<Listener, String> {
    let place = |error: &dyn std::fmt::Display| {
        format!("pool '{}': cannot listen on '{}': {error}", pool.name, pool.listen.source)
    };
    let (address, mode) = match &pool.listen.target {
        ListenTarget::Unix { path, mode } => (Target::Unix(path.into()), *mode),
        ListenTarget::Tcp { host, port } => {
            let found = golem_net::resolve(host, *port).map_err(|error| place(&error))?;
            let first = found.first().copied().ok_or_else(|| place(&"the name has no address"))?;
            (Target::Tcp(first), None)
        }
    };
    let mut spec = ListenSpec::new(address);
    spec.backlog = pool.backlog;
    spec.reuseport = pool.reuseport;
    spec.keepalive = pool.tcpkeepalive;
    spec.mode = mode;
    Listener::bind(&spec).map_err(|error| place(&error))
}

/// See the top of the file.
#[derive(Debug)]
pub struct Supervisor {
    driver: Driver,
    desk: Reception,
    events: Mailbox<Event>,
    workers: Vec<JoinHandle<()>>,
    _signals: Signals,
}

/// Hands accepted clients to the workers.
#[derive(Debug)]
struct Reception {
    workers: Vec<Sender<ToWorker>>,
    counters: AllCounters,
    /// Clients handed to each worker so far: what its own counters do not show yet is on its way.
    handed: Vec<i64>,
}

impl Supervisor {
    /// Binds all listeners and starts all workers.
    ///
    /// # Errors
    /// All the problems at once: each one says which pool and what to do.
    pub fn start(config: &Config, workers: usize, clock: Clock) -> Result<Self, Vec<String>> {
        let (listeners, problems): (Vec<_>, Vec<_>) = config.pools.iter().map(bind).partition(Result::is_ok);
        let problems: Vec<String> = problems.into_iter().filter_map(Result::err).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let listeners = listeners.into_iter().flatten().collect();
        Self::start_with(config, workers, clock, listeners)
            .map_err(|error| vec![format!("cannot start: {error}")])
    }

    fn start_with(config: &Config, count: usize, clock: Clock, listeners: Vec<Listener>) -> io::Result<Self> {
        let sizes: Vec<usize> = config.pools.iter().map(|pool| pool.servers.len()).collect();
        let own: Vec<_> = (0..count).map(|_| WorkerCounters::new(sizes.iter().copied())).collect();
        let counters = AllCounters(own.clone().into());
        let places = Arc::new(Places::new(config));
        let pools: Vec<Arc<Pool>> = config.pools.iter().cloned().map(Arc::new).collect();

        let mut driver = Driver::new()?;
        let (sender, events) = mailbox(driver.waker(), None);
        let signals = Signals::catch(sender.clone())?;
        let (mut made, mut senders) = (Vec::new(), Vec::new());
        for (number, counters_of_worker) in own.into_iter().enumerate() {
            let setup = Setup {
                pools: pools.clone(),
                counters: counters_of_worker,
                all: counters.clone(),
                seed: clock.wall(0) ^ ((number as u64) << 48),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                epoch: clock.wall(0) / 1_000_000,
                workers: count,
            };
            let (worker, sender) = Worker::new(setup, clock, Arc::clone(&places))?;
            made.push(worker);
            senders.push(sender);
        }
        for (pool, listener) in (0u16..).zip(listeners) {
            match made.as_mut_slice() {
                [only] => only.listen(pool, listener)?,
                _ => driver.listen(listener, u32::from(pool))?,
            }
        }
        let threads =
            made.into_iter().enumerate().map(|(number, worker)| run(number, worker, sender.clone()));
        let threads = threads.collect::<io::Result<Vec<_>>>()?;
        let desk = Reception { handed: vec![0; senders.len()], workers: senders, counters };
        Ok(Self { driver, desk, events, workers: threads, _signals: signals })
    }

    /// The counters of all workers.
    pub fn counters(&self) -> AllCounters {
        self.desk.counters.clone()
    }

    /// Waits for the next thing that concerns the whole process, accepting clients meanwhile.
    ///
    /// # Errors
    /// The poller failed.
    pub fn next_event(&mut self) -> io::Result<Event> {
        loop {
            if let Some(event) = self.events.take() {
                return Ok(event);
            }
            self.driver.turn(&mut self.desk, None)?;
        }
    }

    /// Ends the workers. Clients are closed.
    pub fn stop(self) {
        for worker in &self.desk.workers {
            // One that has ended already needs no telling.
            let _ = worker.send(ToWorker::Stop);
        }
        for thread in self.workers {
            let _ = thread.join();
        }
    }
}

fn run(number: usize, worker: Worker, events: Sender<Event>) -> io::Result<JoinHandle<()>> {
    Builder::new().name(format!("worker-{number}")).spawn(move || {
        if let Err(error) = worker.run() {
            let _ = events.send(Event::WorkerEnded(format!("worker {number}: {error}")));
        }
    })
}

impl Reception {
    /// The worker with the fewest clients.
    fn emptiest(&self) -> usize {
        let load = |number: usize| {
            let pools = self.counters.0.get(number).into_iter().flat_map(|worker| &worker.pools);
            let (here, come) = pools.fold((0, 0), |(here, come), set| {
                (here + set.pool.client_connections.get(), come + set.pool.client_total.get())
            });
            here + self.handed.get(number).copied().unwrap_or(0) - come
        };
        (0..self.workers.len()).min_by_key(|number| load(*number)).unwrap_or(0)
    }
}

impl Handler for Reception {
    fn admit(&mut self, listener: u32, stream: Stream) -> Option<Stream> {
        let number = self.emptiest();
        if let Some(worker) = self.workers.get(number)
            && worker.send(ToWorker::Client(PoolIndex::new(listener as u16), stream)).is_ok()
            && let Some(handed) = self.handed.get_mut(number)
        {
            *handed += 1;
        }
        None
    }

    fn accepted(&mut self, _listener: u32, _conn: ConnId) -> Option<u64> {
        None
    }

    fn accept_failed(&mut self, _listener: u32, reason: CloseReason) {
        tracing::warn!(
            "accepting a client failed: {}; accepting goes on when a descriptor is free",
            reason.text()
        );
    }

    fn received(&mut self, _user: u64, _bytes: &[u8]) {}

    fn end_of_stream(&mut self, _user: u64) {}

    fn closed(&mut self, _user: u64, _reason: CloseReason) {}

    fn output<'a>(&'a self, _user: u64, _slices: &mut Slices<'a>) {}

    fn sent(&mut self, _user: u64, _n: usize) {}
}
