//! From bytes of a server to replies for clients: items are scanned by the shape at the FIFO's head. What does not fit
//! means that the stream is out of step: the connection is dropped before anybody gets a reply that is not theirs
//! (invariant 2).

use crate::buffers::LARGE_PAYLOAD;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::gather::PartEnd;
use crate::id::ServerConnId;
use crate::server::{Expect, Link, ServerConn};
use golem_protocol::memcached::{ErrorKind, ReplyScan, Shape, Status, scan_hit, scan_reply, scan_value};

/// Why a server connection is given up while its bytes are read.
pub(crate) struct Broken {
    failure: Failure,
    why: &'static str,
}

impl Broken {
    pub(crate) const fn because(why: &'static str) -> Self {
        Self { failure: Failure::BadReply, why }
    }
}

/// One complete item of a reply, by where it ends.
pub(crate) enum Item {
    /// A value; the part's key number.
    Value(u32),
    /// The last frame.
    Last(Status),
}

impl Engine {
    pub(crate) fn server_bytes(&mut self, id: ServerConnId, mut bytes: &[u8]) {
        let count = bytes.len();
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
                let read = self.read_replies(id, &rest);
                match (&read, self.conns.get_mut(id)) {
                    (Ok(read), Some(conn)) => conn.rest.put_back(rest, *read, &mut self.buffers),
                    (Ok(_) | Err(_), _) => self.buffers.give(rest),
                }
                read.map(|_| used)
            };
            match step {
                Ok(used) => bytes = bytes.get(used..).unwrap_or_default(),
                Err(broken) => {
                    self.drop_broken(id, &broken);
                    return;
                }
            }
        }
        if let Some(conn) = self.conns.get_mut(id) {
            conn.note_short_read(count);
        }
    }

    pub(crate) fn drop_broken(&mut self, id: ServerConnId, broken: &Broken) {
        if broken.failure == Failure::BadReply
            && let Some(conn) = self.conns.get(id)
        {
            conn.counters.protocol_errors.add(1);
        }
        self.server_lost(id, broken.failure, broken.why);
    }

    /// Reads the items at the front of `bytes` and says how many bytes are through; the rest is an incomplete item.
    fn read_replies(&mut self, id: ServerConnId, bytes: &[u8]) -> Result<usize, Broken> {
        #[cfg(feature = "prototype")]
        if self.prototype.is_on {
            return self.read_resp(id, bytes);
        }
        // `start..item` are complete items of the reply at hand that have not been handed on.
        let (mut start, mut item) = (0, 0);
        loop {
            let Some(conn) = self.conns.get_mut(id) else { return Ok(bytes.len()) };
            let rest = bytes.get(item..).unwrap_or_default();
            if rest.is_empty() || conn.incoming.is_some() {
                break;
            }
            if start == item
                && let Some(len) = conn.scan_hit(rest)
            {
                item += len;
                self.finish_hit(id, bytes.get(start..item).unwrap_or_default());
                start = item;
                continue;
            }
            let conn = if start == item && conn.asks_for_part() {
                item += self.hold_values(id, rest);
                if item > start {
                    start = item;
                    continue;
                }
                let Some(conn) = self.conns.get_mut(id) else { break };
                conn
            } else {
                conn
            };
            let Some((found, total)) = conn.scan_item(rest)? else { break };
            if total > rest.len() {
                self.hand_on(id, bytes.get(start..item).unwrap_or_default());
                self.begin_incoming(id, rest, total, &found);
                return Ok(bytes.len());
            }
            let Some(&Expect { part, discard, .. }) = conn.front().map(|front| &*front) else { break };
            let end = item + total;
            match found {
                Item::Value(ordinal) if part != Expect::WHOLE => {
                    self.hold_block(id, part, ordinal, bytes.get(item..end).unwrap_or_default());
                    start = end;
                }
                // Nobody wants it, so nothing waits to be handed on.
                Item::Value(_) if discard => {
                    conn.reply_begun = true;
                    start = end;
                }
                Item::Value(_) => {}
                Item::Last(status) => {
                    self.finish_reply(id, bytes.get(start..end).unwrap_or_default(), item - start, status)?;
                    start = end;
                }
            }
            item = end;
        }
        self.hand_on(id, bytes.get(start..item).unwrap_or_default());
        Ok(item)
    }

    /// What the FIFO's head expects, unless nobody wants its reply any more.
    pub(crate) fn wanted_front(&mut self, id: ServerConnId) -> Option<Expect> {
        let front = *self.conns.get_mut(id)?.front()?;
        (!front.discard && self.is_wanted(front.request)).then_some(front)
    }

    /// As [`Engine::finish_reply`], for what [`ServerConn::scan_hit`] found.
    #[inline(always)]
    fn finish_hit(&mut self, id: ServerConnId, reply: &[u8]) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        conn.has_answered = true;
        let Some(expect) = conn.pop() else { return };
        conn.note_reply(&expect, self.now);
        self.pace.note_reply(expect.since, self.now);
        let is_shown = self.finish_whole_here(expect.request, reply, 0, Status::End);
        self.count_reply(id, is_shown, reply.len());
    }

    #[inline]
    fn count_reply(&self, id: ServerConnId, is_shown: bool, len: usize) {
        if let Some(conn) = self.conns.get(id) {
            if is_shown {
                conn.counters.responses.add(1);
                conn.counters.response_bytes.add(len);
            } else {
                conn.counters.replies_discarded.add(1);
            }
        }
    }

    /// The reply at the FIFO's head has ended. `reply` is what of it was not handed on; its last frame starts at `last`.
    pub(crate) fn finish_reply(
        &mut self,
        id: ServerConnId,
        reply: &[u8],
        last: usize,
        status: Status,
    ) -> Result<(), Broken> {
        let Some(conn) = self.conns.get_mut(id) else { return Ok(()) };
        if status == Status::Error(ErrorKind::TooManyConnections) && !conn.has_answered {
            conn.counters.server_full.add(1);
            conn.was_full = true;
            return Err(Broken {
                failure: Failure::ConnectionRefused,
                why: "the server has too many connections",
            });
        }
        conn.has_answered = true;
        let begun = conn.reply_begun || last > 0;
        let (pool, server, is_leaving) = (conn.pool, conn.of.index, conn.is_leaving);
        let Some(expect) = conn.pop() else { return Ok(()) };
        conn.drop_kept(&mut self.buffers);
        conn.note_reply(&expect, self.now);
        self.pace.note_reply(expect.since, self.now);
        let shown = if expect.discard {
            false
        } else if expect.part == Expect::WHOLE {
            self.finish_whole(expect.request, reply, last, status)
        } else if !self.is_wanted(expect.request) {
            false
        } else {
            let end = if matches!(status, Status::Error(_)) { PartEnd::ErrorLine } else { PartEnd::Answered };
            if status == Status::Version && !is_leaving {
                self.learn_version(pool, server, reply);
            }
            self.end_part(expect.request, expect.part, end, reply.get(last..).unwrap_or_default());
            true
        };
        self.count_reply(id, shown, reply.len());
        let is_culled = matches!(status, Status::Error(_))
            && reply.get(last..).is_some_and(|line| line.starts_with(CULLED))
            && self.conns.get(id).is_some_and(|conn| conn.oldest().is_some());
        match status {
            _ if is_culled => Err(Broken::because("the server has dropped replies for lack of memory")),
            // A server does not say this; whatever follows may belong to this reply or to the next.
            Status::Error(_) if begun => Err(Broken::because("an error line in the middle of a reply")),
            // It took the line for no storage command, so it reads the data that follow as commands.
            Status::Error(ErrorKind::Error) if matches!(expect.shape, Shape::StoreLine | Shape::MetaSet) => {
                Err(Broken::because("a storage command that the server does not know"))
            }
            _ => Ok(()),
        }
    }
}

/// What memcached 1.6 says when it cannot answer a retrieval for lack of memory: it then drops what it had ready for others
/// that were asked before, too, and says this once. So the line may belong to any that waits, and the next replies to others
/// than those that are next in the FIFO. Where nobody else waits it is an error like any other.
const CULLED: &[u8] = b"SERVER_ERROR out of memory writing get response";

const STRAY: &str = "bytes that no request waits for";
const UNASKED: &str = "bytes before any request";
const WRONG_KEY: &str = "a value for a key that was not asked for";

impl ServerConn {
    /// Bytes of the usual reply, if it stands at the front of `rest` as a whole and nothing special is to be done with it.
    #[inline(always)]
    pub(crate) fn scan_hit(&self, rest: &[u8]) -> Option<usize> {
        let front = self.oldest()?;
        let is_plain = front.part == Expect::WHOLE && front.shape == Shape::Values && front.keys.1 == 1;
        if !is_plain || front.discard || self.reply_begun {
            return None;
        }
        scan_hit(self.keys.first()?, rest)
    }

    /// Whether the reply at the FIFO's head is that of one server to a request for several keys.
    #[inline]
    fn asks_for_part(&self) -> bool {
        self.oldest().is_some_and(|front| front.part != Expect::WHOLE && front.shape == Shape::Values)
    }

    /// The value at the front of `rest` if it is one for the next key, as a whole: that key's number and the value's bytes.
    /// The key is then no longer asked for.
    #[inline]
    pub(crate) fn next_value(&mut self, rest: &[u8]) -> Option<(u32, usize)> {
        let (asked, left) = self.oldest().map(|front| front.keys).filter(|(_, left)| *left > 0)?;
        let len = scan_value(self.keys.first()?, rest)?;
        self.keys.skip(1);
        self.front()?.keys.1 = left - 1;
        Some((asked - left, len))
    }

    /// Looks at the item at the front of `rest`: what it is and how long. None if it is not complete, unless it is a
    /// large one, whose length then exceeds what is here.
    #[inline]
    fn scan_item(&mut self, rest: &[u8]) -> Result<Option<(Item, usize)>, Broken> {
        let scanned = core::mem::take(&mut self.rest.scanned);
        self.rest.need = 0;
        let Some(front) = self.front() else {
            return Err(Broken::because(if self.has_answered { STRAY } else { UNASKED }));
        };
        let (header, data, found) = match scan_reply(front.shape, rest, scanned) {
            ReplyScan::Incomplete { scanned } => {
                self.rest.scanned = scanned;
                return Ok(None);
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
            self.rest.need = total;
            return Ok(None);
        }
        if data.is_some() && total <= rest.len() && rest.get(total - 2..total) != Some(b"\r\n") {
            return Err(Broken::because("data without CR LF"));
        }
        let item = match found {
            Err(key) => Item::Value(self.take_key(key.of(rest)).ok_or(Broken::because(WRONG_KEY))?),
            Ok(status) => Item::Last(status),
        };
        Ok(Some((item, total)))
    }

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

    /// Whether requests may be written.
    pub(crate) fn is_up(&self) -> bool {
        self.link == Link::Up
    }
}
