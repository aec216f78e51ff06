//! A lane: the place of one connection to a server. It remembers what the last attempts came to, so that a server that
//! refuses, or that breaks off before it has answered anything, is not tried again at once but after a pause, which doubles
//! with each such failure and ends with the first connection that answers. Until then requests fail with the last reason.
//! On the way to ejection there is no pause: it would only have requests fail for longer before the server is ejected.
//!
//! A pause needs no timer: it is looked at when somebody wants the connection.

use crate::failure::Failure;
use crate::id::ServerConnId;
use crate::time::Time;
use core::time::Duration;
use golem_ring::Random;

/// The longest pause after the first failure, in microseconds.
const FIRST_PAUSE: u32 = 20_000;
/// The longest pause at all.
const LONGEST_PAUSE: u32 = 1_000_000;

/// See the top of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lane {
    /// The connection, from the wish to make it on.
    pub conn: Option<ServerConnId>,
    /// Connections in a row that failed, or were lost, before they had answered anything.
    failures: u32,
    /// How long no other is tried, and what requests are told meanwhile.
    pause: Option<(Time, Failure)>,
}

/// What the loss of a connection says about the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It had answered: the server is there.
    AfterAnswers,
    /// It had not, or was not made.
    BeforeAnswers,
    /// As that, but with a few more such failures the server is ejected.
    NearEjection,
}

impl Lane {
    /// Why no connection may be tried at `now`; none: it may.
    pub(crate) fn refusal(&self, now: Time) -> Option<Failure> {
        self.pause.filter(|(until, _)| now < *until).map(|(_, failure)| failure)
    }

    /// Whether there was one pause at most since the last connection that answered, or on the way to ejection.
    pub(crate) const fn has_failed_once_at_most(&self) -> bool {
        self.failures <= 1
    }

    /// What earlier attempts came to says nothing any more: the next may be made at once.
    pub(crate) const fn forget_failures(&mut self) {
        (self.failures, self.pause) = (0, None);
    }

    /// The connection is gone. If it had answered, or if ejection is near, it may be made again at once; else there is a pause
    /// of random length, so that workers and proxies do not come back all together.
    pub(crate) fn lose(&mut self, failure: Failure, lost: Lost, now: Time, random: &mut Random) {
        self.conn = None;
        match lost {
            Lost::AfterAnswers | Lost::NearEjection => return self.forget_failures(),
            Lost::BeforeAnswers => {}
        }
        let most = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        let pause = most / 2 + random.below(most / 2 + 1);
        self.pause = Some((now.after(Duration::from_micros(pause.into())), failure));
    }
}

#[cfg(test)]
mod tests {
    use super::{FIRST_PAUSE, LONGEST_PAUSE, Lane, Lost};
    use crate::failure::Failure;
    use crate::time::Time;
    use alloc::vec::Vec;
    use golem_ring::Random;

    const NOW: Time = Time(5_000_000);

    /// How long the lane pauses after one more failure, in microseconds.
    fn pause(lane: &mut Lane, random: &mut Random) -> u64 {
        lane.lose(Failure::ConnectionRefused, Lost::BeforeAnswers, NOW, random);
        let until = lane.pause.map_or(0, |(until, _)| until.0);
        assert_eq!(lane.refusal(Time(until - 1)), Some(Failure::ConnectionRefused));
        assert_eq!(lane.refusal(Time(until)), None);
        until - NOW.0
    }

    #[test]
    fn pauses_double_up_to_a_second_and_are_never_shorter_than_half() {
        let (mut lane, mut random) = (Lane::default(), Random::new(1));
        let mut most = u64::from(FIRST_PAUSE);
        for _ in 0..50 {
            let pause = pause(&mut lane, &mut random);
            assert!((most / 2..=most).contains(&pause), "{pause} of {most}");
            most = (most * 2).min(LONGEST_PAUSE.into());
        }
        assert_eq!(most, u64::from(LONGEST_PAUSE));
    }

    #[test]
    fn pauses_differ() {
        let mut random = Random::new(1);
        let mut pauses: Vec<u64> = (0..20).map(|_| pause(&mut Lane::default(), &mut random)).collect();
        pauses.sort_unstable();
        pauses.dedup();
        assert!(pauses.len() > 15);
    }

    #[test]
    fn a_connection_that_answered_ends_the_pauses() {
        let (mut lane, mut random) = (Lane::default(), Random::new(1));
        (0..9).for_each(|_| {
            pause(&mut lane, &mut random);
        });
        lane.lose(Failure::ConnectionReset, Lost::AfterAnswers, NOW, &mut random);
        assert_eq!(lane.refusal(NOW), None);
        assert!(pause(&mut lane, &mut random) <= FIRST_PAUSE.into());
    }

    #[test]
    fn forgotten_failures_end_the_pauses_too() {
        let (mut lane, mut random) = (Lane::default(), Random::new(1));
        (0..9).for_each(|_| {
            pause(&mut lane, &mut random);
        });
        lane.forget_failures();
        assert_eq!(lane.refusal(NOW), None);
        assert!(pause(&mut lane, &mut random) <= FIRST_PAUSE.into());
    }

    #[test]
    fn there_is_no_pause_on_the_way_to_ejection() {
        let (mut lane, mut random) = (Lane::default(), Random::new(1));
        pause(&mut lane, &mut random);
        lane.lose(Failure::ConnectionRefused, Lost::NearEjection, NOW, &mut random);
        assert_eq!(lane.refusal(NOW), None);
        assert!(pause(&mut lane, &mut random) <= FIRST_PAUSE.into(), "pauses begin anew if it is kept");
    }
}
