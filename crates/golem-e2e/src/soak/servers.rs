//! The servers of a soak: each is killed, or stopped and continued, again and again, and says when it was well.
//!
//! Invariant: a kill is counted as begun before the process is killed, and as over after the next one serves.

use super::ending::Ending;
use super::figures::Figures;
use crate::dice::Dice;
use crate::failure::Outcome;
use crate::instance::signal;
use crate::programs::Memcached;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What everybody may know of one server.
pub(super) struct Health {
    begun: AtomicU64,
    over: AtomicU64,
    troubles: AtomicU64,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
struct State {
    is_well: bool,
    since: Instant,
}

/// So long after a server is well again requests may still fail: nobody connects to it more often than once a second, and what
/// waited on an old connection fails by `timeout`.
const CONVALESCENCE: Duration = Duration::from_secs(4);

/// So long a server that goes on may take to do all that waits in its connections; in truth it takes milliseconds.
const DRAINING: Duration = Duration::from_secs(2);

impl Health {
    /// A server that has always been well.
    pub(super) fn new() -> Self {
        let since = Instant::now();
        Self {
            begun: AtomicU64::new(0),
            over: AtomicU64::new(0),
            troubles: AtomicU64::new(0),
            state: Mutex::new(State { is_well: true, since }),
        }
    }

    /// Kills that have begun.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    /// Kills after which a new process serves.
    pub(super) fn over(&self) -> u64 {
        self.over.load(Ordering::SeqCst)
    }

    /// Troubles that have begun.
    pub(super) fn troubles(&self) -> u64 {
        self.troubles.load(Ordering::SeqCst)
    }

    /// Whether nothing was wrong with it from `time` on, nor shortly before.
    pub(super) fn was_well_since(&self, time: Instant) -> bool {
        let state = self.state();
        state.is_well && state.since + CONVALESCENCE <= time
    }

    /// Requests that failed before this can be done no more: whatever had reached the server was done when it went on.
    pub(super) fn laid(&self) -> Option<Instant> {
        let before = Instant::now().checked_sub(DRAINING)?;
        let state = self.state();
        (state.is_well && state.since <= before).then_some(before)
    }

    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, is_well: bool) {
        self.troubles.fetch_add(u64::from(!is_well), Ordering::SeqCst);
        let state = State { is_well, since: Instant::now() };
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

/// Now and then all servers are left alone for a while, so that all of them are back in the ring, and keys stay.
const WAR: Duration = Duration::from_secs(20);
const PEACE: Duration = Duration::from_secs(18);

/// Troubles one server until the end, `with_peace` or without; it is well when this returns.
pub(super) fn trouble(
    server: &mut Memcached,
    health: &Health,
    (figures, ending): (&Figures, &Ending),
    with_peace: bool,
    mut dice: Dice,
) -> Outcome {
    let mut war = Instant::now() + WAR;
    while !ending.wait(Duration::from_millis(2000 + dice.below(6000) as u64)) {
        if with_peace && Instant::now() > war {
            ending.wait((war + PEACE).saturating_duration_since(Instant::now()));
            war += WAR + PEACE;
            continue;
        }
        let pause =
            Duration::from_millis([50, 500, 1500, 3000, 5000][dice.below(5)] + dice.below(400) as u64);
        if dice.is_one_in(2) {
            figures.kills.fetch_add(1, Ordering::Relaxed);
            health.begun.fetch_add(1, Ordering::SeqCst);
            health.set(false);
            server.process.kill()?;
            ending.wait(pause);
            server.restart()?;
            health.over.fetch_add(1, Ordering::SeqCst);
        } else {
            figures.stops.fetch_add(1, Ordering::Relaxed);
            health.set(false);
            signal(server.process.id(), "STOP")?;
            ending.wait(pause);
            signal(server.process.id(), "CONT")?;
        }
        health.set(true);
    }
    Ok(())
}
