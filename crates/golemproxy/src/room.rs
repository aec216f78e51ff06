//! Room for clients: how many there may be, in the whole process and in each pool. Whoever accepts asks for room first; a
//! client takes a seat, and whoever closes it gives the seat back, on whatever thread. Seats are taken and given back once in a
//! client's life, so that the count may be shared. For more than the process has room for, accepting pauses; a client more than
//! its pool has room for (`max_clients`) gets a seat to be told so.

use golem_config::Pool;
use golem_engine::PoolIndex;
use golem_net::Waker;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines in the log.
const PAUSE: Duration = Duration::from_secs(60);

/// See the top of the file. Only one thread asks and takes.
#[derive(Debug)]
pub struct Room {
    most: AtomicUsize,
    taken: AtomicUsize,
    /// Clients wait for a seat.
    is_waited_for: AtomicBool,
    /// When it was last logged that clients wait.
    said: Mutex<Option<Instant>>,
    /// Wakes the thread that accepts, where that is another one than those that close.
    waker: Option<Waker>,
}

/// How many clients a pool may have, and has.
#[derive(Debug)]
pub struct PoolRoom {
    most: AtomicUsize,
    taken: AtomicUsize,
}

/// Whose clients come in by a door.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// The pool's place in the configuration in use.
    pub pool: PoolIndex,
    /// The room that it has for them.
    pub room: Arc<PoolRoom>,
}

/// The entrance behind each door, by the door's number.
pub type Entrances = BTreeMap<u32, Entrance>;

/// The place of one client. Dropping it gives it back; the client's descriptor should be closed by then.
#[derive(Debug)]
pub struct Seat {
    room: Arc<Room>,
    /// None: the pool is full.
    pool: Option<Arc<PoolRoom>>,
}

impl PoolRoom {
    /// As many clients as the pool allows.
    pub fn new(pool: &Pool) -> Arc<Self> {
        Arc::new(Self { most: AtomicUsize::new(most_of(pool)), taken: AtomicUsize::new(0) })
    }

    /// The pool allows another number from now on; who is there stays.
    pub fn resize(&self, pool: &Pool) {
        self.most.store(most_of(pool), Ordering::SeqCst);
    }
}

fn most_of(pool: &Pool) -> usize {
    pool.max_clients.map_or(usize::MAX, |most| most as usize)
}

impl Room {
    /// Room for so many clients in all.
    pub fn new(most: usize, waker: Option<Waker>) -> Arc<Self> {
        Arc::new(Self {
            most: AtomicUsize::new(most),
            taken: AtomicUsize::new(0),
            is_waited_for: AtomicBool::new(false),
            said: Mutex::default(),
            waker,
        })
    }

    /// There is room for another number from now on; who is there stays.
    pub fn resize(&self, most: usize) {
        self.most.store(most, Ordering::SeqCst);
        self.wake_who_waits();
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    /// How many clients there are, with those that are being turned away.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    /// Whether one more client may come. If not, the waker tells when a seat is free.
    pub fn has_seat(&self) -> bool {
        if self.taken() < self.most() {
            return true;
        }
        self.is_waited_for.store(true, Ordering::SeqCst);
        // One that was given back in between did not see that somebody waits.
        if self.taken() < self.most() {
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
                self.most()
            );
        }
    }

    /// A seat for a client of this pool; to be taken after `has_seat`.
    pub fn take(self: &Arc<Self>, pool: &Arc<PoolRoom>) -> Seat {
        self.taken.fetch_add(1, Ordering::SeqCst);
        let has_room = pool.taken.fetch_add(1, Ordering::SeqCst) < pool.most.load(Ordering::SeqCst);
        let mut seat = Seat { room: Arc::clone(self), pool: Some(Arc::clone(pool)) };
        if !has_room {
            seat.leave_pool();
        }
        seat
    }

    fn wake_who_waits(&self) {
        if self.is_waited_for.swap(false, Ordering::SeqCst)
            && let Some(waker) = &self.waker
        {
            waker.wake();
        }
    }
}

impl Seat {
    /// The pool has no room for this client: it is to be turned away.
    pub const fn is_too_many(&self) -> bool {
        self.pool.is_none()
    }

    fn leave_pool(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.taken.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave_pool();
        self.room.taken.fetch_sub(1, Ordering::SeqCst);
        self.room.wake_who_waits();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::{PoolRoom, Room};

    const POOLS: &str = "a:\n  listen: 127.0.0.1:1\n  max_clients: 1\n  servers:\n    - 127.0.0.1:1:1\nb:\n  listen: \
        127.0.0.1:2\n  servers:\n    - 127.0.0.1:1:1\n";

    #[test]
    fn a_seat_that_is_given_back_is_free() {
        let pools = golem_config::parse("test", POOLS).unwrap().config.pools;
        let [narrow, wide] = [0, 1].map(|place: usize| PoolRoom::new(&pools[place]));
        let room = Room::new(4, None);
        let first = room.take(&narrow);
        let refused = room.take(&narrow);
        assert!(!first.is_too_many() && refused.is_too_many());
        let others = [room.take(&wide), room.take(&wide)];
        assert!(others.iter().all(|seat| !seat.is_too_many()));
        assert!(!room.has_seat());
        drop(refused);
        assert!(room.has_seat());
        assert!(room.take(&narrow).is_too_many(), "who was turned away had no seat in the pool");
        drop(first);
        assert!(!room.take(&narrow).is_too_many());
        narrow.resize(&pools[1]);
        let more = [room.take(&narrow), room.take(&narrow)];
        assert!(more.iter().all(|seat| !seat.is_too_many()) && !room.has_seat());
        room.resize(5);
        assert!(room.has_seat());
    }
}
