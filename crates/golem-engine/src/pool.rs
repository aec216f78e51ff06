//! A pool as one worker sees it: its settings, its ring, and which connections it has to its servers.

use crate::coordinator::Snapshot;
use crate::counters::{PoolCounters, PoolSet, ServerCounters};
use crate::id::ServerConnId;
use crate::lane::Lane;
use crate::repeat::Budget;
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
    /// Clients per lane.
    lane_clients: Vec<u32>,
}

impl Pool {
    /// A pool without connections.
    pub(crate) fn new(index: PoolIndex, settings: Arc<Settings>, counters: &PoolSet) -> Self {
        let lanes = settings.server_connections.clamp(1, u16::MAX.into()) as usize;
        let item = settings.client_hard_limit.min(u64::from(settings.item_size_max)) as u32;
        Self {
            limits: Limits { key: settings.key_max, line: settings.line_max, keys: settings.keys_max, item },
            snapshot: Arc::new(Snapshot::first(index, &settings)),
            servers: counters
                .servers
                .iter()
                .map(|counters| Server {
                    lanes: alloc::vec![Lane::default(); lanes],
                    version: None,
                    counters: Arc::clone(counters),
                })
                .collect(),
            counters: Arc::clone(&counters.pool),
            repeats: Budget::default(),
            lane_clients: alloc::vec![0; lanes],
            settings,
        }
    }

    /// Requests to its servers so far.
    pub(crate) fn requests(&self) -> i64 {
        self.servers.iter().map(|server| server.counters.requests.get()).sum()
    }

    /// The lane with the fewest clients, for one more.
    pub(crate) fn enter_lane(&mut self) -> u16 {
        let mut best = 0;
        for (lane, clients) in self.lane_clients.iter().enumerate() {
            if self.lane_clients.get(best).is_some_and(|fewest| clients < fewest) {
                best = lane;
            }
        }
        if let Some(clients) = self.lane_clients.get_mut(best) {
            *clients += 1;
        }
        best as u16
    }

    /// A client of `lane` has gone.
    pub(crate) fn leave_lane(&mut self, lane: u16) {
        if let Some(clients) = self.lane_clients.get_mut(lane as usize) {
            *clients = clients.saturating_sub(1);
        }
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
