//! From bytes of a client to requests: one frame at a time is scanned, then refused, answered here or sent on its way.

use crate::admission::Refused;
use crate::buffers::LARGE_PAYLOAD;
use crate::client::{Input, Upload};
use crate::engine::{Engine, Notice, Wish};
use crate::failure::Failure;
use crate::filling::Filling;
use crate::forward::Asker;
use crate::id::ClientId;
use alloc::boxed::Box;
use golem_protocol::memcached::{
    Group, Limits, LineScan, Parsed, Refusal, Request as Head, Then, parse_line, scan_get, scan_line, texts,
};

/// What the scanner found at the front of the input.
enum Step {
    /// So many bytes are through.
    Used(usize),
    /// The frame is not complete, or waits, held back with its client.
    Incomplete,
}

impl Engine {
    /// Takes the requests at the front of `bytes` and says how many bytes that were. What is left is an incomplete
    /// request, is read in another way (see [`Input`]), or is held back.
    pub(crate) fn parse(&mut self, id: ClientId, bytes: &[u8]) -> usize {
        #[cfg(feature = "prototype")]
        if self.prototype.is_on {
            return self.parse_resp(id, bytes);
        }
        let Some(client) = self.clients.get_mut(id) else { return bytes.len() };
        let Some(pool) = self.pools.get(client.pool.index()) else { return bytes.len() };
        if client.lane >= pool.lanes && client.head.is_none() {
            self.change_lane(id);
            return self.parse(id, bytes);
        }
        let asker = Asker { client: id, pool: client.pool, lane: client.lane };
        let limits = pool.limits;
        let mut scanned = core::mem::take(&mut client.rest.scanned);
        client.rest.need = 0;
        let mut at = 0;
        while let Some(rest) = bytes.get(at..)
            && !rest.is_empty()
        {
            // What nine of ten requests are needs neither the search for its line's end nor the table of commands.
            let step = if scanned == 0
                && let Some((head, len)) = scan_get(rest, &limits)
            {
                self.dispatch_here(asker, &head, rest.get(..len).unwrap_or_default(), len)
            } else {
                self.parse_one(asker, &limits, rest, core::mem::take(&mut scanned))
            };
            match step {
                Step::Used(len) => at += len,
                Step::Incomplete => return at,
            }
            match self.clients.get_mut(id) {
                Some(client) if matches!(client.input, Input::Requests) => {
                    if at < bytes.len() && client.must_wait(&self.pressure) {
                        client.held_back = true;
                        return at;
                    }
                }
                Some(_) => return at,
                None => return bytes.len(),
            }
        }
        at
    }

    #[inline]
    fn parse_one(&mut self, asker: Asker, limits: &Limits, bytes: &[u8], scanned: usize) -> Step {
        let len = match scan_line(bytes, scanned, limits) {
            LineScan::Complete { len } => len,
            LineScan::Incomplete { scanned } => {
                if let Some(client) = self.clients.get_mut(asker.client) {
                    client.rest.scanned = scanned;
                }
                return Step::Incomplete;
            }
            LineScan::Refused(refusal) => return self.refuse(asker, &refusal, bytes, 0),
        };
        let (line, after) = bytes.split_at(len);
        match parse_line(line, limits) {
            Parsed::Refused(refusal) => self.refuse(asker, &refusal, bytes, len),
            Parsed::Request(head) => match head.data {
                None => self.dispatch(asker, &head, line, len),
                Some(data) => self.store(asker, &head, bytes, len, data as usize, after),
            },
        }
    }

    /// A request with a data block of `data` bytes, of which `after` is here.
    fn store(
        &mut self,
        asker: Asker,
        head: &Head,
        bytes: &[u8],
        line: usize,
        data: usize,
        after: &[u8],
    ) -> Step {
        match (after.get(data), after.get(data + 1)) {
            (Some(b'\r'), Some(b'\n')) => {
                let total = line + data + 2;
                self.dispatch(asker, head, bytes.get(..total).unwrap_or_default(), line)
            }
            (Some(b'\r') | None, None) => {
                let total = line + data + 2;
                if total >= LARGE_PAYLOAD {
                    return self.begin_upload(asker, head, bytes, total);
                }
                if let Some(client) = self.clients.get_mut(asker.client) {
                    client.rest.need = total;
                }
                Step::Incomplete
            }
            // Whatever follows up to the end of its line was meant as data: reading it as commands would let data
            // inject them.
            (_, _) => {
                self.refuse_chunk(asker.client, head);
                self.swallow_line(asker.client, bytes, line + data)
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

    /// Collects a large request, if there is room for it. Where it goes is decided when it is there: servers may come and go
    /// meanwhile.
    fn begin_upload(&mut self, asker: Asker, head: &Head, bytes: &[u8], total: usize) -> Step {
        let id = asker.client;
        let admission = match self.route(asker.pool, head, bytes) {
            Some(server) => self.admit(asker, server, total),
            None => Err(Refused::Now(Failure::NoServer)),
        };
        match admission {
            Ok(()) => {}
            Err(Refused::ForNow) => return Step::Incomplete,
            Err(Refused::Now(failure)) => {
                self.fail_at_once(id, head, failure);
                if let Some(client) = self.clients.get_mut(id) {
                    let missing = (total - bytes.len()) as u64;
                    client.input = Input::SwallowData(missing.saturating_sub(2));
                }
                return Step::Used(bytes.len());
            }
        }
        let cut = head.cut.start as usize..head.cut.end as usize;
        let here = if cut.is_empty() {
            [bytes, b""]
        } else {
            [bytes.get(..cut.start).unwrap_or_default(), bytes.get(cut.end..).unwrap_or_default()]
        };
        let filling = Filling::by_size(&here, total - bytes.len(), &mut self.buffers);
        if let Some(client) = self.clients.get_mut(id) {
            client.brings_large = self.buffers.pipes.are_for(total);
            client.input = Input::Upload(Box::new(Upload { head: *head, filling }));
        }
        Step::Used(bytes.len())
    }

    /// A complete request; `frame` is its line and, after `line` bytes, its data.
    #[inline(never)]
    fn dispatch(&mut self, asker: Asker, head: &Head, frame: &[u8], line: usize) -> Step {
        self.dispatch_here(asker, head, frame, line)
    }

    /// As [`Engine::dispatch`], compiled into its caller: where that knows what `head` is, most of the questions have gone.
    #[inline(always)]
    fn dispatch_here(&mut self, asker: Asker, head: &Head, frame: &[u8], line: usize) -> Step {
        if self.doubts.is_any && self.waits_in_doubt(asker, head, frame) {
            return Step::Incomplete;
        }
        match head.command.group() {
            Group::Retrieval if head.keys > 1 => self.scatter_keys(asker.client, head, frame),
            Group::Retrieval | Group::Storage | Group::Single | Group::Meta => {
                match self.route(asker.pool, head, frame) {
                    Some(server) => self.forward(asker, head, server, frame),
                    None => self.fail_at_once(asker.client, head, Failure::NoServer),
                }
            }
            Group::WholePool => {
                self.scatter_pool(asker.client, head, frame.get(..line).unwrap_or_default());
            }
            Group::Local => self.answer_locally(asker.client, head, frame),
        }
        Step::Used(frame.len())
    }

    /// Answers a line that goes no further, and says how to go on behind it.
    #[cold]
    fn refuse(&mut self, asker: Asker, refusal: &Refusal, bytes: &[u8], line: usize) -> Step {
        let (id, pool) = (asker.client, asker.pool);
        let Some(client) = self.clients.get_mut(id) else { return Step::Used(bytes.len()) };
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
            self.unlink(asker, refusal, bytes);
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
}
