//! Where each server is: a target that can be connected to at once, or a name that has to be looked up first.

use golem_config::{Config, Pool, ServerAddress};
use golem_engine::PoolIndex;
use golem_net::Target;
use golem_ring::ServerIndex;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At this address.
    Target(Target),
    /// At the address of this name; looked up each time a connection is made, off the worker's thread.
    Name(String, u16),
}

/// Servers whose machines acknowledge nothing for three times their pool's `timeout`, but at least for so long, are gone.
const LEAST_PATIENCE: Duration = Duration::from_secs(5);
/// Likewise where the pool has no `timeout`.
const USUAL_PATIENCE: Duration = Duration::from_secs(120);
/// Likewise at most: the kernel counts milliseconds in 31 bits.
const MOST_PATIENCE: Duration = Duration::from_secs(86_400);

/// The places of all servers of a configuration, and how long to wait for a sign of life of their machines.
#[derive(Debug)]
pub struct Places {
    servers: Vec<Vec<Place>>,
    patience: Vec<Duration>,
}

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
        let places = |pool: &Pool| pool.servers.iter().map(|server| place(&server.address)).collect();
        Self {
            servers: config.pools.iter().map(places).collect(),
            patience: config.pools.iter().map(|pool| patience(pool.timeout)).collect(),
        }
    }

    /// The place of one server.
    pub fn of(&self, pool: PoolIndex, server: ServerIndex) -> Option<&Place> {
        self.servers.get(pool.index())?.get(server.index())
    }

    /// How long the machines of a pool's servers may acknowledge nothing.
    pub fn patience(&self, pool: PoolIndex) -> Duration {
        self.patience.get(pool.index()).copied().unwrap_or(USUAL_PATIENCE)
    }
}

fn patience(timeout: Option<Duration>) -> Duration {
    timeout.map_or(USUAL_PATIENCE, |timeout| (timeout * 3).clamp(LEAST_PATIENCE, MOST_PATIENCE))
}

#[cfg(test)]
mod tests {
    use super::patience;
    use std::time::Duration;

    #[test]
    fn patience_with_machines_goes_with_the_timeout() {
        let of = |milliseconds| patience(Some(Duration::from_millis(milliseconds))).as_millis();
        assert_eq!([of(400), of(2000), of(60_000), of(1 << 31)], [5000, 6000, 180_000, 86_400_000]);
        assert_eq!(patience(None), Duration::from_secs(120));
    }
}
