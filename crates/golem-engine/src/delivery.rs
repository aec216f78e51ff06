//! Replies on their way out: parts end, requests become ready, and leave from the head of their client's queue
//! (invariant 1). Every way in which a request can end goes through here.

use crate::client::Stage;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::gather::{Gather, PartEnd, Rule};
use crate::id::{ClientId, Connection, RequestId};
use crate::pool::PoolIndex;
use crate::request::{Merge, Progress, Request};
use golem_config::MultigetFailure;
use golem_protocol::memcached::{Command, Group, Request as Head, Status, is_hidden, texts};

impl Engine {
    /// Whether somebody still waits for the reply to `request`.
    pub(crate) fn is_wanted(&self, request: RequestId) -> bool {
        self.requests.get(request).is_some_and(|request| request.progress == Progress::Waiting)
    }

    /// The only part of a request has ended with `reply`, whose last frame starts at `last`. Says whether the client gets
    /// to see it.
    #[inline(never)]
    pub(crate) fn finish_whole(&mut self, id: RequestId, reply: &[u8], last: usize, status: Status) -> bool {
        self.finish_whole_here(id, reply, last, status)
    }

    /// As [`Engine::finish_whole`], compiled into its caller: where that knows the status, most of the questions have gone.
    #[inline(always)]
    pub(crate) fn finish_whole_here(
        &mut self,
        id: RequestId,
        reply: &[u8],
        last: usize,
        status: Status,
    ) -> bool {
        let Some(request) = self.requests.get_mut(id) else { return false };
        if request.progress != Progress::Waiting {
            return false;
        }
        let Some(client) = self.clients.get_mut(request.client) else { return false };
        let is_error = matches!(status, Status::Error(_));
        let hidden = request.quiet && is_hidden(request.command, status);
        if (hidden || is_error) && !request.held.is_empty() {
            client.held -= request.held.len() as u64;
            request.held.clear(&mut self.buffers);
        }
        let reply: &[u8] = match &request.merge {
            Merge::Fixed(line) => line,
            Merge::PassThrough | Merge::Gather(_) if hidden => b"",
            // One error line in place of the whole answer.
            Merge::PassThrough | Merge::Gather(_) if is_error => reply.get(last..).unwrap_or_default(),
            Merge::PassThrough | Merge::Gather(_) => reply,
        };
        let owner = request.client;
        let is_head = client.head == Some(id);
        if is_head && request.held.is_empty() {
            // The common way: straight into the outbox.
            client.outbox.append(reply, &mut self.buffers);
            client.note_reply(reply.len());
            client.charge -= u64::from(request.charge);
            let next = request.next;
            client.head = next;
            self.requests.discard(id);
            let has_more = match next {
                Some(next) => self.requests.get(next).is_none_or(|next| next.progress != Progress::Waiting),
                None => {
                    client.tail = None;
                    false
                }
            };
            if !has_more && client.stage == Stage::Open && !client.is_watched() {
                if !core::mem::replace(&mut client.dirty, true) {
                    self.list_dirty(Connection::Client(owner));
                }
                return !hidden;
            }
        } else {
            request.progress = Progress::Ready;
            request.held.append(reply, &mut self.buffers);
            client.held += reply.len() as u64;
            if !is_head && !client.is_watched() {
                return !hidden;
            }
        }
        self.drain(owner);
        !hidden
    }

    /// Part `number` of a request has ended.
    pub(crate) fn end_part(&mut self, id: RequestId, number: u32, end: PartEnd, line: &[u8]) {
        let Some(request) = self.requests.get_mut(id) else { return };
        let Merge::Gather(gather) = &mut request.merge else { return };
        let before = gather.held as u64;
        let all = gather.end_part(number, end, line, &mut self.buffers);
        if let Some(client) = self.clients.get_mut(request.client) {
            client.held = client.held + gather.held as u64 - before;
        }
        if all {
            self.settle_gather(id);
        }
    }

    /// Makes one reply of a request's parts if all have ended.
    pub(crate) fn settle_gather(&mut self, id: RequestId) {
        let Some(request) = self.requests.get_mut(id) else { return };
        let Merge::Gather(gather) = &mut request.merge else { return };
        if gather.waiting > 0 || request.progress != Progress::Waiting {
            return;
        }
        let (client, quiet, rule) = (request.client, request.quiet, gather.rule);
        let Some(pool) = self.clients.get(client).map(|client| client.pool) else { return };
        let policy = self.pools.get(pool.index()).map(|pool| pool.settings.multiget_failure);
        let lost = gather.has_lost_part();
        request.progress = Progress::Ready;
        match rule {
            Rule::LowestVersion => self.replace_reply(id, |engine, out| engine.write_version(pool, out)),
            Rule::Values if gather.failed_part().is_none() => {}
            Rule::Values if policy == Some(MultigetFailure::Miss) => self.count_forward_error(pool),
            Rule::AllOk if gather.failed_part().is_none() => {
                self.replace_reply(id, |_, out| out.extend_from_slice(if quiet { b"" } else { texts::OK }));
            }
            Rule::Values | Rule::AllOk => {
                if rule == Rule::Values && lost && policy == Some(MultigetFailure::Close) {
                    request.progress = Progress::ReadyThenClose;
                }
                let mut line = core::mem::take(&mut self.line);
                line.clear();
                if !quiet {
                    write_failure(gather, &mut line);
                }
                self.count_forward_error(pool);
                self.replace_reply(id, |_, out| out.extend_from_slice(&line));
                self.line = line;
            }
        }
        self.drain(client);
    }

    /// Gives a gathered request another reply than its parts.
    fn replace_reply(&mut self, id: RequestId, write: impl FnOnce(&Self, &mut alloc::vec::Vec<u8>)) {
        let mut reply = core::mem::take(&mut self.reply);
        reply.clear();
        write(self, &mut reply);
        if let Some(request) = self.requests.get_mut(id) {
            let merge = core::mem::replace(&mut request.merge, Merge::PassThrough);
            request.held.append(&reply, &mut self.buffers);
            if let Some(client) = self.clients.get_mut(request.client) {
                client.held += reply.len() as u64;
                if let Merge::Gather(gather) = &merge {
                    client.held -= gather.held as u64;
                }
            }
            if let Merge::Gather(gather) = merge {
                self.give_gather(gather);
            }
        }
        self.reply = reply;
    }

    /// A part of a request got no reply.
    pub(crate) fn fail_part(&mut self, id: RequestId, part: u32, failure: Failure) {
        #[cfg(feature = "prototype")]
        let start = self.error_start();
        #[cfg(not(feature = "prototype"))]
        let start = texts::SERVER_ERROR;
        let Some(request) = self.requests.get_mut(id) else { return };
        if request.progress != Progress::Waiting {
            return;
        }
        if matches!(request.merge, Merge::Gather(_)) {
            self.end_part(id, part, PartEnd::Failed(failure), b"");
            return;
        }
        request.progress = Progress::Ready;
        let client = request.client;
        let silent = request.quiet && request.command.group() != Group::Meta;
        let dropped = request.held.len() as u64;
        request.held.clear(&mut self.buffers);
        let mut len = 0;
        if !silent {
            for piece in [start, failure.text().as_bytes(), b"\r\n"] {
                request.held.append(piece, &mut self.buffers);
                len += piece.len() as u64;
            }
        }
        let Some(client) = self.clients.get_mut(client) else { return };
        client.held = client.held + len - dropped;
        let pool = client.pool;
        if !silent {
            self.count_forward_error(pool);
        }
        if let Some(request) = self.requests.get(id) {
            self.drain(request.client);
        }
    }

    /// A request that finds no server.
    pub(crate) fn fail_at_once(&mut self, id: ClientId, head: &Head, failure: Failure) {
        let request = Request::new(id, head.command, head.quiet, Merge::PassThrough, 0);
        if let Some(request) = self.enqueue(request) {
            self.fail_part(request, 0, failure);
        }
    }

    fn count_forward_error(&self, pool: PoolIndex) {
        if let Some(counters) = self.pool_counters(pool) {
            counters.forward_error.add(1);
        }
    }

    /// Answers a client here, behind everything that it asked before.
    pub(crate) fn answer(&mut self, id: ClientId, reply: &[u8]) {
        if reply.is_empty() {
            return;
        }
        let Some(client) = self.clients.get_mut(id) else { return };
        if client.head.is_none() {
            client.outbox.append(reply, &mut self.buffers);
            self.mark_client_dirty(id);
            self.limit_client(id);
            return;
        }
        let mut request = Request::new(id, Command::MetaNoop, false, Merge::PassThrough, 0);
        request.progress = Progress::Ready;
        request.held.append(reply, &mut self.buffers);
        if self.enqueue(request).is_some() {
            self.note_held(id, reply.len());
        }
    }

    /// Lets all replies leave that are ready, from the head of the client's queue.
    pub(crate) fn drain(&mut self, id: ClientId) {
        loop {
            let close = self.move_ready(id);
            self.mark_client_dirty(id);
            if close {
                self.forget_requests(id);
            }
            let Some(client) = self.clients.get(id) else { return };
            let (stage, is_watched) = (client.stage, client.is_watched());
            if stage != Stage::Open {
                self.settle(id);
            }
            // What the limit fails may stand at the head, and then leaves too.
            if !is_watched || !self.limit_client(id) {
                if is_watched {
                    self.resume_if_light(id);
                }
                return;
            }
        }
    }

    /// Moves ready replies from the queue's head to the outbox; true if the client is to be closed behind the last.
    fn move_ready(&mut self, id: ClientId) -> bool {
        let mut close = false;
        let Some(client) = self.clients.get_mut(id) else { return false };
        while let Some(head) = client.head
            && !close
            && let Some(request) = self.requests.get_mut(head)
            && request.progress != Progress::Waiting
        {
            client.head = request.next;
            if client.head.is_none() {
                client.tail = None;
            }
            let holds = request.holds();
            client.charge -= u64::from(request.charge);
            client.held -= holds as u64;
            client.note_reply(holds);
            close = request.progress == Progress::ReadyThenClose;
            request.held.leave(&mut client.outbox, &mut self.buffers);
            if let Merge::Gather(mut gather) = core::mem::replace(&mut request.merge, Merge::PassThrough) {
                gather.write_values(&mut client.outbox, &mut self.buffers);
                client.outbox.append(texts::END, &mut self.buffers);
                self.spare.give(gather, &mut self.buffers);
            }
            self.requests.discard(head);
        }
        close
    }

    /// A client whose multi-key request failed is closed behind the error: what else it asked is dropped, and whatever
    /// comes back for it finds no request.
    fn forget_requests(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        client.at_fault = true;
        client.tail = None;
        client.charge = 0;
        client.held = 0;
        let first = client.head.take();
        self.drop_requests(first);
        self.finish_client(id);
    }

    /// Drops the requests from `next` on, with what they hold.
    pub(crate) fn drop_requests(&mut self, mut next: Option<RequestId>) {
        while let Some(request) = next.and_then(|id| self.requests.remove(id)) {
            next = request.next;
            let mut held = request.held;
            held.clear(&mut self.buffers);
            if let Merge::Gather(gather) = request.merge {
                self.give_gather(gather);
            }
        }
    }
}

/// The one error line in place of a gathered reply.
fn write_failure(gather: &Gather, out: &mut alloc::vec::Vec<u8>) {
    let Some(part) = gather.failed_part() else { return };
    match part.end {
        PartEnd::Failed(failure) => {
            out.extend_from_slice(texts::SERVER_ERROR);
            out.extend_from_slice(failure.text().as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        PartEnd::ErrorLine | PartEnd::Answered | PartEnd::Waiting => out.extend_from_slice(part.line()),
    }
}
