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
/// Pipes of a worker through which large values pass, with two descriptors each, and the part of all descriptors that they may be.
const PIPES: (u64, u64) = (32, 16);
/// With room for fewer clients the start warns.
const FEW_CLIENTS: usize = 100;

/// How the descriptors of the process are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    limit: u64,
    kept: u64,
    /// Pipes of each worker.
    pipes: u16,
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
        let pipes = pipes(limit, workers);
        Self { limit, kept: kept(config, workers, pipes), pipes }
    }

    /// How many pipes each worker may have for large values.
    pub const fn pipes(self) -> u16 {
        self.pipes
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
        let Self { limit, kept, pipes: _ } = self;
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

/// How many pipes each of so many workers may have.
fn pipes(limit: u64, workers: usize) -> u16 {
    let (most, part) = PIPES;
    let each = (limit / part / 2).checked_div(workers as u64).unwrap_or_default();
    u16::try_from(each.min(most)).unwrap_or_default()
}

/// What all server connections that there may be, the listeners, the workers with their pipes, and the process need.
fn kept(config: &Config, workers: usize, pipes: u16) -> u64 {
    let workers = workers as u64;
    let for_a_worker = FOR_A_WORKER + 2 * u64::from(pipes);
    let connections = |pool: &golem_config::Pool| {
        workers.saturating_mul(pool.servers.len() as u64).saturating_mul(u64::from(pool.server_connections))
    };
    let servers = config.pools.iter().map(connections).fold(0, u64::saturating_add);
    let readers = MOST_READERS as u64;
    servers.saturating_add(config.pools.len() as u64 + workers * for_a_worker + readers + FOR_THE_PROCESS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::{Descriptors, kept, pipes};

    #[test]
    fn what_servers_and_the_process_need_is_kept_back() {
        let text = "a:\n  listen: 127.0.0.1:1\n  server_connections: 3\n  servers:\n    - 127.0.0.1:1:1\n    - \
            127.0.0.1:2:1\nb:\n  listen: 127.0.0.1:2\n  servers:\n    - 127.0.0.1:1:1\n";
        let config = golem_config::parse("test", text).unwrap().config;
        assert_eq!(kept(&config, 4, 3), 4 * (2 * 3 + 1) + 2 + 4 * (4 + 6) + 32);
        let mut descriptors = Descriptors { limit: 300, kept: 78, pipes: 2 };
        assert_eq!((descriptors.clients(), descriptors.are_scarce()), (222, false));
        assert_eq!(
            descriptors.to_string(),
            "room for 222 clients: 300 descriptors, of which 78 are kept for servers and the process"
        );
        descriptors.limit = 70;
        assert_eq!((descriptors.clients(), descriptors.are_scarce()), (1, true));
        assert!(descriptors.to_string().ends_with("; raise the hard limit (ulimit -Hn, LimitNOFILE)"));
    }

    #[test]
    fn pipes_take_a_sixteenth_of_the_descriptors_at_most() {
        let found = [(64, 1), (64, 2), (64, 3), (500, 1), (1024, 2), (20_000, 16), (u64::MAX, 1)];
        let found = found.map(|(limit, workers)| pipes(limit, workers));
        assert_eq!(found, [2, 1, 0, 15, 16, 32, 32]);
    }
}
