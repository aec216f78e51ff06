//! A pool as one worker sees it: its settings, its ring, and which connections it has to its servers.

use crate::coordinator::Snapshot;
use crate::counters::{PoolCounters, PoolSet, ServerCounters};
use crate::id::ServerConnId;
use crate::lane::Lane;
use crate::repeat::Budget;
use crate::time::Time;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use golem_config::Pool as Settings;
use golem_protocol::memcached::Limits;
use golem_ring::ServerIndex;

/// The place of a pool in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolIndex(u16);

impl PoolIndex {
    /// The pool at this place.
    pub const fn new(place: u16) -> Self {
        Self(place)
    }

    /// The place.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A server by what the configuration says of it: true in any later configuration too, unlike its index.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerOf {
    /// Its pool, as it was configured.
    pub pool: Arc<Settings>,
    /// Its place in that pool.
    pub index: ServerIndex,
}

impl ServerOf {
    /// What the configuration says of the server itself.
    pub fn settings(&self) -> Option<&golem_config::Server> {
        self.pool.servers.get(self.index.index())
    }
}

impl fmt::Debug for ServerOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.settings().map_or("none", |server| &server.label);
        write!(f, "{}/{label}", self.pool.name)
    }
}

/// A server's version, as far as it is a number.
pub(crate) type Version = [u32; 3];

/// One server as one worker sees it.
#[derive(Debug)]
pub(crate) struct Server {
    /// The places of its connections.
    pub lanes: Vec<Lane>,
    /// It has failed just now, in a pool that ejects: until when that is in doubt.
    pub in_doubt_until: Time,
    /// What it said it is, on a connection that still lives.
    pub version: Option<Version>,
    /// What is counted about it.
    pub counters: Arc<ServerCounters>,
}

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct Pool {
    /// What the configuration says.
    pub settings: Arc<Settings>,
    /// Limits for the scanner.
    pub limits: Limits,
    /// Keys to servers: the coordinator's last word.
    pub snapshot: Arc<Snapshot>,
    /// In index order.
    pub servers: Vec<Server>,
    /// What of its requests may be repeated.
    pub repeats: Budget,
    /// What is counted about it.
    pub counters: Arc<PoolCounters>,
    /// It is in the configuration no more, and lives until its clients have what they are owed.
    pub is_leaving: bool,
    /// Lanes that clients are given.
    pub lanes: u16,
    /// Clients per lane; there may be more lanes than clients are given, from an earlier configuration.
    lane_clients: Vec<u32>,
}

impl Server {
    /// A server without connections, not even places for them.
    pub(crate) const fn new(counters: Arc<ServerCounters>) -> Self {
        Self { lanes: Vec::new(), in_doubt_until: Time(0), version: None, counters }
    }
}

impl Pool {
    /// A pool without connections.
    pub(crate) fn new(settings: Arc<Settings>, snapshot: Arc<Snapshot>, counters: &PoolSet) -> Self {
        let lanes = lanes_of(&settings);
        let server = |counters: &Arc<ServerCounters>| {
            let lanes = alloc::vec![Lane::default(); lanes];
            Server { lanes, ..Server::new(Arc::clone(counters)) }
        };
        Self {
            limits: limits_of(&settings),
            snapshot,
            servers: counters.servers.iter().map(server).collect(),
            repeats: Budget::default(),
            counters: Arc::clone(&counters.pool),
            is_leaving: false,
            lanes: lanes as u16,
            lane_clients: alloc::vec![0; lanes],
            settings,
        }
    }

    /// The configuration says this from now on. Lanes that it does not want any more stay while they have clients.
    pub(crate) fn set_settings(&mut self, settings: Arc<Settings>) {
        let kept = self.lanes_kept(&settings);
        (self.limits, self.lanes) = (limits_of(&settings), lanes_of(&settings) as u16);
        self.lane_clients.resize(kept, 0);
        self.settings = settings;
    }

    /// How many lanes there will be if the configuration says this: those that it wants, and those that have clients.
    pub(crate) fn lanes_kept(&self, settings: &Settings) -> usize {
        let used = self.lane_clients.iter().rposition(|clients| *clients > 0).map_or(0, |last| last + 1);
        lanes_of(settings).max(used)
    }

    /// How many places for connections each server needs.
    pub(crate) fn lanes_in_use(&self) -> usize {
        self.lane_clients.len()
    }

    /// Whether the pool has clients.
    pub(crate) fn has_clients(&self) -> bool {
        self.lane_clients.iter().any(|clients| *clients > 0)
    }

    /// Requests to its servers so far.
    pub(crate) fn requests(&self) -> i64 {
        self.servers.iter().map(|server| server.counters.requests.get()).sum()
    }

    /// The lane with the fewest clients, for one more.
    pub(crate) fn enter_lane(&mut self) -> u16 {
        let mut best = 0;
        for (lane, clients) in self.lane_clients.iter().take(self.lanes.into()).enumerate() {
            if self.lane_clients.get(best).is_some_and(|fewest| clients < fewest) {
                best = lane;
            }
        }
        if let Some(clients) = self.lane_clients.get_mut(best) {
            *clients += 1;
        }
        best as u16
    }

    /// A client of `lane` has gone. True if it was the last of one that the configuration does not want any more.
    pub(crate) fn leave_lane(&mut self, lane: u16) -> bool {
        let Some(clients) = self.lane_clients.get_mut(lane as usize) else { return false };
        *clients = clients.saturating_sub(1);
        *clients == 0 && lane >= self.lanes
    }

    /// The connection of `lane` to `server`, if there is one.
    #[inline]
    pub(crate) fn lane(&self, server: ServerIndex, lane: u16) -> Option<ServerConnId> {
        self.servers.get(server.index())?.lanes.get(lane as usize)?.conn
    }

    /// The place of the connection of `lane` to `server`.
    pub(crate) fn lane_mut(&mut self, server: ServerIndex, lane: u16) -> Option<&mut Lane> {
        self.servers.get_mut(server.index())?.lanes.get_mut(lane as usize)
    }

    /// Servers by index.
    pub(crate) fn server_indexes(&self) -> impl Iterator<Item = ServerIndex> + use<> {
        (0..self.servers.len() as u32).map(ServerIndex::new)
    }
}

fn lanes_of(settings: &Settings) -> usize {
    settings.server_connections.clamp(1, u16::MAX.into()) as usize
}

fn limits_of(settings: &Settings) -> Limits {
    let item = settings.client_hard_limit.min(u64::from(settings.item_size_max)) as u32;
    Limits { key: settings.key_max, line: settings.line_max, keys: settings.keys_max, item }
}
