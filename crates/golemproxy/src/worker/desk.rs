//! The engine's side of the driver: it passes on what happened on the sockets, and knows the driver's names of the engine's
//! connections. A connection's name and seat are forgotten when it is closed, before its index is used again.

use super::Arrival;
use crate::room::{Entrance, Entrances, Room, Seat};
use golem_engine::id::Connection;
use golem_engine::{Engine, Failure, PipeId, Time};
use golem_net::{Clock, CloseReason, ConnId, Handler, PipeSlot, ReadTarget, Slices, Stream};
use std::collections::VecDeque;
use std::sync::Arc;

/// The engine's side of the driver: it passes on what happened.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) engine: Engine,
    pub(super) clock: Clock,
    /// Clients that came in this turn; they are taken in when the wishes of the turn are done.
    pub(super) arrivals: VecDeque<Arrival>,
    /// Room for the clients that are accepted here.
    pub(super) room: Option<Arc<Room>>,
    /// The pools behind the listeners here.
    pub(super) entrances: Entrances,
    /// The driver's names of the engine's connections, by index.
    pub(super) clients: Vec<Option<ConnId>>,
    pub(super) seats: Vec<Option<Seat>>,
    pub(super) servers: Vec<Option<ConnId>>,
}

impl Desk {
    pub(super) fn conn(&self, connection: Connection) -> Option<ConnId> {
        let (table, index) = match connection {
            Connection::Client(id) => (&self.clients, id.index()),
            Connection::Server(id) => (&self.servers, id.index()),
        };
        table.get(index).copied().flatten()
    }

    pub(super) fn forget(&mut self, connection: Connection) -> Option<ConnId> {
        let (table, index) = match connection {
            Connection::Client(id) => (&mut self.clients, id.index()),
            Connection::Server(id) => (&mut self.servers, id.index()),
        };
        table.get_mut(index)?.take()
    }

    /// Gives the seat of a client back whose connection is closed.
    pub(super) fn free_seat(&mut self, connection: Connection) {
        if let Connection::Client(id) = connection
            && let Some(seat) = self.seats.get_mut(id.index())
        {
            *seat = None;
        }
    }

    /// Forgets all connections, which are closed. Clients that were not taken in yet stay; says how many others there were.
    pub(super) fn begin_anew(&mut self) -> usize {
        let clients = self.engine.clients();
        self.clients.clear();
        self.servers.clear();
        self.seats.clear();
        self.engine = self.engine.anew();
        self.engine.begin_turn(Time(self.clock.now()));
        clients
    }

    fn ended(&mut self, user: u64, reason: CloseReason) {
        let connection = Connection::from_bits(user);
        self.forget(connection);
        self.free_seat(connection);
        self.engine.closed(connection, failure_of(reason));
    }
}

/// Indexes of the engine are reused only after the wish to close what was there, so a place never names two at once.
pub(super) fn remember<T>(table: &mut Vec<Option<T>>, index: usize, what: T) {
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
        if let Some(room) = &self.room
            && let Some(Entrance { pool, room: of_pool }) = self.entrances.get(&listener)
        {
            let (pool, seat) = (*pool, room.take(of_pool));
            self.arrivals.push_back(Arrival { pool, stream, seat });
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

    fn read_target(&mut self, user: u64) -> ReadTarget<'_> {
        match self.engine.read_target(Connection::from_bits(user)) {
            golem_engine::ReadTarget::Anywhere(most) => ReadTarget::Scratch(most),
            golem_engine::ReadTarget::Memory(target, beyond) => ReadTarget::Memory(target, beyond),
            golem_engine::ReadTarget::Pipe(pipe, most) => ReadTarget::Pipe(slot_of(pipe), most),
        }
    }

    fn no_pipe(&mut self, user: u64) {
        self.engine.leave_pipe(Connection::from_bits(user));
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
        let connection = Connection::from_bits(user);
        for slice in self.engine.output(connection) {
            if !slices.push(slice) {
                return;
            }
        }
        if let Some((pipe, len)) = self.engine.output_pipe(connection) {
            slices.follow(slot_of(pipe), len);
            let mut room = BEHIND_PIPE;
            for slice in self.engine.output_behind(connection) {
                let Some(left) = room.checked_sub(slice.len()) else { break };
                if !slices.push(slice) {
                    break;
                }
                room = left;
            }
        }
    }

    fn sent(&mut self, user: u64, n: usize) {
        self.engine.sent(Connection::from_bits(user), n);
    }
}

/// So many bytes behind a value are copied into its pipe, to leave with it: the end of the reply, and some short ones.
const BEHIND_PIPE: usize = 2048;

/// The driver's name of one of the engine's pipes.
pub(super) const fn slot_of(pipe: PipeId) -> PipeSlot {
    PipeSlot(pipe.index())
}

pub(super) fn failure_of(reason: CloseReason) -> Failure {
    Failure::from_os(reason.errno())
}
