//! Descriptors: the soft limit is raised to the hard one, what the process itself and its server connections need is kept
//! back, and the rest is room for clients. So a server connection can always be made, however many clients there are.

use crate::statistics::MOST_READERS;
use golem_config::Config;
use golem_net::machine;
use std::fmt;

/// Kept back for the log, the listener of the statistics, signals, names being looked up.
const FOR_THE_PROCESS: u64 = 16;
/// Kept back for each worker: its poller and what wakes it.
const FOR_A_WORKER: u64 = 4;
/// With room for fewer clients the start warns.
const FEW_CLIENTS: usize = 100;

/// How the descriptors of the process are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    limit: u64,
    kept: u64,
}

impl Descriptors {
    /// Raises the soft limit as far as it goes, and divides what there is for `workers` that serve `config`.
    pub fn raise(config: &Config, workers: usize) -> Self {
        let limit = match machine::descriptor_limit() {
            Ok(limit) if limit.soft < limit.hard => match machine::set_descriptor_limit(limit.hard) {
                Ok(()) => limit.hard,
                Err(_) => limit.soft,
            },
            Ok(limit) => limit.soft,
            // Not to be expected; accepting finds out.
            Err(_) => u64::MAX,
        };
        Self { limit, kept: kept(config, workers) }
    }

    /// Keeps back `more`.
    #[must_use]
    pub const fn keeping(mut self, more: u64) -> Self {
        self.kept = self.kept.saturating_add(more);
        self
    }

    /// How many clients there may be: at least one, or the process would be of no use.
    pub fn clients(self) -> usize {
        usize::try_from(self.limit.saturating_sub(self.kept)).unwrap_or(usize::MAX).max(1)
    }

    /// Whether there is room for hardly any client.
    pub fn are_scarce(self) -> bool {
        self.clients() < FEW_CLIENTS
    }
}

impl fmt::Display for Descriptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, kept } = self;
        let clients = self.clients();
        write!(
            f,
            "room for {clients} clients: {limit} descriptors, of which {kept} are kept for servers and the process"
        )?;
        if self.are_scarce() {
            write!(f, "; raise the hard limit (ulimit -Hn, LimitNOFILE)")?;
        }
        Ok(())
    }
}

/// What all server connections that there may be, the listeners, the workers and the process need.
fn kept(config: &Config, workers: usize) -> u64 {
    let workers = workers as u64;
    let connections = |pool: &golem_config::Pool| {
        workers.saturating_mul(pool.servers.len() as u64).saturating_mul(u64::from(pool.server_connections))
    };
    let servers = config.pools.iter().map(connections).fold(0, u64::saturating_add);
    let readers = MOST_READERS as u64;
    servers.saturating_add(config.pools.len() as u64 + workers * FOR_A_WORKER + readers + FOR_THE_PROCESS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::{Descriptors, kept};

    #[test]
    fn what_servers_and_the_process_need_is_kept_back() {
        let text = "a:\n  listen: 127.0.0.1:1\n  server_connections: 3\n  servers:\n    - 127.0.0.1:1:1\n    - \
            127.0.0.1:2:1\nb:\n  listen: 127.0.0.1:2\n  servers:\n    - 127.0.0.1:1:1\n";
        let config = golem_config::parse("test", text).unwrap().config;
        assert_eq!(kept(&config, 4), 4 * (2 * 3 + 1) + 2 + 4 * 4 + 32);
        let mut descriptors = Descriptors { limit: 300, kept: 78 };
        assert_eq!((descriptors.clients(), descriptors.are_scarce()), (222, false));
        assert_eq!(
            descriptors.to_string(),
            "room for 222 clients: 300 descriptors, of which 78 are kept for servers and the process"
        );
        descriptors.limit = 70;
        assert_eq!((descriptors.clients(), descriptors.are_scarce()), (1, true));
        assert!(descriptors.to_string().ends_with("; raise the hard limit (ulimit -Hn, LimitNOFILE)"));
    }
}
