//! Requests that the proxy answers itself: `version`, `mn`, `quit`, `stats`.

use crate::counters::{PoolCounters, ServerCounters};
use crate::engine::Engine;
use crate::gather::Rule;
use crate::id::ClientId;
use crate::pool::{PoolIndex, Version};
use crate::server::Link;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;
use golem_config::MultigetFailure;
use golem_protocol::memcached::{Command, Request as Head, texts};
use golem_ring::ServerIndex;

/// What `version` says while no server's version is known.
const OLDEST: Version = [1, 6, 0];

impl Engine {
    pub(crate) fn answer_locally(&mut self, id: ClientId, head: &Head, line: &[u8]) {
        let Some(pool) = self.clients.get(id).map(|client| client.pool) else { return };
        if let Some(counters) = self.pool_counters(pool) {
            counters.replies_local.add(1);
        }
        match head.command {
            Command::Quit => self.finish_client(id),
            Command::Version => self.ask_version(id),
            Command::Stats => {
                let reply = self.stats(pool, head.argument.of(line));
                self.answer(id, reply.as_bytes());
            }
            _ => self.answer(id, texts::META_NOOP),
        }
    }

    /// Asks those servers for their version that are connected and have not said it.
    fn ask_version(&mut self, id: ClientId) {
        let Some((pool, lane)) = self.clients.get(id).map(|client| (client.pool, client.lane)) else {
            return;
        };
        let unknown = |engine: &Self, server: ServerIndex| {
            engine.pools.get(pool.index()).is_some_and(|here| {
                here.servers.get(server.index()).is_some_and(|server| server.version.is_none())
                    && here
                        .lane(server, lane)
                        .and_then(|conn| engine.conns.get(conn))
                        .is_some_and(|conn| conn.link == Link::Up)
            })
        };
        self.scatter_line(id, Command::Version, false, Rule::LowestVersion, &[b"version\r\n"], unknown);
    }

    /// The lowest version of the pool's servers that is known: clients parse the first word as a number.
    pub(crate) fn write_version(&self, pool: PoolIndex, out: &mut Vec<u8>) {
        let known = self.pools.get(pool.index()).into_iter().flat_map(|pool| &pool.servers);
        let [major, minor, patch] = known.filter_map(|server| server.version).min().unwrap_or(OLDEST);
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = write!(text, "VERSION {major}.{minor}.{patch} golemproxy/{}\r\n", self.setup.version);
        out.extend_from_slice(text.as_bytes());
    }

    /// The reply to `stats`, `stats settings`, `stats servers`.
    fn stats(&self, pool: PoolIndex, topic: &[u8]) -> String {
        let mut rows = Rows(String::new());
        match topic.trim_ascii() {
            b"" => self.stats_pool(pool, &mut rows),
            b"settings" => self.stats_settings(pool, &mut rows),
            b"servers" => self.stats_servers(pool, &mut rows),
            _ => return String::from("CLIENT_ERROR stats knows: settings, servers\r\n"),
        }
        rows.0.push_str("END\r\n");
        rows.0
    }

    fn stats_pool(&self, pool: PoolIndex, rows: &mut Rows) {
        rows.add("version", format_args!("golemproxy/{}", self.setup.version));
        rows.add("uptime", self.now.0 / 1_000_000);
        rows.add("time", self.setup.epoch + self.now.0 / 1_000_000);
        rows.add("threads", self.setup.workers);
        rows.add("bytes_held", self.setup.all.bytes_held());
        for ((name, _, _), value) in PoolCounters::TABLE.iter().zip(self.setup.all.pool(pool.index())) {
            rows.add(name, value);
        }
        let servers = self.pools.get(pool.index()).map_or(0, |pool| pool.servers.len());
        let mut sums = [0i64; ServerCounters::TABLE.len()];
        for server in 0..servers {
            for (sum, value) in sums.iter_mut().zip(self.setup.all.server(pool.index(), server)) {
                *sum += value;
            }
        }
        for ((name, _, _), value) in ServerCounters::TABLE.iter().zip(sums) {
            if *name != "server_ejected_at" {
                rows.add(name, value);
            }
        }
    }

    fn stats_settings(&self, pool: PoolIndex, rows: &mut Rows) {
        let Some(settings) = self.pools.get(pool.index()).map(|pool| &pool.settings) else { return };
        rows.add("pool", &settings.name);
        rows.add("hash", settings.hash.name());
        rows.add("distribution", settings.distribution.name());
        rows.add("timeout", settings.timeout.map_or(0, |timeout| timeout.as_millis()));
        rows.add("connect_timeout", settings.connect_timeout.as_millis());
        let interval = settings.resolve_interval.map_or(0, |interval| interval.as_millis());
        rows.add("resolve_interval", interval);
        rows.add("server_connections", settings.server_connections);
        rows.add("servers", settings.servers.len());
        rows.add("preconnect", settings.preconnect);
        rows.add(
            "multiget_failure",
            match settings.multiget_failure {
                MultigetFailure::Close => "close",
                MultigetFailure::Keep => "keep",
                MultigetFailure::Miss => "miss",
            },
        );
        rows.add("key_max", settings.key_max);
        rows.add("line_max", settings.line_max);
        rows.add("keys_max", settings.keys_max);
        rows.add("item_size_max", settings.item_size_max);
        rows.add("client_soft_limit", settings.client_soft_limit);
        rows.add("client_hard_limit", settings.client_hard_limit);
        rows.add("server_connection_limit", settings.server_connection_limit);
        rows.add("worker_soft_limit", self.pressure.limits.soft);
        rows.add("worker_hard_limit", self.pressure.limits.hard);
    }

    fn stats_servers(&self, pool: PoolIndex, rows: &mut Rows) {
        let Some(here) = self.pools.get(pool.index()) else { return };
        for (index, server) in here.settings.servers.iter().enumerate() {
            let label = &server.label;
            rows.add(format_args!("{label}:address"), &server.entry);
            rows.add(format_args!("{label}:weight"), server.weight);
            if let Some([major, minor, patch]) = here.servers.get(index).and_then(|server| server.version) {
                rows.add(format_args!("{label}:version"), format_args!("{major}.{minor}.{patch}"));
            }
            for ((name, _, _), value) in
                ServerCounters::TABLE.iter().zip(self.setup.all.server(pool.index(), index))
            {
                rows.add(format_args!("{label}:{name}"), value);
            }
        }
    }
}

/// `STAT name value` lines.
struct Rows(String);

impl Rows {
    fn add(&mut self, name: impl core::fmt::Display, value: impl core::fmt::Display) {
        // Writing to a string does not fail.
        let _ = write!(self.0, "STAT {name} {value}\r\n");
    }
}
