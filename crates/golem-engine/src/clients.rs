//! The life of a client: coming in, its bytes turned into requests one frame at a time, being paused, going away.

use crate::client::{Client, Input, Stage, Upload};
use crate::engine::{Engine, Notice, Wish};
use crate::forward::Asker;
use crate::id::{ClientId, Connection};
use crate::pool::PoolIndex;
use core::time::Duration;

/// How long a client that was closed may take to take note.
const LINGER: Duration = Duration::from_secs(1);
/// How often a paused client is looked at: does it read?
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);
/// After so many looks, this far apart, at one that may ask for no more and has read nothing it is given up.
const LOOKS: u32 = 60;
const LAST_PATIENCE: Duration = Duration::from_secs(1);

impl Engine {
    /// A client came in at the address of `pool`; none if there is no such pool.
    pub fn accept(&mut self, pool: PoolIndex) -> Option<ClientId> {
        let here = self.pools.get_mut(pool.index())?;
        let mut client = Client::new(pool, here.enter_lane(), here.settings.client_soft_limit);
        client.active = self.now;
        let idle_at = here.settings.client_idle_timeout.map(|limit| self.now.after(limit));
        if let Some(counters) = self.pool_counters(pool) {
            counters.client_total.add(1);
            counters.client_connections.add(1);
        }
        let id = self.clients.insert(client);
        if let Some(at) = idle_at {
            self.arm_idle(id, at);
        }
        Some(id)
    }

    /// Bytes of a client: whatever was left over, topped up, then the rest straight from the driver's buffer.
    pub(crate) fn client_bytes(&mut self, id: ClientId, mut bytes: &[u8]) {
        let count = bytes.len();
        loop {
            let Some(client) = self.clients.get_mut(id) else { return };
            client.active = self.now;
            let used = match &mut client.input {
                Input::Deaf => return,
                Input::SwallowData(left) => {
                    let step = (*left).min(bytes.len() as u64);
                    *left -= step;
                    if *left == 0 {
                        client.input = Input::SwallowLine;
                    }
                    step as usize
                }
                Input::SwallowLine => match memchr::memchr(b'\n', bytes) {
                    Some(at) => {
                        client.input = Input::Requests;
                        at + 1
                    }
                    None => bytes.len(),
                },
                Input::Upload(upload) => {
                    let used = upload.filling.feed(bytes, &mut self.buffers);
                    if upload.is_over() {
                        self.finish_upload(id);
                    }
                    used
                }
                Input::Requests if client.rest.is_empty() => {
                    let used = self.parse(id, bytes);
                    used + self.keep_rest(id, bytes.get(used..).unwrap_or_default())
                }
                Input::Requests => {
                    let used = client.rest.top_up(bytes, &mut self.buffers);
                    let rest = client.rest.take();
                    let parsed = self.parse(id, &rest);
                    match self.clients.get_mut(id) {
                        Some(client) => client.rest.put_back(rest, parsed, &mut self.buffers),
                        None => self.buffers.give(rest),
                    }
                    used
                }
            };
            bytes = bytes.get(used..).unwrap_or_default();
            let Some(client) = self.clients.get_mut(id) else { return };
            if client.held_back {
                client.rest.keep(bytes, &mut self.buffers);
                break;
            }
            if bytes.is_empty() {
                client.note_short_read(count);
                break;
            }
        }
        self.pause_if_full(id);
    }

    /// Keeps the incomplete request that [`Engine::parse`] left at the end of the driver's buffer, and says how many
    /// bytes that are. Nothing is kept where the parser stopped because the bytes that follow are no requests.
    fn keep_rest(&mut self, id: ClientId, bytes: &[u8]) -> usize {
        match self.clients.get_mut(id) {
            Some(client) if matches!(client.input, Input::Requests) => {
                client.rest.keep(bytes, &mut self.buffers);
                bytes.len()
            }
            Some(_) | None => 0,
        }
    }

    pub(crate) fn client_filled(&mut self, id: ClientId, count: usize) {
        if let Some(client) = self.clients.get_mut(id)
            && let Input::Upload(upload) = &mut client.input
        {
            client.active = self.now;
            upload.filling.filled(count, &mut self.buffers);
            if upload.is_over() {
                self.finish_upload(id);
                self.pause_if_full(id);
            }
        }
    }

    /// A large storage request is there: forward it, or refuse it if its data do not end as they should.
    fn finish_upload(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        let asker = Asker { client: id, pool: client.pool, lane: client.lane };
        let Input::Upload(upload) = core::mem::replace(&mut client.input, Input::Requests) else { return };
        let Upload { head, filling } = *upload;
        let is_complete = filling.is_complete();
        let mut frame = filling.finish(&mut self.buffers);
        match frame.last_two() {
            Some([b'\r', b'\n']) if is_complete => self.forward_chain(asker, &head, frame),
            last => {
                frame.clear(&mut self.buffers);
                self.refuse_chunk(id, &head);
                match last {
                    Some([b'\n', next]) if is_complete => self.parse_rest(id, &[next]),
                    Some([_, b'\n']) => {}
                    Some(_) | None => {
                        if let Some(client) = self.clients.get_mut(id) {
                            client.input = Input::SwallowLine;
                        }
                    }
                }
            }
        }
    }

    /// The first bytes of a request, found where another one should still have gone on.
    fn parse_rest(&mut self, id: ClientId, bytes: &[u8]) {
        let used = self.parse(id, bytes);
        self.keep_rest(id, bytes.get(used..).unwrap_or_default());
    }

    pub(crate) fn client_sent(&mut self, id: ClientId, count: usize) {
        let Some(client) = self.clients.get_mut(id) else { return };
        client.outbox.advance(count, &mut self.buffers);
        client.progressed |= count > 0;
        client.active = self.now;
        self.resume_if_light(id);
        self.settle(id);
    }

    pub(crate) fn arm_client(&mut self, id: ClientId, wait: Duration) {
        if let Some(client) = self.clients.get_mut(id)
            && !client.timer_armed
        {
            client.timer_armed = true;
            self.timers.arm(self.now.after(wait), Connection::Client(id));
        }
    }

    /// A client's timer: it lingers too long, or it is paused. One that sends its whole pipeline before it reads would
    /// wait for us as we for it; so one that does not read while nothing else can free its bytes is read on: up to its
    /// limit, and when it gets there twice as far each time, up to half the hard limit, so that what it asked for still has
    /// room. One that has got there and still does not read is closed: both would wait for ever.
    pub(crate) fn client_due(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        if client.idle_at <= self.now {
            // Should this have been the other timer, that one is still to come and is taken for this one.
            self.look_if_idle(id);
            return;
        }
        client.timer_armed = false;
        if client.stage == Stage::Lingering {
            // The timer may be an earlier one, from a pause.
            match client.lingers_until.since(self.now) {
                Duration::ZERO => self.close_client(id),
                left => self.arm_client(id, left),
            }
            return;
        }
        if !client.paused {
            return;
        }
        let Some(pool) = self.pools.get(client.pool.index()) else { return };
        let most = pool.settings.client_hard_limit / 2;
        let waits_for_client = client.head.is_none() && !client.outbox.is_empty() && !client.progressed;
        if core::mem::take(&mut client.progressed) {
            client.looks = 0;
        }
        if !waits_for_client || client.waits {
            self.arm_client(id, PATIENCE);
            return;
        }
        client.is_exempt = true;
        if client.is_full() {
            if client.soft_limit >= most {
                client.looks += 1;
                let has_patience = client.looks < LOOKS;
                if has_patience {
                    self.arm_client(id, LAST_PATIENCE);
                } else {
                    self.count_over_limit(id);
                    self.drop_client(id, "it does not read its replies: near client_hard_limit");
                }
                return;
            }
            client.soft_limit = client.soft_limit.saturating_mul(2).min(most);
        }
        self.read_on(id);
    }

    /// The client sends no more: its replies are still delivered, an incomplete request is dropped.
    pub(crate) fn client_finished(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        client.half_closed = true;
        if !client.held_back {
            self.finish_client(id);
        }
    }

    /// Takes no more requests of this client and closes it when its last reply has left.
    pub(crate) fn finish_client(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        if client.stage == Stage::Open {
            client.stage = Stage::Finishing;
        }
        if let Input::Upload(upload) = core::mem::replace(&mut client.input, Input::Deaf) {
            upload.filling.discard(&mut self.buffers);
        }
        client.rest.clear(&mut self.buffers);
        client.waits = false;
        client.waits_until = None;
        if core::mem::take(&mut client.held_back) || client.paused {
            // Its end has to be seen.
            client.paused = false;
            self.wish(Wish::Resume(Connection::Client(id)));
        }
        self.settle(id);
    }

    /// Goes a step further towards the end of a finishing client.
    pub(crate) fn settle(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        if client.stage == Stage::Open || !client.has_settled() {
            return;
        }
        if client.half_closed {
            self.close_client(id);
        } else if client.stage == Stage::Finishing {
            client.stage = Stage::Lingering;
            client.lingers_until = self.now.after(LINGER);
            self.wish(Wish::ShutdownWrite(Connection::Client(id)));
            self.arm_client(id, LINGER);
        }
    }

    pub(crate) fn close_client(&mut self, id: ClientId) {
        self.wish(Wish::Close(Connection::Client(id)));
        self.client_gone(id, false);
    }

    /// Closes a client at once, because of what it did.
    pub(crate) fn drop_client(&mut self, id: ClientId, why: &'static str) {
        if let Some(client) = self.clients.get_mut(id) {
            client.at_fault = true;
            let pool = client.pool;
            self.wish(Wish::Notice(Notice::ClientRefused { pool, why }));
            self.close_client(id);
        }
    }

    /// The client is gone. Its parts stay in the FIFOs; their replies will find no request and be dropped.
    pub(crate) fn client_gone(&mut self, id: ClientId, by_error: bool) {
        let Some(mut client) = self.clients.remove(id) else { return };
        if !client.is_turned_away
            && let Some(counters) = self.pool_counters(client.pool)
        {
            counters.client_connections.sub(1);
            if by_error || client.at_fault { &counters.client_err } else { &counters.client_eof }.add(1);
        }
        #[cfg(feature = "prototype")]
        {
            client.lane = self.end_session(id, client.pool, client.lane);
        }
        let pool = self.pools.get_mut(client.pool.index());
        if pool.is_some_and(|pool| pool.leave_lane(client.lane)) {
            self.let_lane_go(client.pool, client.lane);
        }
        self.let_pool_go(client.pool);
        self.drop_requests(client.head);
        client.outbox.clear(&mut self.buffers);
        client.rest.clear(&mut self.buffers);
        if let Input::Upload(upload) = client.input {
            upload.filling.discard(&mut self.buffers);
        }
    }
}

impl Upload {
    /// Whether the frame is complete, or is known to have no end: what follows the data is no CR.
    fn is_over(&self) -> bool {
        match self.filling.remaining() {
            0 => true,
            1 => self.filling.last() != Some(b'\r'),
            _ => false,
        }
    }
}
