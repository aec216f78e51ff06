//! Reading one connection once, and what the outcome says about reading it again.

use crate::driver::poll::{Driver, list_if_runnable};
use crate::driver::table::State;
use crate::driver::{ConnId, Handler};
use crate::reason::CloseReason;
use rustix::io::readv;
use rustix::net::{RecvFlags, recv};
use std::io::{self, IoSliceMut};

/// How a read went.
struct Outcome {
    result: io::Result<usize>,
    /// Whether it could have brought more.
    is_short: bool,
}

impl Driver {
    /// Reads an open connection that is not paused, and tells the handler.
    pub(super) fn read(&mut self, conn: ConnId, handler: &mut impl Handler) {
        let Some((connection, socket)) = self.table.get(conn) else { return };
        let user = connection.user;
        self.counts.reads += 1;
        let outcome = match handler.read_target(user) {
            Some(target) if !target.is_empty() => {
                // What comes after the payload lands in the scratch buffer, so that it needs no second read.
                let room = target.len();
                let mut both = [IoSliceMut::new(target), IoSliceMut::new(&mut self.scratch)];
                let result = readv(socket, &mut both).map_err(io::Error::from);
                if let Ok(n @ 1..) = result {
                    handler.target_filled(user, n.min(room));
                    if n > room {
                        handler.received(user, &self.scratch[..n - room]);
                    }
                }
                let is_short = result.as_ref().is_ok_and(|n| *n < room + self.scratch.len());
                Outcome { result, is_short }
            }
            Some(_) | None => {
                let result = recv(socket, &mut self.scratch[..], RecvFlags::empty());
                let result = result.map(|(n, _)| n).map_err(io::Error::from);
                if let Ok(n @ 1..) = result {
                    handler.received(user, &self.scratch[..n]);
                }
                let is_short = result.as_ref().is_ok_and(|n| *n < self.scratch.len());
                Outcome { result, is_short }
            }
        };
        self.conclude(conn, user, outcome, handler);
    }

    fn conclude(&mut self, conn: ConnId, user: u64, outcome: Outcome, handler: &mut impl Handler) {
        let Some(connection) = self.table.get_mut(conn) else { return };
        let state = &mut connection.state;
        match outcome.result {
            Ok(0) if state.has(State::BROKEN) => {
                let reason = CloseReason::from_errno(i32::from(connection.errno));
                self.close(conn);
                handler.closed(user, reason);
            }
            Ok(0) => {
                state.set(State::ENDED);
                state.clear(State::READABLE);
                handler.end_of_stream(user);
            }
            Ok(n) => {
                self.counts.bytes_read += n as u64;
                // Data and FIN can come in one event, so after a FIN there is no such thing as a short read.
                if outcome.is_short && !state.has(State::READ_CLOSED) {
                    state.clear(State::READABLE);
                }
                list_if_runnable(connection, conn, &mut self.ready);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && !state.has(State::BROKEN) => {
                state.clear(State::READABLE);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                list_if_runnable(connection, conn, &mut self.ready);
            }
            Err(error) => {
                let reason = match connection.errno {
                    0 => CloseReason::from(&error),
                    errno => CloseReason::from_errno(i32::from(errno)),
                };
                self.close(conn);
                handler.closed(user, reason);
            }
        }
    }
}
