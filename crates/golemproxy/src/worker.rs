//! A worker: one thread with its own event loop, clients, server connections and engine; nothing is shared with other
//! workers but counters that anybody may read. This file is the whole loop: what happens on the sockets is told to the
//! engine, what the engine wishes is done, and every connection with output is written once, at the end of the turn.

mod desk;
mod reload;

use crate::mail::{Mail, Question};
use crate::names::Name;
use crate::notices::{Notices, SaidOfClients};
use crate::places::{Place, patience};
use crate::room::{Entrances, Room, Seat};
use desk::{Desk, failure_of, remember, slot_of};
use golem_engine::coordinator::Snapshot;
use golem_engine::id::{Connection, ServerConnId};
use golem_engine::{Engine, Failure, PoolIndex, Setup, Time, Wish};
use golem_net::{
    Clock, CloseReason, ConnId, Counts, Driver, Mailbox, Sender, Stream, Target, machine, mailbox,
};
use golem_ring::ServerIndex;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use reload::{DoorChange, Reload};

/// What other threads tell a worker.
#[derive(Debug)]
pub enum ToWorker {
    /// A client.
    Client(Arrival),
    /// The address of the name to which a connection was to be made, if one is known.
    Address(ServerConnId, Name, Option<SocketAddr>),
    /// A server has another address from now on.
    Moved(PoolIndex, ServerIndex),
    /// The coordinator's word on a pool.
    Snapshot(Arc<Snapshot>),
    /// Serve another configuration.
    Reload(Box<Reload>),
    /// End the loop when clients have what they are owed; new ones are not accepted any more.
    Leave,
    /// End the loop.
    Stop,
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
    /// The other end of the mailbox, for those who shall answer.
    own: Sender<ToWorker>,
    notices: Notices,
    /// Told to leave: turns until clients are asked for no more.
    last_turns: Option<u8>,
    supervisor: Option<Sender<Mail>>,
}

/// A value of which at least so many bytes have not come in yet goes through a pipe: below that, the additional calls cost
/// more than copying.
const PIPED: usize = 24 * 1024;

/// With the turn in which the word comes: the second one reads what clients that had just come in had asked already.
const LAST_TURNS: u8 = 2;

impl Worker {
    /// A worker, and the way to write to it. Not started yet; may be moved to its thread.
    ///
    /// # Errors
    /// The system has no descriptors for the poller.
    pub fn new(setup: Setup, clock: Clock, said: SaidOfClients) -> io::Result<(Self, Sender<ToWorker>)> {
        let driver = Driver::new()?;
        let (sender, mailbox) = mailbox(driver.waker(), None);
        let mut engine = Engine::new(setup);
        engine.begin_turn(Time(clock.now()));
        let desk = Desk {
            engine,
            clock,
            arrivals: VecDeque::new(),
            room: None,
            entrances: Entrances::new(),
            clients: Vec::new(),
            seats: Vec::new(),
            servers: Vec::new(),
        };
        let worker = Self {
            driver,
            desk,
            mailbox,
            own: sender.clone(),
            notices: Notices::new(said),
            last_turns: None,
            supervisor: None,
        };
        Ok((worker, sender))
    }

    /// Tells the supervisor of servers that fail, and asks it for the addresses of names.
    pub fn report_to(&mut self, supervisor: Sender<Mail>) {
        self.supervisor = Some(supervisor);
    }

    /// So many large values may be on their way through this worker without being copied, each through a pipe with two
    /// descriptors; none before this is called.
    pub const fn use_pipes(&mut self, most: u16) {
        self.desk.engine.use_pipes(most, PIPED);
    }

    /// Accepts clients here, as long as there is room, rather than by the supervisor: when this is the only worker.
    ///
    /// # Errors
    /// The poller refuses a listener.
    pub fn listen(&mut self, doors: DoorChange, room: &Arc<Room>) -> io::Result<()> {
        self.desk.room = Some(Arc::clone(room));
        doors.carry_out(&mut self.driver, &mut self.desk.entrances)
    }

    /// Works until told to leave or to stop; then says how much its driver did. A panic is the caller's.
    ///
    /// # Errors
    /// The poller failed.
    pub fn run(mut self) -> io::Result<Counts> {
        self.work().map(|()| self.counts())
    }

    /// How much its driver did.
    pub const fn counts(&self) -> Counts {
        self.driver.counts()
    }

    /// After a panic, before it works again: closes all connections and puts a fresh engine in the place of the one that may be
    /// broken. What others sent, and clients that were not taken in yet, wait for the next turn. Says how many clients it had.
    pub fn begin_anew(&mut self) -> usize {
        // Seats are given back when their descriptors are closed.
        self.driver.reset();
        if let Some(turns) = &mut self.last_turns {
            *turns = LAST_TURNS;
        }
        self.desk.begin_anew()
    }

    /// Works until told to leave or to stop. After a panic in here nothing else than `begin_anew` may be called.
    ///
    /// # Errors
    /// The poller failed.
    pub fn work(&mut self) -> io::Result<()> {
        machine::be_woken_on_time();
        self.desk.engine.preconnect();
        self.finish_turn();
        loop {
            if let Some(wait) = self.desk.engine.gather_for() {
                self.driver.gather(wait);
            }
            let mut wait = self.desk.engine.next_deadline().map(|at| at.since(self.desk.engine.now()));
            if self.last_turns.is_some_and(|turns| turns > 0) {
                wait = Some(Duration::ZERO);
            }
            // Counted from the turn's one look at the clock, so timers are due a little after, never before, their time.
            let late = |wait: Duration| if wait.is_zero() { wait } else { wait + Duration::from_micros(500) };
            self.driver.turn(&mut self.desk, wait.map(late))?;
            self.desk.engine.expire();
            if !self.read_mail() {
                return Ok(());
            }
            self.finish_turn();
            if self.has_left() {
                return Ok(());
            }
        }
    }

    /// Goes a step further towards the end, if told to leave; true when nothing is left to be done.
    fn has_left(&mut self) -> bool {
        let Some(turns) = self.last_turns else { return false };
        self.last_turns = Some(turns.saturating_sub(1));
        if turns == 1 {
            self.desk.engine.leave();
            self.finish_turn();
        }
        turns <= 1 && self.desk.engine.has_left()
    }

    /// Does what the engine wishes and writes what it has, until there is nothing left.
    fn finish_turn(&mut self) {
        loop {
            while let Some(wish) = self.desk.engine.next_wish() {
                self.carry_out(wish);
            }
            while let Some(arrival) = self.desk.arrivals.pop_front() {
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
            Wish::Connect { conn, of } => {
                Notices::connecting(&of);
                let failure = match Place::of(&of) {
                    Some(Place::Target(target)) => self.connect(conn, &target),
                    Some(Place::Name(name)) => {
                        let question = Question { name, conn, from: self.own.clone() };
                        self.tell(Mail::Question(question)).ok_or(Failure::HostDown)
                    }
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
            Wish::Notice(notice) => self.notices.say(&notice, &self.desk.engine),
            Wish::Report(report) => {
                // At the end of the process nobody is there to be told.
                let _ = self.tell(Mail::Report(report));
            }
            Wish::ReleaseMemory => machine::release_memory(),
            Wish::ClosePipes => self.driver.close_pipes(),
            Wish::EmptyPipe(pipe) => self.driver.empty_pipe(slot_of(pipe)),
        }
    }

    /// None if there is no supervisor.
    fn tell(&self, mail: Mail) -> Option<()> {
        self.supervisor.as_ref()?.send(mail).ok()
    }

    fn with(&mut self, connection: Connection, act: impl FnOnce(&mut Driver, ConnId)) {
        if let Some(conn) = self.desk.conn(connection) {
            act(&mut self.driver, conn);
        }
    }

    fn connect(&mut self, id: ServerConnId, target: &Target) -> Result<(), Failure> {
        let user = Connection::Server(id).to_bits();
        let patience = self.desk.engine.server_of(id).map(|of| patience(of.pool.timeout));
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
        Notices::client_came(engine.settings(pool), &stream);
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
                ToWorker::Client(arrival) => self.desk.arrivals.push_back(arrival),
                ToWorker::Address(conn, name, address) => self.found(conn, name, address),
                ToWorker::Moved(pool, server) => self.desk.engine.moved(pool, server),
                ToWorker::Snapshot(snapshot) => self.desk.engine.follow(snapshot),
                ToWorker::Reload(next) => self.reload(*next),
                ToWorker::Leave => {
                    let doors: Vec<u32> = self.desk.entrances.keys().copied().collect();
                    for door in doors {
                        self.driver.close_listener(door, &mut self.desk);
                    }
                    self.desk.entrances.clear();
                    self.last_turns.get_or_insert(LAST_TURNS);
                }
                ToWorker::Stop => return false,
            }
        }
        true
    }

    /// The supervisor has an address for a connection, or knows none.
    fn found(&mut self, id: ServerConnId, name: Name, address: Option<SocketAddr>) {
        let engine = &self.desk.engine;
        let place = engine.server_of(id).filter(|_| engine.is_connecting(id)).and_then(Place::of);
        let is_begun = self.desk.conn(Connection::Server(id)).is_some();
        // It may have been given up meanwhile, and after a panic another one may have its number.
        if place != Some(Place::Name(name)) || is_begun {
            return;
        }
        let done = match address {
            Some(address) => self.connect(id, &Target::Tcp(address)),
            None => Err(Failure::HostDown),
        };
        if let Err(failure) = done {
            self.desk.engine.closed(Connection::Server(id), failure);
        }
    }
}

#[cfg(test)]
mod tests;
