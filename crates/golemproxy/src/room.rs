//! Room for clients: how many there may be, in the whole process. Whoever accepts asks for room first; a client takes a seat,
//! and whoever closes it gives the seat back, on whatever thread. Seats are taken and given back once in a client's life, so
//! that the count may be shared.

use golem_net::Waker;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines in the log.
const PAUSE: Duration = Duration::from_secs(60);

/// See the top of the file. Only one thread asks and takes.
#[derive(Debug)]
pub struct Room {
    most: usize,
    taken: AtomicUsize,
    /// Clients wait for a seat.
    is_waited_for: AtomicBool,
    /// When it was last logged that clients wait.
    said: Mutex<Option<Instant>>,
    /// Wakes the thread that accepts, where that is another one than those that close.
    waker: Option<Waker>,
}

/// The place of one client. Dropping it gives it back; the client's descriptor should be closed by then.
#[derive(Debug)]
pub struct Seat {
    room: Arc<Room>,
}

impl Room {
    /// Room for so many clients.
    pub fn new(most: usize, waker: Option<Waker>) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: AtomicUsize::new(0),
            is_waited_for: AtomicBool::new(false),
            said: Mutex::default(),
            waker,
        })
    }

    /// How many clients there may be.
    pub const fn most(&self) -> usize {
        self.most
    }

    /// Whether one more client may come. If not, the waker tells when a seat is free.
    pub fn has_seat(&self) -> bool {
        if self.taken.load(Ordering::SeqCst) < self.most {
            return true;
        }
        self.is_waited_for.store(true, Ordering::SeqCst);
        // One that was given back in between did not see that somebody waits.
        if self.taken.load(Ordering::SeqCst) < self.most {
            return true;
        }
        self.say_that_clients_wait();
        false
    }

    fn say_that_clients_wait(&self) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_none_or(|said| said.elapsed() >= PAUSE) {
            *said = Some(Instant::now());
            tracing::warn!(
                "{} clients are connected, there are no descriptors for more: others wait",
                self.most
            );
        }
    }

    /// A seat; to be taken after `has_seat`.
    pub fn take(self: &Arc<Self>) -> Seat {
        self.taken.fetch_add(1, Ordering::SeqCst);
        Seat { room: Arc::clone(self) }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(1, Ordering::SeqCst);
        if self.room.is_waited_for.swap(false, Ordering::SeqCst)
            && let Some(waker) = &self.room.waker
        {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Room;

    #[test]
    fn a_seat_that_is_given_back_is_free() {
        let room = Room::new(2, None);
        let first = room.take();
        assert!(room.has_seat());
        let second = room.take();
        assert!(!room.has_seat());
        drop(first);
        assert!(room.has_seat());
        drop(second);
        assert!(room.has_seat());
    }
}
