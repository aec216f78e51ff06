//! The clock of a fixed rate: when each request should be sent, whatever became of those before it. The time of a reply is
//! counted from there, so that a server that stands still is charged for every request that it kept from being sent
//! ("coordinated omission").

/// When requests are due, on one thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    interval_ns: f64,
    begin_ns: u64,
    /// Requests that were due and have been taken.
    taken: u64,
}

impl Pace {
    /// `rate` requests per second (more than 0), the first at `begin_ns`.
    pub(crate) fn new(rate: f64, begin_ns: u64) -> Self {
        Self { interval_ns: 1e9 / rate, begin_ns, taken: 0 }
    }

    /// When the next one is due.
    pub(crate) fn next_ns(&self) -> u64 {
        self.begin_ns + (self.taken as f64 * self.interval_ns) as u64
    }

    /// When the next one was due, if it is by now; it is then taken.
    pub(crate) fn take(&mut self, now_ns: u64) -> Option<u64> {
        let due = self.next_ns();
        if due > now_ns {
            return None;
        }
        self.taken += 1;
        Some(due)
    }

    /// How many are due by now and have not been taken.
    pub(crate) fn overdue(&self, now_ns: u64) -> u64 {
        let all = (now_ns.saturating_sub(self.begin_ns) as f64 / self.interval_ns) as u64 + 1;
        if self.begin_ns > now_ns { 0 } else { all.saturating_sub(self.taken) }
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;

    #[test]
    fn requests_are_due_at_even_intervals_whoever_is_late() {
        let mut pace = Pace::new(1e6, 5000);
        assert_eq!((pace.take(4999), pace.overdue(4999)), (None, 0));
        assert_eq!((pace.take(5000), pace.take(5000)), (Some(5000), None));
        assert_eq!(pace.overdue(8500), 3);
        assert_eq!((pace.take(8500), pace.take(8500), pace.take(8500)), (Some(6000), Some(7000), Some(8000)));
        assert_eq!((pace.take(8500), pace.overdue(8500), pace.next_ns()), (None, 0, 9000));
    }

    #[test]
    fn no_time_is_lost_in_rounding() {
        let mut pace = Pace::new(300_000.0, 0);
        let second = std::iter::from_fn(|| pace.take(999_999_999)).count();
        assert_eq!(second, 300_000);
    }
}
