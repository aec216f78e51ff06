//! The configuration files of a soak with reloads: each is drawn from the one before.

use super::stage::{POOLS, PoolChange};
use crate::dice::Dice;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::SocketAddr;

const NAMES: [&str; POOLS] = ["first", "second", "guest"];
const HASHES: [&str; 4] = ["fnv1a_64", "murmur", "md5", "one_at_a_time"];
/// Servers of a pool.
const FEWEST: usize = 2;
const MOST: usize = 5;

/// What all files have in common.
pub(super) struct Ground {
    pub(super) workers: usize,
    pub(super) log: String,
    pub(super) servers: Vec<SocketAddr>,
    /// Two places for each pool.
    pub(super) places: [[SocketAddr; 2]; POOLS],
}

/// A configuration.
#[derive(Clone)]
pub(super) struct Draft {
    pools: [Pool; POOLS],
    /// Names of servers given so far.
    named: usize,
}

#[derive(Clone)]
struct Pool {
    is_there: bool,
    /// How often it was renamed.
    renamed: usize,
    place: usize,
    entries: Vec<Entry>,
    hash: usize,
    timeout: Option<usize>,
    connections: usize,
    soft_limit: usize,
    backlog: usize,
    ejects: bool,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    /// None: the label is the address.
    name: Option<usize>,
    server: usize,
    weight: usize,
}

impl Draft {
    /// The first one: every pool is there.
    pub(super) fn first() -> Self {
        let entry = |server| Entry { name: None, server, weight: 1 };
        let pool = || Pool {
            is_there: true,
            renamed: 0,
            place: 0,
            entries: (0..3).map(entry).collect(),
            hash: 0,
            timeout: Some(30_000),
            connections: 1,
            soft_limit: 4,
            backlog: 512,
            ejects: false,
        };
        Self { pools: [pool(), pool(), pool()], named: 0 }
    }

    /// Another one: servers, weights, names or addresses are others, often more than that.
    pub(super) fn next(&self, dice: &mut Dice, servers: usize) -> Self {
        let mut next = self.clone();
        let chosen = dice.below(POOLS);
        next.change_servers(chosen, dice, servers);
        for pool in 0..POOLS {
            if dice.is_one_in(3) {
                next.change_servers(pool, dice, servers);
            }
            if dice.is_one_in(2) {
                next.pools[pool].change_settings(dice);
            }
        }
        if dice.is_one_in(4) {
            let guest = &mut next.pools[POOLS - 1];
            guest.is_there = !guest.is_there;
        }
        next
    }

    /// The same, with every pool where it was at first.
    pub(super) fn in_first_places(&self) -> Self {
        let mut next = self.clone();
        for pool in &mut next.pools {
            (pool.is_there, pool.place) = (true, 0);
        }
        next
    }

    fn change_servers(&mut self, pool: usize, dice: &mut Dice, servers: usize) {
        self.named += 1;
        let named = self.named;
        let pool = &mut self.pools[pool];
        let free: Vec<usize> =
            (0..servers).filter(|server| pool.entries.iter().all(|entry| entry.server != *server)).collect();
        let at = dice.below(pool.entries.len());
        let other = (!free.is_empty()).then(|| free[dice.below(free.len())]);
        match (dice.below(5), other) {
            (0, Some(server)) if pool.entries.len() < MOST => {
                let name = dice.is_one_in(2).then_some(named);
                pool.entries.push(Entry { name, server, weight: 1 + dice.below(3) });
            }
            (1, _) if pool.entries.len() > FEWEST => drop(pool.entries.remove(at)),
            (2, Some(server)) => {
                // Another address, for the same name if it has one.
                pool.entries[at].server = server;
            }
            (3, _) => {
                let entry = &mut pool.entries[at];
                entry.name = entry.name.is_none().then_some(named);
            }
            _ => {
                let entry = &mut pool.entries[at];
                entry.weight = 1 + (entry.weight + dice.below(4)) % 5;
            }
        }
    }

    /// What the pools listen on and use, as a file; the order of the servers in it is drawn.
    pub(super) fn text(&self, ground: &Ground, dice: &mut Dice) -> String {
        let mut text = format!("golemproxy:\n  threads: {}\n  log: {}\n", ground.workers, ground.log);
        let mut order: Vec<usize> = (0..POOLS).filter(|pool| self.pools[*pool].is_there).collect();
        dice.shuffle(&mut order);
        for number in order {
            let pool = &self.pools[number];
            let place = ground.places[number][pool.place];
            // Writing to a String cannot fail.
            let _ = write!(text, "{}{}:\n  listen: {place}\n", NAMES[number], pool.renamed);
            let _ = write!(
                text,
                "  multiget_failure: keep\n  hash: {}\n  server_connections: {}\n  client_soft_limit: {}m\n  backlog: {}\n",
                HASHES[pool.hash], pool.connections, pool.soft_limit, pool.backlog
            );
            if let Some(timeout) = pool.timeout {
                let _ = writeln!(text, "  timeout: {timeout}");
            }
            let _ = writeln!(text, "  auto_eject_hosts: {}\n  servers:", pool.ejects);
            let mut entries = pool.entries.clone();
            dice.shuffle(&mut entries);
            for Entry { name, server, weight } in entries {
                let name = name.map(|name| format!(" n{name}")).unwrap_or_default();
                let _ = writeln!(text, "    - {}:{weight}{name}", ground.servers[server]);
            }
        }
        text
    }

    /// The name of a pool, if it is there.
    pub(super) fn name(&self, pool: usize) -> Option<String> {
        let Pool { is_there, renamed, .. } = self.pools[pool];
        is_there.then(|| format!("{}{renamed}", NAMES[pool]))
    }

    /// Whether the keys of a pool go to the same servers in both.
    pub(super) fn has_ring_of(&self, other: &Self, pool: usize) -> bool {
        self.pools[pool].ring() == other.pools[pool].ring()
    }

    /// The servers that it uses.
    pub(super) fn servers(&self) -> BTreeSet<usize> {
        let pools = self.pools.iter().filter(|pool| pool.is_there);
        pools.flat_map(|pool| pool.entries.iter().map(|entry| entry.server)).collect()
    }

    /// What becomes of each pool when this one follows on `before`.
    pub(super) fn changes_from(&self, before: &Self, ground: &Ground) -> [PoolChange; POOLS] {
        std::array::from_fn(|number| {
            let (was, is) = (&before.pools[number], &self.pools[number]);
            PoolChange {
                moves_itself: (was.is_there, was.place) != (is.is_there, is.place),
                address: is.is_there.then(|| ground.places[number][is.place]),
            }
        })
    }
}

impl Pool {
    /// What decides where keys go.
    fn ring(&self) -> (bool, usize, BTreeSet<Entry>) {
        (self.is_there, self.hash, self.entries.iter().cloned().collect())
    }

    fn change_settings(&mut self, dice: &mut Dice) {
        // A pool that is renamed and moves at once is another one.
        match dice.below(8) {
            0 => self.renamed += 1,
            1 => self.place = 1 - self.place,
            2 => self.timeout = [None, Some(20_000), Some(30_000), Some(60_000)][dice.below(4)],
            3 | 4 => self.connections = 1 + dice.below(3),
            5 => self.soft_limit = 4 + dice.below(12),
            6 => self.backlog = 512 + dice.below(512),
            _ if dice.is_one_in(2) => self.hash = dice.below(HASHES.len()),
            _ => self.ejects = !self.ejects,
        }
    }
}
