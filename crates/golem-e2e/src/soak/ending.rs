//! The end of a soak, which everybody waits for instead of letting time pass: it comes when the time is up, or with the first
//! failure.

use crate::failure::Failure;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Default)]
struct State {
    is_here: bool,
    first: Option<Failure>,
}

/// Shared by all threads of a run.
#[derive(Default)]
pub(super) struct Ending {
    state: Mutex<State>,
    has_come: Condvar,
}

impl Ending {
    /// Whether the end comes within `duration`, or is here.
    pub(super) fn wait(&self, duration: Duration) -> bool {
        let deadline = Instant::now() + duration;
        let mut state = self.lock();
        while !state.is_here {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.has_come.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// The time is up.
    pub(super) fn declare(&self) {
        self.lock().is_here = true;
        self.has_come.notify_all();
    }

    /// Something is wrong: the first failure ends the run.
    pub(super) fn fail(&self, failure: Failure) {
        self.lock().first.get_or_insert(failure);
        self.declare();
    }

    /// What was wrong first.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.lock().first.take()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
