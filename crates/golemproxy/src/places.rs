//! Where each server is: a target that can be connected to at once, or a name that has to be looked up first.

use golem_config::{Config, ServerAddress};
use golem_engine::PoolIndex;
use golem_net::Target;
use golem_ring::ServerIndex;
use std::net::{IpAddr, SocketAddr};

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At this address.
    Target(Target),
    /// At the address of this name; looked up each time a connection is made, off the worker's thread.
    Name(String, u16),
}

/// The places of all servers of a configuration.
#[derive(Debug)]
pub struct Places(Vec<Vec<Place>>);

impl Places {
    /// Those of `config`.
    pub fn new(config: &Config) -> Self {
        let place = |address: &ServerAddress| match address {
            ServerAddress::Unix(path) => Place::Target(Target::Unix(path.into())),
            ServerAddress::Tcp { host, port } => match host.parse::<IpAddr>() {
                Ok(address) => Place::Target(Target::Tcp(SocketAddr::new(address, *port))),
                Err(_) => Place::Name(host.clone(), *port),
            },
        };
        let pools = config.pools.iter();
        Self(pools.map(|pool| pool.servers.iter().map(|server| place(&server.address)).collect()).collect())
    }

    /// The place of one server.
    pub fn of(&self, pool: PoolIndex, server: ServerIndex) -> Option<&Place> {
        self.0.get(pool.index())?.get(server.index())
    }
}
