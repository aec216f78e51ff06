//! One connection of the load generator, without its socket: what is in flight, what is still to be sent, and where
//! it stands in the reply at hand. Between the workload and the connections' loop (`fleet`).
//!
//! Invariant: never more than `depth` requests in flight, and in bursts none is added before all are answered; each
//! reply is matched with the oldest of them.

use crate::reply::{Checker, Step};
use crate::tally::Tally;
use crate::workload::{Planned, Requests, Source};
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
    /// Compare values with what was stored.
    pub verify: bool,
    /// The other side is the floor server: every hit carries key 0.
    pub against_echo: bool,
}

#[derive(Debug)]
struct InFlight {
    planned: Planned,
    sent_ns: u64,
}

/// One connection.
#[derive(Debug, Default)]
pub struct Session {
    in_flight: VecDeque<InFlight>,
    /// The youngest entries of `in_flight` that have not been written yet.
    unwritten: usize,
    out: Vec<u8>,
    out_sent: usize,
    checker: Checker,
}

impl Session {
    /// Asks the source until `depth` requests are in flight, when it is time; returns whether there is something to send.
    pub fn fill(&mut self, rules: Rules, requests: &Requests, source: &mut Source) -> bool {
        let is_time = match rules.pattern {
            Pattern::TopUp => true,
            Pattern::Burst => self.in_flight.is_empty(),
        };
        while is_time && self.in_flight.len() < rules.depth {
            let Some(planned) = source.next(requests.keys()) else {
                break;
            };
            requests.write(planned, &mut self.out);
            let expected = if rules.against_echo { Planned { key: 0, ..planned } } else { planned };
            self.in_flight.push_back(InFlight { planned: expected, sent_ns: 0 });
            self.unwritten += 1;
        }
        !self.out.is_empty()
    }

    /// The bytes that are still to be sent.
    pub fn output(&self) -> &[u8] {
        &self.out[self.out_sent..]
    }

    /// The output is about to be written: the clock of its requests starts.
    pub fn stamp(&mut self, now_ns: u64) {
        for request in self.in_flight.iter_mut().rev().take(self.unwritten) {
            request.sent_ns = now_ns;
        }
        self.unwritten = 0;
    }

    /// So many bytes of the output have gone.
    pub fn sent(&mut self, n: usize) {
        self.out_sent += n;
        // Nothing is moved after a partial write; the buffer starts anew once it is empty.
        if self.out_sent >= self.out.len() {
            self.out.clear();
            self.out_sent = 0;
        }
    }

    /// Requests without a complete reply.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Reads replies and counts them. An error says what is wrong with the reply, and shows its bytes.
    pub fn received(
        &mut self,
        rules: Rules,
        requests: &Requests,
        tally: &mut Tally,
        now_ns: u64,
        mut bytes: &[u8],
    ) -> Result<(), String> {
        while !bytes.is_empty() {
            let Some(oldest) = self.in_flight.front() else {
                return Err(format!("a reply that nobody asked for: {}", shown(bytes)));
            };
            match self.checker.read(requests, oldest.planned, rules.verify, bytes) {
                Step::Done(reply, taken) => {
                    tally.record(reply, now_ns.saturating_sub(oldest.sent_ns));
                    self.in_flight.pop_front();
                    bytes = &bytes[taken..];
                }
                Step::More => return Ok(()),
                Step::Broken(what) => {
                    let planned = oldest.planned;
                    return Err(format!("{what}: {planned:?} was answered with {}", shown(bytes)));
                }
            }
        }
        Ok(())
    }
}

fn shown(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(200)].escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::{Pattern, Rules, Session};
    use crate::tally::Tally;
    use crate::workload::{Mix, Requests, Source};

    const RULES: Rules = Rules { depth: 4, pattern: Pattern::TopUp, verify: true, against_echo: false };

    #[test]
    fn depth_bounds_what_is_in_flight() {
        let requests = Requests::new(1, 20);
        let mut source = Source::Mix(Mix::new(1, 100));
        let mut session = Session::default();
        let mut tally = Tally::default();
        tally.begin();
        assert!(session.fill(RULES, &requests, &mut source));
        assert_eq!((session.in_flight(), session.output().len()), (4, 4 * 22));
        session.stamp(1000);
        session.sent(4 * 22);
        assert!(!session.fill(RULES, &requests, &mut source));
        let hits = requests.hit_reply(0).repeat(2);
        session.received(RULES, &requests, &mut tally, 5000, &hits).unwrap();
        assert_eq!((session.in_flight(), tally.replies()), (2, 2));
        assert!((tally.percentile_us(50.0) - 4.0).abs() < 0.01);
        assert!(session.fill(RULES, &requests, &mut source));
        assert_eq!((session.in_flight(), session.output().len()), (4, 2 * 22));
    }

    #[test]
    fn next_burst_waits_for_the_last_reply() {
        let rules = Rules { pattern: Pattern::Burst, ..RULES };
        let requests = Requests::new(1, 20);
        let mut source = Source::Mix(Mix::new(1, 100));
        let mut session = Session::default();
        let mut tally = Tally::default();
        assert!(session.fill(rules, &requests, &mut source));
        session.sent(4 * 22);
        for lacking in [3, 2, 1] {
            session.received(rules, &requests, &mut tally, 0, &requests.hit_reply(0)).unwrap();
            assert!(!session.fill(rules, &requests, &mut source));
            assert_eq!((session.in_flight(), session.output().len()), (lacking, 0));
        }
        session.received(rules, &requests, &mut tally, 0, &requests.hit_reply(0)).unwrap();
        assert!(session.fill(rules, &requests, &mut source));
        assert_eq!((session.in_flight(), session.output().len()), (4, 4 * 22));
    }

    #[test]
    fn partial_writes_leave_the_rest() {
        let requests = Requests::new(1, 20);
        let mut session = Session::default();
        session.fill(RULES, &requests, &mut Source::Mix(Mix::new(1, 100)));
        let all = session.output().to_vec();
        session.sent(30);
        assert_eq!(session.output(), &all[30..]);
        session.sent(all.len() - 30);
        assert!(session.output().is_empty());
    }

    #[test]
    fn unasked_and_wrong_replies_are_errors() {
        let requests = Requests::new(2, 20);
        let mut tally = Tally::default();
        let mut session = Session::default();
        let unasked = session.received(RULES, &requests, &mut tally, 0, b"END\r\n").unwrap_err();
        assert!(unasked.contains("nobody asked"), "{unasked}");
        session.fill(RULES, &requests, &mut Source::Preload { next: 0, step: 1 });
        let wrong = session.received(RULES, &requests, &mut tally, 0, b"END\r\n").unwrap_err();
        assert!(wrong.contains("END\\r\\n"), "{wrong}");
    }

    #[test]
    fn every_hit_of_the_floor_carries_the_first_key() {
        let rules = Rules { against_echo: true, ..RULES };
        let requests = Requests::new(1000, 20);
        let mut session = Session::default();
        let mut tally = Tally::default();
        session.fill(rules, &requests, &mut Source::Mix(Mix::new(5, 100)));
        let hits = requests.hit_reply(0).repeat(4);
        session.received(rules, &requests, &mut tally, 0, &hits).unwrap();
        assert_eq!(session.in_flight(), 0);
    }
}
