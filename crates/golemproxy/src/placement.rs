//! The ring of a configured pool, for the commands that answer questions about placement.

use golem_config::{Config, Pool};
use golem_ring::{Distribution, Member, Random, Ring, ServerIndex};

/// A pool with its ring.
pub(crate) struct Placement<'a> {
    /// The pool.
    pub(crate) pool: &'a Pool,
    /// Its ring, all servers live.
    pub(crate) ring: Ring,
    random: Random,
}

impl<'a> Placement<'a> {
    /// The ring of `pool`.
    ///
    /// # Errors
    /// Its distribution is `random`, where a key has no server of its own.
    pub(crate) fn new(pool: &'a Pool) -> Result<Self, String> {
        if pool.distribution == Distribution::Random {
            return Err(format!(
                "pool '{}' has the distribution random: a key has no server of its own",
                pool.name
            ));
        }
        let members: Vec<Member<'_>> = pool
            .servers
            .iter()
            .map(|server| Member { label: &server.label, weight: server.weight, live: true })
            .collect();
        let ring = Ring::new(pool.hash, pool.hash_tag, pool.distribution, &members);
        Ok(Self { pool, ring, random: Random::new(0) })
    }

    /// The index of the server of `key` in the pool's list.
    pub(crate) fn server_of(&mut self, key: &[u8]) -> usize {
        // Every server is live, and a pool has at least one.
        self.ring.server_of(key, &mut self.random).map_or(0, ServerIndex::index)
    }
}

/// The pool of that name; the only one if no name is given.
///
/// # Errors
/// There is none, or no name and several pools.
pub(crate) fn pool<'a>(config: &'a Config, name: Option<&str>) -> Result<&'a Pool, String> {
    let names = || config.pools.iter().map(|pool| pool.name.as_str()).collect::<Vec<_>>().join(", ");
    match (name, &config.pools[..]) {
        (None, [only]) => Ok(only),
        (None, _) => Err(format!("the file has several pools; name one with --pool: {}", names())),
        (Some(name), pools) => pools
            .iter()
            .find(|pool| pool.name == name)
            .ok_or_else(|| format!("there is no pool '{name}'; the file has: {}", names())),
    }
}
