//! Where each server is: a target that can be connected to at once, or a name that has to be looked up first.

use crate::names::{Name, Use};
use golem_config::{Pool, ServerAddress};
use golem_engine::{PoolIndex, ServerOf};
use golem_net::Target;
use golem_ring::ServerIndex;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At this address.
    Target(Target),
    /// At the address of this name, which the supervisor's thread knows.
    Name(Name),
}

/// Servers whose machines acknowledge nothing for three times their pool's `timeout`, but at least for so long, are gone.
const LEAST_PATIENCE: Duration = Duration::from_secs(5);
/// Likewise where the pool has no `timeout`.
const USUAL_PATIENCE: Duration = Duration::from_secs(120);
/// Likewise at most: the kernel counts milliseconds in 31 bits.
const MOST_PATIENCE: Duration = Duration::from_secs(86_400);

impl Place {
    /// The place of a server; none if its pool has no such server.
    pub fn of(server: &ServerOf) -> Option<Self> {
        Some(match &server.settings()?.address {
            ServerAddress::Unix(path) => Self::Target(Target::Unix(path.into())),
            ServerAddress::Tcp { host, port } => match host.parse::<IpAddr>() {
                Ok(address) => Self::Target(Target::Tcp(SocketAddr::new(address, *port))),
                Err(_) => Self::Name(Name { host: host.clone(), port: *port }),
            },
        })
    }
}

/// The servers of these pools that are reached by names.
pub fn names(pools: &[Arc<Pool>]) -> impl Iterator<Item = (Name, Use<Named>)> + '_ {
    let all = (0..).map(PoolIndex::new).zip(pools);
    let servers = all.flat_map(|(pool, settings)| {
        let indexes = (0..settings.servers.len() as u32).map(ServerIndex::new);
        indexes.map(move |index| (pool, ServerOf { pool: Arc::clone(settings), index }))
    });
    servers.filter_map(|(pool, of)| match Place::of(&of)? {
        Place::Name(name) => {
            let (interval, connect_timeout) = (of.pool.resolve_interval, of.pool.connect_timeout);
            Some((name, Use { server: Named { pool, of }, interval, connect_timeout }))
        }
        Place::Target(_) => None,
    })
}

/// A server that is reached by a name.
#[derive(Clone, Debug)]
pub struct Named {
    /// The place of its pool in the configuration that holds.
    pub pool: PoolIndex,
    /// The server.
    pub of: ServerOf,
}

/// How long the machine of a server of a pool with this `timeout` may acknowledge nothing.
pub fn patience(timeout: Option<Duration>) -> Duration {
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
