//! Which counters the loss of a server connection, or an attempt that failed, belongs to: one of nutcracker's three, and one
//! of ours that tells what happened.

use crate::counters::ServerCounters;
use crate::failure::Failure;
use crate::server::Link;

impl ServerCounters {
    /// A connection that had come so far was lost, or was not made. Bad replies, and connections that the server refuses
    /// by a line, are counted where they are read.
    pub(crate) fn note_loss(&self, failure: Failure, link: Link) {
        match failure {
            Failure::ConnectionClosed => &self.server_eof,
            Failure::TimedOut => &self.server_timedout,
            Failure::ConnectionRefused
            | Failure::ConnectionReset
            | Failure::HostDown
            | Failure::NoSuchFile
            | Failure::BadReply
            | Failure::NoServer
            | Failure::Crowded
            | Failure::NoMemory
            | Failure::Os(_) => &self.server_err,
        }
        .add(1);
        match (failure, link) {
            (Failure::ConnectionRefused | Failure::NoSuchFile, Link::Connecting) => &self.connections_refused,
            (Failure::ConnectionReset | Failure::Os(Failure::BROKEN_PIPE), _) => &self.connections_reset,
            (Failure::ConnectionClosed, _) => &self.connections_closed,
            (Failure::TimedOut, Link::Connecting) => &self.connect_timeouts,
            (Failure::TimedOut, Link::Up) => &self.connections_silent,
            (Failure::BadReply, _) | (Failure::ConnectionRefused, Link::Up) => return,
            (
                Failure::NoSuchFile
                | Failure::HostDown
                | Failure::NoServer
                | Failure::Crowded
                | Failure::NoMemory
                | Failure::Os(_),
                _,
            ) => &self.connections_failed,
        }
        .add(1);
    }
}
