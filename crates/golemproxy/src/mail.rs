//! What other threads tell the supervisor, by its mailbox.

use crate::defect::Defect;
use golem_engine::coordinator::Report;
use golem_net::{Resolved, Signal};

/// What happened that concerns the whole process.
#[derive(Debug)]
pub enum Event {
    /// The process got a signal.
    Signal(Signal),
    /// A worker has ended: because it had nothing left to do, or with this error.
    WorkerEnded(Result<(), String>),
    /// A worker has ended because it cannot go on for a defect of this program.
    Defect(Defect),
}

/// One message.
#[derive(Debug)]
pub enum Mail {
    /// For whoever runs the process.
    Event(Event),
    /// A worker's word on a server that fails, for the coordinator.
    Report(Report),
    /// An answer of the resolver, for a probe.
    Resolved(Resolved),
}

impl From<Signal> for Mail {
    fn from(signal: Signal) -> Self {
        Self::Event(Event::Signal(signal))
    }
}

impl From<Resolved> for Mail {
    fn from(resolved: Resolved) -> Self {
        Self::Resolved(resolved)
    }
}
