//! The engine: all tables of one worker and the doors through which a driver speaks to it.
//!
//! A turn: [`Engine::begin_turn`] with the clock, then what happened on the connections ([`Engine::received`],
//! [`Engine::sent`], …), then [`Engine::expire`]; then the driver carries out the [`Wish`]es and writes every connection
//! that [`Engine::next_dirty`] names, once. Nothing in here touches a socket, the clock or another thread.

use crate::buffers::Buffers;
use crate::client::Client;
use crate::coordinator::{Report, Snapshot};
use crate::counters::{AllCounters, PoolCounters, WorkerCounters};
use crate::doubt::Doubts;
use crate::failure::Failure;
use crate::gather::{Gather, Rule};
use crate::id::{ClientId, Connection, RequestId, ServerConnId};
use crate::pace::Pace;
use crate::pipes::PipeId;
use crate::pool::{Pool, PoolIndex, ServerOf};
use crate::pressure::{Pressure, WorkerLimits};
use crate::request::Request;
use crate::scatter::OpenParts;
use crate::server::ServerConn;
use crate::spare::Spare;
use crate::table::Table;
use crate::time::{Time, Timers};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use golem_config::Pool as Settings;
use golem_ring::Random;

/// What the engine wants the driver to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Connect to this server; then [`Engine::connected`] or [`Engine::closed`].
    Connect {
        /// The connection to be made.
        conn: ServerConnId,
        /// Where to.
        of: ServerOf,
    },
    /// Close it. The engine has forgotten it already.
    Close(Connection),
    /// Send our end of stream, after all that was written.
    ShutdownWrite(Connection),
    /// Read it no more, until told otherwise.
    Pause(Connection),
    /// Read it again.
    Resume(Connection),
    /// Say it in the log.
    Notice(Notice),
    /// Tell the coordinator.
    Report(Report),
    /// A burst is over and its memory is free: have the allocator give it back to the system.
    ReleaseMemory,
    /// Nobody wants any more what lies in this pipe; it is used again, empty.
    EmptyPipe(PipeId),
    /// All pipes are empty, and are not needed for the moment: let them go.
    ClosePipes,
}

/// What is worth a line in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A server connection was lost.
    ServerLost {
        /// Which server.
        of: ServerOf,
        /// What happened.
        failure: Failure,
        /// More of it, where there is more to say.
        detail: &'static str,
        /// Requests that were waiting there.
        waiting: usize,
    },
    /// Requests timed out; their connection lives on.
    Late {
        /// Which server.
        of: ServerOf,
        /// How many requests.
        requests: usize,
    },
    /// A client was closed or answered with an error because of what it sent or did not read.
    ClientRefused {
        /// Where it came in.
        pool: PoolIndex,
        /// Why.
        why: &'static str,
    },
}

/// What an engine is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The pools, in configuration order.
    pub pools: Vec<Arc<Settings>>,
    /// This worker's counters.
    pub counters: Arc<WorkerCounters>,
    /// Those of all workers, for `stats`.
    pub all: AllCounters,
    /// For random distribution.
    pub seed: u64,
    /// What `version` says of the proxy.
    pub version: String,
    /// Seconds since 1970 at time 0, for `stats`.
    pub epoch: u64,
    /// Number of workers, for `stats settings`.
    pub workers: usize,
    /// What clients and server connections may make this one hold.
    pub limits: WorkerLimits,
}

/// See the top of the file.
#[derive(Debug)]
pub struct Engine {
    pub(crate) now: Time,
    pub(crate) pools: Vec<Pool>,
    pub(crate) clients: Table<ClientId, Client>,
    pub(crate) conns: Table<ServerConnId, ServerConn>,
    pub(crate) requests: Table<RequestId, Request>,
    pub(crate) buffers: Buffers,
    pub(crate) pressure: Pressure,
    pub(crate) doubts: Doubts,
    pub(crate) timers: Timers,
    pub(crate) random: Random,
    pub(crate) pace: Pace,
    pub(crate) setup: Setup,
    /// No client is to stay.
    pub(crate) is_leaving: bool,
    wishes: VecDeque<Wish>,
    /// Connections to be written, as numbers: a register holds one, and no store has to wait for another.
    dirty: VecDeque<u64>,
    /// Clients whose output waits for the next turn.
    written_next: Vec<u64>,
    /// Clients whose held back requests can be read.
    pub(crate) held_back: VecDeque<ClientId>,
    pub(crate) spare: Spare,
    #[cfg(feature = "prototype")]
    pub(crate) prototype: crate::prototype::Prototype,
    /// When to look whether memory can be given back.
    pub(crate) memory_due: Option<Time>,
    /// Scratch of the scatter, kept for its memory: the newest part of each server, and the parts being written.
    pub(crate) part_of: Vec<u32>,
    pub(crate) open_parts: OpenParts,
    /// Scratch for replies that are written here.
    pub(crate) reply: Vec<u8>,
    pub(crate) line: Vec<u8>,
}

impl Engine {
    /// An engine without connections.
    pub fn new(setup: Setup) -> Self {
        let pools = (0..).map(PoolIndex::new).zip(setup.pools.iter().zip(&setup.counters.pools));
        let pools: Vec<Pool> = pools
            .map(|(index, (settings, counters))| {
                let snapshot = Arc::new(Snapshot::first(index, settings));
                Pool::new(Arc::clone(settings), snapshot, counters)
            })
            .collect();
        Self {
            now: Time::default(),
            clients: Table::default(),
            conns: Table::default(),
            requests: Table::default(),
            buffers: Buffers::default(),
            pressure: Pressure::new(setup.limits),
            doubts: Doubts::default(),
            timers: Timers::default(),
            random: Random::new(setup.seed),
            pace: Pace::default(),
            is_leaving: false,
            wishes: VecDeque::new(),
            dirty: VecDeque::new(),
            written_next: Vec::new(),
            held_back: VecDeque::new(),
            spare: Spare::default(),
            #[cfg(feature = "prototype")]
            prototype: crate::prototype::Prototype::default(),
            memory_due: None,
            part_of: Vec::new(),
            open_parts: OpenParts::default(),
            reply: Vec::new(),
            line: Vec::new(),
            pools,
            setup,
        }
    }

    /// A turn starts; all that happens in it happens at `now`.
    pub fn begin_turn(&mut self, now: Time) {
        self.now = self.now.max(now);
        self.pace.begin_turn();
        self.dirty.extend(self.written_next.drain(..));
        self.feel_pressure();
    }

    /// When the turn started.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// Connects to every server of the pools that say `preconnect`.
    pub fn preconnect(&mut self) {
        for place in 0..self.pools.len() {
            let index = PoolIndex::new(place as u16);
            let Some(pool) = self.pools.get(place) else { continue };
            if pool.settings.preconnect {
                for server in pool.server_indexes() {
                    // What it comes to is told when a request wants it.
                    let _ = self.connection(index, server, 0);
                }
            }
        }
    }

    /// Bytes came in on `connection`; they are the caller's again when this returns.
    pub fn received(&mut self, connection: Connection, bytes: &[u8]) {
        match connection {
            Connection::Client(id) => self.client_bytes(id, bytes),
            Connection::Server(id) => {
                self.server_bytes(id, bytes);
                self.let_go(id);
            }
        }
    }

    /// `count` bytes were read to the front of the read target, or into its pipe.
    pub fn target_filled(&mut self, connection: Connection, count: usize) {
        match connection {
            Connection::Client(id) => self.client_filled(id, count),
            Connection::Server(id) => {
                self.server_filled(id, count);
                self.let_go(id);
            }
        }
    }

    /// The bytes that `connection` is to send, from the front on, up to those that [`Engine::output_pipe`] names.
    pub fn output(&self, connection: Connection) -> impl Iterator<Item = &[u8]> {
        let outbox = match connection {
            Connection::Client(id) => self.clients.get(id).map(|client| &client.outbox),
            Connection::Server(id) => self.conns.get(id).filter(|conn| conn.is_up()).map(|conn| &conn.outbox),
        };
        outbox.into_iter().flat_map(|outbox| outbox.slices())
    }

    /// `count` bytes of the output were written.
    pub fn sent(&mut self, connection: Connection, count: usize) {
        match connection {
            Connection::Client(id) => self.client_sent(id, count),
            Connection::Server(id) => {
                if let Some(conn) = self.conns.get_mut(id) {
                    conn.outbox.advance(count, &mut self.buffers);
                    conn.written(count);
                }
            }
        }
    }

    /// The peer of `connection` sends no more.
    pub fn end_of_stream(&mut self, connection: Connection) {
        match connection {
            Connection::Client(id) => self.client_finished(id),
            Connection::Server(id) => self.server_lost(id, Failure::ConnectionClosed, ""),
        }
    }

    /// `connection` is gone, or could not be made.
    pub fn closed(&mut self, connection: Connection, failure: Failure) {
        match connection {
            Connection::Client(id) => self.client_gone(id, true),
            Connection::Server(id) => self.server_gone(id, failure, ""),
        }
    }

    /// Looks at what is due.
    pub fn expire(&mut self) {
        while let Some(connection) = self.timers.due(self.now) {
            match connection {
                Connection::Client(id) => self.client_due(id),
                Connection::Server(id) => self.server_due(id),
            }
        }
        self.admit_waiting();
        self.look_at_doubts();
        self.look_at_memory();
    }

    /// When the next turn is due if nothing happens before: [`Engine::expire`] has something to do then. At once, if there is
    /// output that waits for one more turn.
    pub fn next_deadline(&self) -> Option<Time> {
        let output = (!self.written_next.is_empty()).then_some(self.now);
        let waiting = [self.admission_deadline(), self.doubts_deadline()];
        let due = [self.timers.next(), self.memory_deadline(), output].into_iter().chain(waiting);
        due.flatten().min()
    }

    /// How long to let replies gather, whatever happens, before the driver waits for the next event; none: not at all. To be
    /// asked at the end of a turn.
    pub fn gather_for(&self) -> Option<Duration> {
        self.pace.wait(self.requests.len())
    }

    /// The next thing that the driver should do.
    pub fn next_wish(&mut self) -> Option<Wish> {
        while self.wishes.is_empty() && self.read_held_back() {}
        let wish = self.wishes.pop_front();
        wish.or_else(|| self.buffers.pipes.next_spilled().map(Wish::EmptyPipe))
    }

    /// The next connection that has something to write in this turn. A client that is due more replies may wait for them until
    /// the next turn, which then comes at once: fewer, longer writes for clients that pipeline.
    pub fn next_dirty(&mut self) -> Option<Connection> {
        while let Some(bits) = self.dirty.pop_front() {
            let connection = Connection::from_bits(bits);
            match connection {
                Connection::Client(id) => {
                    if let Some(client) = self.clients.get_mut(id) {
                        if client.may_wait() {
                            client.has_waited = true;
                            self.written_next.push(bits);
                            continue;
                        }
                        client.dirty = false;
                        client.has_waited = false;
                    }
                }
                Connection::Server(id) => {
                    if let Some(conn) = self.conns.get_mut(id) {
                        conn.dirty = false;
                    }
                }
            }
            return Some(connection);
        }
        None
    }

    /// What the configuration says of a pool; also of one that is there no more and not yet done with.
    pub fn settings(&self, pool: PoolIndex) -> Option<&Arc<Settings>> {
        self.pools.get(pool.index()).map(|pool| &pool.settings)
    }

    /// Number of clients.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    pub(crate) fn wish(&mut self, wish: Wish) {
        self.wishes.push_back(wish);
    }

    pub(crate) fn mark_client_dirty(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(id)
            && !client.dirty
        {
            client.dirty = true;
            self.list_dirty(Connection::Client(id));
        }
    }

    /// Has `connection`, which was just marked so, written at the end of the turn.
    #[inline]
    pub(crate) fn list_dirty(&mut self, connection: Connection) {
        self.dirty.push_back(connection.to_bits());
    }

    pub(crate) fn mark_server_dirty(&mut self, id: ServerConnId) {
        if let Some(conn) = self.conns.get_mut(id)
            && !conn.dirty
            && conn.is_up()
        {
            conn.dirty = true;
            self.list_dirty(Connection::Server(id));
        }
    }

    pub(crate) fn pool_counters(&self, pool: PoolIndex) -> Option<&PoolCounters> {
        self.pools.get(pool.index()).map(|pool| &*pool.counters)
    }

    /// An empty gather.
    pub(crate) fn take_gather(&mut self, rule: Rule) -> Box<Gather> {
        self.spare.take(rule)
    }

    pub(crate) fn give_gather(&mut self, gather: Box<Gather>) {
        self.spare.give(gather, &mut self.buffers);
    }

    /// The pool's `timeout`.
    pub(crate) fn timeout(&self, pool: PoolIndex) -> Option<Duration> {
        self.pools.get(pool.index()).and_then(|pool| pool.settings.timeout)
    }
}

#[cfg(test)]
mod tests;
