//! How one server stands with the coordinator: in the ring, or out and waiting for a probe that it answers.

use crate::time::Time;
use core::time::Duration;
use golem_config::Pool as Settings;

/// A server that fails again and again is held out for so many `server_retry_timeout`s at most.
const HOLD_MOST: u32 = 4;
/// Nothing is probed, and nothing is said of one server, more often than this.
const PAUSE_LEAST: Duration = Duration::from_millis(100);
/// About a server that fails and is kept the log has one line in this time at most.
const SAY_LEAST: Duration = Duration::from_secs(1);

/// What a pool's settings say about ejection.
pub(super) struct Terms {
    /// Between the ejection and the first probe, and between probes.
    retry: Duration,
    /// So long after its return a server fails again at once.
    at_once: Duration,
}

impl Terms {
    pub(super) fn of(settings: &Settings) -> Self {
        let retry = settings.server_retry_timeout.max(PAUSE_LEAST);
        // A server that takes connections and then says nothing needs its time to fail.
        let limit = settings.server_failure_limit.max(1);
        let failing = settings.timeout.unwrap_or_default().saturating_mul(limit.saturating_mul(2));
        Self { retry, at_once: retry.max(failing) }
    }
}

/// See the top of the file.
#[derive(Debug, Default)]
pub(super) struct Standing {
    out: Option<Out>,
    /// For how many retry timeouts it was held out last; 0: never yet.
    hold: u32,
    /// When it came back last.
    restored: Option<Time>,
    /// The number of the snapshot with which it last went out or came in.
    changed: u64,
    /// Until when nothing more is said about its being kept.
    kept_until: Option<Time>,
}

#[derive(Debug)]
struct Out {
    since: Time,
    probe_at: Time,
    is_probed: bool,
}

impl Standing {
    pub(super) const fn is_out(&self) -> bool {
        self.out.is_some()
    }

    /// The number of the snapshot with which it last went out or came in.
    pub(super) const fn changed(&self) -> u64 {
        self.changed
    }

    /// It fails, but stays: whether that is worth a line.
    pub(super) fn keep(&mut self, now: Time, terms: &Terms) -> bool {
        let is_news = self.kept_until.is_none_or(|until| until <= now);
        if is_news {
            self.kept_until = Some(now.after(terms.retry.max(SAY_LEAST)));
        }
        is_news
    }

    /// It goes out; says for how long at least.
    pub(super) fn eject(&mut self, now: Time, number: u64, terms: &Terms) -> Duration {
        let again = self.restored.is_some_and(|restored| now <= restored.after(terms.at_once));
        self.hold = if again { (self.hold * 2).clamp(1, HOLD_MOST) } else { 1 };
        let hold = terms.retry.saturating_mul(self.hold);
        self.out = Some(Out { since: now, probe_at: now.after(hold), is_probed: false });
        (self.changed, self.kept_until) = (number, None);
        hold
    }

    /// When it is to be probed next, unless it is in, or being probed.
    pub(super) fn probe_at(&self) -> Option<Time> {
        self.out.as_ref().filter(|out| !out.is_probed).map(|out| out.probe_at)
    }

    pub(super) fn wants_probe(&self, now: Time) -> bool {
        self.probe_at().is_some_and(|at| at <= now)
    }

    /// A probe starts; the next one may start a retry timeout later.
    pub(super) fn begin_probe(&mut self, now: Time, terms: &Terms) {
        if let Some(out) = &mut self.out {
            (out.is_probed, out.probe_at) = (true, now.after(terms.retry));
        }
    }

    /// It did not answer as it should.
    pub(super) fn probe_failed(&mut self, now: Time) {
        if let Some(out) = &mut self.out {
            (out.is_probed, out.probe_at) = (false, out.probe_at.max(now));
        }
    }

    /// It comes back; says how long it was out.
    pub(super) fn restore(&mut self, now: Time, number: u64) -> Duration {
        (self.restored, self.changed) = (Some(now), number);
        self.out.take().map_or(Duration::ZERO, |out| now.since(out.since))
    }
}
