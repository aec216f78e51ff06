//! The limits on what all clients and server connections of one worker hold together (invariant 8): their buffers, what
//! large payloads that are coming in still lack, and the bookkeeping of requests. All of it is looked at once in a turn.
//!
//! Above the soft limit, clients that hold more than their share are not read until they hold less. A client that holds
//! nothing has not got to its share, and what one that was paused holds is freed by itself: when its replies come, and when
//! it reads them. So nobody waits for another client. Above the hard limit what is heaviest goes: a reply or a large
//! request is given up with an error, or its client is closed; where that frees nothing, requests are refused at once.

use crate::admission::Waiting;
use crate::buffers::{SEGMENT, SMALL};
use crate::client::{Client, Input, Stage};
use crate::clients::PATIENCE;
use crate::engine::{Engine, Wish};
use crate::failure::Failure;
use crate::id::{ClientId, Connection, RequestId, ServerConnId};
use crate::pool::PoolIndex;
use crate::request::OVERHEAD;
use crate::server::ServerConn;
use alloc::collections::VecDeque;

/// The answer to a request whose reply was given up because the worker holds too much.
const OVER_LIMIT: &[u8] = b"SERVER_ERROR out of memory: over worker_hard_limit\r\n";
/// A client that holds less is not worth giving up.
const WORTH_IT: usize = SEGMENT;

/// How many bytes one worker may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerLimits {
    /// From here on clients that hold more than their share are not read.
    pub soft: u64,
    /// Above this what is heaviest is given up.
    pub hard: u64,
}

impl Default for WorkerLimits {
    /// None.
    fn default() -> Self {
        Self { soft: u64::MAX, hard: u64::MAX }
    }
}

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct Pressure {
    pub limits: WorkerLimits,
    /// What a client may hold, if more than the soft limit was held when the turn began; else there is no limit.
    pub share: u64,
    /// More than the hard limit is held, and nothing can be given up: new requests fail at once.
    pub refuses: bool,
    /// Large requests that wait for room, in the order in which they came.
    pub waiting: VecDeque<Waiting>,
}

impl Pressure {
    pub(crate) const fn new(limits: WorkerLimits) -> Self {
        Self { limits, share: u64::MAX, refuses: false, waiting: VecDeque::new() }
    }
}

impl Client {
    /// Whether it should not ask for more because of what others hold: the worker has too much, and this client more than its
    /// share, or a server connection that it has asked has, or its request waits for room or in doubt about its server.
    pub(crate) const fn is_slowed(&self, pressure: &Pressure) -> bool {
        let by_server = self.is_throttled && self.head.is_some();
        let by_worker = !self.is_exempt && self.bytes() >= pressure.share;
        self.waits || by_server || by_worker
    }

    /// Whether it should not ask for more, because of what it holds itself or of what others do.
    #[inline]
    pub(crate) fn must_wait(&self, pressure: &Pressure) -> bool {
        let is_light = self.bytes() < self.soft_limit.min(pressure.share) && !self.is_slow;
        !is_light && self.is_full_or_slowed(pressure)
    }

    #[cold]
    const fn is_full_or_slowed(&self, pressure: &Pressure) -> bool {
        self.is_full() || self.is_slowed(pressure)
    }

    /// Whether it holds so little that it may ask for more.
    pub(crate) const fn is_light(&self, pressure: &Pressure) -> bool {
        let bytes = self.bytes();
        let by_worker = self.is_exempt || bytes <= pressure.share / 2;
        bytes <= self.soft_limit / 2
            && by_worker
            && !self.waits
            && !(self.is_throttled && self.head.is_some())
    }

    /// All that it asked is answered and has left.
    #[cold]
    pub(crate) const fn forget_slowness(&mut self) {
        self.is_exempt = false;
        if !self.waits {
            (self.is_slow, self.is_throttled, self.waits_until) = (false, false, None);
        }
    }

    /// Bytes that giving it up would free.
    fn weight(&self) -> usize {
        let upload = match &self.input {
            Input::Upload(upload) => upload.filling.room(),
            Input::Requests | Input::SwallowData(_) | Input::SwallowLine | Input::Deaf => 0,
        };
        self.held as usize + self.outbox.len() + upload
    }
}

impl Engine {
    /// Changes the limits of what this worker holds, from the next turn on.
    pub const fn limit(&mut self, limits: WorkerLimits) {
        (self.setup.limits, self.pressure.limits) = (limits, limits);
    }

    /// Bytes that clients and server connections make this worker hold, with those that are promised to large payloads.
    pub fn held(&self) -> u64 {
        self.buffers.held() as u64 + self.requests.len() as u64 * u64::from(OVERHEAD)
    }

    /// Looks at what is held, once in a turn.
    pub(crate) fn feel_pressure(&mut self) {
        let held = self.held();
        self.setup.counters.bytes_held.set(held.cast_signed());
        let WorkerLimits { soft, hard } = self.pressure.limits;
        self.pressure.share = u64::MAX;
        self.pressure.refuses = false;
        if held >= soft {
            self.pressure.share = (soft / self.clients.len().max(1) as u64).max(SMALL as u64);
            if held > hard {
                self.relieve();
            }
        }
    }

    /// Gives up what is heaviest until no more is held than may be.
    #[cold]
    fn relieve(&mut self) {
        while self.held() > self.pressure.limits.hard {
            let clients = self.clients.iter().map(|(id, client)| (client.weight(), id));
            // Of several the one that came last.
            match clients.max_by_key(|(weight, _)| *weight) {
                Some((weight, id)) if weight >= WORTH_IT => self.give_up_of(id),
                Some(_) | None => {
                    self.pressure.refuses = true;
                    return;
                }
            }
        }
    }

    /// Gives up what is heaviest of a client: a reply that waits, the request that it is sending, or all, where that is the
    /// only way to free its output.
    fn give_up_of(&mut self, id: ClientId) {
        let Some(client) = self.clients.get(id) else { return };
        let (output, pool) = (client.outbox.len(), client.pool);
        let upload = client.weight() - client.held as usize - output;
        // Thousands of short replies are not given up one by one.
        let least = upload.max(output).max(client.weight() / 64);
        let reply = self.heaviest(client).filter(|(_, holds)| *holds >= least);
        self.count_over_worker_limit(pool);
        match reply {
            Some((request, _)) => self.give_up_reply(id, request),
            None if upload > output => self.give_up_upload(id),
            None => self.drop_client(id, "it holds the most: over worker_hard_limit"),
        }
    }

    /// A reply takes more than the worker may hold: the request fails, and what still comes for it is dropped.
    pub(crate) fn give_up_reply(&mut self, id: ClientId, request: RequestId) {
        self.fail_over_limit(id, request, OVER_LIMIT);
        self.drain(id);
    }

    /// A large request is dropped, and answered with an error; its rest is dropped as it comes.
    fn give_up_upload(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        let Input::Upload(upload) = core::mem::replace(&mut client.input, Input::Requests) else { return };
        client.input = Input::SwallowData((upload.filling.remaining() as u64).saturating_sub(2));
        upload.filling.discard(&mut self.buffers);
        self.fail_at_once(id, &upload.head, Failure::NoMemory);
    }

    /// Stops reading a client that holds too much. Only between requests: what was begun can always be finished.
    pub(crate) fn pause_if_full(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        let pool = client.pool;
        if client.paused
            || !client.must_wait(&self.pressure)
            || matches!(client.input, Input::Upload(_))
            || client.stage != Stage::Open
        {
            return;
        }
        client.paused = true;
        client.progressed = false;
        let is_full = client.is_full();
        if let Some(counters) = self.pool_counters(pool) {
            if is_full { &counters.clients_paused } else { &counters.clients_slowed }.add(1);
        }
        self.wish(Wish::Pause(Connection::Client(id)));
        self.arm_client(id, PATIENCE);
    }

    #[inline]
    pub(crate) fn resume_if_light(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        if client.paused && client.is_light(&self.pressure) {
            return self.resume_light(id);
        }
        // The raised limit falls back once the client has taken everything.
        if client.has_settled()
            && let Some(pool) = self.pools.get(client.pool.index())
        {
            client.soft_limit = pool.settings.client_soft_limit;
            if client.is_slow || client.is_exempt {
                client.forget_slowness();
            }
        }
    }

    #[cold]
    fn resume_light(&mut self, id: ClientId) {
        self.read_on(id);
        self.resume_if_light(id);
    }

    pub(crate) fn count_over_worker_limit(&self, pool: PoolIndex) {
        if let Some(counters) = self.pool_counters(pool) {
            counters.worker_over_limit.add(1);
        }
    }

    /// A client has asked a server connection that may hold much: if so, it is not read until its requests are answered.
    #[cold]
    pub(crate) fn slow(&mut self, conn: ServerConnId, request: RequestId) {
        if self.conns.get(conn).is_some_and(ServerConn::is_busy)
            && let Some(request) = self.requests.get(request)
            && let Some(client) = self.clients.get_mut(request.client)
        {
            (client.is_slow, client.is_throttled) = (true, true);
        }
    }
}
