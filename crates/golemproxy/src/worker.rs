//! A worker: one thread with its own event loop, clients, server connections and engine; nothing is shared with other
//! workers but counters that anybody may read. This file is the whole loop: what happens on the sockets is told to the
//! engine, what the engine wishes is done, and every connection with output is written once, at the end of the turn.

use crate::notices::Notices;
use crate::places::{Place, Places};
use crate::room::{Room, Seat};
use golem_engine::id::{Connection, ServerConnId};
use golem_engine::{Engine, Failure, PoolIndex, Setup, Time, Wish};
use golem_net::{
    Clock, CloseReason, ConnId, Counts, Driver, Handler, Mailbox, Resolved, Resolver, Sender, Slices, Stream,
    Target, machine, mailbox,
};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// What other threads tell a worker.
#[derive(Debug)]
pub enum ToWorker {
    /// A client.
    Client(Arrival),
    /// An answer of the resolver.
    Resolved(Resolved),
    /// End the loop.
    Stop,
}

impl From<Resolved> for ToWorker {
    fn from(resolved: Resolved) -> Self {
        Self::Resolved(resolved)
    }
}

/// A client that was accepted.
#[derive(Debug)]
pub struct Arrival {
    /// At whose address.
    pub pool: PoolIndex,
    /// Its connection; closed before the seat is given back.
    pub stream: Stream,
    /// Its place among the clients of the process.
    pub seat: Seat,
}

/// See the top of the file.
#[derive(Debug)]
pub struct Worker {
    driver: Driver,
    desk: Desk,
    mailbox: Mailbox<ToWorker>,
    resolver: Resolver<ToWorker>,
    places: Arc<Places>,
    notices: Notices,
}

/// The engine's side of the driver: it passes on what happened.
#[derive(Debug)]
struct Desk {
    engine: Engine,
    clock: Clock,
    /// Clients that came in this turn; they are taken in when the wishes of the turn are done.
    arrivals: Vec<Arrival>,
    /// Room for the clients that are accepted here.
    room: Option<Arc<Room>>,
    /// The driver's names of the engine's connections, by index.
    clients: Vec<Option<ConnId>>,
    seats: Vec<Option<Seat>>,
    servers: Vec<Option<ConnId>>,
}

impl Worker {
    /// A worker, and the way to write to it. Not started yet; may be moved to its thread.
    ///
    /// # Errors
    /// The system has no descriptors for the poller.
    pub fn new(setup: Setup, clock: Clock, places: Arc<Places>) -> io::Result<(Self, Sender<ToWorker>)> {
        let driver = Driver::new()?;
        let (sender, mailbox) = mailbox(driver.waker(), None);
        let notices = Notices::new(&setup.pools);
        let mut engine = Engine::new(setup);
        engine.begin_turn(Time(clock.now()));
        let desk = Desk {
            engine,
            clock,
            arrivals: Vec::new(),
            room: None,
            clients: Vec::new(),
            seats: Vec::new(),
            servers: Vec::new(),
        };
        let resolver = Resolver::new(sender.clone());
        Ok((Self { driver, desk, mailbox, resolver, places, notices }, sender))
    }

    /// Accepts clients of `pool` here, as long as there is room, rather than by the supervisor: when this is the only worker.
    ///
    /// # Errors
    /// The poller refuses the listener.
    pub fn listen(&mut self, pool: u16, listener: golem_net::Listener, room: &Arc<Room>) -> io::Result<()> {
        self.desk.room = Some(Arc::clone(room));
        self.driver.listen(listener, u32::from(pool))
    }

    /// Works until told to stop; then says how much its driver did.
    ///
    /// # Errors
    /// The poller failed.
    pub fn run(mut self) -> io::Result<Counts> {
        machine::be_woken_on_time();
        self.desk.engine.preconnect();
        self.finish_turn();
        loop {
            if let Some(wait) = self.desk.engine.gather_for() {
                self.driver.gather(wait);
            }
            let wait = self.desk.engine.next_deadline().map(|at| at.since(self.desk.engine.now()));
            // Counted from the turn's one look at the clock, so timers are due a little after, never before, their time.
            let late = |wait: Duration| if wait.is_zero() { wait } else { wait + Duration::from_micros(500) };
            self.driver.turn(&mut self.desk, wait.map(late))?;
            self.desk.engine.expire();
            if !self.read_mail() {
                return Ok(self.driver.counts());
            }
            self.finish_turn();
        }
    }

    /// Does what the engine wishes and writes what it has, until there is nothing left.
    fn finish_turn(&mut self) {
        loop {
            while let Some(wish) = self.desk.engine.next_wish() {
                self.carry_out(wish);
            }
            for arrival in std::mem::take(&mut self.desk.arrivals) {
                self.take_in(arrival);
            }
            let Some(connection) = self.desk.engine.next_dirty() else { break };
            if let Some(conn) = self.desk.conn(connection) {
                self.driver.flush(&mut self.desk, conn);
            }
        }
    }

    fn carry_out(&mut self, wish: Wish) {
        match wish {
            Wish::Connect { conn, pool, server } => {
                self.notices.connecting(pool, server);
                let failure = match self.places.of(pool, server) {
                    Some(Place::Target(target)) => self.connect(conn, &target.clone()),
                    Some(Place::Name(host, port)) => self
                        .resolver
                        .ask(Connection::Server(conn).to_bits(), host, *port)
                        .map_err(|error| failure_of(CloseReason::from(&error))),
                    None => Err(Failure::HostDown),
                };
                if let Err(failure) = failure {
                    self.desk.engine.closed(Connection::Server(conn), failure);
                }
            }
            Wish::Close(connection) => {
                if let Some(conn) = self.desk.forget(connection) {
                    self.driver.close(conn);
                    self.desk.free_seat(connection);
                }
            }
            Wish::ShutdownWrite(connection) => self.with(connection, Driver::shutdown_write),
            Wish::Pause(connection) => self.with(connection, Driver::pause),
            Wish::Resume(connection) => self.with(connection, Driver::resume),
            Wish::Notice(notice) => self.notices.say(&notice, self.desk.engine.now().0),
            Wish::ReleaseMemory => machine::release_memory(),
        }
    }

    fn with(&mut self, connection: Connection, act: impl FnOnce(&mut Driver, ConnId)) {
        if let Some(conn) = self.desk.conn(connection) {
            act(&mut self.driver, conn);
        }
    }

    fn connect(&mut self, id: ServerConnId, target: &Target) -> Result<(), Failure> {
        let user = Connection::Server(id).to_bits();
        let patience = self.desk.engine.server_of(id).map(|(pool, _)| self.places.patience(pool));
        let conn = self
            .driver
            .connect_for(target, user, patience)
            .map_err(|error| failure_of(CloseReason::from(&error)))?;
        remember(&mut self.desk.servers, id.index(), conn);
        Ok(())
    }

    /// Makes a stream a client. The poller reports what has arrived on it in the next turn.
    fn take_in(&mut self, arrival: Arrival) {
        let Arrival { pool, stream, seat } = arrival;
        let engine = &mut self.desk.engine;
        let id = if seat.is_too_many() { engine.turn_away(pool) } else { engine.accept(pool) };
        let Some(id) = id else { return };
        self.notices.client_came(pool, &stream);
        match self.driver.adopt(stream, Connection::Client(id).to_bits()) {
            Ok(conn) => {
                remember(&mut self.desk.clients, id.index(), conn);
                remember(&mut self.desk.seats, id.index(), seat);
            }
            Err(error) => {
                self.desk.engine.closed(Connection::Client(id), failure_of(CloseReason::from(&error)));
            }
        }
    }

    /// Reads what other threads sent; false if it is time to stop.
    fn read_mail(&mut self) -> bool {
        while let Some(message) = self.mailbox.take() {
            match message {
                ToWorker::Client(arrival) => self.desk.arrivals.push(arrival),
                ToWorker::Resolved(Resolved { id, result }) => self.resolved(id, result),
                ToWorker::Stop => return false,
            }
        }
        true
    }

    fn resolved(&mut self, user: u64, result: io::Result<Vec<std::net::SocketAddr>>) {
        let Connection::Server(id) = Connection::from_bits(user) else { return };
        if !self.desk.engine.is_connecting(id) {
            // Given up meanwhile.
            return;
        }
        let address = result.ok().and_then(|addresses| addresses.first().copied());
        let done = match address {
            Some(address) => self.connect(id, &Target::Tcp(address)),
            None => Err(Failure::HostDown),
        };
        if let Err(failure) = done {
            self.desk.engine.closed(Connection::Server(id), failure);
        }
    }
}

impl Desk {
    fn conn(&self, connection: Connection) -> Option<ConnId> {
        let (table, index) = match connection {
            Connection::Client(id) => (&self.clients, id.index()),
            Connection::Server(id) => (&self.servers, id.index()),
        };
        table.get(index).copied().flatten()
    }

    fn forget(&mut self, connection: Connection) -> Option<ConnId> {
        let (table, index) = match connection {
            Connection::Client(id) => (&mut self.clients, id.index()),
            Connection::Server(id) => (&mut self.servers, id.index()),
        };
        table.get_mut(index)?.take()
    }

    /// Gives the seat of a client back whose connection is closed.
    fn free_seat(&mut self, connection: Connection) {
        if let Connection::Client(id) = connection
            && let Some(seat) = self.seats.get_mut(id.index())
        {
            *seat = None;
        }
    }

    fn ended(&mut self, user: u64, reason: CloseReason) {
        let connection = Connection::from_bits(user);
        self.forget(connection);
        self.free_seat(connection);
        self.engine.closed(connection, failure_of(reason));
    }
}

/// Indexes of the engine are reused only after the wish to close what was there, so a place never names two at once.
fn remember<T>(table: &mut Vec<Option<T>>, index: usize, what: T) {
    if table.len() <= index {
        table.resize_with(index + 1, || None);
    }
    if let Some(place) = table.get_mut(index) {
        *place = Some(what);
    }
}

impl Handler for Desk {
    fn woken(&mut self) {
        self.engine.begin_turn(Time(self.clock.now()));
    }

    fn has_room(&mut self, _listener: u32) -> bool {
        self.room.as_ref().is_none_or(|room| room.has_seat())
    }

    fn admit(&mut self, listener: u32, stream: Stream) -> Option<Stream> {
        if let Some(room) = &self.room {
            let pool = PoolIndex::new(listener as u16);
            let seat = room.take(pool);
            self.arrivals.push(Arrival { pool, stream, seat });
        }
        None
    }

    fn accepted(&mut self, _listener: u32, _conn: ConnId) -> Option<u64> {
        // Every stream was taken by `admit`.
        None
    }

    fn accept_failed(&mut self, _listener: u32, reason: CloseReason) {
        tracing::warn!(
            "accepting a client failed: {}; accepting goes on when a descriptor is free",
            reason.text()
        );
    }

    fn connected(&mut self, user: u64) {
        if let Connection::Server(id) = Connection::from_bits(user) {
            self.engine.connected(id);
        }
    }

    fn connect_failed(&mut self, user: u64, reason: CloseReason) {
        self.ended(user, reason);
    }

    fn received(&mut self, user: u64, bytes: &[u8]) {
        self.engine.received(Connection::from_bits(user), bytes);
    }

    fn read_target(&mut self, user: u64) -> Option<&mut [u8]> {
        self.engine.read_target(Connection::from_bits(user))
    }

    fn target_filled(&mut self, user: u64, n: usize) {
        self.engine.target_filled(Connection::from_bits(user), n);
    }

    fn end_of_stream(&mut self, user: u64) {
        self.engine.end_of_stream(Connection::from_bits(user));
    }

    fn closed(&mut self, user: u64, reason: CloseReason) {
        self.ended(user, reason);
    }

    fn output<'a>(&'a self, user: u64, slices: &mut Slices<'a>) {
        for slice in self.engine.output(Connection::from_bits(user)) {
            if !slices.push(slice) {
                break;
            }
        }
    }

    fn sent(&mut self, user: u64, n: usize) {
        self.engine.sent(Connection::from_bits(user), n);
    }
}

fn failure_of(reason: CloseReason) -> Failure {
    Failure::from_os(reason.errno())
}
