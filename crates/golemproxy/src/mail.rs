//! What other threads tell the supervisor, by its mailbox.

use crate::defect::Defect;
use crate::names::Name;
use crate::worker::ToWorker;
use golem_engine::coordinator::Report;
use golem_engine::id::ServerConnId;
use golem_net::{Resolved, Sender, Signal};

/// What happened that concerns the whole process.
#[derive(Debug)]
pub enum Event {
    /// The process got a signal.
    Signal(Signal),
    /// All workers serve the oldest of the configurations that they were told of and that this was not said of yet.
    InUse,
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
    /// A worker serves the configuration of this number from now on.
    Serving(u64),
    /// A worker's word on a server that fails, for the coordinator.
    Report(Report),
    /// A worker wants to connect to a name.
    Question(Question),
    /// An answer of the resolver.
    Resolved(Resolved),
}

/// Which address has this name? The answer is a [`ToWorker::Address`].
#[derive(Debug)]
pub struct Question {
    /// The name.
    pub name: Name,
    /// The connection that is to be made.
    pub conn: ServerConnId,
    /// The worker that asks.
    pub from: Sender<ToWorker>,
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
