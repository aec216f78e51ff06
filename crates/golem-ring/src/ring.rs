//! The ring of a pool: hash tag, hash and distribution put together. The engine asks it once per key.

use alloc::vec;
use alloc::vec::Vec;

use crate::distribution::AnyTable;
use crate::{Distribution, Hash, HashTag, Random};

/// A server's place among all configured servers of its pool, ejected ones included; from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerIndex(u32);

impl ServerIndex {
    /// The server at place `index`.
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The place, to index a table of servers with.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A server as the ring sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// The name that ketama makes points of (the configuration derives it; two members of one pool must differ).
    pub label: &'a str,
    /// How many keys it should get, relative to the others. Weight 0 gets none, except from `random`.
    pub weight: u32,
    /// Whether it takes part: false while it is ejected.
    pub live: bool,
}

/// Which server a key belongs to, for one pool in one state of ejection. Never changes.
#[derive(Debug)]
pub struct Ring {
    hash: Hash,
    tag: Option<HashTag>,
    servers: u32,
    /// The answer for every key of a pool with one configured server, which is live.
    only: Option<ServerIndex>,
    table: AnyTable,
}

impl Ring {
    /// The ring over the live ones of `members`, which are all configured servers in index order (by label length, then label
    /// bytes, as nutcracker sorts them).
    pub fn new(hash: Hash, tag: Option<HashTag>, distribution: Distribution, members: &[Member<'_>]) -> Self {
        let only = match members {
            [member] if member.live => Some(ServerIndex::new(0)),
            _ => None,
        };
        Self { hash, tag, servers: members.len() as u32, only, table: AnyTable::build(distribution, members) }
    }

    /// The server of `key`, which may be empty and may hold any bytes; `None` if no server is live. Only the distribution
    /// `random` draws from `random`, and each call anew. Never allocates.
    #[inline]
    pub fn server_of(&self, key: &[u8], random: &mut Random) -> Option<ServerIndex> {
        if self.only.is_some() {
            return self.only;
        }
        self.table.pick(|| self.hash_of(key), random)
    }

    /// For each configured server the fraction (0 to 1) of the values that the hash can make, not of the traffic, that
    /// belongs to it. The sum is 1, or 0 if no server is live.
    pub fn shares(&self) -> Vec<f64> {
        let mut shares = vec![0.0; self.servers as usize];
        self.table.places(self.hash.values(), |server, share| shares[server.index()] += share);
        shares
    }

    /// For each configured server the number of its points on ketama's circle. (The other distributions: 1 for each server
    /// that gets keys.)
    pub fn points(&self) -> Vec<u32> {
        let mut points = vec![0; self.servers as usize];
        self.table.places(self.hash.values(), |server, _| points[server.index()] += 1);
        points
    }

    /// The 32 bits that stand for `key`. An empty key is never hashed: it counts as 0, as in nutcracker.
    fn hash_of(&self, key: &[u8]) -> u32 {
        let part = self.tag.map_or(key, |tag| tag.part_of(key));
        if part.is_empty() { 0 } else { self.hash.hash(part) }
    }
}
