//! A connection between an engine and a fake peer, with what the driver knows of it.

use crate::pipe::{End, Pipe};
use golem_engine::Failure;
use golem_engine::id::Connection;

/// What became of an attempt to connect to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Pending,
    Made,
    Failed(Failure),
    /// The engine was told.
    Over,
}

#[derive(Debug)]
pub(crate) struct Link {
    /// Which engine.
    pub(crate) worker: usize,
    /// How that engine names it.
    pub(crate) connection: Connection,
    /// To which server it goes, if it is a server connection.
    pub(crate) server: Option<usize>,
    /// From the peer to the engine.
    pub(crate) inward: Pipe,
    /// From the engine to the peer.
    pub(crate) outward: Pipe,
    pub(crate) attempt: Attempt,
    /// The engine does not want to read it.
    pub(crate) paused: bool,
    /// The engine was told of the end of stream.
    pub(crate) ended: bool,
    /// The last write was partial: it is tried again by itself.
    pub(crate) blocked: bool,
    /// A write failed: what came before is still read, then the engine is told.
    pub(crate) broken: bool,
    /// The engine and the driver are done with it.
    pub(crate) closed: bool,
    /// The engine wished to close it, rather than the peer.
    pub(crate) closed_by_engine: bool,
    /// The peer takes no more bytes: writing fails.
    pub(crate) peer_gone: bool,
    /// Bytes that the engine took in.
    pub(crate) delivered: u64,
    /// Bytes that the engine gave out.
    pub(crate) sent: u64,
    /// When the engine last took bytes in or gave some out.
    pub(crate) active: u64,
    /// How the engine ended a client's connection, or its own stream on it.
    pub(crate) finished: Option<Finish>,
    /// The coordinator's words that the engine followed while it wrote this.
    pub(crate) periods: Vec<Period>,
}

/// The moment at which an engine let a client go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Finish {
    pub(crate) at: u64,
    /// When the connection was active last.
    pub(crate) active: u64,
    /// Bytes that the engine had taken in.
    pub(crate) delivered: u64,
}

/// A time in which an engine followed one word of the coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    /// The place of the word among all words.
    pub(crate) word: usize,
    /// Bytes that had been given out when it began.
    pub(crate) sent: u64,
    /// Those, and the bytes that waited to be given out; unknown as long as the connection is being made.
    pub(crate) queued: u64,
}

impl Link {
    pub(crate) const fn new(worker: usize, connection: Connection, room: (usize, usize)) -> Self {
        Self {
            worker,
            connection,
            server: None,
            inward: Pipe::new(room.0),
            outward: Pipe::new(room.1),
            attempt: Attempt::Pending,
            paused: false,
            ended: false,
            blocked: false,
            broken: false,
            closed: false,
            closed_by_engine: false,
            peer_gone: false,
            delivered: 0,
            sent: 0,
            active: 0,
            finished: None,
            periods: Vec::new(),
        }
    }

    /// The peer sends no more, but still reads.
    pub(crate) fn peer_finishes(&mut self) {
        self.inward.finish();
    }

    /// The peer closes its socket.
    pub(crate) fn peer_closes(&mut self) {
        self.inward.finish();
        self.peer_gone = true;
    }

    /// The peer resets the connection: bytes on their way are lost.
    pub(crate) fn peer_resets(&mut self) {
        self.inward.reset();
        self.peer_gone = true;
    }

    /// Under which words the engine can have queued the byte at `at`. Requests that are withdrawn make room for later ones, so
    /// it may be more than one.
    pub(crate) fn words_at(&self, at: u64) -> impl Iterator<Item = usize> + '_ {
        let ends = self.periods.iter().skip(1).map(|next| next.queued).chain([u64::MAX]);
        let fits = move |(period, end): &(&Period, u64)| period.sent <= at && at < *end;
        self.periods.iter().zip(ends).filter(fits).map(|(period, _)| period.word)
    }

    /// Whether the driver has something to tell the engine.
    pub(crate) fn is_readable(&self) -> bool {
        !self.closed
            && match self.attempt {
                Attempt::Pending => false,
                Attempt::Made | Attempt::Failed(_) => true,
                Attempt::Over => {
                    !self.paused
                        && !self.ended
                        && (!self.inward.is_empty() || self.inward.end != End::Open || self.broken)
                }
            }
    }
}
