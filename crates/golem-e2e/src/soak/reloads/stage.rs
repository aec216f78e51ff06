//! What clients of a soak with reloads may know of the configuration: it is told before and after each reload.
//!
//! Invariant: a number is odd while what it counts changes, from before the signal until all workers have confirmed.

use crate::soak::moving::KEYS;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The pools; the last one comes and goes.
pub(in crate::soak) const POOLS: usize = 3;

/// See the top of the file.
#[derive(Default)]
pub(in crate::soak) struct ReloadStage {
    pools: [OfPool; POOLS],
    /// By client and key: changes of where it goes.
    keys: Vec<AtomicU64>,
    kills: Mutex<Vec<Kill>>,
}

/// A server that was killed after it had been removed.
struct Kill {
    /// All workers had said that they do without it.
    confirmed: Instant,
    killed: Instant,
    /// The keys that it had in the configurations before, and when each of those was not in use any more.
    keys: Vec<(Instant, BTreeSet<usize>)>,
}

#[derive(Default)]
struct OfPool {
    /// Times that it came, went or moved.
    moves: AtomicU64,
    address: Mutex<Option<SocketAddr>>,
}

/// What a reload does to one pool.
#[derive(Clone, Copy, Default)]
pub(super) struct PoolChange {
    pub(super) moves_itself: bool,
    pub(super) address: Option<SocketAddr>,
}

impl ReloadStage {
    /// So many clients.
    pub(super) fn new(clients: usize) -> Self {
        let keys = (0..clients * KEYS).map(|_| AtomicU64::new(0)).collect();
        Self { keys, ..Self::default() }
    }

    /// Before the signal; `moved` are the keys that another server has then.
    pub(super) fn begin(&self, changes: &[PoolChange], moved: &[usize]) {
        for (pool, change) in self.pools.iter().zip(changes) {
            pool.moves.fetch_add(u64::from(change.moves_itself), Ordering::SeqCst);
        }
        for key in moved {
            self.keys[*key].fetch_add(1, Ordering::SeqCst);
        }
    }

    /// All workers serve it.
    pub(super) fn confirm(&self, changes: &[PoolChange], moved: &[usize]) {
        for (pool, change) in self.pools.iter().zip(changes) {
            *lock(&pool.address) = change.address;
        }
        self.begin(changes, moved);
    }

    /// A server that was removed, which was confirmed at this time, is about to be killed; these keys it had before.
    pub(super) fn kill(&self, confirmed: Instant, keys: Vec<(Instant, BTreeSet<usize>)>) {
        lock(&self.kills).push(Kill { confirmed, killed: Instant::now(), keys });
    }

    /// Where a pool listens, if it is there.
    pub(in crate::soak) fn address(&self, pool: usize) -> Option<SocketAddr> {
        *lock(&self.pools[pool].address)
    }

    /// How often the pool has come, gone or moved.
    pub(in crate::soak) fn moves(&self, pool: usize) -> u64 {
        self.pools[pool].moves.load(Ordering::SeqCst)
    }

    /// Whether the pool goes at times.
    pub(in crate::soak) const fn may_go(pool: usize) -> bool {
        pool == POOLS - 1
    }

    /// A number for the time in which a key stays where it is.
    pub(in crate::soak) fn stay(&self, client: usize, key: usize) -> Option<u64> {
        let changes = self.keys[client * KEYS + key].load(Ordering::SeqCst);
        changes.is_multiple_of(2).then_some(changes)
    }

    /// Whether a request for a key that was sent at this time may have been on its way to a server that was removed and killed
    /// since.
    pub(in crate::soak) fn may_fail(&self, sent: Instant, client: usize, key: usize) -> bool {
        let now = Instant::now();
        let key = client * KEYS + key;
        lock(&self.kills).iter().rev().any(|kill| {
            let mut had = kill.keys.iter().filter(|(until, _)| sent < *until);
            sent < kill.confirmed && kill.killed <= now && had.any(|(_, keys)| keys.contains(&key))
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
