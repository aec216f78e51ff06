//! How a run goes, second by second: what all threads have counted since the last look.

use crate::tally::{Tally, Times, percentile_us};
use std::fmt;
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_secs(1);

/// One second of a run.
#[derive(Clone, Copy, Debug)]
pub struct Glance {
    /// Since the beginning of the window.
    pub at: Duration,
    /// Good replies per second.
    pub rate: f64,
    /// Half of the replies came within so many microseconds.
    pub p50_us: f64,
    /// 99 of 100 replies came within so many microseconds.
    pub p99_us: f64,
    /// What has gone wrong since the start.
    pub failures: u64,
}

impl fmt::Display for Glance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:4.0} s  {:.0} replies/s  p50 {:.0} us  p99 {:.0} us  {} errors",
            self.at.as_secs_f64(),
            self.rate,
            self.p50_us,
            self.p99_us,
            self.failures
        )
    }
}

/// Puts together what the threads say.
#[derive(Debug)]
pub(crate) struct Glances {
    begin: Instant,
    threads: usize,
    /// The look that was asked for last, and when.
    number: u32,
    asked: Instant,
    /// Threads that have answered it, and what they have counted.
    answers: usize,
    sum: Tally,
    /// All replies up to the look before, their times, and when that was.
    before: (u64, Option<Times>, Instant),
}

impl Glances {
    pub(crate) fn new(threads: usize) -> Self {
        let now = Instant::now();
        Self {
            begin: now,
            threads,
            number: 0,
            asked: now,
            answers: 0,
            sum: Tally::default(),
            before: (0, None, now),
        }
    }

    /// The number of the next look, when it is time for one.
    pub(crate) fn next(&mut self) -> Option<u32> {
        (self.asked.elapsed() >= INTERVAL).then(|| self.ask())
    }

    fn ask(&mut self) -> u32 {
        self.asked = Instant::now();
        self.number += 1;
        self.answers = 0;
        self.sum = Tally::default();
        self.number
    }

    /// A thread's answer; the last one completes the look.
    pub(crate) fn add(&mut self, number: u32, tally: &Tally) -> Option<Glance> {
        if number != self.number {
            return None;
        }
        self.sum.merge(tally);
        self.answers += 1;
        if self.answers < self.threads {
            return None;
        }
        let all = self.sum.all_times();
        let mut times = all.clone();
        if let (Some(times), Some(before)) = (&mut times, &self.before.1) {
            // What was counted before is part of what is counted now.
            let _ = times.subtract(before);
        }
        let (replies, passed) = (self.sum.replies(), self.asked - self.before.2);
        let glance = Glance {
            at: self.asked - self.begin,
            rate: (replies - self.before.0) as f64 / passed.as_secs_f64().max(1e-9),
            p50_us: percentile_us(times.as_ref(), 50.0),
            p99_us: percentile_us(times.as_ref(), 99.0),
            failures: self.sum.failures(),
        };
        self.before = (replies, all, self.asked);
        Some(glance)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::Glances;
    use crate::mix::Operation;
    use crate::protocol::Reply;
    use crate::tally::Tally;

    #[test]
    fn look_is_whole_when_all_threads_have_answered_and_shows_only_what_is_new() {
        let mut glances = Glances::new(2);
        let mut tally = Tally::default();
        tally.begin();
        for time_ns in [1000, 5000] {
            for _ in 0..10 {
                tally.record(Operation::Set, Reply::Stored, 1, time_ns);
            }
            let number = glances.ask();
            assert!(glances.add(number - 1, &tally).is_none());
            assert!(glances.add(number, &tally).is_none());
            let glance = glances.add(number, &tally).unwrap();
            assert!((glance.p50_us - time_ns as f64 / 1000.0).abs() < 0.01, "{glance}");
            assert!(glance.rate > 0.0, "{glance}");
        }
    }
}
