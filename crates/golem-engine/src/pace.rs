//! When to let replies gather before the next turn. A server that sends every reply by itself wakes a waiting proxy for
//! every reply, and then waking up and a system call per reply cost more than all the rest. Where many requests are on
//! their way and few replies came in the last turn, waiting a little makes one turn of many.
//!
//! What that may cost is bounded by what replies take anyway: no request waits longer than a sixteenth of the time that
//! the quickest ones have taken lately. A proxy whose servers answer at once never waits; neither does one that waits for
//! a server that hangs, since only replies count that did come.

use crate::time::Time;
use core::time::Duration;

/// The part of a reply's usual time that it may be late.
const PART: u64 = 16;
/// Shorter waits, in microseconds, are not worth a system call.
const LEAST: u64 = 20;
/// The longest one.
const MOST: u64 = 200;
/// So many turns like the last one should be needed for all that is on its way: with fewer the turns are large already.
const TURNS: usize = 8;

/// See the top of the file.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Replies of this turn.
    replies: usize,
    /// What the quickest of them took, in microseconds.
    quickest: u64,
    /// What the quickest replies of the last turns took. It follows at once downwards and slowly upwards.
    usual: u64,
}

impl Pace {
    /// A turn starts.
    pub(crate) fn begin_turn(&mut self) {
        if self.replies > 0 {
            self.usual = self.quickest.min(self.usual + self.usual / 8 + 1);
        }
        self.replies = 0;
        self.quickest = u64::MAX;
    }

    /// A reply came at `now` to what was asked at `since`.
    #[inline]
    pub(crate) fn note_reply(&mut self, since: Time, now: Time) {
        self.replies += 1;
        self.quickest = self.quickest.min(now.0.saturating_sub(since.0));
    }

    /// How long to let replies gather when so many requests wait for theirs; none: not at all.
    pub(crate) fn wait(&self, waiting: usize) -> Option<Duration> {
        let is_small = self.replies > 0 && self.replies.saturating_mul(TURNS) < waiting;
        let wait = (self.usual.min(self.quickest) / PART).min(MOST);
        (is_small && wait >= LEAST).then(|| Duration::from_micros(wait))
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use crate::time::Time;
    use core::time::Duration;

    /// Turns with one reply each that took so many microseconds.
    fn turns(pace: &mut Pace, count: usize, took: u64) {
        for _ in 0..count {
            pace.begin_turn();
            pace.note_reply(Time(1000), Time(1000 + took));
        }
    }

    #[test]
    fn replies_gather_for_a_small_part_of_what_they_take() {
        let mut pace = Pace::default();
        turns(&mut pace, 100, 1600);
        assert_eq!(pace.wait(50), Some(Duration::from_micros(100)));
        turns(&mut pace, 100, 1_000_000);
        assert_eq!(pace.wait(50), Some(Duration::from_micros(200)), "never longer");
    }

    #[test]
    fn nothing_gathers_while_one_server_is_quick() {
        let mut pace = Pace::default();
        turns(&mut pace, 100, 5000);
        turns(&mut pace, 1, 100);
        assert_eq!(pace.wait(50), None);
        turns(&mut pace, 3, 5000);
        assert_eq!(pace.wait(50), None, "it follows slowly upwards");
        turns(&mut pace, 100, 5000);
        assert!(pace.wait(50).is_some());
    }

    #[test]
    fn nothing_gathers_when_little_would_come() {
        let mut pace = Pace::default();
        turns(&mut pace, 100, 5000);
        assert_eq!(pace.wait(8), None, "a few requests are on their way");
        for _ in 0..10 {
            pace.note_reply(Time(0), Time(5000));
        }
        assert_eq!(pace.wait(80), None, "the turn was large");
        pace.begin_turn();
        assert_eq!(pace.wait(800), None, "no reply came: a server hangs, or is slow to start");
    }

    #[test]
    fn the_bounds_are_exact() {
        let mut pace = Pace::default();
        turns(&mut pace, 200, 320);
        assert_eq!(pace.wait(9), Some(Duration::from_micros(20)), "the shortest wait");
        assert_eq!(pace.wait(8), None, "eight such turns are not needed");
        let mut pace = Pace::default();
        turns(&mut pace, 200, 319);
        assert_eq!(pace.wait(9), None, "shorter ones are not worth it");
        let mut pace = Pace::default();
        turns(&mut pace, 3, 5000);
        assert_eq!(pace.usual, 2, "from nothing it rises by one, then by an eighth and one");
        turns(&mut pace, 7, 5000);
        assert_eq!(pace.usual, 10);
        pace.begin_turn();
        assert_eq!((pace.usual, pace.replies), (12, 0));
        pace.begin_turn();
        assert_eq!(pace.usual, 12, "a turn without replies says nothing");
    }
}
