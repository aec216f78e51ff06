//! Requests that concern several servers: one part per server, not per key. Which part asks for which key is decided
//! here, once, and kept in the [`Gather`](crate::gather::Gather) that puts the replies together.

use crate::engine::Engine;
use crate::failure::Failure;
use crate::gather::{PartEnd, Rule};
use crate::id::{ClientId, RequestId, ServerConnId};
use crate::pool::PoolIndex;
use crate::request::{Merge, Request};
use crate::server::Expect;
use alloc::vec::Vec;
use golem_protocol::memcached::{Command, Request as Head, Shape, Span, keys_of, texts};
use golem_ring::ServerIndex;

/// Bytes of the longest `gat` or `gats` line, its CR LF aside: a real server closes the connection when a longer one
/// does not arrive in one read. `get` and `gets` lines may be of any length.
const GAT_LINE: usize = 2045;

/// A part whose line is being written.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// Where to; none if the part was lost from the start.
    conn: Option<ServerConnId>,
    part: u32,
    size: usize,
    keys: u32,
}

/// Memory for the parts being written, between requests.
#[derive(Debug, Default)]
pub(crate) struct OpenParts(Vec<Open>);

/// No part of the request at hand goes to this server yet.
const NONE: u32 = u32::MAX;

impl Engine {
    /// `get`, `gets`, `gat`, `gats` with several keys.
    pub(crate) fn scatter_keys(&mut self, id: ClientId, head: &Head, line: &[u8]) {
        let Some((pool, lane)) = self.clients.get(id).map(|client| (client.pool, client.lane)) else {
            return;
        };
        let gather = self.take_gather(Rule::Values);
        let request = Request::new(id, head.command, head.quiet, Merge::Gather(gather), line.len());
        let Some(request) = self.enqueue(request) else { return };
        // Held by this request alone, so these can be taken out while its lines are written.
        let mut key_part = core::mem::take(self.key_part(request).unwrap_or(&mut Vec::new()));
        let mut open: Vec<Open> = core::mem::take(&mut self.open_parts).0;
        self.part_of.clear();
        self.part_of.resize(self.pools.get(pool.index()).map_or(0, |pool| pool.servers.len()), NONE);
        for key in keys_of(head, line) {
            key_part.push(self.ask(request, (pool, lane), head, line, key, &mut open));
        }
        if let Some(place) = self.key_part(request) {
            *place = key_part;
        }
        for part in open.drain(..) {
            self.close_line(request, head, part);
        }
        self.open_parts.0 = open;
        self.settle_gather(request);
    }

    /// Adds one key to the part of its server, and says which part that is.
    fn ask(
        &mut self,
        request: RequestId,
        (pool, lane): (PoolIndex, u16),
        head: &Head,
        line: &[u8],
        key: Span,
        open: &mut Vec<Open>,
    ) -> u32 {
        // With the blank behind it, unless it is the last.
        let blank = line.get(key.start as usize..key.end as usize + 1).filter(|word| word.ends_with(b" "));
        let key = key.of(line);
        let server = self
            .pools
            .get(pool.index())
            .and_then(|pool| pool.snapshot.ring().server_of(key, &mut self.random));
        let Some(server) = server else {
            return self.add_part(request, ServerIndex::new(0), Err(Failure::NoServer)).0;
        };
        let slot = self.part_of.get(server.index()).copied().unwrap_or(NONE);
        let place = match open.get(slot as usize) {
            Some(part) if is_gat(head.command) && part.size + 1 + key.len() > GAT_LINE => {
                let full = *part;
                self.close_line(request, head, full);
                self.open_line(request, (pool, lane), server, head, line, open, Some(slot))
            }
            Some(_) => slot,
            None => self.open_line(request, (pool, lane), server, head, line, open, None),
        };
        let Some(part) = open.get_mut(place as usize) else { return NONE };
        if let Some(conn) = part.conn.and_then(|conn| self.conns.get_mut(conn)) {
            conn.outbox.append(blank.unwrap_or(key), &mut self.buffers);
            if blank.is_none() {
                conn.outbox.append(b" ", &mut self.buffers);
            }
            conn.keys.push(key);
            part.size += key.len() + 1;
            part.keys += 1;
        }
        part.part
    }

    /// Which part of a request asks for each of its keys.
    fn key_part(&mut self, request: RequestId) -> Option<&mut Vec<u32>> {
        match self.requests.get_mut(request)? {
            Request { merge: Merge::Gather(gather), .. } => Some(&mut gather.key_part),
            Request { merge: Merge::PassThrough | Merge::Fixed(_), .. } => None,
        }
    }

    /// Starts the line of a new part, in place of `slot` if that one is full.
    #[allow(clippy::too_many_arguments, reason = "one step of the scatter, split off for its length")]
    fn open_line(
        &mut self,
        request: RequestId,
        (pool, lane): (PoolIndex, u16),
        server: ServerIndex,
        head: &Head,
        line: &[u8],
        open: &mut Vec<Open>,
        slot: Option<u32>,
    ) -> u32 {
        let conn = self.connection(pool, server, lane);
        let (part, conn) = self.add_part(request, server, conn);
        let mut size = 0;
        if let Some(to) = conn.and_then(|conn| self.conns.get_mut(conn)) {
            let exptime = head.argument.of(line);
            let words: [&[u8]; 4] = if is_gat(head.command) {
                [head.command.name().as_bytes(), b" ", exptime, b" "]
            } else {
                [head.command.name().as_bytes(), b" ", b"", b""]
            };
            for word in words {
                to.outbox.append(word, &mut self.buffers);
                size += word.len();
            }
        }
        let fresh = Open { conn, part, size, keys: 0 };
        let place = slot.unwrap_or(open.len() as u32);
        match open.get_mut(place as usize) {
            Some(full) => *full = fresh,
            None => open.push(fresh),
        }
        if let Some(of) = self.part_of.get_mut(server.index()) {
            *of = place;
        }
        place
    }

    /// Ends the line of a part and expects its reply. Lines end with a blank before CR LF, as nutcracker's do.
    fn close_line(&mut self, request: RequestId, head: &Head, part: Open) {
        let Some(conn) = part.conn else { return };
        if let Some(to) = self.conns.get_mut(conn) {
            to.outbox.append(b"\r\n", &mut self.buffers);
        }
        let expect = Expect {
            request,
            part: part.part,
            keys: (part.keys, part.keys),
            size: (part.size + 2) as u32,
            since: self.now,
            shape: head.command.shape(),
            discard: false,
        };
        self.expect(conn, expect);
    }

    /// `flush_all`, `verbosity`: to every server, if the pool allows it.
    pub(crate) fn scatter_pool(&mut self, id: ClientId, head: &Head, line: &[u8]) {
        let Some(pool) = self.clients.get(id).map(|client| client.pool) else { return };
        let allowed = self.pools.get(pool.index()).is_some_and(|here| {
            let allowed = &here.settings.admin_commands;
            match head.command {
                Command::FlushAll => allowed.flush_all,
                _ => allowed.verbosity,
            }
        });
        if !allowed {
            if let Some(counters) = self.pool_counters(pool) {
                counters.requests_refused.add(1);
            }
            self.answer(id, if head.quiet { b"" } else { texts::NOT_ALLOWED });
            return;
        }
        let cut = head.cut.start as usize..head.cut.end as usize;
        let words = if cut.is_empty() {
            [line, b""]
        } else {
            [line.get(..cut.start).unwrap_or_default(), line.get(cut.end..).unwrap_or_default()]
        };
        self.scatter_line(id, head.command, head.quiet, Rule::AllOk, &words, |_, _| true);
    }

    /// Sends one line to every server that `wanted` names.
    pub(crate) fn scatter_line(
        &mut self,
        id: ClientId,
        command: Command,
        quiet: bool,
        rule: Rule,
        words: &[&[u8]],
        wanted: impl Fn(&Self, ServerIndex) -> bool,
    ) {
        let Some((pool, lane)) = self.clients.get(id).map(|client| (client.pool, client.lane)) else {
            return;
        };
        let size: usize = words.iter().map(|word| word.len()).sum();
        let gather = self.take_gather(rule);
        let Some(request) = self.enqueue(Request::new(id, command, quiet, Merge::Gather(gather), size))
        else {
            return;
        };
        let servers = self.pools.get(pool.index()).map_or(0, |pool| pool.servers.len()) as u32;
        for server in (0..servers).map(ServerIndex::new) {
            if !wanted(self, server) {
                continue;
            }
            let conn = self.connection(pool, server, lane);
            let (part, Some(conn)) = self.add_part(request, server, conn) else { continue };
            if let Some(to) = self.conns.get_mut(conn) {
                words.iter().for_each(|word| to.outbox.append(word, &mut self.buffers));
            }
            let expect = Expect {
                request,
                part,
                keys: (0, 0),
                size: size as u32,
                since: self.now,
                shape: match rule {
                    Rule::LowestVersion => Shape::VersionLine,
                    Rule::AllOk | Rule::Values => Shape::OkLine,
                },
                discard: false,
            };
            self.expect(conn, expect);
        }
        self.settle_gather(request);
    }

    /// Adds a part to the request's gather and says where it goes; one without a connection is lost from the start.
    fn add_part(
        &mut self,
        request: RequestId,
        server: ServerIndex,
        conn: Result<ServerConnId, Failure>,
    ) -> (u32, Option<ServerConnId>) {
        let Some(Request { merge: Merge::Gather(gather), .. }) = self.requests.get_mut(request) else {
            return (0, None);
        };
        let part = gather.add_part(server);
        if let Err(failure) = conn {
            gather.end_part(part, PartEnd::Failed(failure), b"", &mut self.buffers);
        }
        (part, conn.ok())
    }
}

const fn is_gat(command: Command) -> bool {
    matches!(command, Command::Gat | Command::Gats)
}
