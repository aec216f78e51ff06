//! Waking a driver's thread from another one. Wake-ups that come before the driver has seen the first are one.

use mio::{Registry, Token};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends the wait of one driver's turn, from any thread.
#[derive(Clone, Debug)]
pub struct Waker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    waker: mio::Waker,
    pending: AtomicBool,
}

impl Waker {
    pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let waker = mio::Waker::new(registry, token)?;
        Ok(Self { shared: Arc::new(Shared { waker, pending: AtomicBool::new(false) }) })
    }

    /// Makes the driver's current or next turn return without waiting. What was written before the call is seen by the
    /// driver's thread after that turn.
    pub fn wake(&self) {
        if !self.shared.pending.swap(true, Ordering::AcqRel) && self.shared.waker.wake().is_err() {
            // An eventfd refuses only when its counter is full, and then the poller is awake.
            self.shared.pending.store(false, Ordering::Release);
        }
    }

    /// The driver saw the wake-up: the next one needs a system call again.
    pub(crate) fn seen(&self) {
        self.shared.pending.swap(false, Ordering::AcqRel);
    }
}
