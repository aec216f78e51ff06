//! One turn: wait for events, note what they say, accept, serve the ready list once, write to connections that can take
//! bytes again. All of it is bounded; what is left over makes the next wait return at once.

use crate::driver::poll::{Driver, FIRST_LISTENER_SLOT, WAKER_SLOT, list_if_runnable};
use crate::driver::table::State;
use crate::driver::{BYTES_PER_TURN, ConnId, Handler, READS_PER_TURN};
use crate::reason::CloseReason;
use mio::Events;
use mio::event::Event;
use socket2::Socket;
use std::io;
use std::time::{Duration, Instant};

impl Driver {
    /// Waits for something to do, at most `timeout` (none: as long as it takes), and does it: see [`crate::driver`].
    /// A signal or a wake-up ends the wait as well.
    ///
    /// # Errors
    /// The poller failed, which nothing is known to cause.
    pub fn turn(&mut self, handler: &mut impl Handler, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = self.wait_at_most(timeout);
        self.turn = self.turn.wrapping_add(1);
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => self.counts.polls += 1,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.events.clear(),
            Err(error) => return Err(error),
        }
        handler.woken();
        // Taken out for the loop, since noting an event changes the driver. No allocation: capacity 0 has none.
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            self.note(event, handler);
        }
        self.events = events;
        self.accept_all(handler);
        self.serve_ready(handler);
        self.write_again(handler);
        Ok(())
    }

    /// Lets events gather for so long: the next turn finds them together. Nothing ends this early, so it should be a fraction
    /// of a millisecond. Not done while there is work left over from the last turn.
    pub fn gather(&mut self, wait: Duration) {
        if self.ready.is_empty() && self.retry.is_empty() {
            self.counts.gathers += 1;
            std::thread::sleep(wait);
        }
    }

    /// No wait at all while there is work left over from the last turn.
    fn wait_at_most(&self, timeout: Option<Duration>) -> Option<Duration> {
        if !self.ready.is_empty() || !self.retry.is_empty() {
            return Some(Duration::ZERO);
        }
        if !self.listeners.iter().flatten().any(|found| found.ready && !found.full) {
            return timeout;
        }
        match self.accept_again {
            None => Some(Duration::ZERO),
            Some(again) => {
                let wait = again.saturating_duration_since(Instant::now());
                Some(timeout.map_or(wait, |timeout| timeout.min(wait)))
            }
        }
    }

    /// Turns an event into states and list entries. The only calls out of here are the ends of connecting.
    fn note(&mut self, event: &Event, handler: &mut impl Handler) {
        let conn = ConnId::from_u64(event.token().0 as u64);
        if conn.slot >= FIRST_LISTENER_SLOT {
            if conn.slot == WAKER_SLOT {
                self.waker.seen();
            } else if let Some(Some(found)) =
                self.listeners.get_mut((conn.slot - FIRST_LISTENER_SLOT) as usize)
            {
                found.ready = true;
            }
            return;
        }
        let Some(connection) = self.table.get_mut(conn) else { return };
        let over = event.is_read_closed() || event.is_error();
        if over {
            connection.state.set(State::READ_CLOSED);
        }
        if over || event.is_readable() {
            connection.state.set(State::READABLE);
        }
        if connection.state.has(State::CONNECTING) {
            if over || event.is_writable() {
                self.finish_connecting(conn, handler);
            }
            return;
        }
        list_if_runnable(connection, conn, &mut self.ready);
        let can_tell = event.is_writable() || event.is_write_closed() || event.is_error();
        if can_tell && connection.state.has(State::BLOCKED) {
            connection.state.clear(State::BLOCKED);
            self.write_next_turn(conn);
        }
    }

    fn finish_connecting(&mut self, conn: ConnId, handler: &mut impl Handler) {
        let Some((connection, socket)) = self.table.get(conn) else { return };
        let user = connection.user;
        let failure = match socket.take_error() {
            Ok(None) if is_connected_to_itself(socket) => Some(CloseReason::from_errno(libc::ECONNREFUSED)),
            Ok(None) => None,
            Ok(Some(error)) | Err(error) => Some(CloseReason::from(&error)),
        };
        if let Some(reason) = failure {
            self.close(conn);
            handler.connect_failed(user, reason);
            return;
        }
        if let Some(connection) = self.table.get_mut(conn) {
            connection.state.clear(State::CONNECTING);
            list_if_runnable(connection, conn, &mut self.ready);
            if connection.state.has(State::BLOCKED) {
                connection.state.clear(State::BLOCKED);
                self.write_next_turn(conn);
            }
        }
        handler.connected(user);
    }

    /// Reads every connection on the ready list once, up to the bounds of a turn; those that may have more go to its end.
    fn serve_ready(&mut self, handler: &mut impl Handler) {
        let enough = self.counts.bytes_read + BYTES_PER_TURN as u64;
        for _ in 0..self.ready.len().min(READS_PER_TURN) {
            let Some(conn) = self.ready.pop_front() else { break };
            let Some(connection) = self.table.get_mut(conn) else { continue };
            connection.state.clear(State::LISTED);
            // Paused since it was listed: it stays readable, and `resume` lists it again.
            if connection.state.has(State::PAUSED.with(State::ENDED)) {
                continue;
            }
            self.read(conn, handler);
            if self.counts.bytes_read >= enough {
                break;
            }
        }
    }
}

/// A connection to a port of this machine that nobody listens on may meet itself, when the kernel picks that very port
/// as its source. It must count as refused, or it would keep the server from coming back to its port.
fn is_connected_to_itself(socket: &Socket) -> bool {
    match (socket.local_addr(), socket.peer_addr()) {
        (Ok(local), Ok(peer)) => local.as_socket().is_some() && local.as_socket() == peer.as_socket(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::is_connected_to_itself;
    use socket2::Socket;
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_connection_that_met_itself_is_recognised() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap().into();
        let honest = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(!is_connected_to_itself(&Socket::from(honest)));
        drop(listener);
        let socket = Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.bind(&address).unwrap();
        socket.connect(&address).unwrap();
        assert!(is_connected_to_itself(&socket));
        let (unix, _other) = UnixStream::pair().unwrap();
        assert!(!is_connected_to_itself(&Socket::from(unix)));
    }
}
