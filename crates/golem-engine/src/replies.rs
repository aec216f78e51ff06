//! From bytes of a server to replies for clients: items are scanned by the shape at the FIFO's head. What does not fit
//! means that the stream is out of step: the connection is dropped before anybody gets a reply that is not theirs
//! (invariant 2).

use crate::buffers::LARGE_PAYLOAD;
use crate::chain::Chain;
use crate::engine::{Engine, server_counters};
use crate::failure::Failure;
use crate::filling::Filling;
use crate::gather::PartEnd;
use crate::id::ServerConnId;
use crate::request::Merge;
use crate::server::{Expect, Incoming, Link, ServerConn};
use golem_protocol::memcached::{ErrorKind, ReplyScan, Status, scan_reply};

/// Why a server connection is given up while its bytes are read.
struct Broken {
    failure: Failure,
    why: &'static str,
}

impl Broken {
    const fn because(why: &'static str) -> Self {
        Self { failure: Failure::BadReply, why }
    }
}

/// One complete item of a reply, by where it ends.
enum Item {
    /// A value; the part's key number.
    Value(u32),
    /// The last frame.
    Last(Status),
}

impl Engine {
    pub(crate) fn server_bytes(&mut self, id: ServerConnId, mut bytes: &[u8]) {
        if let Some(conn) = self.conns.get_mut(id) {
            conn.heard = self.now;
        }
        while !bytes.is_empty() {
            let Some(conn) = self.conns.get_mut(id) else { return };
            let step = if conn.incoming.is_some() {
                self.feed_incoming(id, bytes)
            } else if conn.rest.is_empty() {
                self.read_replies(id, bytes).map(|used| {
                    let rest = bytes.get(used..).unwrap_or_default();
                    if let Some(conn) = self.conns.get_mut(id)
                        && conn.incoming.is_none()
                    {
                        conn.rest.keep(rest, &mut self.buffers);
                        return bytes.len();
                    }
                    used
                })
            } else {
                let used = conn.rest.top_up(bytes, &mut self.buffers);
                let rest = conn.rest.take();
                self.read_replies(id, &rest).map(|read| {
                    if let Some(conn) = self.conns.get_mut(id) {
                        conn.rest.put_back(rest, read, &mut self.buffers);
                    }
                    used
                })
            };
            match step {
                Ok(used) => bytes = bytes.get(used..).unwrap_or_default(),
                Err(broken) => {
                    self.drop_broken(id, &broken);
                    return;
                }
            }
        }
    }

    pub(crate) fn server_filled(&mut self, id: ServerConnId, count: usize) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        conn.heard = self.now;
        match &mut conn.incoming {
            Some(Incoming::Value(filling, _) | Incoming::Last(filling, _)) => filling.filled(count),
            Some(Incoming::Dropped(..)) | None => return,
        }
        if let Err(broken) = self.finish_incoming(id) {
            self.drop_broken(id, &broken);
        }
    }

    fn drop_broken(&mut self, id: ServerConnId, broken: &Broken) {
        if broken.failure == Failure::BadReply
            && let Some(conn) = self.conns.get(id)
            && let Some(counters) = server_counters(&self.counters, conn.pool, conn.server)
        {
            counters.protocol_errors.add(1);
        }
        self.server_lost(id, broken.failure, broken.why);
    }

    fn feed_incoming(&mut self, id: ServerConnId, bytes: &[u8]) -> Result<usize, Broken> {
        let Some(conn) = self.conns.get_mut(id) else { return Ok(bytes.len()) };
        let used = match &mut conn.incoming {
            Some(Incoming::Value(filling, _) | Incoming::Last(filling, _)) => {
                filling.feed(bytes, &mut self.buffers)
            }
            Some(Incoming::Dropped(left, _)) => {
                let step = bytes.len().min(*left);
                *left -= step;
                step
            }
            None => 0,
        };
        self.finish_incoming(id).map(|()| used)
    }

    /// Hands a large payload on once it is complete.
    fn finish_incoming(&mut self, id: ServerConnId) -> Result<(), Broken> {
        let Some(conn) = self.conns.get_mut(id) else { return Ok(()) };
        match conn.incoming.take() {
            Some(Incoming::Value(filling, ordinal)) if filling.is_complete() => {
                self.hand_on_chain(id, filling.finish(), ordinal)
            }
            Some(Incoming::Last(filling, status)) if filling.is_complete() => {
                let chain = filling.finish();
                if chain.last_two() != Some(*b"\r\n") {
                    return Err(Broken::because("data without CR LF"));
                }
                self.hold_chain(id, chain, 0);
                self.finish_reply(id, b"", b"", status)
            }
            Some(Incoming::Dropped(0, Some(status))) => self.finish_reply(id, b"", b"", status),
            Some(Incoming::Dropped(0, None)) | None => Ok(()),
            unfinished @ Some(Incoming::Value(..) | Incoming::Last(..) | Incoming::Dropped(..)) => {
                conn.incoming = unfinished;
                Ok(())
            }
        }
    }

    fn hand_on_chain(&mut self, id: ServerConnId, chain: Chain, ordinal: u32) -> Result<(), Broken> {
        if chain.last_two() != Some(*b"\r\n") {
            return Err(Broken::because("data without CR LF"));
        }
        self.hold_chain(id, chain, ordinal);
        Ok(())
    }

    /// Reads the items at the front of `bytes` and says how many bytes are through; the rest is an incomplete item.
    fn read_replies(&mut self, id: ServerConnId, bytes: &[u8]) -> Result<usize, Broken> {
        // `start..item` are complete items of the reply at hand that have not been handed on.
        let (mut start, mut item) = (0, 0);
        loop {
            let Some(conn) = self.conns.get_mut(id) else { return Ok(bytes.len()) };
            let rest = bytes.get(item..).unwrap_or_default();
            if rest.is_empty() || conn.incoming.is_some() {
                break;
            }
            let scanned = core::mem::take(&mut conn.rest.scanned);
            conn.rest.need = 0;
            let Some(front) = conn.front() else {
                return Err(Broken::because(if conn.has_answered { STRAY } else { UNASKED }));
            };
            let (part, discard) = (front.part, front.discard);
            let (header, data, found) = match scan_reply(front.shape, rest, scanned) {
                ReplyScan::Incomplete { scanned } => {
                    conn.rest.scanned = scanned;
                    break;
                }
                ReplyScan::Value { key, header, data } => (header as usize, Some(data as usize), Err(key)),
                ReplyScan::Last { len, status } => (len as usize, None, Ok(status)),
                ReplyScan::LastWithData { header, data, status } => {
                    (header as usize, Some(data as usize), Ok(status))
                }
                ReplyScan::Broken(why) => return Err(Broken::because(why)),
            };
            let total = header + data.map_or(0, |data| data + 2);
            if total > rest.len() && total < LARGE_PAYLOAD {
                conn.rest.need = total;
                break;
            }
            let found = match found {
                Err(key) => Item::Value(conn.take_key(key.of(rest)).ok_or(Broken::because(WRONG_KEY))?),
                Ok(status) => Item::Last(status),
            };
            if total > rest.len() {
                self.hand_on(id, bytes.get(start..item).unwrap_or_default());
                self.begin_incoming(id, rest, total, &found);
                return Ok(bytes.len());
            }
            if data.is_some() && rest.get(total - 2..total) != Some(b"\r\n") {
                return Err(Broken::because("data without CR LF"));
            }
            let end = item + total;
            match found {
                Item::Value(ordinal) if part != Expect::WHOLE => {
                    self.hold_block(id, part, ordinal, bytes.get(item..end).unwrap_or_default());
                    start = end;
                }
                // Nobody wants it, so nothing waits to be handed on.
                Item::Value(_) if discard => start = end,
                Item::Value(_) => {}
                Item::Last(status) => {
                    let before = bytes.get(start..item).unwrap_or_default();
                    self.finish_reply(id, before, bytes.get(item..end).unwrap_or_default(), status)?;
                    start = end;
                }
            }
            item = end;
        }
        self.hand_on(id, bytes.get(start..item).unwrap_or_default());
        Ok(item)
    }

    /// Starts to read a large item whose first bytes are `here`.
    fn begin_incoming(&mut self, id: ServerConnId, here: &[u8], total: usize, found: &Item) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let missing = total - here.len();
        let wanted =
            conn.front().is_some_and(|front| !front.discard && self.requests.get(front.request).is_some());
        conn.reply_begun |= matches!(found, Item::Value(_));
        conn.incoming = Some(match (wanted, found) {
            (true, Item::Value(ordinal)) => {
                Incoming::Value(Filling::new(&[here], missing, &mut self.buffers), *ordinal)
            }
            (true, Item::Last(status)) => {
                Incoming::Last(Filling::new(&[here], missing, &mut self.buffers), *status)
            }
            (false, Item::Value(_)) => Incoming::Dropped(missing, None),
            (false, Item::Last(status)) => Incoming::Dropped(missing, Some(*status)),
        });
    }

    /// The reply at the FIFO's head has ended with `last`; `before` are items before it that were not handed on.
    fn finish_reply(
        &mut self,
        id: ServerConnId,
        before: &[u8],
        last: &[u8],
        status: Status,
    ) -> Result<(), Broken> {
        let Some(conn) = self.conns.get_mut(id) else { return Ok(()) };
        if status == Status::Error(ErrorKind::TooManyConnections) && !conn.has_answered {
            return Err(Broken {
                failure: Failure::ConnectionRefused,
                why: "the server has too many connections",
            });
        }
        conn.has_answered = true;
        let begun = conn.reply_begun || !before.is_empty();
        let (pool, server) = (conn.pool, conn.server);
        let Some(counters) = server_counters(&self.counters, pool, server) else { return Ok(()) };
        let Some(expect) = conn.pop(counters) else { return Ok(()) };
        let is_error = matches!(status, Status::Error(_));
        let wanted = !expect.discard && self.requests.get(expect.request).is_some();
        if wanted {
            let before = if is_error { b"" } else { before };
            self.deliver_reply(&expect, (pool, server), before, last, status);
        } else {
            counters.replies_discarded.add(1);
        }
        if is_error && begun {
            // A server does not say this; whatever follows may belong to this reply or to the next.
            return Err(Broken::because("an error line in the middle of a reply"));
        }
        Ok(())
    }

    /// Keeps a value for the gather of its request.
    fn hold_block(&mut self, id: ServerConnId, part: u32, ordinal: u32, block: &[u8]) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        conn.reply_begun = true;
        let Some(front) = conn.front().filter(|front| !front.discard).copied() else { return };
        if let Some(request) = self.requests.get_mut(front.request)
            && let Merge::Gather(gather) = &mut request.merge
        {
            gather.hold(part, ordinal, block);
            let client = request.client;
            self.note_held(client, front.request, block.len());
        }
    }

    /// Keeps complete items of a reply whose end has not come, until it has.
    fn hand_on(&mut self, id: ServerConnId, items: &[u8]) {
        if items.is_empty() {
            return;
        }
        let Some(conn) = self.conns.get_mut(id) else { return };
        conn.reply_begun = true;
        let Some(front) = conn.front().filter(|front| !front.discard).copied() else { return };
        if let Some(request) = self.requests.get_mut(front.request) {
            request.held.append(items, &mut self.buffers);
            let client = request.client;
            self.note_held(client, front.request, items.len());
        }
    }

    /// As [`Engine::hand_on`] and [`Engine::hold_block`], for a large item.
    fn hold_chain(&mut self, id: ServerConnId, mut chain: Chain, ordinal: u32) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        conn.reply_begun = true;
        let front = conn.front().filter(|front| !front.discard).copied();
        let Some((front, request)) =
            front.and_then(|front| self.requests.get_mut(front.request).map(|request| (front, request)))
        else {
            chain.clear(&mut self.buffers);
            return;
        };
        let len = chain.len();
        match &mut request.merge {
            Merge::Gather(gather) => gather.hold_chain(front.part, ordinal, chain),
            Merge::PassThrough | Merge::Fixed(_) => request.held.append_chain(chain, &mut self.buffers),
        }
        let client = request.client;
        self.note_held(client, front.request, len);
    }

    /// A reply for a request that still wants it.
    fn deliver_reply(
        &mut self,
        expect: &Expect,
        (pool, server): (crate::pool::PoolIndex, golem_ring::ServerIndex),
        before: &[u8],
        last: &[u8],
        status: Status,
    ) {
        if expect.part == Expect::WHOLE {
            self.finish_whole(expect.request, (pool, server), before, last, status);
            return;
        }
        let end = if matches!(status, Status::Error(_)) { PartEnd::ErrorLine } else { PartEnd::Answered };
        if status == Status::Version {
            self.learn_version(pool, server, last);
        }
        if let Some(counters) = server_counters(&self.counters, pool, server) {
            counters.responses.add(1);
            counters.response_bytes.add(before.len() + last.len());
        }
        self.end_part(expect.request, expect.part, end, last);
    }
}

const STRAY: &str = "bytes that no request waits for";
const UNASKED: &str = "bytes before any request";
const WRONG_KEY: &str = "a value for a key that was not asked for";

impl ServerConn {
    /// The place of `key` among the keys of the reply at hand; keys before it were misses. None if it was not asked.
    fn take_key(&mut self, key: &[u8]) -> Option<u32> {
        while let Some(Expect { keys: (asked, left), .. }) = self.front().filter(|front| front.keys.1 > 0) {
            let ordinal = *asked - *left;
            *left -= 1;
            if self.keys.pop_is(key) {
                return Some(ordinal);
            }
        }
        None
    }

    /// Where the rest of a large item should be read to.
    pub(crate) fn read_target(&mut self, buffers: &mut crate::buffers::Buffers) -> Option<&mut [u8]> {
        match &mut self.incoming {
            Some(Incoming::Value(filling, _) | Incoming::Last(filling, _)) => Some(filling.target(buffers)),
            Some(Incoming::Dropped(..)) | None => None,
        }
    }

    /// Whether requests may be written.
    pub(crate) fn is_up(&self) -> bool {
        self.link == Link::Up
    }
}
