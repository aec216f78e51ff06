//! Writing: one system call per connection and turn, with all that the handler has ready. What the kernel does not take
//! waits for its event; what more there is waits for the next turn.

use crate::driver::poll::{Driver, list_if_runnable};
use crate::driver::slices::Slices;
use crate::driver::table::State;
use crate::driver::{CALLS_FOR_PIPES, ConnId, Handler, PipeSlot};
use crate::reason::CloseReason;
use rustix::net::{SendAncillaryBuffer, SendFlags, send, sendmsg};
use socket2::Socket;
use std::io;

impl Driver {
    /// Writes the connection's output, if it can take bytes now. Where it cannot (not connected yet, the kernel's buffer
    /// full, already written in this turn) the driver writes by itself as soon as it can. To be called between turns,
    /// once for each connection with new output.
    pub fn flush(&mut self, handler: &mut impl Handler, conn: ConnId) {
        let Some((connection, _)) = self.table.get(conn) else { return };
        let (user, state) = (connection.user, connection.state);
        if state.has(State::BLOCKED.with(State::BROKEN).with(State::RETRY)) {
            return;
        }
        if state.has(State::CONNECTING) {
            return self.block(conn);
        }
        for call in 0..CALLS_FOR_PIPES {
            if !self.write_once(handler, conn, user, call == 0) {
                return;
            }
        }
        self.write_next_turn(conn);
    }

    /// Whether all went out, and there may be more behind a payload that went through a pipe.
    fn write_once(&mut self, handler: &mut impl Handler, conn: ConnId, user: u64, is_first: bool) -> bool {
        let Some((connection, socket)) = self.table.get(conn) else { return false };
        let (result, asked, is_full, pipe) = {
            let mut slices = Slices::new();
            handler.output(user, &mut slices);
            if slices.is_empty() {
                return false;
            }
            let pipe = slices.pipe();
            if is_first && connection.written == self.turn {
                self.write_next_turn(conn);
                return false;
            }
            if let Some((pipe, len)) = pipe {
                self.pipes.append(pipe, len, slices.behind());
            }
            let result = if slices.bytes() == 0 {
                Ok(0)
            } else {
                self.counts.writes += 1;
                write(socket, &slices, pipe.is_some())
            };
            (result, slices.bytes(), slices.is_full(), pipe)
        };
        match (self.note_written(handler, conn, user, result), pipe) {
            (Some(n), _) if n < asked => self.block(conn),
            (Some(_), Some(pipe)) => return self.write_pipe(handler, conn, user, pipe),
            (Some(_), None) if is_full => self.write_next_turn(conn),
            (Some(_) | None, _) => {}
        }
        false
    }

    /// Sends what lies in a pipe; whether all of it.
    fn write_pipe(
        &mut self,
        handler: &mut impl Handler,
        conn: ConnId,
        user: u64,
        (pipe, len): (PipeSlot, usize),
    ) -> bool {
        let Some((_, socket)) = self.table.get(conn) else { return false };
        self.counts.writes += 1;
        let result = self.pipes.drain(pipe, socket, len);
        let is_all = result.as_ref().is_ok_and(|(_, is_all)| *is_all);
        let result = result.map(|(count, _)| count);
        if self.note_written(handler, conn, user, result).is_some() && !is_all {
            // The next try finds out whether the kernel's buffer is full, and has the poller say when it is not.
            self.write_next_turn(conn);
        }
        is_all
    }

    /// Notes what a write came to; how much it wrote, if it did not fail.
    fn note_written(
        &mut self,
        handler: &mut impl Handler,
        conn: ConnId,
        user: u64,
        result: io::Result<usize>,
    ) -> Option<usize> {
        match result {
            Ok(n) => {
                self.counts.bytes_written += n as u64;
                if n > 0 {
                    handler.sent(user, n);
                }
                if let Some(connection) = self.table.get_mut(conn) {
                    connection.written = self.turn;
                }
                return Some(n);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.block(conn),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.write_next_turn(conn),
            Err(error) => self.fail_write(conn, &error, handler),
        }
        None
    }

    /// Drops what lies in a pipe: nobody wants it any more.
    pub fn empty_pipe(&mut self, slot: PipeSlot) {
        self.pipes.empty(slot);
    }

    /// Closes all pipes; those that are named again are made anew.
    pub fn close_pipes(&mut self) {
        self.pipes.clear();
    }

    /// Writes to the connections that waited for it.
    pub(super) fn write_again(&mut self, handler: &mut impl Handler) {
        if self.retry.is_empty() {
            return;
        }
        // Those that come up meanwhile are for the next turn.
        let waiting = self.retry.len();
        for at in 0..waiting {
            let conn = self.retry[at];
            if let Some(connection) = self.table.get_mut(conn) {
                connection.state.clear(State::RETRY);
                self.flush(handler, conn);
            }
        }
        self.retry.drain(..waiting);
    }

    pub(super) fn write_next_turn(&mut self, conn: ConnId) {
        if let Some(connection) = self.table.get_mut(conn)
            && !connection.state.has(State::RETRY)
        {
            connection.state.set(State::RETRY);
            self.retry.push(conn);
        }
    }

    fn block(&mut self, conn: ConnId) {
        if let Some(connection) = self.table.get_mut(conn) {
            connection.state.set(State::BLOCKED);
        }
    }

    /// Nothing can be written any more. What the peer sent before is still read, in the next turns; unless it is paused,
    /// which would keep it for ever, or has been read to its end.
    fn fail_write(&mut self, conn: ConnId, error: &io::Error, handler: &mut impl Handler) {
        let Some(connection) = self.table.get_mut(conn) else { return };
        let user = connection.user;
        let reason = CloseReason::from(error);
        if connection.state.has(State::PAUSED.with(State::ENDED)) {
            self.close(conn);
            handler.closed(user, reason);
            return;
        }
        connection.errno = u16::try_from(reason.errno()).unwrap_or(libc::EPIPE as u16);
        connection.state.set(State::BROKEN.with(State::READABLE).with(State::READ_CLOSED));
        list_if_runnable(connection, conn, &mut self.ready);
    }
}

/// One write, or one vectored write. MSG_NOSIGNAL, so that a broken connection is an error and never a signal; MSG_MORE when
/// a payload from a pipe follows, so that they leave together.
fn write(socket: &Socket, slices: &Slices<'_>, more_follows: bool) -> io::Result<usize> {
    let flags = if more_follows { SendFlags::NOSIGNAL | SendFlags::MORE } else { SendFlags::NOSIGNAL };
    match slices.as_slices() {
        [one] => send(socket, one, flags).map_err(io::Error::from),
        several => {
            let nothing = &mut SendAncillaryBuffer::default();
            sendmsg(socket, several, nothing, flags).map_err(io::Error::from)
        }
    }
}
