//! A server connection: the requests of many clients on their way to one server, and a FIFO of the replies that are
//! expected back. Invariant 3: the FIFO matches the bytes given to the connection, in order, whoever has gone meanwhile.

use crate::buffers::{Buffers, MEDIUM};
use crate::chain::Chain;
use crate::counters::ServerCounters;
use crate::filling::Filling;
use crate::id::RequestId;
use crate::keys::KeyQueue;
use crate::pool::{PoolIndex, ServerOf};
use crate::rest::Rest;
use crate::time::Time;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use golem_protocol::memcached::{Shape, Status};

/// One reply that is expected: of which shape, for whom. It outlives its request and its client: when they are gone
/// the reply is read and dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expect {
    /// For which request.
    pub request: RequestId,
    /// Which part of it; [`Expect::WHOLE`] if the request has only this one.
    pub part: u32,
    /// Keys asked for, and those of them not yet passed in the reply.
    pub keys: (u32, u32),
    /// Bytes of the request.
    pub size: u32,
    /// When it was given to this connection.
    pub since: Time,
    /// What the server may answer.
    pub shape: Shape,
    /// The reply interests nobody.
    pub discard: bool,
}

impl Expect {
    /// The number of the only part.
    pub(crate) const WHOLE: u32 = u32::MAX;

    /// What the only part of a request expects that took `size` bytes and asked for so many keys.
    #[inline]
    pub(crate) const fn whole(request: RequestId, keys: u32, size: usize, since: Time, shape: Shape) -> Self {
        let (part, size) = (Self::WHOLE, size as u32);
        Self { request, part, keys: (keys, keys), size, since, shape, discard: false }
    }
}

/// A large payload of a reply, by what it is.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A value; the part's key number.
    Value(Filling, u32),
    /// The last frame of a reply.
    Last(Filling, Status),
    /// Nobody wants it: so many bytes are dropped, the last two of them are kept in mind, then the reply goes on, or has
    /// ended.
    Dropped(usize, [u8; 2], Option<Status>),
}

/// How far a server connection's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Being made; requests queue up meanwhile.
    Connecting,
    /// In use.
    Up,
}

/// After so many late replies in a row the connection is given up.
pub(crate) const LATE_IN_A_ROW: u32 = 8;
/// After so many `timeout`s without a byte while requests wait the connection is given up.
pub(crate) const SILENT_TIMEOUTS: u32 = 3;

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct ServerConn {
    /// Of which pool.
    pub pool: PoolIndex,
    /// To which server.
    pub of: ServerOf,
    /// Which of the connections to that server.
    pub lane: u16,
    /// What is counted about the server.
    pub counters: Arc<ServerCounters>,
    /// Where it stands.
    pub link: Link,
    /// It is on the list of connections to be written.
    pub dirty: bool,
    /// It is on its lane no more, and is closed when nobody waits there.
    pub is_leaving: bool,
    /// When the attempt to make it is given up.
    pub made_by: Time,
    /// For when a timer is armed.
    pub timer: Option<Time>,
    /// Its pool has a `timeout`, so that whatever waits needs a timer.
    pub is_timed: bool,
    /// No request that waits needs that timer, so the next request may need a nearer one.
    pub timer_is_far: bool,
    /// A complete reply has come in: it is no more a fresh connection.
    pub has_answered: bool,
    /// The request at the FIFO's front came when nothing else was expected, and the connection had answered before.
    pub asked_idle: bool,
    /// The line of that request, if it is one that may be repeated and is not made of its keys alone.
    pub kept: Vec<u8>,
    /// When so many bytes wait to be written nobody else may ask it anything.
    pub limit: usize,
    /// Up to so many it is neither crowded nor busy for sure; none while it is being made.
    pub light: usize,
    /// Requests on their way out.
    pub outbox: Chain,
    fifo: VecDeque<Expect>,
    /// Entries at the front of the FIFO whose requests were told that they timed out.
    late: usize,
    /// Late replies in a row.
    late_row: u32,
    /// Keys that the FIFO's retrievals asked for.
    pub keys: KeyQueue,
    /// An incomplete reply item.
    pub rest: Rest,
    /// A large payload on its way in.
    pub incoming: Option<Incoming>,
    /// The last large payload was one for a pipe, and so may the next be.
    pub brings_large: bool,
    /// Whether items of the reply at the FIFO's head have been handed on.
    pub reply_begun: bool,
    /// When bytes last came in, or else when the oldest waiting request was queued.
    pub heard: Time,
    /// When the last reply came in whole, or else when the oldest waiting request was queued; or when a `timeout` without a
    /// reply was last counted as a failure.
    pub replied: Time,
    /// The server refused it by saying that it has too many.
    pub was_full: bool,
    /// Entries at the FIFO's end that are not wholly written, their bytes, and what of the first was written.
    unsent: (usize, u64, u64),
    /// Bytes in the outbox before the first unsent entry: rests of requests that were answered early.
    lead: u64,
}

impl ServerConn {
    /// A connection that is being made from `now` on, until it is given up.
    pub(crate) fn new(
        (pool, of, lane): (PoolIndex, ServerOf, u16),
        counters: Arc<ServerCounters>,
        (now, made_by): (Time, Time),
    ) -> Self {
        Self {
            limit: usize::try_from(of.pool.server_connection_limit).unwrap_or(usize::MAX),
            light: 0,
            pool,
            of,
            lane,
            counters,
            link: Link::Connecting,
            dirty: false,
            is_leaving: false,
            made_by,
            timer: None,
            is_timed: true,
            timer_is_far: false,
            has_answered: false,
            asked_idle: false,
            kept: Vec::new(),
            outbox: Chain::new(MEDIUM),
            fifo: VecDeque::new(),
            late: 0,
            late_row: 0,
            keys: KeyQueue::default(),
            rest: Rest::default(),
            incoming: None,
            brings_large: false,
            reply_begun: false,
            heard: now,
            replied: now,
            was_full: false,
            unsent: (0, 0, 0),
            lead: 0,
        }
    }

    /// A part was put into the outbox; its reply is expected.
    #[inline(always)]
    pub(crate) fn expect(&mut self, expect: Expect) {
        if self.fifo.is_empty() {
            self.heard = expect.since;
            self.asked_idle = self.has_answered;
            self.replied = expect.since;
        }
        let size = expect.size as usize;
        self.fifo.push_back(expect);
        self.unsent.0 += 1;
        self.unsent.1 += size as u64;
        self.counters.requests.add(1);
        self.counters.request_bytes.add(size);
        self.counters.in_queue.add(1);
        self.counters.in_queue_bytes.add(size);
    }

    /// The reply that comes next.
    #[inline]
    pub(crate) fn front(&mut self) -> Option<&mut Expect> {
        self.fifo.front_mut()
    }

    /// As [`ServerConn::front`], to look at.
    #[inline]
    pub(crate) fn oldest(&self) -> Option<&Expect> {
        self.fifo.front()
    }

    /// The expected replies, oldest first.
    pub(crate) fn waiting(&self) -> impl ExactSizeIterator<Item = &Expect> {
        self.fifo.iter()
    }

    /// The reply at the front has ended, or will never come.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<Expect> {
        let expect = self.fifo.pop_front()?;
        let size = expect.size as u64;
        let (unsent, bytes, written) = self.unsent;
        if unsent > self.fifo.len() {
            // Answered before it was wholly written.
            self.lead += size - written;
            self.unsent = (unsent - 1, bytes - size, 0);
            self.counters.in_queue.sub(1);
            self.counters.in_queue_bytes.sub(size as usize);
        } else {
            self.counters.out_queue.sub(1);
            self.counters.out_queue_bytes.sub(size as usize);
        }
        if self.late > 0 {
            self.late -= 1;
            self.late_row += 1;
        } else {
            self.late_row = 0;
        }
        self.keys.skip(expect.keys.1);
        self.reply_begun = false;
        self.asked_idle = false;
        if self.fifo.is_empty() && self.fifo.capacity() > 4096 {
            self.fifo = VecDeque::new();
        }
        Some(expect)
    }

    /// `count` bytes of the outbox were written.
    pub(crate) fn written(&mut self, count: usize) {
        let lead = self.lead.min(count as u64);
        self.lead -= lead;
        let mut count = count as u64 - lead;
        if count + self.unsent.2 == self.unsent.1 {
            self.mark_sent(self.unsent.0, self.unsent.1);
            self.unsent = (0, 0, 0);
            return;
        }
        count += self.unsent.2;
        self.unsent.2 = 0;
        while let Some(expect) = self.fifo.get(self.fifo.len().wrapping_sub(self.unsent.0)) {
            let size = u64::from(expect.size);
            if count < size {
                break;
            }
            count -= size;
            self.unsent.0 -= 1;
            self.unsent.1 -= size;
            self.mark_sent(1, size);
        }
        self.unsent.2 = count;
    }

    fn mark_sent(&self, entries: usize, bytes: u64) {
        self.counters.in_queue.sub(entries);
        self.counters.in_queue_bytes.sub(bytes as usize);
        self.counters.out_queue.add(entries);
        self.counters.out_queue_bytes.add(bytes as usize);
    }

    /// When to look at it next: when the oldest request that was not yet told so times out, or the connection is given up.
    pub(crate) fn deadline(&self, timeout: Option<Duration>) -> Option<Time> {
        let next = timeout.and_then(|timeout| Some(self.fifo.get(self.late)?.since.after(timeout)));
        // Late ones are still waited for, but not for ever.
        let end = match (self.link, timeout) {
            (Link::Connecting, _) => Some(self.made_by),
            (Link::Up, Some(timeout)) if !self.fifo.is_empty() => Some(self.silence_ends(timeout)),
            (Link::Up, _) => None,
        };
        match (next, end) {
            (Some(next), Some(end)) => Some(next.min(end)),
            (next, end) => next.or(end),
        }
    }

    /// Whether every request that waits was told that it timed out.
    pub(crate) fn all_are_late(&self) -> bool {
        self.late == self.fifo.len()
    }

    fn silence_ends(&self, timeout: Duration) -> Time {
        self.heard.after(timeout.saturating_mul(SILENT_TIMEOUTS))
    }

    /// The next request that is late at `now` and of which the server may have seen something. It is told so by the
    /// caller; its reply will be dropped.
    pub(crate) fn next_late(&mut self, now: Time, timeout: Duration) -> Option<Expect> {
        if self.late >= self.first_withdrawable() {
            return None;
        }
        let expect = self.fifo.get_mut(self.late)?;
        if expect.since.after(timeout) > now {
            return None;
        }
        let told = *expect;
        expect.discard = true;
        self.late += 1;
        Some(told)
    }

    /// The place of the oldest entry of which no byte was written.
    fn first_withdrawable(&self) -> usize {
        let (unsent, _, written) = self.unsent;
        self.fifo.len() - unsent + usize::from(written > 0)
    }

    /// Takes back the requests that are late at `now` before their first byte was written: they are never sent. The
    /// caller tells them. To be asked when [`ServerConn::next_late`] has no more.
    pub(crate) fn withdraw_late(
        &mut self,
        now: Time,
        timeout: Duration,
        buffers: &mut Buffers,
    ) -> Vec<Expect> {
        let start = self.first_withdrawable();
        let is_late = |expect: &&Expect| expect.since.after(timeout) <= now;
        let late = self.fifo.iter().skip(start).take_while(is_late).count();
        if late == 0 || self.late < start {
            return Vec::new();
        }
        if start == 0 {
            self.asked_idle = false;
            self.drop_kept(buffers);
        }
        let (unsent, _, written) = self.unsent;
        let part = self.fifo.iter().take(start).skip(self.fifo.len() - unsent);
        let before = self.lead + part.map(|expect| u64::from(expect.size)).sum::<u64>() - written;
        let keys_before = self.fifo.iter().take(start).map(|expect| expect.keys.1).sum();
        let late: Vec<Expect> = self.fifo.drain(start..start + late).collect();
        let bytes: usize = late.iter().map(|expect| expect.size as usize).sum();
        self.outbox.cut(before as usize, bytes, buffers);
        self.keys.remove(keys_before, late.iter().map(|expect| expect.keys.1).sum());
        self.unsent.0 -= late.len();
        self.unsent.1 -= bytes as u64;
        self.counters.in_queue.sub(late.len());
        self.counters.in_queue_bytes.sub(bytes);
        late
    }

    /// Whether the connection should be given up at `now`, and why.
    pub(crate) fn gives_up(&self, now: Time, timeout: Option<Duration>) -> Option<&'static str> {
        match (self.link, timeout) {
            (Link::Connecting, _) => (self.made_by <= now).then_some("no connection within connect_timeout"),
            (Link::Up, Some(timeout)) if !self.fifo.is_empty() => {
                let silent = self.silence_ends(timeout) <= now;
                let slow = self.late_row >= LATE_IN_A_ROW;
                (silent || slow).then_some("it does not answer")
            }
            (Link::Up, _) => None,
        }
    }

    /// Checks what must hold between any two steps.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let (unsent, bytes, written) = self.unsent;
        if unsent > self.fifo.len() || self.late > self.fifo.len() {
            return Err("more entries are unsent or late than expected");
        }
        let sum: u64 = self.fifo.iter().skip(self.fifo.len() - unsent).map(|e| u64::from(e.size)).sum();
        if sum != bytes || written > bytes {
            return Err("sizes of unsent entries do not add up");
        }
        if self.asked_idle && (self.fifo.is_empty() || !self.has_answered) {
            return Err("a request may be repeated that is not there, or not on a connection in use");
        }
        if !self.kept.is_empty() && !self.asked_idle {
            return Err("a line is kept that will not be repeated");
        }
        if self.lead + bytes - written != self.outbox.len() as u64 {
            return Err("the outbox does not match the FIFO");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
