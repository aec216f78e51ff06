//! Asking once more: a server that closes idle connections, or was restarted, may do so just when a request is on its way.
//! A read that was and stayed the only one on a connection that had answered before, and of whose reply no byte has come, is then
//! repeated on a fresh connection, within its time: as if it had been asked a moment later. It cannot happen twice, as a
//! fresh connection has answered nothing. At most one in ten requests, so that a server that is ill is not asked twice by all.
//!
//! Invariant: only what changes nothing at the server is repeated: `get`, `gets`, and `mg` without the flags that write.
//! Lines of `get` and `gets` are made again from the keys that the connection keeps anyway; those of `mg` are kept.

use crate::buffers::{Buffers, SMALL};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::id::{RequestId, ServerConnId};
use crate::server::{Expect, ServerConn};
use golem_protocol::memcached::{Command, Request as Head};

/// What one repetition takes, in tenths: every request gives one.
const PRICE: i64 = 10;
/// What can be saved up, and what there is at the start.
const MOST: i64 = 100 * PRICE;
const FIRST: i64 = 10 * PRICE;

/// What a pool may still repeat.
#[derive(Debug)]
pub(crate) struct Budget {
    tenths: i64,
    /// The number of requests when it was last looked at.
    seen: i64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { tenths: FIRST, seen: 0 }
    }
}

impl Budget {
    /// The pool's servers are others now; they have had so many requests.
    pub(crate) const fn look_again(&mut self, requests: i64) {
        self.seen = requests;
    }

    /// Takes what one repetition costs, if there is as much after so many requests of the pool.
    fn spend(&mut self, requests: i64) -> bool {
        self.tenths = self.tenths.saturating_add(requests - self.seen).min(MOST);
        self.seen = requests;
        if self.tenths < PRICE {
            return false;
        }
        self.tenths -= PRICE;
        true
    }
}

impl Engine {
    /// Keeps the line of a request that is about to be expected on `conn`, if it may have to be repeated. The client
    /// is charged for it.
    pub(crate) fn keep_for_repeat(&mut self, conn: ServerConnId, id: RequestId, head: &Head, frame: &[u8]) {
        let Some(conn) = self.conns.get_mut(conn).filter(|conn| conn.is_idle()) else { return };
        let (key, cut) = (head.key.end as usize, head.cut.start as usize..head.cut.end as usize);
        let flags = frame.get(key..).unwrap_or_default();
        if frame.len() > SMALL || writes(flags) {
            return;
        }
        conn.drop_kept(&mut self.buffers);
        let mut kept = self.buffers.take(frame.len());
        if cut.is_empty() {
            kept.extend_from_slice(frame);
        } else {
            kept.extend_from_slice(frame.get(..cut.start).unwrap_or_default());
            kept.extend_from_slice(frame.get(cut.end..).unwrap_or_default());
        }
        let len = kept.len() as u32;
        conn.kept = kept;
        if let Some(request) = self.requests.get_mut(id)
            && let Some(client) = self.clients.get_mut(request.client)
        {
            let before = request.charge;
            request.charge = before.saturating_add(len);
            client.charge += u64::from(request.charge - before);
        }
    }

    /// Asks the request at the front of a connection that was lost once more, if that is safe. Then it is that
    /// connection's no more.
    pub(crate) fn repeat(&mut self, lost: &mut ServerConn, failure: Failure) -> bool {
        let has_ended = matches!(
            failure,
            Failure::ConnectionClosed | Failure::ConnectionReset | Failure::Os(Failure::BROKEN_PIPE)
        );
        if !has_ended || !lost.may_repeat() {
            return false;
        }
        let Some(front) =
            lost.oldest().copied().filter(|front| !front.discard && self.is_wanted(front.request))
        else {
            return false;
        };
        let is_late = self.timeout(lost.pool).is_some_and(|timeout| front.since.after(timeout) <= self.now);
        let command = self.requests.get(front.request).map(|request| request.command);
        let is_read = match command {
            Some(Command::Get | Command::Gets) => true,
            Some(Command::MetaGet) => !lost.kept.is_empty(),
            Some(_) | None => false,
        };
        if is_late || !is_read || !self.may_spend(lost) {
            return false;
        }
        let Ok(fresh) = self.connection(lost.pool, lost.of.index, lost.lane) else { return false };
        let Some(to) = self.conns.get_mut(fresh) else { return false };
        let size = to.ask_again(lost, command.map_or("", Command::name), &mut self.buffers);
        to.counters.requests_repeated.add(1);
        lost.pop();
        self.expect(fresh, Expect { size: size as u32, ..front });
        true
    }

    /// Whether the pool has not repeated too many of its requests.
    fn may_spend(&mut self, lost: &ServerConn) -> bool {
        self.pools.get_mut(lost.pool.index()).is_some_and(|pool| {
            let requests = pool.requests();
            pool.repeats.spend(requests)
        })
    }
}

/// Whether an `mg` with these flags may change its item: make it, win the right to make it, or set its time or number.
fn writes(flags: &[u8]) -> bool {
    let mut words = flags.split(|byte| byte.is_ascii_whitespace());
    words.any(|flag| matches!(flag.first(), Some(b'N' | b'R' | b'T' | b'E')))
}

impl ServerConn {
    /// Whether a request that is expected now is the only one, on a connection that has answered before.
    fn is_idle(&self) -> bool {
        self.has_answered && self.oldest().is_none()
    }

    /// Whether the request at the front is the only one, came when the connection was idle, and nothing of its reply has come.
    /// What was asked behind it may have been carried out: asked once more, it would see writes that came after it.
    fn may_repeat(&self) -> bool {
        let is_alone = self.waiting().nth(1).is_none();
        self.asked_idle && is_alone && !self.reply_begun && self.rest.is_empty() && self.incoming.is_none()
    }

    /// Puts the front of `lost` into the outbox, and its keys behind the others; says how many bytes it has.
    fn ask_again(&mut self, lost: &ServerConn, name: &str, buffers: &mut Buffers) -> usize {
        let before = self.outbox.len();
        if lost.kept.is_empty() {
            self.outbox.append(name.as_bytes(), buffers);
            let count = lost.oldest().map_or(0, |front| front.keys.0);
            for key in lost.keys.iter().take(count as usize) {
                self.outbox.append(b" ", buffers);
                self.outbox.append(key, buffers);
                self.keys.push(key);
            }
            self.outbox.append(b"\r\n", buffers);
        } else {
            self.outbox.append(&lost.kept, buffers);
        }
        self.outbox.len() - before
    }

    /// The request whose line was kept has ended.
    #[inline]
    pub(crate) fn drop_kept(&mut self, buffers: &mut Buffers) {
        if self.kept.capacity() > 0 {
            buffers.give(core::mem::take(&mut self.kept));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, writes};

    #[test]
    fn one_in_ten_requests_may_be_repeated_and_so_many_at_the_start() {
        let mut budget = Budget::default();
        assert_eq!((0..50).filter(|_| budget.spend(0)).count(), 10);
        assert!(!budget.spend(9));
        assert!(budget.spend(10));
        assert!(!budget.spend(19), "what was spent is gone");
        assert_eq!((21..=1020).filter(|&requests| budget.spend(requests)).count(), 101);
    }

    #[test]
    fn no_more_than_a_hundred_are_saved_up() {
        let mut budget = Budget::default();
        assert_eq!((0..500).filter(|_| budget.spend(1_000_000)).count(), 100);
    }

    #[test]
    fn flags_that_write_are_told_from_those_that_only_ask() {
        assert!(!writes(b" v k s t O123 q c f h l Pproxy LNRTE b\r\n"));
        for flags in [&b" N30\r\n"[..], b" v  R5 \r\n", b" T0\n", b" v E9\r\n"] {
            assert!(writes(flags));
        }
    }
}
