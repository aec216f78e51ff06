//! The supervisor: starts the workers, accepts clients for them when there are several, serves the statistics port, and
//! waits for signals. It is on the control plane only: no request passes through it.

mod reload;

use crate::coordination::Coordination;
use crate::crew::{self, Panics};
use crate::descriptors::Descriptors;
use crate::doors::{Doors, Renewal};
use crate::mail::Mail;
use crate::notices::SaidOfClients;
use crate::room::{Entrance, Entrances, PoolRoom, Room};
use crate::statistics::{Source, Visit, Visitors};
use crate::worker::{Arrival, ToWorker, Worker};
use golem_config::{Config, Pool};
use golem_engine::Setup;
use golem_engine::counters::{AllCounters, WorkerCounters};
use golem_net::{
    Clock, CloseReason, ConnId, Driver, Handler, Mailbox, Sender, Signals, Slices, Stream, mailbox,
};
pub use reload::Listening;
use reload::{divide, entrances, limits_of};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

pub use crate::mail::Event;

/// See the top of the file.
#[derive(Debug)]
pub struct Supervisor {
    doors: Doors,
    driver: Driver,
    desk: Reception,
    mail: Mailbox<Mail>,
    workers: Vec<JoinHandle<()>>,
    signals: Signals,
    /// Configurations that workers were told of, and how many have not said that they serve it.
    told: Vec<(u64, usize)>,
}

/// Hands accepted clients to the workers, and the statistics to those who ask; probes go to the coordination.
#[derive(Debug)]
struct Reception {
    workers: Vec<Sender<ToWorker>>,
    /// Clients handed to each worker so far: what its own counters do not show yet is on its way.
    handed: Vec<i64>,
    room: Arc<Room>,
    /// The pools behind the listeners here.
    entrances: Entrances,
    /// The listener of the statistics.
    statistics: Option<u32>,
    source: Source,
    visitors: Visitors,
    coordination: Coordination,
}

impl Supervisor {
    /// Opens the listening sockets of the pools and starts all workers; the servers are in this process.
    ///
    /// # Errors
    /// All the problems at once: each one says which pool and what to do.
    pub fn start(config: &Config, workers: usize, clock: Clock) -> Result<Self, Vec<String>> {
        let doors = Doors::open(config, None, false)?;
        // The other ends of the server connections and of their listeners.
        let servers = config.pools.iter().map(|pool| pool.servers.len() as u64).sum::<u64>();
        let descriptors = Descriptors::raise(config, workers).keeping(servers * (workers as u64 + 8));
        Self::start_behind(doors, config, workers, clock, descriptors)
            .map_err(|error| vec![format!("cannot start: {error}")])
    }

    /// Starts all workers behind sockets that are open, for as many clients at a time as there are descriptors for.
    ///
    /// # Errors
    /// The system has no descriptors or threads for them.
    pub fn start_behind(
        mut renewal: Renewal,
        config: &Config,
        count: usize,
        clock: Clock,
        descriptors: Descriptors,
    ) -> io::Result<Self> {
        let sizes: Vec<usize> = config.pools.iter().map(|pool| pool.servers.len()).collect();
        let own: Vec<_> = (0..count).map(|_| WorkerCounters::new(sizes.iter().copied())).collect();
        let shared = WorkerCounters::new(sizes.iter().copied());
        let counters = AllCounters(own.iter().chain([&shared]).map(Arc::clone).collect());
        let pools: Vec<Arc<Pool>> = config.pools.iter().cloned().map(Arc::new).collect();
        let said = SaidOfClients::default();
        let limits = limits_of(&config.process);
        let mut driver = Driver::new()?;
        let (sender, mail) = mailbox(driver.waker(), None);
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
                limits,
            };
            let (mut worker, to_worker) = Worker::new(setup, clock, said.clone())?;
            worker.report_to(sender.clone());
            worker.use_pipes(descriptors.pipes());
            made.push(worker);
            senders.push(to_worker);
        }
        // A worker that accepts by itself also closes by itself, and needs no waking.
        let room = Room::new(descriptors.clients(), (count > 1).then(|| driver.waker()));
        // Signals are caught and all is there: whoever can connect is served.
        let listening = renewal.listen().map_err(|problems| io::Error::other(problems.join("\n")))?;
        let entrances = entrances(&renewal, pools.iter().map(|pool| PoolRoom::new(pool)));
        let (statistics, of_pools) = divide(&renewal, listening, entrances.clone());
        statistics.carry_out(&mut driver, &mut Entrances::new())?;
        match made.as_mut_slice() {
            [only] => only.listen(of_pools, &room)?,
            _ => of_pools.carry_out(&mut driver, &mut Entrances::new())?,
        }
        let statistics = renewal.statistics;
        let mut doors = Doors::default();
        doors.adopt(renewal);
        let panics = Panics::default();
        let threads = made
            .into_iter()
            .enumerate()
            .map(|(number, worker)| crew::start(number, worker, sender.clone(), panics.clone()));
        let threads = threads.collect::<io::Result<Vec<_>>>()?;
        let host = golem_net::machine::hostname().unwrap_or_default();
        let coordination = Coordination::new(&pools, shared, clock, sender);
        let source = Source { host, start: Instant::now(), pools, counters, past: 0 };
        let desk = Reception {
            handed: vec![0; senders.len()],
            workers: senders,
            room,
            entrances,
            statistics,
            source,
            visitors: Visitors::default(),
            coordination,
        };
        Ok(Self { doors, driver, desk, mail, workers: threads, signals, told: Vec::new() })
    }

    /// Waits for the next thing that concerns the whole process, accepting clients and serving statistics meanwhile.
    ///
    /// # Errors
    /// The poller failed.
    pub fn next_event(&mut self) -> io::Result<Event> {
        loop {
            if let Some(event) = self.next_event_before(None)? {
                return Ok(event);
            }
        }
    }

    /// Likewise, but not longer than until `deadline`: then there is none.
    ///
    /// # Errors
    /// The poller failed.
    pub fn next_event_before(&mut self, deadline: Option<Instant>) -> io::Result<Option<Event>> {
        loop {
            while let Some(mail) = self.mail.take() {
                match mail {
                    Mail::Event(event) => return Ok(Some(event)),
                    Mail::Serving(number) => {
                        if self.is_served_by_all(number) {
                            return Ok(Some(Event::InUse));
                        }
                    }
                    Mail::Report(report) => self.desk.coordination.report(report),
                    Mail::Question(question) => self.desk.coordination.question(question),
                    Mail::Resolved(answer) => self.desk.coordination.resolved(answer),
                }
            }
            let wait = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if wait.is_some_and(|wait| wait.is_zero()) {
                return Ok(None);
            }
            self.desk.coordination.work(&mut self.driver, &self.desk.workers);
            let wait = wait.into_iter().chain(self.desk.coordination.wait()).min();
            self.driver.turn(&mut self.desk, wait)?;
            while let Some(visit) = self.desk.visitors.next_visit() {
                match visit {
                    Visit::Flush(conn) => self.driver.flush(&mut self.desk, conn),
                    Visit::Finish(conn) => self.driver.shutdown_write(conn),
                    Visit::Close(conn) => self.driver.close(conn),
                }
            }
        }
    }

    /// From now on SIGTERM and SIGINT end the process at once, with exit code 1, should something hold up its end.
    pub fn begin_end(&self) {
        self.signals.end_at_once();
    }

    /// Closes all listening sockets, so that a successor can have their addresses, and tells the workers to end when what is in
    /// flight is answered; each one's end is an event.
    pub fn leave(&mut self) {
        // While the sockets exist, nobody else's file can be taken for one of theirs.
        self.doors.remove_files();
        for number in self.doors.numbers() {
            self.driver.close_listener(number, &mut self.desk);
        }
        for worker in &self.desk.workers {
            // One that has ended already needs no telling.
            let _ = worker.send(ToWorker::Leave);
        }
    }

    /// How many workers were started.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// How many clients there are.
    pub fn clients(&self) -> usize {
        self.desk.room.taken()
    }

    /// Ends the workers. Clients are closed.
    pub fn stop(mut self) {
        self.begin_end();
        self.doors.remove_files();
        for worker in &self.desk.workers {
            // One that has ended already needs no telling.
            let _ = worker.send(ToWorker::Stop);
        }
        for thread in self.workers {
            // Why one ended was told by its farewell.
            let _ = thread.join();
        }
    }
}

impl Reception {
    /// The worker with the fewest clients.
    fn emptiest(&self) -> usize {
        let load = |number: usize| {
            let (here, come) = self.clients_of(number);
            here + self.handed.get(number).copied().unwrap_or(0) - come
        };
        (0..self.workers.len()).min_by_key(|number| load(*number)).unwrap_or(0)
    }

    /// The clients that a worker has, and has had, as far as it has counted them.
    fn clients_of(&self, number: usize) -> (i64, i64) {
        let pools = self.source.counters.0.get(number).into_iter().flat_map(|worker| &worker.pools);
        pools.fold((0, 0), |(here, come), set| {
            (here + set.pool.client_connections.get(), come + set.pool.client_total.get())
        })
    }
}

impl Handler for Reception {
    fn has_room(&mut self, listener: u32) -> bool {
        self.statistics == Some(listener) || self.room.has_seat()
    }

    fn woken(&mut self) {
        self.coordination.woken();
    }

    fn admit(&mut self, listener: u32, stream: Stream) -> Option<Stream> {
        let Some(Entrance { pool, room }) = self.entrances.get(&listener) else {
            return (self.statistics == Some(listener)).then_some(stream);
        };
        let arrival = Arrival { pool: *pool, stream, seat: self.room.take(room) };
        let number = self.emptiest();
        if let Some(worker) = self.workers.get(number)
            && worker.send(ToWorker::Client(arrival)).is_ok()
            && let Some(handed) = self.handed.get_mut(number)
        {
            *handed += 1;
        }
        None
    }

    fn accepted(&mut self, _listener: u32, conn: ConnId) -> Option<u64> {
        // Only the statistics admit connections to this driver.
        Some(self.visitors.come(conn, self.source.document()))
    }

    fn accept_failed(&mut self, _listener: u32, reason: CloseReason) {
        tracing::warn!(
            "accepting a client failed: {}; accepting goes on when a descriptor is free",
            reason.text()
        );
    }

    fn connect_failed(&mut self, user: u64, reason: CloseReason) {
        // Only probes are connected from here.
        self.coordination.connect_failed(user, reason);
    }

    fn received(&mut self, user: u64, bytes: &[u8]) {
        // Whatever is asked of the statistics, there is one answer.
        if Coordination::owns(user) {
            self.coordination.received(user, bytes);
        }
    }

    fn end_of_stream(&mut self, user: u64) {
        if Coordination::owns(user) {
            self.coordination.end_of_stream(user);
        } else {
            self.visitors.ended(user);
        }
    }

    fn closed(&mut self, user: u64, reason: CloseReason) {
        if Coordination::owns(user) {
            self.coordination.closed(user, reason);
        } else {
            self.visitors.gone(user);
        }
    }

    fn output<'a>(&'a self, user: u64, slices: &mut Slices<'a>) {
        if Coordination::owns(user) {
            self.coordination.output(user, slices);
        } else {
            self.visitors.output(user, slices);
        }
    }

    fn sent(&mut self, user: u64, n: usize) {
        if Coordination::owns(user) {
            self.coordination.sent(user, n);
        } else {
            self.visitors.sent(user, n);
        }
    }
}
