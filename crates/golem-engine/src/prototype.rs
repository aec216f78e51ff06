//! A prototype of Redis pools, built only with the feature `prototype` and driven only by the simulation: it shows that the
//! engine's queues, FIFOs and lanes carry requests that are answered by whole frames, blocking commands, transactions and
//! subscriptions. It is no protocol: one table of ten rows, RESP2 arrays in, one key per command.
//!
//! What it needs of the engine is few lines: its own way to read a client and a server, and to be told when a connection
//! or a client goes. All else is the engine as it is for memcached.
//!
//! A client uses one connection per server: the shared one of its lane, or one of its own, a *dedicated* lane. It changes
//! only when nothing of it is outstanding, and its input is not parsed until then: it is held back like that of a client
//! that holds too much.

mod frames;
mod sessions;
mod table;

use crate::engine::{Engine, Wish};
use crate::forward::Asker;
use crate::id::{ClientId, Connection, RequestId, ServerConnId};
use crate::pool::PoolIndex;
use crate::replies::Broken;
use crate::request::{Merge, Request};
use crate::server::Expect;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;
use frames::{frame_len, is_push, words};
use golem_protocol::memcached::{Command, Shape, Status, texts};
use golem_ring::ServerIndex;
use sessions::{Session, State};
use table::{Kind, row_of};

/// What the engine knows of its Redis clients.
#[derive(Debug, Default)]
pub(crate) struct Prototype {
    /// All pools are Redis pools.
    pub(crate) is_on: bool,
    pub(crate) sessions: BTreeMap<ClientId, Session>,
    /// Whose messages come on a connection.
    pub(crate) subscribers: BTreeMap<ServerConnId, ClientId>,
    /// Dedicated lanes that nobody uses.
    pub(crate) free_lanes: Vec<(PoolIndex, u16)>,
}

impl Engine {
    /// From now on, and before the first client, all pools speak RESP.
    pub fn speak_resp(&mut self) {
        self.prototype.is_on = true;
    }

    /// How an error line begins.
    pub(crate) const fn error_start(&self) -> &'static [u8] {
        if self.prototype.is_on { b"-ERR " } else { texts::SERVER_ERROR }
    }

    /// As [`Engine::parse`], for RESP.
    pub(crate) fn parse_resp(&mut self, id: ClientId, bytes: &[u8]) -> usize {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..)
            && !rest.is_empty()
        {
            let Ok(len) = frame_len(rest) else {
                self.answer(id, b"-ERR Protocol error\r\n");
                self.finish_client(id);
                return bytes.len();
            };
            let Some(len) = len else { return at };
            if !self.take_command(id, rest.get(..len).unwrap_or_default()) {
                self.hold_back(id);
                return at;
            }
            at += len;
        }
        at
    }

    /// The client's input waits, as it is, until all that it asked is answered.
    fn hold_back(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        client.held_back = true;
        if !client.paused {
            client.paused = true;
            self.wish(Wish::Pause(Connection::Client(id)));
        }
    }

    /// Carries out one command; false if the client has to change its lane first and has something outstanding.
    fn take_command(&mut self, id: ClientId, frame: &[u8]) -> bool {
        let words = words(frame);
        let Some(row) = words.first().and_then(|name| row_of(name)) else {
            self.answer(id, b"-ERR unknown command\r\n");
            return true;
        };
        let state = self.prototype.sessions.entry(id).or_default().state;
        if state.is_subscribed() && !matches!(row.kind, Kind::Subscribe | Kind::Unsubscribe) {
            self.answer(id, b"-ERR only (UN)SUBSCRIBE is allowed in this context\r\n");
            return true;
        }
        if !self.choose_lane(id, row.needs_own_lane() || state != State::Plain) {
            return false;
        }
        let key = words.get(1).copied().unwrap_or_default();
        match (row.kind, state) {
            (Kind::Multi, State::Plain) => {
                self.enter(id, State::Queueing(None));
                self.answer(id, b"+OK\r\n");
            }
            (Kind::Exec, State::Queueing(place)) => self.execute(id, place, frame),
            (Kind::Multi | Kind::Exec, _) => self.answer(id, b"-ERR not here\r\n"),
            (Kind::Keyed | Kind::Blocking, State::Queueing(place)) => self.queue(id, place, key, frame),
            (Kind::Keyed, _) => self.pass(id, key, frame, (1, Duration::ZERO)),
            (Kind::Blocking, _) => {
                let last = words.last().and_then(|word| core::str::from_utf8(word).ok()?.parse().ok());
                let wait = last.map_or(Duration::ZERO, Duration::from_secs);
                self.pass(id, key, frame, (1, wait));
            }
            (Kind::Subscribe, _) => {
                let channels = words.len() as u32 - 1;
                self.enter(id, state.with_channels(channels as i32));
                self.pass(id, key, frame, (channels, Duration::ZERO));
                self.listen(id, key);
            }
            (Kind::Unsubscribe, _) => {
                let channels = words.len() as u32 - 1;
                self.pass(id, key, frame, (channels, Duration::ZERO));
                self.enter(id, state.with_channels(-(channels as i32)));
            }
        }
        true
    }

    fn enter(&mut self, id: ClientId, state: State) {
        self.prototype.sessions.entry(id).or_default().state = state;
    }

    /// A keyed command of a transaction: the first decides where the transaction is.
    fn queue(&mut self, id: ClientId, place: Option<ServerIndex>, key: &[u8], frame: &[u8]) {
        let Some(home) = self.home_of(id, key) else { return self.answer(id, NO_SERVER) };
        match place {
            Some(place) if place != home => {
                self.answer(id, b"-CROSSSLOT Keys in request don't hash to the same server\r\n");
            }
            Some(_) => self.send(id, home, frame, (1, Duration::ZERO)),
            None => {
                self.enter(id, State::Queueing(Some(home)));
                // Its `+OK` was said already.
                self.send_for_nobody(id, home, b"*1\r\n$5\r\nMULTI\r\n");
                self.send(id, home, frame, (1, Duration::ZERO));
            }
        }
    }

    fn execute(&mut self, id: ClientId, place: Option<ServerIndex>, frame: &[u8]) {
        self.enter(id, State::Plain);
        match place {
            Some(home) => self.send(id, home, frame, (1, Duration::ZERO)),
            None => self.answer(id, b"*0\r\n"),
        }
    }

    fn pass(&mut self, id: ClientId, key: &[u8], frame: &[u8], promise: (u32, Duration)) {
        match self.home_of(id, key) {
            Some(home) => self.send(id, home, frame, promise),
            None => self.answer(id, NO_SERVER),
        }
    }

    pub(crate) fn home_of(&mut self, id: ClientId, key: &[u8]) -> Option<ServerIndex> {
        let pool = self.clients.get(id)?.pool;
        let ring = self.pools.get(pool.index())?.snapshot.ring();
        ring.server_of(key, &mut self.random)
    }

    /// Sends a command that is answered by so many frames, and that may take so long besides the pool's `timeout`.
    fn send(&mut self, id: ClientId, home: ServerIndex, frame: &[u8], (frames, wait): (u32, Duration)) {
        let request = Request::new(id, Command::MetaNoop, false, Merge::PassThrough, frame.len());
        let Some(request) = self.enqueue(request) else { return };
        self.write_part(id, home, frame, |now| Expect {
            // How many frames it is; no keys are left to be found in them.
            keys: (frames, 0),
            ..Expect::whole(request, 0, frame.len(), now.after(wait), Shape::OkLine)
        });
    }

    /// Sends a command whose reply is dropped.
    fn send_for_nobody(&mut self, id: ClientId, home: ServerIndex, frame: &[u8]) {
        let nobody = RequestId::new(u32::MAX, u32::MAX);
        self.write_part(id, home, frame, |now| Expect {
            keys: (1, 0),
            discard: true,
            ..Expect::whole(nobody, 0, frame.len(), now, Shape::OkLine)
        });
    }

    fn write_part(
        &mut self,
        id: ClientId,
        home: ServerIndex,
        frame: &[u8],
        expect: impl FnOnce(crate::time::Time) -> Expect,
    ) {
        let Some(client) = self.clients.get(id) else { return };
        let asker = Asker { client: id, pool: client.pool, lane: client.lane };
        let expect = expect(self.now);
        match self.connection(asker.pool, home, asker.lane) {
            Ok(conn) => {
                if let Some(to) = self.conns.get_mut(conn) {
                    to.outbox.append(frame, &mut self.buffers);
                }
                self.expect(conn, expect);
            }
            Err(failure) => self.fail_part(expect.request, Expect::WHOLE, failure),
        }
    }

    /// As [`Engine::read_replies`], for RESP: each entry of the FIFO is answered by so many whole frames; messages go past it.
    pub(crate) fn read_resp(&mut self, id: ServerConnId, bytes: &[u8]) -> Result<usize, Broken> {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(len) = frame_len(rest).map_err(Broken::because)? else { return Ok(at) };
            if let Some(client) = self.prototype.subscribers.get(&id).copied()
                && is_push(rest.get(..len).unwrap_or_default())
            {
                self.push(client, rest.get(..len).unwrap_or_default());
                at += len;
                continue;
            }
            let Some(front) = self.conns.get_mut(id).and_then(|conn| conn.front().copied()) else {
                return Err(Broken::because("a frame that no request waits for"));
            };
            let mut total = 0;
            for _ in 0..front.keys.0.max(1) {
                let left = rest.get(total..).unwrap_or_default();
                let Some(len) = frame_len(left).map_err(Broken::because)? else { return Ok(at) };
                total += len;
            }
            self.finish_reply(id, rest.get(..total).unwrap_or_default(), 0, Status::Ok)?;
            at += total;
        }
    }

    /// A message goes to its client past all that it asked.
    fn push(&mut self, id: ClientId, frame: &[u8]) {
        let Some(client) = self.clients.get_mut(id) else { return };
        client.outbox.append(frame, &mut self.buffers);
        self.mark_client_dirty(id);
        self.limit_client(id);
    }
}

const NO_SERVER: &[u8] = b"-ERR Connection refused\r\n";
