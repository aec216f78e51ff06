//! One connection of the load generator, without its socket: what is in flight, what is still to be sent, and where
//! it stands in the reply at hand. Between the workload and the connections' loop (`fleet`).
//!
//! Invariant: never more than `depth` requests in flight, and in bursts none is added before all are answered; each
//! reply is matched with the oldest of them.

use crate::mix::Operation;
use crate::private::{Expected, Private, Sent};
use crate::protocol::{Command, Reply, Shape};
use crate::reply::{Asked, Reader, Step};
use crate::tally::Tally;
use crate::workload::{Planned, Source, Workload};
use std::collections::VecDeque;

/// When the next requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// One for each reply that has come, so that `depth` are in flight at any time.
    TopUp,
    /// `depth` together, when all of those before have their replies: as pipelines and batches of client libraries do.
    Burst,
}

impl Pattern {
    /// How it is called in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::TopUp => "top-up",
            Self::Burst => "burst",
        }
    }
}

/// What all connections of a run share.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Requests in flight on each connection (at least 1).
    pub depth: usize,
    /// When a connection sends its next requests.
    pub pattern: Pattern,
    /// Judge every value and every reply that is known beforehand.
    pub verify: bool,
    /// The other side is the floor server: every value is that of key 0.
    pub against_echo: bool,
    /// After so many replies a connection is closed and another one made; 0: never.
    pub requests_per_connection: u32,
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    operation: Operation,
    sent: Sent,
    /// When it was written, or with a fixed rate should have been.
    since_ns: u64,
}

/// One connection.
#[derive(Debug, Default)]
pub(crate) struct Session {
    in_flight: VecDeque<InFlight>,
    /// Keys of the multigets in flight, in their order.
    keys: VecDeque<u32>,
    /// The youngest entries of `in_flight` that have not been written yet.
    unwritten: usize,
    out: Vec<u8>,
    out_sent: usize,
    reader: Reader,
    private: Private,
    /// Requests since the connection was made.
    asked: u32,
}

impl Session {
    /// Connection `number` of all.
    pub(crate) fn new(number: u32) -> Self {
        Self { private: Private::new(number), ..Self::default() }
    }

    /// Whether one more request may be sent now.
    pub(crate) fn has_room(&self, rules: Rules) -> bool {
        self.in_flight.len() < rules.depth && !self.is_used_up(rules)
    }

    /// Whether the connection has had its number of requests.
    fn is_used_up(&self, rules: Rules) -> bool {
        rules.requests_per_connection > 0 && self.asked >= rules.requests_per_connection
    }

    /// Whether the connection has had its number of requests, and all replies.
    pub(crate) fn is_finished(&self, rules: Rules) -> bool {
        self.is_used_up(rules) && self.in_flight.is_empty()
    }

    /// Asks the source until `depth` requests are in flight, when it is time; returns whether there is something to send.
    pub(crate) fn fill(
        &mut self,
        rules: Rules,
        workload: &Workload,
        source: &mut Source,
        now_ns: u64,
    ) -> bool {
        let is_time = match rules.pattern {
            Pattern::TopUp => true,
            Pattern::Burst => self.in_flight.is_empty(),
        };
        while is_time && self.has_room(rules) {
            let Some(planned) = source.next(workload) else {
                break;
            };
            self.start(rules, workload, planned, now_ns);
            self.unwritten += 1;
        }
        !self.out.is_empty()
    }

    /// Adds a request; `since_ns` is when its time began.
    pub(crate) fn start(&mut self, rules: Rules, workload: &Workload, planned: Planned, since_ns: u64) {
        let expected_key = if rules.against_echo { 0 } else { planned.key };
        let shared = |shape| Sent { key: expected_key, shape, expected: Expected::Any, era: 0, changes: 0 };
        let out = &mut self.out;
        let sent = match planned.operation {
            Operation::Get => {
                workload.write_get(planned.key, out);
                shared(Shape::Get)
            }
            Operation::MultiGet => {
                let begin = self.keys.len();
                self.keys.extend(workload.many_keys(planned.word));
                let keys = self.keys.make_contiguous();
                workload.protocol.write(Command::MultiGet(&keys[begin..]), &workload.names, out);
                if rules.against_echo {
                    keys[begin..].fill(0);
                }
                shared(Shape::MultiGet)
            }
            Operation::Set => {
                workload.write_set(planned, out);
                shared(Shape::Store)
            }
            Operation::Delete => {
                workload.write_delete(planned.key, out);
                shared(Shape::Delete)
            }
            Operation::Incr => {
                workload.write_count(planned.key, out);
                shared(Shape::Count)
            }
            Operation::Private => self.private.ask(workload, planned, out),
        };
        self.asked = self.asked.saturating_add(1);
        self.in_flight.push_back(InFlight { operation: planned.operation, sent, since_ns });
    }

    /// The bytes that are still to be sent.
    pub(crate) fn output(&self) -> &[u8] {
        &self.out[self.out_sent..]
    }

    /// The output is about to be written: the clock of its requests starts.
    pub(crate) fn stamp(&mut self, now_ns: u64) {
        for request in self.in_flight.iter_mut().rev().take(self.unwritten) {
            request.since_ns = now_ns;
        }
        self.unwritten = 0;
    }

    /// So many bytes of the output have gone.
    pub(crate) fn sent(&mut self, n: usize) {
        self.out_sent += n;
        // Nothing is moved after a partial write; the buffer starts anew once it is empty.
        if self.out_sent >= self.out.len() {
            self.out.clear();
            self.out_sent = 0;
        }
    }

    /// Requests without a complete reply.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// When the time of the oldest request in flight began.
    pub(crate) fn oldest_ns(&self) -> Option<u64> {
        self.in_flight.front().map(|request| request.since_ns)
    }

    /// The connection is gone, and with it whatever was in flight.
    pub(crate) fn start_anew(&mut self) {
        if !self.in_flight.is_empty() {
            self.private.forget();
        }
        self.in_flight.clear();
        self.keys.clear();
        self.out.clear();
        (self.unwritten, self.out_sent, self.asked) = (0, 0, 0);
        self.reader = Reader::default();
    }

    /// Reads replies and counts them. An error says what is wrong with the reply, and shows its bytes.
    pub(crate) fn received(
        &mut self,
        rules: Rules,
        workload: &Workload,
        tally: &mut Tally,
        now_ns: u64,
        mut bytes: &[u8],
    ) -> Result<(), String> {
        while !bytes.is_empty() {
            let Some(oldest) = self.in_flight.front() else {
                return Err(format!("a reply that nobody asked for: {}", shown(bytes)));
            };
            let sent = oldest.sent;
            let keys = if sent.shape == Shape::MultiGet {
                &self.keys.make_contiguous()[..workload.many]
            } else {
                &[]
            };
            let asked = Asked { shape: sent.shape, key: sent.key, keys, verify: rules.verify };
            match self.reader.read(workload, asked, bytes) {
                Step::Done(reply, taken) => {
                    self.take(reply, workload, tally, now_ns)
                        .map_err(|what| self.fault(workload, &what, bytes))?;
                    bytes = &bytes[taken..];
                }
                Step::More => return Ok(()),
                Step::Broken(what) => return Err(self.fault(workload, what, bytes)),
            }
        }
        Ok(())
    }

    /// The reply to the oldest request is complete.
    fn take(
        &mut self,
        reply: Reply,
        workload: &Workload,
        tally: &mut Tally,
        now_ns: u64,
    ) -> Result<(), String> {
        let Some(oldest) = self.in_flight.front().copied() else { return Ok(()) };
        let is_private = oldest.operation == Operation::Private;
        let mut keys = 1;
        if let Reply::Error(kind) = reply {
            tally.error(kind, self.reader.error());
            if is_private {
                self.private.forget();
            }
        } else {
            if is_private && !self.private.has_forgotten(oldest.sent.era) {
                self.compare(&oldest.sent, reply)?;
            }
            if oldest.operation == Operation::MultiGet {
                keys = workload.many as u32;
            }
            if let (true, Reply::Values { cas, .. }) = (is_private, reply) {
                self.private.was_read(&oldest.sent, cas);
            }
            tally.record(oldest.operation, reply, keys, now_ns.saturating_sub(oldest.since_ns));
        }
        if oldest.operation == Operation::MultiGet {
            self.keys.drain(..workload.many);
        }
        self.in_flight.pop_front();
        Ok(())
    }

    /// Whether the reply is the one that was known beforehand.
    fn compare(&self, sent: &Sent, reply: Reply) -> Result<(), String> {
        let is_right = match (sent.expected, reply) {
            (Expected::Any, _) => true,
            (Expected::Reply(wanted), got) => wanted == got,
            (Expected::NoValue, Reply::Values { found, .. }) => found == 0,
            (Expected::Value(stamp, size), Reply::Values { found, .. }) => {
                // Without `verify` values are not looked at.
                found == 1 && self.reader.last().is_none_or(|last| last == (stamp, size))
            }
            (Expected::NoValue | Expected::Value(..), _) => false,
        };
        if is_right { Ok(()) } else { Err(format!("expected {:?}, not {reply:?}", sent.expected)) }
    }

    fn fault(&self, workload: &Workload, what: &str, bytes: &[u8]) -> String {
        let Some(oldest) = self.in_flight.front() else { return what.to_owned() };
        let mut key = Vec::new();
        workload.names.write(oldest.sent.key, &mut key);
        let (operation, shape) = (oldest.operation.name(), oldest.sent.shape);
        format!(
            "{what}: {operation} ({shape:?}) of key {} was answered with {}",
            key.escape_ascii(),
            shown(bytes)
        )
    }
}

fn shown(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(200)].escape_ascii().to_string()
}

#[cfg(test)]
mod tests;
