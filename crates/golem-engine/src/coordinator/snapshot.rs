//! The coordinator's word about one pool: which servers are ejected, and the ring over the others. It never changes and is
//! built once for all workers.

use crate::pool::PoolIndex;
use alloc::vec::Vec;
use golem_config::Pool as Settings;
use golem_ring::{Member, Ring, ServerIndex};

/// See the top of the file.
#[derive(Debug)]
pub struct Snapshot {
    number: u64,
    pool: PoolIndex,
    /// By server.
    live: Vec<bool>,
    ring: Ring,
}

impl Snapshot {
    /// All servers are in: what holds until the coordinator says something else. Its number is 0.
    pub fn first(pool: PoolIndex, settings: &Settings) -> Self {
        Self::new(pool, settings, alloc::vec![true; settings.servers.len()], 0)
    }

    pub(super) fn new(pool: PoolIndex, settings: &Settings, live: Vec<bool>, number: u64) -> Self {
        let servers = settings.servers.iter().zip(&live);
        let members: Vec<Member<'_>> = servers
            .map(|(server, &live)| Member { label: &server.label, weight: server.weight, live })
            .collect();
        let ring = Ring::new(settings.hash, settings.hash_tag, settings.distribution, &members);
        Self { number, pool, live, ring }
    }

    /// The next one, in which `server` is in the ring or not.
    pub(super) fn with(&self, settings: &Settings, server: ServerIndex, is_in: bool, number: u64) -> Self {
        let mut live = self.live.clone();
        if let Some(place) = live.get_mut(server.index()) {
            *place = is_in;
        }
        Self::new(self.pool, settings, live, number)
    }

    /// Larger numbers are newer, over all pools of the process.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Of which pool.
    pub const fn pool(&self) -> PoolIndex {
        self.pool
    }

    /// Whether `server` is out of the ring.
    pub fn is_ejected(&self, server: ServerIndex) -> bool {
        self.live.get(server.index()).is_some_and(|live| !live)
    }

    /// How many servers are out of the ring.
    pub fn ejected(&self) -> usize {
        self.live.iter().filter(|live| !**live).count()
    }

    /// Keys to the servers that are in.
    #[inline]
    pub const fn ring(&self) -> &Ring {
        &self.ring
    }
}
