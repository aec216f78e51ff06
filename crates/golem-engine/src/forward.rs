//! A request of one key on its way to its server: it is put into its client's queue, its bytes go straight into the outbox
//! of a server connection, and what it expects goes into that connection's FIFO (invariant 3: in the same order).

use crate::chain::Chain;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::id::{ClientId, RequestId, ServerConnId};
use crate::pool::PoolIndex;
use crate::request::{Merge, Request};
use crate::server::Expect;
use alloc::boxed::Box;
use golem_protocol::memcached::{Command, Parsed, Refusal, Request as Head, Shape, decode_key, parse_line};
use golem_ring::ServerIndex;

/// Who asks, with what of a client stays the same while its requests are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    /// Who.
    pub client: ClientId,
    /// Of which pool.
    pub pool: PoolIndex,
    /// Which of each server's connections it uses.
    pub lane: u16,
}

impl Engine {
    /// Which server has the request's key; none if no server is in the ring.
    #[inline(always)]
    pub(crate) fn route(&mut self, pool: PoolIndex, head: &Head, line: &[u8]) -> Option<ServerIndex> {
        let ring = self.pools.get(pool.index())?.snapshot.ring();
        let key = head.key.of(line);
        if head.base64_key {
            let mut decoded = [0; 256];
            let len = decode_key(key, &mut decoded)?;
            return ring.server_of(decoded.get(..len)?, &mut self.random);
        }
        ring.server_of(key, &mut self.random)
    }

    /// Sends a request of one key to its server, as it came.
    #[inline(always)]
    pub(crate) fn forward(&mut self, asker: Asker, head: &Head, server: ServerIndex, frame: &[u8]) {
        let request = Request::new(asker.client, head.command, head.quiet, Merge::PassThrough, frame.len());
        let Some(request) = self.enqueue(request) else { return };
        let conn = match self.connection(asker.pool, server, asker.lane) {
            Ok(conn) => conn,
            Err(failure) => return self.fail_part(request, Expect::WHOLE, failure),
        };
        let Some(to) = self.conns.get_mut(conn) else { return };
        let cut = head.cut.start as usize..head.cut.end as usize;
        let size = frame.len() - cut.len();
        if cut.is_empty() {
            to.outbox.append(frame, &mut self.buffers);
        } else {
            to.outbox.append(frame.get(..cut.start).unwrap_or_default(), &mut self.buffers);
            to.outbox.append(frame.get(cut.end..).unwrap_or_default(), &mut self.buffers);
        }
        let shape = head.command.shape();
        let mut keys = 0;
        if shape == Shape::Values {
            keys = 1;
            to.keys.push(head.key.of(frame));
        } else if head.command == Command::MetaGet {
            self.keep_for_repeat(conn, request, head, frame);
        }
        self.expect(conn, Expect::whole(request, keys, size, self.now, shape));
    }

    /// As [`Engine::forward`], for a large storage request that was collected in segments.
    pub(crate) fn forward_chain(&mut self, asker: Asker, head: &Head, mut frame: Chain) {
        let size = frame.len();
        // The line lies in the first segment.
        let line = frame.slices().next().unwrap_or_default();
        let Some(server) = self.route(asker.pool, head, line) else {
            frame.clear(&mut self.buffers);
            return self.fail_at_once(asker.client, head, Failure::NoServer);
        };
        let request = Request::new(asker.client, head.command, head.quiet, Merge::PassThrough, size);
        let Some(request) = self.enqueue(request) else { return };
        let conn = match self.connection_for_admitted(asker.pool, server, asker.lane) {
            Ok(conn) => conn,
            Err(failure) => {
                frame.clear(&mut self.buffers);
                return self.fail_part(request, Expect::WHOLE, failure);
            }
        };
        let Some(to) = self.conns.get_mut(conn) else { return };
        to.outbox.append_chain(frame, &mut self.buffers);
        self.expect(conn, Expect::whole(request, 0, size, self.now, head.command.shape()));
    }

    /// Deletes the key whose new value was refused as too large, then says so: as the real server unlinks it.
    pub(crate) fn unlink(&mut self, asker: Asker, refusal: &Refusal, bytes: &[u8]) {
        let Some(key) = refusal.unlink else { return };
        let (name, flag): (&[u8], &[u8]) =
            if refusal.base64_key { (b"md ", b" b\r\n") } else { (b"delete ", b"\r\n") };
        let line = [name, key.of(bytes), flag].concat();
        // Our own line, so it parses.
        let Some(limits) = self.pools.get(asker.pool.index()).map(|pool| pool.limits) else { return };
        let Parsed::Request(mut head) = parse_line(&line, &limits) else { return };
        let quiet = refusal.reply.is_empty();
        head.quiet = quiet;
        let Some(server) = self.route(asker.pool, &head, &line) else {
            self.fail_at_once(asker.client, &head, Failure::NoServer);
            return;
        };
        let merge = Merge::Fixed(Box::new(refusal.reply));
        let request = Request::new(asker.client, head.command, quiet, merge, line.len());
        let Some(request) = self.enqueue(request) else { return };
        let conn = match self.connection(asker.pool, server, asker.lane) {
            Ok(conn) => conn,
            Err(failure) => return self.fail_part(request, Expect::WHOLE, failure),
        };
        let Some(to) = self.conns.get_mut(conn) else { return };
        to.outbox.append(&line, &mut self.buffers);
        self.expect(conn, Expect::whole(request, 0, line.len(), self.now, head.command.shape()));
    }

    /// Notes that the bytes just appended to the outbox of `conn`, and the keys just put into its queue, will be answered.
    #[inline(always)]
    pub(crate) fn expect(&mut self, conn: ServerConnId, expect: Expect) {
        let Some(to) = self.conns.get_mut(conn) else { return };
        to.expect(expect);
        let is_armed = !to.is_timed || to.timer.is_some() && !to.timer_is_far;
        let is_dirty = to.dirty;
        if to.may_be_busy() {
            self.slow(conn, expect.request);
        }
        if !is_armed {
            self.arm_server(conn);
        }
        if !is_dirty {
            self.mark_server_dirty(conn);
        }
    }

    /// Puts a request at the end of its client's queue.
    #[inline(always)]
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
}
