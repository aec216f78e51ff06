//! Time for the workers: one monotonic reading per turn, in microseconds since the clock was made, and the offset that
//! turns it into the time of day. Readings never go back; the time of day is read once, when the clock is made.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A monotonic clock that counts microseconds. Copies of one clock agree with each other, on any thread.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    wall_at_start: u64,
}

impl Clock {
    /// A clock that stands at zero now.
    pub fn new() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self { start: Instant::now(), wall_at_start: micros(wall) }
    }

    /// Microseconds since the clock was made.
    pub fn now(&self) -> u64 {
        micros(self.start.elapsed())
    }

    /// The time of day, in microseconds since 1970, of a reading of this clock. It does not follow later changes of the
    /// system's time of day.
    pub fn wall(&self, now: u64) -> u64 {
        self.wall_at_start + now
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn readings_do_not_go_back_and_the_wall_time_is_past_2020() {
        let clock = Clock::new();
        let first = clock.now();
        assert!(clock.now() >= first);
        assert!(clock.wall(first) > 1_577_836_800_000_000);
        assert_eq!(clock.wall(first + 5) - clock.wall(first), 5);
    }
}
