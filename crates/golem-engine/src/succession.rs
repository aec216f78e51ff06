//! What the next configuration is to the one in use: which of its pools and servers are there already, under which index.
//! Made once by the coordinator, the same for all workers; it never changes.
//!
//! A pool is known by its name, else, if it was renamed, by the address where it listens; a server by its label and address.
//! What is known keeps its connections, counters and standing, whatever else is said of it now.

use crate::coordinator::Snapshot;
use crate::pool::PoolIndex;
use alloc::sync::Arc;
use alloc::vec::Vec;
use golem_config::{Pool as Settings, Server};
use golem_ring::ServerIndex;

/// See the top of the file.
#[derive(Debug)]
pub struct Succession {
    number: u64,
    pub(crate) pools: Vec<NextPool>,
}

/// One pool of the next configuration.
#[derive(Debug)]
pub struct NextPool {
    /// What the configuration says of it.
    pub settings: Arc<Settings>,
    /// Which of its servers are in the ring.
    pub snapshot: Arc<Snapshot>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a pool and its servers come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Its index so far; none if it is new.
    pub pool: Option<PoolIndex>,
    /// The index of each of its servers so far; none for one that is new.
    pub servers: Vec<Option<ServerIndex>>,
}

/// Where a pool and its servers go to.
#[derive(Clone, Debug)]
pub(crate) struct Heir {
    /// Its index from now on.
    pub pool: PoolIndex,
    /// The index of each of its servers from now on; none for one that is there no more.
    pub servers: Vec<Option<ServerIndex>>,
}

impl Succession {
    pub(crate) const fn new(number: u64, pools: Vec<NextPool>) -> Self {
        Self { number, pools }
    }

    /// Larger numbers are newer; snapshots are counted along.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The pools, in configuration order.
    pub fn pools(&self) -> &[NextPool] {
        &self.pools
    }

    /// By the index so far, of so many pools: where each goes; none if it is there no more.
    pub(crate) fn heirs(&self, old: usize) -> Vec<Option<Heir>> {
        let mut heirs = alloc::vec![None; old];
        for (place, pool) in (0..).zip(&self.pools) {
            let heir = pool.origin.pool.and_then(|was| heirs.get_mut(was.index()));
            if let Some(heir) = heir {
                let most = pool.origin.servers.iter().flatten().map(|was| was.index() + 1).max();
                let mut servers = alloc::vec![None; most.unwrap_or(0)];
                for (index, was) in (0..).map(ServerIndex::new).zip(&pool.origin.servers) {
                    if let Some(to) = was.and_then(|was| servers.get_mut(was.index())) {
                        *to = Some(index);
                    }
                }
                *heir = Some(Heir { pool: PoolIndex::new(place), servers });
            }
        }
        heirs
    }
}

impl Heir {
    /// The index of a server from now on.
    pub(crate) fn server(&self, was: ServerIndex) -> Option<ServerIndex> {
        self.servers.get(was.index()).copied().flatten()
    }
}

/// Where each pool of `new` comes from.
pub(crate) fn origins(old: &[Arc<Settings>], new: &[Arc<Settings>]) -> Vec<Origin> {
    let mut taken = alloc::vec![false; old.len()];
    let mut take = |is_it: &dyn Fn(&Settings) -> bool| {
        let mut places = old.iter().zip(&mut taken).enumerate();
        let (place, (_, taken)) = places.find(|(_, (pool, taken))| !**taken && is_it(pool))?;
        *taken = true;
        Some(place)
    };
    let mut was: Vec<Option<usize>> = new.iter().map(|pool| take(&|old| old.name == pool.name)).collect();
    for (was, pool) in was.iter_mut().zip(new) {
        if was.is_none() {
            *was = take(&|old| {
                let is_gone = new.iter().all(|new| new.name != old.name);
                is_gone && old.listen.target == pool.listen.target
            });
        }
    }
    was.iter().zip(new).map(|(was, pool)| origin(old, *was, pool)).collect()
}

fn origin(old: &[Arc<Settings>], was: Option<usize>, pool: &Settings) -> Origin {
    let before = was.and_then(|was| old.get(was)).map_or(&[][..], |old| &old.servers);
    Origin { pool: was.map(|was| PoolIndex::new(was as u16)), servers: known(before, &pool.servers) }
}

/// Which of the servers are known; both lists are in index order: by the length of the label, then the label.
fn known(old: &[Server], new: &[Server]) -> Vec<Option<ServerIndex>> {
    let rank = |server: &Server| (server.label.len(), server.label.clone());
    let mut left = (0..).map(ServerIndex::new).zip(old).peekable();
    let mut find = |server: &Server| {
        while left.next_if(|(_, old)| rank(old) < rank(server)).is_some() {}
        let (index, _) =
            left.next_if(|(_, old)| old.label == server.label && old.address == server.address)?;
        Some(index)
    };
    new.iter().map(&mut find).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::{Origin, origins};
    use crate::pool::PoolIndex;
    use alloc::format;
    use alloc::string::String;
    use alloc::sync::Arc;
    use alloc::vec::Vec;
    use golem_config::Pool;
    use golem_ring::ServerIndex;

    /// Pools from `name listen server server …` each.
    fn pools(list: &[&str]) -> Vec<Arc<Pool>> {
        let text: String = list
            .iter()
            .map(|pool| {
                let mut words = pool.split(' ');
                let (name, listen) = (words.next().unwrap(), words.next().unwrap());
                let servers: String =
                    words.map(|word| format!("    - {}\n", word.replace('=', " "))).collect();
                format!("{name}:\n  listen: 127.0.0.1:{listen}\n  servers:\n{servers}")
            })
            .collect();
        golem_config::parse("test", &text).unwrap().config.pools.into_iter().map(Arc::new).collect()
    }

    fn origin(pool: Option<u16>, servers: &[Option<u32>]) -> Origin {
        Origin {
            pool: pool.map(PoolIndex::new),
            servers: servers.iter().map(|server| server.map(ServerIndex::new)).collect(),
        }
    }

    #[test]
    fn servers_are_known_by_label_and_address_whatever_their_weight() {
        let old = pools(&["a 1 h:1:1=x h:2:1=y h:3:1=zz"]);
        let new = pools(&["a 1 h:9:1=w h:1:5=x h:7:1=y h:3:1=zz"]);
        assert_eq!(origins(&old, &new), [origin(Some(0), &[None, Some(0), None, Some(2)])]);
        assert_eq!(origins(&new, &old), [origin(Some(0), &[Some(1), None, Some(3)])]);
    }

    #[test]
    fn pools_are_known_by_name_and_only_if_that_is_new_by_where_they_listen() {
        let old = pools(&["a 1 h:1:1", "b 2 h:1:1", "c 3 h:1:1"]);
        let new = pools(&["a 2 h:1:1", "d 1 h:1:1", "e 3 h:1:1", "f 4 h:1:1"]);
        // `a` has moved to where `b` was, which is gone; `d` took the address of `a`, which is still there; `c` is `e` now.
        let (known, fresh) = (&[Some(0)][..], &[None][..]);
        let expected =
            [origin(Some(0), known), origin(None, fresh), origin(Some(2), known), origin(None, fresh)];
        assert_eq!(origins(&old, &new), expected);
    }
}
