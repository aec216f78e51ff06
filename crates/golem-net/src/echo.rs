//! A handler that sends back what it receives: the least that a server can do, and therefore the floor that the kernel's
//! costs set, against which proxies are measured. It also shows how a driver is used.

use crate::driver::{ConnId, Driver, Handler, Slices};
use crate::reason::CloseReason;
use std::io;
use std::time::Duration;

/// A connection is paused while it owes this many bytes.
const PAUSE_AT: usize = 1 << 20;

/// The echo server's connections. After each turn of the driver [`Echo::after_turn`] must be called, or use
/// [`Echo::turn`].
#[derive(Debug, Default)]
pub struct Echo {
    /// By slot of the connection; its `user` number is its slot.
    peers: Vec<Peer>,
    /// Connections with new output or an end, since the last turn.
    touched: Vec<usize>,
}

#[derive(Debug, Default)]
struct Peer {
    conn: Option<ConnId>,
    output: Vec<u8>,
    sent: usize,
    is_touched: bool,
    is_paused: bool,
    has_ended: bool,
}

impl Echo {
    /// One turn of the driver and what must follow it.
    ///
    /// # Errors
    /// As [`Driver::turn`].
    pub fn turn(&mut self, driver: &mut Driver, timeout: Option<Duration>) -> io::Result<()> {
        driver.turn(self, timeout)?;
        self.after_turn(driver);
        Ok(())
    }

    /// Sends what was received in the turn, and closes connections that have ended.
    pub fn after_turn(&mut self, driver: &mut Driver) {
        let mut touched = std::mem::take(&mut self.touched);
        for user in touched.drain(..) {
            if let Some(conn) = self.peers.get(user).and_then(|peer| peer.conn) {
                driver.flush(self, conn);
            }
            let Some(peer) = self.peers.get_mut(user) else { continue };
            // Not before the flush, which touches it again.
            peer.is_touched = false;
            let Some(conn) = peer.conn else { continue };
            let owed = peer.output.len() - peer.sent;
            if owed == 0 && peer.has_ended {
                peer.forget();
                driver.close(conn);
            } else if owed >= PAUSE_AT && !peer.is_paused {
                peer.is_paused = true;
                driver.pause(conn);
            } else if owed == 0 && peer.is_paused {
                peer.is_paused = false;
                driver.resume(conn);
            }
        }
        self.touched = touched;
    }

    fn touch(&mut self, user: u64) -> Option<&mut Peer> {
        let at = usize::try_from(user).ok()?;
        let peer = self.peers.get_mut(at)?;
        if !peer.is_touched {
            peer.is_touched = true;
            self.touched.push(at);
        }
        Some(peer)
    }
}

impl Peer {
    fn forget(&mut self) {
        *self = Self { is_touched: self.is_touched, ..Self::default() };
    }
}

impl Handler for Echo {
    fn accepted(&mut self, _listener: u32, conn: ConnId) -> Option<u64> {
        let at = conn.slot();
        if self.peers.len() <= at {
            self.peers.resize_with(at + 1, Peer::default);
        }
        let peer = self.peers.get_mut(at)?;
        peer.forget();
        peer.conn = Some(conn);
        Some(at as u64)
    }

    fn received(&mut self, user: u64, bytes: &[u8]) {
        if let Some(peer) = self.touch(user) {
            peer.output.extend_from_slice(bytes);
        }
    }

    fn end_of_stream(&mut self, user: u64) {
        if let Some(peer) = self.touch(user) {
            peer.has_ended = true;
        }
    }

    fn closed(&mut self, user: u64, _reason: CloseReason) {
        if let Some(peer) = self.touch(user) {
            peer.forget();
        }
    }

    fn output<'a>(&'a self, user: u64, slices: &mut Slices<'a>) {
        if let Some(peer) = usize::try_from(user).ok().and_then(|at| self.peers.get(at)) {
            slices.push(&peer.output[peer.sent..]);
        }
    }

    fn sent(&mut self, user: u64, n: usize) {
        if let Some(peer) = self.touch(user) {
            peer.sent += n;
            if peer.sent == peer.output.len() {
                peer.output.clear();
                peer.sent = 0;
            }
        }
    }
}
