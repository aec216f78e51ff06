//! From bytes of a client to parts for servers: one frame at a time is scanned, answered here or routed. A request that
//! concerns one key goes straight into its server's outbox.

use crate::buffers::LARGE_PAYLOAD;
use crate::chain::Chain;
use crate::client::{Input, Upload};
use crate::engine::{Engine, Notice, Wish};
use crate::failure::Failure;
use crate::filling::Filling;
use crate::id::{ClientId, RequestId, ServerConnId};
use crate::request::{Merge, Request};
use crate::server::Expect;
use alloc::boxed::Box;
use golem_protocol::memcached::{
    Group, LineScan, Parsed, Refusal, Request as Head, Shape, Then, decode_key, parse_line, scan_line, texts,
};
use golem_ring::ServerIndex;

/// What the scanner found at the front of the input.
enum Step {
    /// So many bytes are through.
    Used(usize),
    /// The frame is not complete.
    Incomplete,
}

impl Engine {
    /// Takes the requests at the front of `bytes` and says how many bytes that were. What is left is an incomplete
    /// request, is read in another way (see [`Input`]), or is held back.
    pub(crate) fn parse(&mut self, id: ClientId, bytes: &[u8]) -> usize {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return at;
            }
            match self.parse_one(id, rest) {
                Step::Used(len) => at += len,
                Step::Incomplete => return at,
            }
            match self.clients.get_mut(id) {
                Some(client) if matches!(client.input, Input::Requests) => {
                    if client.is_full() && at < bytes.len() {
                        client.held_back = true;
                        return at;
                    }
                }
                Some(_) => return at,
                None => return bytes.len(),
            }
        }
    }

    fn parse_one(&mut self, id: ClientId, bytes: &[u8]) -> Step {
        let Some(client) = self.clients.get_mut(id) else { return Step::Used(bytes.len()) };
        let Some(pool) = self.pools.get(client.pool.index()) else { return Step::Used(bytes.len()) };
        let limits = pool.limits;
        let scanned = core::mem::take(&mut client.rest.scanned);
        client.rest.need = 0;
        let len = match scan_line(bytes, scanned, &limits) {
            LineScan::Complete { len } => len,
            LineScan::Incomplete { scanned } => {
                client.rest.scanned = scanned;
                return Step::Incomplete;
            }
            LineScan::TooLong(refusal) => return self.refuse(id, &refusal, bytes, 0),
        };
        let (line, after) = bytes.split_at(len);
        match parse_line(line, &limits) {
            Parsed::Refused(refusal) => self.refuse(id, &refusal, bytes, len),
            Parsed::Request(head) => match head.data {
                None => {
                    self.dispatch(id, &head, line, len);
                    Step::Used(len)
                }
                Some(data) => self.store(id, &head, bytes, len, data as usize, after),
            },
        }
    }

    /// A request with a data block of `data` bytes, of which `after` is here.
    fn store(
        &mut self,
        id: ClientId,
        head: &Head,
        bytes: &[u8],
        line: usize,
        data: usize,
        after: &[u8],
    ) -> Step {
        match (after.get(data), after.get(data + 1)) {
            (Some(b'\r'), Some(b'\n')) => {
                let total = line + data + 2;
                self.dispatch(id, head, bytes.get(..total).unwrap_or_default(), line);
                Step::Used(total)
            }
            (Some(b'\r') | None, None) => {
                let total = line + data + 2;
                if total >= LARGE_PAYLOAD {
                    self.begin_upload(id, head, bytes, total);
                    return Step::Used(bytes.len());
                }
                if let Some(client) = self.clients.get_mut(id) {
                    client.rest.need = total;
                }
                Step::Incomplete
            }
            // Whatever follows up to the end of its line was meant as data: reading it as commands would let data
            // inject them.
            (_, _) => {
                self.refuse_chunk(id, head);
                self.swallow_line(id, bytes, line + data)
            }
        }
    }

    /// Drops `bytes[from..]` up to the next line end.
    fn swallow_line(&mut self, id: ClientId, bytes: &[u8], from: usize) -> Step {
        match memchr::memchr(b'\n', bytes.get(from..).unwrap_or_default()) {
            Some(at) => Step::Used(from + at + 1),
            None => {
                if let Some(client) = self.clients.get_mut(id) {
                    client.input = Input::SwallowLine;
                }
                Step::Used(bytes.len())
            }
        }
    }

    /// Collects a large request. Its server is chosen now, once.
    fn begin_upload(&mut self, id: ClientId, head: &Head, bytes: &[u8], total: usize) {
        let Some(server) = self.route(id, head, bytes) else {
            self.fail_at_once(id, head, Failure::NoServer);
            if let Some(client) = self.clients.get_mut(id) {
                let missing = (total - bytes.len()) as u64;
                client.input = Input::SwallowData(missing.saturating_sub(2));
            }
            return;
        };
        let cut = head.cut.start as usize..head.cut.end as usize;
        let here = if cut.is_empty() {
            [bytes, b""]
        } else {
            [bytes.get(..cut.start).unwrap_or_default(), bytes.get(cut.end..).unwrap_or_default()]
        };
        let filling = Filling::new(&here, total - bytes.len(), &mut self.buffers);
        if let Some(client) = self.clients.get_mut(id) {
            client.input = Input::Upload(Box::new(Upload { head: *head, server, filling }));
        }
    }

    /// Which server has the request's key; none if no server is in the ring.
    pub(crate) fn route(&mut self, id: ClientId, head: &Head, line: &[u8]) -> Option<ServerIndex> {
        let pool = self.pools.get(self.clients.get(id)?.pool.index())?;
        let key = head.key.of(line);
        if head.base64_key {
            let mut decoded = [0; 256];
            let len = decode_key(key, &mut decoded)?;
            return pool.ring.server_of(decoded.get(..len)?, &mut self.random);
        }
        pool.ring.server_of(key, &mut self.random)
    }

    /// A complete request; `frame` is its line and, after `line` bytes, its data.
    fn dispatch(&mut self, id: ClientId, head: &Head, frame: &[u8], line: usize) {
        match head.command.group() {
            Group::Retrieval if head.keys > 1 => self.scatter_keys(id, head, frame),
            Group::Retrieval | Group::Storage | Group::Single | Group::Meta => {
                let Some(server) = self.route(id, head, frame) else {
                    self.fail_at_once(id, head, Failure::NoServer);
                    return;
                };
                self.forward(id, head, server, frame);
            }
            Group::WholePool => self.scatter_pool(id, head, frame.get(..line).unwrap_or_default()),
            Group::Local => self.answer_locally(id, head, frame),
        }
    }

    /// Sends a request of one key to its server, as it came.
    fn forward(&mut self, id: ClientId, head: &Head, server: ServerIndex, frame: &[u8]) {
        let request = Request::new(id, head.command, head.quiet, Merge::PassThrough, frame.len());
        let Some((request, conn)) = self.enqueue_for(request, server) else { return };
        let Some(to) = self.conns.get_mut(conn) else { return };
        let cut = head.cut.start as usize..head.cut.end as usize;
        let size = if cut.is_empty() {
            to.outbox.append(frame, &mut self.buffers);
            frame.len()
        } else {
            to.outbox.append(frame.get(..cut.start).unwrap_or_default(), &mut self.buffers);
            to.outbox.append(frame.get(cut.end..).unwrap_or_default(), &mut self.buffers);
            frame.len() - cut.len()
        };
        self.expect(conn, head, head.key.of(frame), request, size);
    }

    /// As [`Engine::forward`], for a large request that was collected in segments.
    pub(crate) fn forward_chain(&mut self, id: ClientId, head: &Head, server: ServerIndex, frame: Chain) {
        let size = frame.len();
        let request = Request::new(id, head.command, head.quiet, Merge::PassThrough, size);
        let Some((request, conn)) = self.enqueue_for(request, server) else { return };
        let Some(to) = self.conns.get_mut(conn) else { return };
        to.outbox.append_chain(frame, &mut self.buffers);
        self.expect(conn, head, b"", request, size);
    }

    /// Puts a request of one part into its client's queue and finds the connection for it.
    fn enqueue_for(&mut self, request: Request, server: ServerIndex) -> Option<(RequestId, ServerConnId)> {
        let client = self.clients.get(request.client)?;
        let (pool, lane) = (client.pool, client.lane);
        let id = self.enqueue(request)?;
        Some((id, self.connection(pool, server, lane)))
    }

    /// Notes that the bytes just appended to the outbox of `conn` will be answered.
    fn expect(&mut self, conn: ServerConnId, head: &Head, key: &[u8], request: RequestId, size: usize) {
        let shape = head.command.shape();
        let keys = u32::from(shape == Shape::Values);
        let expect = Expect {
            request,
            part: Expect::WHOLE,
            keys: (keys, keys),
            size: size as u32,
            since: self.now,
            shape,
            discard: false,
        };
        self.push_expect(conn, expect, core::iter::once(key).take(keys as usize));
    }

    /// Puts `expect` into the FIFO of `conn`, with the keys that its reply may name.
    pub(crate) fn push_expect<'a>(
        &mut self,
        conn: ServerConnId,
        expect: Expect,
        keys: impl Iterator<Item = &'a [u8]>,
    ) {
        let Some(to) = self.conns.get_mut(conn) else { return };
        keys.for_each(|key| to.keys.push(key));
        to.expect(expect);
        let (armed, dirty) = (to.timer.is_some() && !to.timer_is_far, to.dirty);
        if !armed {
            self.arm_server(conn);
        }
        if !dirty {
            self.mark_server_dirty(conn);
        }
    }

    /// Puts a request at the end of its client's queue.
    pub(crate) fn enqueue(&mut self, mut request: Request) -> Option<RequestId> {
        let client = self.clients.get_mut(request.client)?;
        request.charge = request.charge.saturating_add(client.usual_reply);
        client.charge += u64::from(request.charge);
        let id = self.requests.insert(request);
        match client.tail.replace(id) {
            None => client.head = Some(id),
            Some(last) => {
                if let Some(last) = self.requests.get_mut(last) {
                    last.next = Some(id);
                }
            }
        }
        Some(id)
    }

    /// Answers a line that goes no further, and says how to go on behind it.
    fn refuse(&mut self, id: ClientId, refusal: &Refusal, bytes: &[u8], line: usize) -> Step {
        let Some(client) = self.clients.get_mut(id) else { return Step::Used(bytes.len()) };
        let pool = client.pool;
        let step = match refusal.then {
            Then::Continue => Step::Used(line),
            Then::SwallowData(data) => {
                client.input = Input::SwallowData(u64::from(data));
                Step::Used(line)
            }
            Then::SwallowLine => self.swallow_line(id, bytes, line),
            Then::Close => Step::Used(bytes.len()),
        };
        if let Some(counters) = self.pool_counters(pool) {
            counters.requests_refused.add(1);
        }
        if refusal.unlink.is_some() {
            self.unlink(id, refusal, bytes);
        } else {
            self.answer(id, refusal.reply);
        }
        if refusal.then == Then::Close {
            if let Some(client) = self.clients.get_mut(id) {
                client.at_fault = true;
            }
            self.wish(Wish::Notice(Notice::ClientRefused { pool, why: refusal.name }));
            self.finish_client(id);
        }
        step
    }

    /// The data of a storage request do not end where they should.
    pub(crate) fn refuse_chunk(&mut self, id: ClientId, head: &Head) {
        let noreply = head.quiet && head.command.group() != Group::Meta;
        if let Some(counters) = self.clients.get(id).and_then(|client| self.pool_counters(client.pool)) {
            counters.requests_refused.add(1);
        }
        self.answer(id, if noreply { b"" } else { texts::BAD_CHUNK });
    }

    /// Deletes the key whose new value was refused as too large, then says so: as the real server unlinks it.
    fn unlink(&mut self, id: ClientId, refusal: &Refusal, bytes: &[u8]) {
        let Some(key) = refusal.unlink else { return };
        let (name, flag): (&[u8], &[u8]) =
            if refusal.base64_key { (b"md ", b" b\r\n") } else { (b"delete ", b"\r\n") };
        let line = [name, key.of(bytes), flag].concat();
        // Our own line, so it parses.
        let Some(limits) = self
            .clients
            .get(id)
            .and_then(|client| self.pools.get(client.pool.index()))
            .map(|pool| pool.limits)
        else {
            return;
        };
        let Parsed::Request(head) = parse_line(&line, &limits) else { return };
        let Some(server) = self.route(id, &head, &line) else {
            self.fail_at_once(id, &head, Failure::NoServer);
            return;
        };
        let request =
            Request::new(id, head.command, refusal.reply.is_empty(), Merge::Fixed(refusal.reply), line.len());
        let Some((request, conn)) = self.enqueue_for(request, server) else { return };
        if let Some(to) = self.conns.get_mut(conn) {
            to.outbox.append(&line, &mut self.buffers);
        }
        self.expect(conn, &head, b"", request, line.len());
    }
}
