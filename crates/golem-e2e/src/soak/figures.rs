//! What a soak counts, and its report.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counted by all threads.
#[derive(Default)]
pub(super) struct Figures {
    /// Replies that were checked, errors among them.
    pub(super) replies: AtomicU64,
    /// Error lines, each one while a server was in trouble.
    pub(super) errors: AtomicU64,
    /// Connections that the proxy closed because a `get` of several keys failed (`multiget_failure: close`), or their pool has gone.
    pub(super) closed: AtomicU64,
    /// Connections that a client closed before its replies had come.
    pub(super) abandoned: AtomicU64,
    /// Replies that could be one of several, because a request had failed or a server was being killed.
    pub(super) uncertain: AtomicU64,
    /// The longest time from request to reply, in microseconds, of clients that read at once.
    pub(super) slowest: AtomicU64,
    /// Servers killed, and stopped.
    pub(super) kills: AtomicU64,
    pub(super) stops: AtomicU64,
    /// Connections of abusive clients.
    pub(super) abuses: AtomicU64,
    /// Connections that a client closed in peace.
    pub(super) left: AtomicU64,
    /// Configurations put into use.
    pub(super) reloads: AtomicU64,
}

impl Figures {
    /// One more of these.
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A reply took so long.
    pub(super) fn took(&self, time: Duration) {
        self.slowest.fetch_max(time.as_micros() as u64, Ordering::Relaxed);
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        writeln!(f, "replies, all checked        {}", value(&self.replies))?;
        writeln!(f, "  of them error lines       {}", value(&self.errors))?;
        writeln!(f, "  of them one of several    {}", value(&self.uncertain))?;
        writeln!(f, "slowest reply               {} ms", value(&self.slowest) / 1000)?;
        writeln!(f, "closed by the proxy         {}", value(&self.closed))?;
        writeln!(f, "abandoned by their client   {}", value(&self.abandoned))?;
        writeln!(f, "  left in peace             {}", value(&self.left))?;
        writeln!(f, "abusive connections         {}", value(&self.abuses))?;
        writeln!(f, "reloads                     {}", value(&self.reloads))?;
        write!(f, "servers killed, stopped     {}, {}", value(&self.kills), value(&self.stops))
    }
}
