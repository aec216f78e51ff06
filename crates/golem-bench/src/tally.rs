//! What was counted: replies by operation and the time each took, and what went wrong. One tally per thread, merged at the
//! end.
//!
//! Invariant: what went wrong counts from the first request on, everything else only inside the measured window.

use crate::mix::Operation;
use crate::protocol::{ErrorKind, Reply};
use hdrhistogram::Histogram;

/// Longest time that is told apart, in nanoseconds: anything longer counts as this.
const LONGEST_NS: u64 = 60_000_000_000;
/// So many different error lines are kept.
const MOST_TEXTS: usize = 20;

/// Times of replies.
pub type Times = Histogram<u64>;

/// Counts and times of one thread, or of all of them.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    measuring: bool,
    /// Values that reads brought.
    pub hits: u64,
    /// Values that reads asked for in vain.
    pub misses: u64,
    /// Good replies, by operation.
    counts: [u64; Operation::ALL.len()],
    /// In nanoseconds, by operation; none before the first.
    times_ns: [Option<Times>; Operation::ALL.len()],
    /// `ERROR`.
    pub errors: u64,
    /// `CLIENT_ERROR`.
    pub client_errors: u64,
    /// `SERVER_ERROR`, and Redis's errors.
    pub server_errors: u64,
    /// Connections that did not last.
    pub lost_connections: u64,
    /// Connections that could not be made.
    pub failed_connects: u64,
    /// Requests in flight on connections that did not last.
    pub lost_requests: u64,
    /// Error lines, and what the system said of connections, each with its number.
    pub texts: Vec<(String, u64)>,
    /// With a fixed rate: requests that were due in the window and had no reply at its end.
    pub unanswered: u64,
    /// How long the first of them was due, in nanoseconds.
    pub oldest_unanswered_ns: u64,
}

impl Tally {
    /// From now on replies count.
    pub fn begin(&mut self) {
        self.measuring = true;
    }

    /// From now on replies no longer count.
    pub fn end(&mut self) {
        self.measuring = false;
    }

    /// Counts one reply to a request for `keys` keys, which took `time_ns`. Errors are counted by `error`.
    pub fn record(&mut self, operation: Operation, reply: Reply, keys: u32, time_ns: u64) {
        if !self.measuring {
            return;
        }
        if let Reply::Values { found, .. } = reply {
            self.hits += u64::from(found);
            self.misses += u64::from(keys.saturating_sub(found));
        }
        self.counts[operation.index()] += 1;
        let times = &mut self.times_ns[operation.index()];
        if times.is_none() {
            // From 1 ns to a minute, three digits: bounds that the library accepts.
            *times = Histogram::new_with_bounds(1, LONGEST_NS, 3).ok();
        }
        if let Some(times) = times {
            times.saturating_record(time_ns);
        }
    }

    /// Counts an error in words of the protocol.
    pub fn error(&mut self, kind: ErrorKind, text: &[u8]) {
        match kind {
            ErrorKind::Command => self.errors += 1,
            ErrorKind::Client => self.client_errors += 1,
            ErrorKind::Server => self.server_errors += 1,
        }
        self.note(&text.escape_ascii().to_string(), 1);
    }

    /// Keeps what was said, so many times.
    pub fn note(&mut self, text: &str, times: u64) {
        if let Some((_, count)) = self.texts.iter_mut().find(|(known, _)| known == text) {
            *count += times;
        } else if self.texts.len() < MOST_TEXTS {
            self.texts.push((text.to_owned(), times));
        }
    }

    /// Good replies inside the window, of one operation.
    pub fn count(&self, operation: Operation) -> u64 {
        self.counts[operation.index()]
    }

    /// Good replies inside the window.
    pub fn replies(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Everything that went wrong.
    pub fn failures(&self) -> u64 {
        self.errors + self.client_errors + self.server_errors + self.lost_connections + self.failed_connects
    }

    /// Times of one operation.
    pub fn times(&self, operation: Operation) -> Option<&Times> {
        self.times_ns[operation.index()].as_ref()
    }

    /// Times of all operations together.
    pub fn all_times(&self) -> Option<Times> {
        let mut all: Option<Times> = None;
        for times in self.times_ns.iter().flatten() {
            add(&mut all, times);
        }
        all
    }

    /// Adds what another thread counted.
    pub fn merge(&mut self, other: &Self) {
        self.hits += other.hits;
        self.misses += other.misses;
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        for (times, more) in self.times_ns.iter_mut().zip(&other.times_ns) {
            if let Some(more) = more {
                add(times, more);
            }
        }
        self.errors += other.errors;
        self.client_errors += other.client_errors;
        self.server_errors += other.server_errors;
        self.lost_connections += other.lost_connections;
        self.failed_connects += other.failed_connects;
        self.lost_requests += other.lost_requests;
        for (text, count) in &other.texts {
            self.note(text, *count);
        }
        self.unanswered += other.unanswered;
        self.oldest_unanswered_ns = self.oldest_unanswered_ns.max(other.oldest_unanswered_ns);
    }
}

fn add(sum: &mut Option<Times>, more: &Times) {
    match sum {
        // Both have the same bounds, so every time has a place.
        Some(times) => {
            let _ = times.add(more);
        }
        None => *sum = Some(more.clone()),
    }
}

/// The time within which `percent` of the replies came, in microseconds.
pub fn percentile_us(times: Option<&Times>, percent: f64) -> f64 {
    let ns = times.map_or(0, |times| times.value_at_quantile(percent / 100.0));
    ns as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::{Tally, percentile_us};
    use crate::mix::Operation;
    use crate::protocol::{ErrorKind, Reply};

    const HIT: Reply = Reply::Values { found: 1, cas: 0 };

    #[test]
    fn only_the_window_counts_but_errors_always() {
        let mut tally = Tally::default();
        tally.record(Operation::Get, HIT, 1, 1000);
        tally.error(ErrorKind::Server, b"SERVER_ERROR no");
        tally.begin();
        tally.record(Operation::MultiGet, Reply::Values { found: 3, cas: 0 }, 10, 2000);
        tally.end();
        tally.record(Operation::Get, HIT, 1, 1000);
        assert_eq!((tally.replies(), tally.hits, tally.misses, tally.failures()), (1, 3, 7, 1));
        assert_eq!(tally.texts, [("SERVER_ERROR no".to_owned(), 1)]);
    }

    #[test]
    fn threads_are_merged_and_percentiles_have_three_digits() {
        let mut all = Tally::default();
        for thread in 0..2 {
            let mut tally = Tally::default();
            tally.begin();
            for n in 1..=500 {
                tally.record(Operation::Set, Reply::Stored, 1, (thread * 500 + n) * 1000);
            }
            tally.note("a", 2);
            all.merge(&tally);
        }
        assert_eq!((all.replies(), all.count(Operation::Set), all.count(Operation::Get)), (1000, 1000, 0));
        assert_eq!(all.texts, [("a".to_owned(), 4)]);
        for (percent, us) in [(50.0, 500.0), (99.0, 990.0), (99.9, 999.0)] {
            let found = percentile_us(all.all_times().as_ref(), percent);
            assert!((found - us).abs() <= us / 500.0, "p{percent}: {found}");
        }
        all.begin();
        all.record(Operation::Get, HIT, 1, u64::MAX);
        assert!(percentile_us(all.times(Operation::Get), 100.0) > 59_000_000.0);
        assert!(all.all_times().unwrap().len() == 1001);
    }
}
