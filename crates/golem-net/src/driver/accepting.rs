//! Accepting: a bounded number of connections per listener and turn. When descriptors run out, it stops until one is
//! free again, instead of trying in every turn; when the handler has no room, until somebody has left.

use crate::driver::poll::{Driver, Listening};
use crate::driver::table::State;
use crate::driver::{ACCEPTS_PER_TURN, Handler};
use crate::reason::{Cause, CloseReason};
use crate::stream::Stream;
use std::io;
use std::time::{Duration, Instant};

/// How long accepting waits for descriptors at most: others than this driver's may have become free.
const PATIENCE: Duration = Duration::from_secs(1);

/// A listener that is given up takes in so many at most: others may go on knocking.
const LAST_ACCEPTS: usize = 65_536;

impl Driver {
    /// Gives up the listener with the number `id`: those who wait there, whose `connect` has succeeded, come in first, as far
    /// as there is room; closing the socket would reset them. Who knocks at the same moment may still be reset.
    pub fn close_listener(&mut self, id: u32, handler: &mut impl Handler) {
        let found = |place: &Option<Listening>| place.as_ref().is_some_and(|found| found.id == id);
        let Some(at) = self.listeners.iter().position(found) else { return };
        if let Some(Some(found)) = self.listeners.get_mut(at) {
            found.ready = true;
        }
        for _ in 0..LAST_ACCEPTS {
            if !self.accept_one(at, handler) {
                break;
            }
        }
        drop(self.unlisten(id));
    }

    /// Serves the listeners that have connections waiting.
    pub(super) fn accept_all(&mut self, handler: &mut impl Handler) {
        if !self.listeners.iter().flatten().any(|found| found.ready) {
            return;
        }
        if self.accept_again.is_some_and(|again| Instant::now() < again) {
            return;
        }
        self.accept_again = None;
        self.look_for_room();
        for at in 0..self.listeners.len() {
            for _ in 0..ACCEPTS_PER_TURN {
                if !self.accept_one(at, handler) {
                    break;
                }
            }
        }
    }

    /// Has the handler asked again whether there is room.
    pub(super) fn look_for_room(&mut self) {
        if std::mem::take(&mut self.full) {
            self.listeners.iter_mut().flatten().for_each(|found| found.full = false);
        }
    }

    /// Accepts one connection; false when the listener has no more, or none can be taken.
    fn accept_one(&mut self, at: usize, handler: &mut impl Handler) -> bool {
        let Some(Some(found)) =
            self.listeners.get_mut(at).filter(|found| found.as_ref().is_some_and(|f| f.ready))
        else {
            return false;
        };
        let id = found.id;
        if !handler.has_room(id) {
            found.full = true;
            self.full = true;
            return false;
        }
        self.counts.accepts += 1;
        match found.listener.accept() {
            Ok(stream) => self.welcome(id, stream, handler),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                found.ready = false;
                return false;
            }
            Err(error) => {
                let reason = CloseReason::from(&error);
                if reason.cause() == Cause::Exhausted {
                    self.accept_again = Some(Instant::now() + PATIENCE);
                    handler.accept_failed(id, reason);
                    return false;
                }
                // A connection that broke while it waited, or a signal: the next may be good.
                if error.kind() != io::ErrorKind::Interrupted {
                    handler.accept_failed(id, reason);
                }
            }
        }
        true
    }

    fn welcome(&mut self, id: u32, stream: Stream, handler: &mut impl Handler) {
        let Some(stream) = handler.admit(id, stream) else { return };
        let conn = self.table.insert(stream.socket, 0, State::default());
        let Some(user) = handler.accepted(id, conn) else {
            self.close(conn);
            return;
        };
        if let Some(connection) = self.table.get_mut(conn) {
            connection.user = user;
        }
        if let Err(error) = self.watch(conn) {
            handler.closed(user, CloseReason::from(&error));
        }
    }
}
