//! Writing: one system call per connection and turn, with all that the handler has ready. What the kernel does not take
//! waits for its event; what more there is waits for the next turn.

use crate::driver::poll::{Driver, list_if_runnable};
use crate::driver::slices::Slices;
use crate::driver::table::State;
use crate::driver::{ConnId, Handler};
use crate::reason::CloseReason;
use rustix::net::{SendAncillaryBuffer, SendFlags, send, sendmsg};
use socket2::Socket;
use std::io;

impl Driver {
    /// Writes the connection's output, if it can take bytes now. Where it cannot (not connected yet, the kernel's buffer
    /// full, already written in this turn) the driver writes by itself as soon as it can. To be called between turns,
    /// once for each connection with new output.
    pub fn flush(&mut self, handler: &mut impl Handler, conn: ConnId) {
        let Some((connection, socket)) = self.table.get(conn) else { return };
        let (user, state) = (connection.user, connection.state);
        if state.has(State::BLOCKED.with(State::BROKEN).with(State::RETRY)) {
            return;
        }
        if state.has(State::CONNECTING) {
            return self.block(conn);
        }
        let (result, asked, is_full) = {
            let mut slices = Slices::new();
            handler.output(user, &mut slices);
            if slices.is_empty() {
                return;
            }
            if connection.written == self.turn {
                return self.write_next_turn(conn);
            }
            self.counts.writes += 1;
            (write(socket, &slices), slices.bytes(), slices.is_full())
        };
        match result {
            Ok(n) => {
                self.counts.bytes_written += n as u64;
                handler.sent(user, n);
                if let Some(connection) = self.table.get_mut(conn) {
                    connection.written = self.turn;
                }
                if n < asked {
                    self.block(conn);
                } else if is_full {
                    self.write_next_turn(conn);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.block(conn),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.write_next_turn(conn),
            Err(error) => self.fail_write(conn, &error, handler),
        }
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

/// One write, or one vectored write. MSG_NOSIGNAL, so that a broken connection is an error and never a signal.
fn write(socket: &Socket, slices: &Slices<'_>) -> io::Result<usize> {
    match slices.as_slices() {
        [one] => send(socket, one, SendFlags::NOSIGNAL).map_err(io::Error::from),
        several => {
            let nothing = &mut SendAncillaryBuffer::default();
            sendmsg(socket, several, nothing, SendFlags::NOSIGNAL).map_err(io::Error::from)
        }
    }
}
