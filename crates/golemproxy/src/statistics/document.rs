//! The text of nutcracker's statistics document, separator by separator: monitoring programs read it with anything from
//! a JSON library to a regular expression.
//!
//! Nothing may be added to it: programs take every object they do not know for a pool, and every one in a pool for a
//! server. What more there is to know is told by the `stats` command.

use super::{Row, is_shown};
use golem_config::Pool;
use golem_engine::counters::{AllCounters, PoolCounters, ServerCounters};
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The program that monitoring expects behind this port; which one it is, `version` tells.
const SERVICE: &str = "nutcracker";

/// Where the figures come from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name of this machine.
    pub host: String,
    /// When the process began.
    pub start: Instant,
    /// In configuration order.
    pub pools: Vec<Arc<Pool>>,
    /// Of all workers.
    pub counters: AllCounters,
    /// Connections of pools and servers that are there no more.
    pub past: i64,
}

impl Source {
    /// The document of this moment, with the line end behind it.
    pub fn document(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.document_at(self.start.elapsed().as_secs(), now)
    }

    /// The figures are those of another configuration from now on. Connections since the start stay so many.
    pub fn replace(&mut self, pools: Vec<Arc<Pool>>, counters: AllCounters) {
        let (before, listeners) = (self.connections().0, self.pools.len() as i64);
        (self.pools, self.counters) = (pools, counters);
        let (after, listeners_now) = (self.connections().0, self.pools.len() as i64);
        self.past += (before - listeners) - (after - listeners_now);
    }

    fn document_at(&self, uptime: u64, timestamp: u64) -> String {
        let (total, current) = self.connections();
        // Writing to a String cannot fail, here and below.
        let mut out = String::new();
        let _ = write!(
            out,
            "{{\"service\":\"{SERVICE}\", \"source\":{}, \"version\":\"{}\", \"uptime\":{uptime}, \
             \"timestamp\":{timestamp}, \"total_connections\":{total}, \"curr_connections\":{current}, ",
            quoted(&self.host),
            env!("CARGO_PKG_VERSION"),
        );
        for (place, pool) in self.pools.iter().enumerate() {
            let _ = write!(out, "{}{}: {{", if place == 0 { "" } else { "," }, quoted(&pool.name));
            figures(&mut out, PoolCounters::TABLE, &self.counters.pool(place));
            out.push_str(", ");
            for (index, server) in pool.servers.iter().enumerate() {
                let _ = write!(out, "{}{}: {{", if index == 0 { "" } else { "," }, quoted(&server.label));
                figures(&mut out, ServerCounters::TABLE, &self.counters.server(place, index));
                out.push('}');
            }
            out.push('}');
        }
        out.push_str("}\n");
        out
    }

    /// Connections since the start and now: listening sockets of the pools, clients, server connections also while they
    /// are being made.
    fn connections(&self) -> (i64, i64) {
        let listeners = self.pools.len() as i64;
        let past = self.past;
        let sets = self.counters.0.iter().flat_map(|worker| &worker.pools);
        sets.fold((listeners + past, listeners), |(total, current), set| {
            let servers =
                |of: fn(&ServerCounters) -> i64| set.servers.iter().map(|server| of(server)).sum::<i64>();
            (
                total + set.pool.client_total.get() + servers(|server| server.connections_total.get()),
                current + set.pool.client_connections.get() + servers(|server| server.connections_open.get()),
            )
        })
    }
}

/// The shown ones of a row of figures.
fn figures(out: &mut String, table: &[Row], values: &[i64]) {
    for (place, ((name, _, _), value)) in
        table.iter().zip(values).filter(|(row, _)| is_shown(row)).enumerate()
    {
        let _ = write!(out, "{}\"{name}\":{value}", if place == 0 { "" } else { ", " });
    }
}

/// A name as JSON text. nutcracker does not escape; names that need it break its document.
fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::Source;
    use golem_engine::counters::{AllCounters, WorkerCounters};
    use std::sync::Arc;
    use std::time::Instant;

    fn source(text: &str, workers: usize) -> Source {
        let config = golem_config::parse("test", text).unwrap().config;
        let pools: Vec<_> = config.pools.into_iter().map(Arc::new).collect();
        let sizes: Vec<usize> = pools.iter().map(|pool| pool.servers.len()).collect();
        let counters: Vec<_> = (0..workers).map(|_| WorkerCounters::new(sizes.iter().copied())).collect();
        Source {
            host: "vm".into(),
            start: Instant::now(),
            pools,
            counters: AllCounters(counters.into()),
            past: 0,
        }
    }

    const ZERO: &str = "\"server_eof\":0, \"server_err\":0, \"server_timedout\":0, \"server_connections\":0, \
        \"server_ejected_at\":0, \"requests\":0, \"request_bytes\":0, \"responses\":0, \"response_bytes\":0, \
        \"in_queue\":0, \"in_queue_bytes\":0, \"out_queue\":0, \"out_queue_bytes\":0";

    #[test]
    fn the_document_has_nutcrackers_form_to_the_byte() {
        let source = source(
            "zeta:\n  listen: 127.0.0.1:1\n  servers:\n    - 127.0.0.1:23002:1 beta\n    - 127.0.0.1:23001:1\n    - \
             127.0.0.1:23009:1 dead\ncache:\n  listen: 127.0.0.1:2\n  servers:\n    - 127.0.0.1:23003:1\n",
            2,
        );
        let zero_pool = "\"client_eof\":0, \"client_err\":0, \"client_connections\":0, \"server_ejects\":0, \
            \"forward_error\":0, \"fragments\":0";
        let expected = format!(
            "{{\"service\":\"nutcracker\", \"source\":\"vm\", \"version\":\"{}\", \"uptime\":1, \
             \"timestamp\":1795326903, \"total_connections\":2, \"curr_connections\":2, \
             \"zeta\": {{{zero_pool}, \"beta\": {{{ZERO}}},\"dead\": {{{ZERO}}},\"127.0.0.1:23001\": {{{ZERO}}}}},\
             \"cache\": {{{zero_pool}, \"127.0.0.1:23003\": {{{ZERO}}}}}}}\n",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(source.document_at(1, 1_795_326_903), expected);
    }

    #[test]
    fn connections_are_those_of_all_workers() {
        let source =
            source("main:\n  listen: 127.0.0.1:1\n  servers:\n    - 127.0.0.1:2:1\n    - 127.0.0.1:3:1\n", 2);
        for worker in &*source.counters.0 {
            worker.pools[0].pool.client_total.add(5);
            worker.pools[0].pool.client_connections.add(2);
            worker.pools[0].servers[0].connections_total.add(3);
            worker.pools[0].servers[1].connections_total.add(1);
            worker.pools[0].servers[1].connections_open.add(1);
        }
        assert_eq!(source.connections(), (1 + 2 * 9, 1 + 2 * 3));
    }

    #[test]
    fn names_of_any_kind_leave_the_document_valid() {
        let source = source(
            "\"a\\\"b\\\\ö\\t{\":\n  listen: 127.0.0.1:1\n  servers:\n    - '127.0.0.1:2:1 it\"s'\n",
            1,
        );
        let document: serde_json::Value = serde_json::from_str(&source.document()).unwrap();
        assert_eq!(document["a\"b\\ö\t{"]["it\"s"]["requests"], 0);
        assert_eq!(document["a\"b\\ö\t{"].as_object().unwrap().len(), 7);
    }
}
