//! Room for clients: how many there may be, in the whole process and in each pool. Whoever accepts asks for room first; a
//! client takes a seat, and whoever closes it gives the seat back, on whatever thread. Seats are taken and given back once in a
//! client's life, so that the count may be shared. For more than the process has room for, accepting pauses; a client more than
//! its pool has room for (`max_clients`) gets a seat to be told so.

use golem_config::Pool;
use golem_engine::PoolIndex;
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
    pools: Vec<PoolRoom>,
    /// Clients wait for a seat.
    is_waited_for: AtomicBool,
    /// When it was last logged that clients wait.
    said: Mutex<Option<Instant>>,
    /// Wakes the thread that accepts, where that is another one than those that close.
    waker: Option<Waker>,
}

#[derive(Debug)]
struct PoolRoom {
    most: usize,
    taken: AtomicUsize,
}

/// The place of one client. Dropping it gives it back; the client's descriptor should be closed by then.
#[derive(Debug)]
pub struct Seat {
    room: Arc<Room>,
    /// None: the pool is full.
    pool: Option<PoolIndex>,
}

impl Room {
    /// Room for so many clients in all, and for as many in each pool as it allows.
    pub fn new(most: usize, pools: &[Arc<Pool>], waker: Option<Waker>) -> Arc<Self> {
        let room_of = |pool: &Arc<Pool>| PoolRoom {
            most: pool.max_clients.map_or(usize::MAX, |most| most as usize),
            taken: AtomicUsize::new(0),
        };
        let pools = pools.iter().map(room_of).collect();
        Arc::new(Self {
            pools,
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

    /// How many clients there are, with those that are being turned away.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
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

    /// A seat for a client of this pool; to be taken after `has_seat`.
    pub fn take(self: &Arc<Self>, pool: PoolIndex) -> Seat {
        self.taken.fetch_add(1, Ordering::SeqCst);
        let has_room = |room: &PoolRoom| room.taken.fetch_add(1, Ordering::SeqCst) < room.most;
        let mut seat = Seat { room: Arc::clone(self), pool: Some(pool) };
        if !self.pools.get(pool.index()).is_some_and(has_room) {
            seat.leave_pool();
        }
        seat
    }
}

impl Seat {
    /// The pool has no room for this client: it is to be turned away.
    pub const fn is_too_many(&self) -> bool {
        self.pool.is_none()
    }

    fn leave_pool(&mut self) {
        if let Some(pool) = self.pool.take().and_then(|pool| self.room.pools.get(pool.index())) {
            pool.taken.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave_pool();
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
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::Room;
    use golem_engine::PoolIndex;
    use std::sync::Arc;

    const POOLS: &str = "a:\n  listen: 127.0.0.1:1\n  max_clients: 1\n  servers:\n    - 127.0.0.1:1:1\nb:\n  listen: \
        127.0.0.1:2\n  servers:\n    - 127.0.0.1:1:1\n";

    #[test]
    fn a_seat_that_is_given_back_is_free() {
        let pools: Vec<_> =
            golem_config::parse("test", POOLS).unwrap().config.pools.into_iter().map(Arc::new).collect();
        let (narrow, wide) = (PoolIndex::new(0), PoolIndex::new(1));
        let room = Room::new(4, &pools, None);
        let first = room.take(narrow);
        let refused = room.take(narrow);
        assert!(!first.is_too_many() && refused.is_too_many());
        let others = [room.take(wide), room.take(wide)];
        assert!(others.iter().all(|seat| !seat.is_too_many()));
        assert!(!room.has_seat());
        drop(refused);
        assert!(room.has_seat());
        assert!(room.take(narrow).is_too_many(), "who was turned away had no seat in the pool");
        drop(first);
        assert!(!room.take(narrow).is_too_many());
    }
}
