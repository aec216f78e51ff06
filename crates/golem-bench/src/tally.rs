//! What was counted: replies by kind and the time each took. One tally per thread, merged at the end.
//!
//! Invariant: errors count from the first request on, everything else only inside the measured window.

use crate::reply::{ErrorKind, Reply};
use hdrhistogram::Histogram;

/// Longest time that is told apart, in nanoseconds: anything longer counts as this.
const LONGEST_NS: u64 = 60_000_000_000;

/// Counts and times of one thread, or of all of them.
#[derive(Clone, Debug)]
pub struct Tally {
    measuring: bool,
    /// `get` with a value.
    pub hits: u64,
    /// `get` without.
    pub misses: u64,
    /// `set` that worked.
    pub stored: u64,
    /// `ERROR`.
    pub errors: u64,
    /// `CLIENT_ERROR`.
    pub client_errors: u64,
    /// `SERVER_ERROR`.
    pub server_errors: u64,
    /// Connections that could not be made or did not last.
    pub lost_connections: u64,
    times_ns: Option<Histogram<u64>>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            measuring: false,
            hits: 0,
            misses: 0,
            stored: 0,
            errors: 0,
            client_errors: 0,
            server_errors: 0,
            lost_connections: 0,
            // From 1 ns to a minute, three digits: bounds that the library accepts.
            times_ns: Histogram::new_with_bounds(1, LONGEST_NS, 3).ok(),
        }
    }
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

    /// Counts one reply, which took `time_ns`.
    pub fn record(&mut self, reply: Reply, time_ns: u64) {
        if let Reply::Error(kind) = reply {
            match kind {
                ErrorKind::Command => self.errors += 1,
                ErrorKind::Client => self.client_errors += 1,
                ErrorKind::Server => self.server_errors += 1,
            }
            return;
        }
        if !self.measuring {
            return;
        }
        match reply {
            Reply::Hit => self.hits += 1,
            Reply::Miss => self.misses += 1,
            Reply::Stored => self.stored += 1,
            Reply::Error(_) => {}
        }
        if let Some(times) = &mut self.times_ns {
            times.saturating_record(time_ns);
        }
    }

    /// Good replies inside the window.
    pub fn replies(&self) -> u64 {
        self.hits + self.misses + self.stored
    }

    /// Everything that went wrong.
    pub fn failures(&self) -> u64 {
        self.errors + self.client_errors + self.server_errors + self.lost_connections
    }

    /// Adds what another thread counted.
    pub fn merge(&mut self, other: &Self) {
        self.hits += other.hits;
        self.misses += other.misses;
        self.stored += other.stored;
        self.errors += other.errors;
        self.client_errors += other.client_errors;
        self.server_errors += other.server_errors;
        self.lost_connections += other.lost_connections;
        if let (Some(times), Some(others)) = (&mut self.times_ns, &other.times_ns) {
            // Both have the same bounds, so every time has a place.
            let _ = times.add(others);
        }
    }

    /// The time within which `percent` of the replies came, in microseconds.
    pub fn percentile_us(&self, percent: f64) -> f64 {
        let ns = self.times_ns.as_ref().map_or(0, |times| times.value_at_quantile(percent / 100.0));
        ns as f64 / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;
    use crate::reply::{ErrorKind, Reply};

    #[test]
    fn only_the_window_counts_but_errors_always() {
        let mut tally = Tally::default();
        tally.record(Reply::Hit, 1000);
        tally.record(Reply::Error(ErrorKind::Server), 1000);
        tally.begin();
        tally.record(Reply::Miss, 2000);
        tally.end();
        tally.record(Reply::Hit, 1000);
        assert_eq!((tally.replies(), tally.misses, tally.failures()), (1, 1, 1));
    }

    #[test]
    fn threads_are_merged_and_percentiles_have_three_digits() {
        let mut all = Tally::default();
        for thread in 0..2 {
            let mut tally = Tally::default();
            tally.begin();
            for n in 1..=500 {
                tally.record(Reply::Stored, (thread * 500 + n) * 1000);
            }
            all.merge(&tally);
        }
        assert_eq!(all.replies(), 1000);
        for (percent, us) in [(50.0, 500.0), (99.0, 990.0), (99.9, 999.0)] {
            let found = all.percentile_us(percent);
            assert!((found - us).abs() <= us / 500.0, "p{percent}: {found}");
        }
        all.begin();
        all.record(Reply::Stored, u64::MAX);
        assert!(all.percentile_us(100.0) > 59_000_000.0);
    }
}
