//! The programs of one scene: a proxy with pools over servers of several kinds, and its figures when all has settled.

use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Failure, Outcome};
use golem_e2e::fake_server::FakeServer;
use golem_e2e::port::Port;
use golem_e2e::programs::{Memcached, Program, Proxy};
use golem_e2e::statistics::{document, figures};
use golem_e2e::waiting::wait_until;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// By path.
pub(crate) type Figures = BTreeMap<String, String>;

/// The pools, and where clients of each connect.
pub(crate) struct Stage {
    /// Clients that stay while the figures are read.
    pub(crate) held: Vec<Conversation>,
    proxy: Proxy,
    pub(crate) servers: Vec<Memcached>,
    /// Accepts and never answers.
    _silent: FakeServer,
}

const POOLS: [&str; 5] = ["main", "lost", "silent", "patient", "marker"];

impl Stage {
    /// `main` over three servers, `lost` over one that refuses, `silent` and `patient` over one that never answers,
    /// `marker` for [`Stage::settle`]. Names keep keys on their servers whatever the ports.
    pub(crate) fn set(program: Program) -> Outcome<Self> {
        let servers = (0..4).map(|_| Memcached::start()).collect::<Outcome<Vec<_>>>()?;
        let silent = FakeServer::start(|_, mut proxy| proxy.rest().map(|_| ()))?;
        let refused = Port::reserve()?;
        let lists = [
            vec![
                (servers[0].address(), "alpha"),
                (servers[1].address(), "beta"),
                (servers[2].address(), "gamma"),
            ],
            vec![(refused.address(), "refused")],
            vec![(silent.address(), "mute")],
            vec![(silent.address(), "mute")],
            vec![(servers[3].address(), "witness")],
        ];
        let mut ports = POOLS.iter().map(|_| Port::reserve()).collect::<Outcome<Vec<_>>>()?;
        let mut text = String::new();
        for ((pool, list), port) in POOLS.iter().zip(lists).zip(&ports) {
            // A connection that stays silent is given up after three times as long: not while the figures are read.
            let timeout = if *pool == "silent" { 2000 } else { 20_000 };
            text += &format!(
                "{pool}:\n  listen: {}\n  timeout: {timeout}\n  hash: md5\n  servers:\n",
                port.address()
            );
            for (address, name) in list {
                text += &format!("    - {address}:1 {name}\n");
            }
        }
        if program == Program::Golemproxy {
            // One worker sees all events in their order, as nutcracker does.
            text = format!("golemproxy:\n  threads: 1\n{text}");
        }
        let (listen, _reserved) = (POOLS.len(), refused);
        ports.truncate(listen);
        let proxy = Proxy::with_file(program, &text, ports)?;
        Ok(Self { held: Vec::new(), proxy, servers, _silent: silent })
    }

    fn address(&self, pool: &str) -> Outcome<SocketAddr> {
        let place = POOLS.iter().position(|name| *name == pool);
        let address = place.and_then(|place| self.proxy.addresses().get(place).copied());
        address.ok_or_else(|| Failure::new(format!("no pool {pool}")))
    }

    pub(crate) fn client(&self, pool: &str) -> Outcome<Conversation> {
        Conversation::open(self.address(pool)?)
    }

    /// The figures once a request that was made after everything else shows in them.
    pub(crate) fn settle(&self) -> Outcome<Figures> {
        let mut marker = self.client("marker")?;
        marker.ask(b"get mark\r\n", b"END\r\n")?;
        let mut found = Figures::new();
        wait_until("the mark shows", || {
            found = figures(&document(self.proxy.stats)?)?;
            Ok(found.get("marker/witness/responses").is_some_and(|count| count == "1"))
        })?;
        // What tells the programs, times and machines apart.
        found.retain(|path, _| !["version", "uptime", "timestamp"].contains(&path.as_str()));
        Ok(found)
    }
}
