//! What the log says when the process has started: version, pools, servers, connections, statistics.

use crate::cli::ServeOptions;
use crate::descriptors::Descriptors;
use crate::settings::{Log, Settings, Stats};
use golem_config::{Loaded, Pool};

/// Servers of one pool that a line names.
const NAMED_MOST: usize = 100;

/// The lines behind the first one, for what was loaded and holds. Warnings come first.
pub(crate) fn log(options: &ServeOptions, settings: &Settings, loaded: &Loaded, descriptors: Descriptors) {
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    // On standard error they stand already.
    if settings.log != Log::Stderr {
        for note in &options.without_effect {
            tracing::warn!("{note}");
        }
    }
    if descriptors.are_scarce() {
        tracing::warn!("{descriptors}");
    }
    for configured in &loaded.config.pools {
        tracing::info!("{}", pool(configured, settings.workers));
        tracing::info!("{}", servers(configured));
    }
    if !descriptors.are_scarce() {
        tracing::info!("{descriptors}");
    }
    tracing::info!("{}", statistics(settings.stats.as_ref()));
}

/// One line: where the pool listens, how it spreads keys, and how many connections each server will see at most.
pub(crate) fn pool(pool: &Pool, workers: usize) -> String {
    let connections = u64::from(pool.server_connections);
    let total = connections.saturating_mul(u64::try_from(workers).unwrap_or(u64::MAX));
    format!(
        "pool '{}': {}, {}, {} over {}; {} x {} = at most {total} to each server",
        pool.name,
        pool.listen.source,
        counted(pool.servers.len(), "server"),
        pool.distribution.name(),
        pool.hash.name(),
        counted(workers, "worker"),
        counted(pool.server_connections as usize, "connection"),
    )
}

/// One line: the servers in index order, with the labels by which they are placed where they have names.
fn servers(pool: &Pool) -> String {
    let named = |server: &golem_config::Server| {
        if server.entry.starts_with(&server.label) {
            server.entry.clone()
        } else {
            format!("{} {}", server.entry, server.label)
        }
    };
    let servers: Vec<String> = pool.servers.iter().take(NAMED_MOST).map(named).collect();
    let more = match pool.servers.len().saturating_sub(NAMED_MOST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("pool '{}': servers {}{more}", pool.name, servers.join(", "))
}

fn statistics(stats: Option<&Stats>) -> String {
    match stats {
        None => "no statistics port".to_owned(),
        Some(stats) if stats.is_default_address => format!(
            "statistics on {stats}; without -a nutcracker listened on 0.0.0.0 and this one listens on {}",
            stats.address
        ),
        Some(stats) => format!("statistics on {stats}"),
    }
}

fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::{servers, statistics};
    use crate::settings::Stats;

    #[test]
    fn servers_are_named_as_they_are_written() {
        let text = "a:\n  listen: 127.0.0.1:1\n  servers:\n    - 127.0.0.1:11211:1\n    - 127.0.0.1:7:2 name\n    - \
            /run/s:1\n";
        let pool = &golem_config::parse("test", text).unwrap().config.pools[0];
        assert_eq!(servers(pool), "pool 'a': servers 127.0.0.1:7:2 name, /run/s:1, 127.0.0.1:11211:1");
    }

    #[test]
    fn the_line_of_the_statistics_says_where_nutcrackers_would_be() {
        let mut stats = Stats { address: "127.0.0.1".into(), port: 22222, is_default_address: true };
        assert!(
            statistics(Some(&stats)).contains("127.0.0.1:22222; without -a nutcracker listened on 0.0.0.0")
        );
        (stats.address, stats.is_default_address) = ("::1".into(), false);
        assert_eq!(statistics(Some(&stats)), "statistics on [::1]:22222");
        stats.address = "/run/stats".into();
        assert_eq!(statistics(Some(&stats)), "statistics on /run/stats");
        assert_eq!(statistics(None), "no statistics port");
    }
}
