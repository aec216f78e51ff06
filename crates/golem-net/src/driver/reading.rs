//! Reading one connection once (a few times where large payloads go through pipes), and what the outcome says about
//! reading it again.

use crate::driver::pipes::Filled;
use crate::driver::poll::{Driver, list_if_runnable};
use crate::driver::table::State;
use crate::driver::{CALLS_FOR_PIPES, ConnId, Handler, ReadTarget};
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
        for _ in 0..CALLS_FOR_PIPES {
            if !self.read_once(conn, handler) {
                break;
            }
        }
        if let Some(connection) = self.table.get_mut(conn) {
            list_if_runnable(connection, conn, &mut self.ready);
        }
    }

    /// Whether a large payload goes on or may begin, so that it is read again at once.
    fn read_once(&mut self, conn: ConnId, handler: &mut impl Handler) -> bool {
        let Some((connection, socket)) = self.table.get(conn) else { return false };
        let user = connection.user;
        self.counts.reads += 1;
        let (outcome, goes_on) = match handler.read_target(user) {
            ReadTarget::Memory(target, beyond) if !target.is_empty() => {
                // What comes after the payload lands in the scratch buffer, so that it needs no second read.
                let room = target.len();
                let beyond = beyond.min(self.scratch.len());
                let mut both = [IoSliceMut::new(target), IoSliceMut::new(&mut self.scratch[..beyond])];
                let result = readv(socket, &mut both).map_err(io::Error::from);
                if let Ok(n @ 1..) = result {
                    handler.target_filled(user, n.min(room));
                    if n > room {
                        handler.received(user, &self.scratch[..n - room]);
                    }
                }
                let is_short = result.as_ref().is_ok_and(|n| *n < room + beyond);
                (Outcome { result, is_short }, !is_short && beyond < self.scratch.len())
            }
            ReadTarget::Pipe(pipe, most) => match self.pipes.fill(pipe, socket, most) {
                Filled::NoRoom => {
                    handler.no_pipe(user);
                    return true;
                }
                Filled::Read(result) => {
                    if let Ok(n @ 1..) = result {
                        handler.target_filled(user, n);
                    }
                    let goes_on = matches!(result, Ok(1..));
                    (Outcome { result, is_short: false }, goes_on)
                }
            },
            target @ (ReadTarget::Scratch(_) | ReadTarget::Memory(..)) => {
                let most = if let ReadTarget::Scratch(most) = target { most } else { usize::MAX };
                let room = most.min(self.scratch.len());
                let result = recv(socket, &mut self.scratch[..room], RecvFlags::empty());
                let result = result.map(|(n, _)| n).map_err(io::Error::from);
                if let Ok(n @ 1..) = result {
                    handler.received(user, &self.scratch[..n]);
                }
                let is_short = result.as_ref().is_ok_and(|n| *n < room);
                (Outcome { result, is_short }, !is_short && room < self.scratch.len())
            }
        };
        self.conclude(conn, user, outcome, handler) && goes_on
    }

    /// Whether bytes came.
    fn conclude(&mut self, conn: ConnId, user: u64, outcome: Outcome, handler: &mut impl Handler) -> bool {
        let Some(connection) = self.table.get_mut(conn) else { return false };
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
                return true;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && !state.has(State::BROKEN) => {
                state.clear(State::READABLE);
            }
            // It is still readable.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let reason = match connection.errno {
                    0 => CloseReason::from(&error),
                    errno => CloseReason::from_errno(i32::from(errno)),
                };
                self.close(conn);
                handler.closed(user, reason);
            }
        }
        false
    }
}
