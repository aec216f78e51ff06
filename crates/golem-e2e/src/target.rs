//! What a transcript runs against: a memcached alone, or a proxy over one or several, with clients or servers that send
//! in small pieces.

use crate::conversation::Conversation;
use crate::failure::Outcome;
use crate::programs::{Memcached, Program, Proxy};
use crate::relay::Relay;
use std::net::SocketAddr;

/// A set of running programs and the address that a client uses.
pub struct Target {
    name: String,
    servers: Vec<Memcached>,
    proxy: Option<Proxy>,
    _relays: Vec<Relay>,
    cut: Option<usize>,
    differences: &'static [&'static str],
}

impl Target {
    /// A real memcached.
    pub fn memcached() -> Outcome<Self> {
        let servers = vec![Memcached::start()?];
        let name = "memcached alone".to_owned();
        Ok(Self { name, servers, proxy: None, _relays: Vec::new(), cut: None, differences: &[] })
    }

    /// nutcracker over `count` servers.
    pub fn nutcracker(count: usize) -> Outcome<Self> {
        let servers = start_servers(count)?;
        let proxy = Proxy::over(Program::Nutcracker, &addresses(&servers), &[])?;
        let name = format!("nutcracker over {count}");
        Ok(Self {
            name,
            servers,
            proxy: Some(proxy),
            _relays: Vec::new(),
            cut: None,
            differences: &["nutcracker"],
        })
    }

    /// golemproxy with `workers` workers over `count` servers; replies reach it in pieces of `reply_cut` bytes.
    pub fn golemproxy(workers: u32, count: usize, reply_cut: Option<usize>) -> Outcome<Self> {
        let servers = start_servers(count)?;
        let relays = match reply_cut {
            None => Vec::new(),
            Some(cut) => addresses(&servers)
                .into_iter()
                .map(|address| Relay::start(address, cut))
                .collect::<Outcome<_>>()?,
        };
        let behind = match reply_cut {
            None => addresses(&servers),
            Some(_) => relays.iter().map(Relay::address).collect(),
        };
        let head = format!("golemproxy:\n  threads: {workers}\n");
        let settings = ["admin_commands: [flush_all, verbosity]"];
        let pool = crate::programs::Pool { name: "main", servers: &behind, settings: &settings };
        let proxy = Proxy::start(Program::Golemproxy, &[pool], &head)?;
        let name = format!("golemproxy with {workers} workers over {count}");
        Ok(Self {
            name,
            servers,
            proxy: Some(proxy),
            _relays: relays,
            cut: None,
            differences: &["golemproxy"],
        })
    }

    /// The same with clients that send pieces of at most `bytes`.
    pub fn cut_into(mut self, bytes: usize) -> Self {
        self.name.push_str(&format!(", clients sending {bytes} bytes at a time"));
        self.cut = Some(bytes);
        self
    }

    /// What it is, for reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        match &self.proxy {
            Some(proxy) => proxy.address(),
            None => self.servers[0].address(),
        }
    }

    /// How clients cut what they send.
    pub fn cut(&self) -> Option<usize> {
        self.cut
    }

    /// Names of the lists of differences that apply.
    pub fn differences(&self) -> &[&str] {
        self.differences
    }

    /// Empties every server, past the proxy.
    pub fn empty_servers(&self) -> Outcome {
        for server in &self.servers {
            Conversation::open(server.address())?.ask(b"flush_all\r\n", b"OK\r\n")?;
        }
        Ok(())
    }
}

fn start_servers(count: usize) -> Outcome<Vec<Memcached>> {
    (0..count).map(|_| Memcached::start()).collect()
}

fn addresses(servers: &[Memcached]) -> Vec<SocketAddr> {
    servers.iter().map(Memcached::address).collect()
}
