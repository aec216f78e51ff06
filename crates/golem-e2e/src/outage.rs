//! Two measurements of the bad day: what a server that stops costs the clients of the others (isolation), and what the end of a
//! server costs until it is ejected, and after its return (ejection). Real memcached, golemproxy with several workers, and clients
//! that each ask for one key at a time.
//!
//! `cargo xtask outage` builds for release and runs them; figures stand in `docs/testing.md`.

mod asking;

use crate::conversation::Conversation;
use crate::failure::{Failure, Outcome, ensure};
use crate::instance::signal;
use crate::programs::{Memcached, Program, Proxy};
use crate::waiting::wait_until;
use asking::{Crowd, Tally};
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How isolation is measured.
#[derive(Clone, Copy, Debug)]
pub struct Isolation {
    /// The pool's `timeout` in milliseconds; none: unset.
    pub timeout: Option<u32>,
    /// Clients of each server.
    pub clients: usize,
    /// Pairs of a phase in which all is well and one in which a server is stopped.
    pub rounds: usize,
    /// How long a phase lasts.
    pub phase: Duration,
}

/// What the clients of the other servers saw, round by round: microseconds.
#[derive(Debug)]
pub struct Isolated {
    setting: Isolation,
    /// Median and p99 while all were well, and while one was stopped.
    rounds: Vec<[[u32; 2]; 2]>,
    failed: usize,
}

/// Measures isolation.
///
/// # Errors
/// A program is missing, or a reply is wrong.
pub fn isolation(setting: Isolation) -> Outcome<Isolated> {
    let servers = [Memcached::start()?, Memcached::start()?, Memcached::start()?];
    let addresses: Vec<SocketAddr> = servers.iter().map(Memcached::address).collect();
    let timeout = setting.timeout.map(|timeout| format!("timeout: {timeout}"));
    let settings: Vec<&str> = timeout.iter().map(String::as_str).collect();
    let proxy = Proxy::over(Program::Golemproxy, &addresses, &settings)?;
    let mut keys = Vec::new();
    for server in &addresses {
        keys.push(proxy.keys_of(*server, setting.clients)?);
    }
    let (stopped, others) = (keys.remove(0), keys.concat());
    store(proxy.address(), &[stopped.as_slice(), &others].concat())?;
    let watched = Crowd::start(proxy.address(), others.into_iter().map(|key| vec![key]))?;
    let concerned = Crowd::start(proxy.address(), stopped.into_iter().map(|key| vec![key]))?;
    let (mut rounds, mut failed) = (Vec::new(), 0);
    let mut phase = || {
        watched.take();
        pause(setting.phase);
        let tally = watched.take();
        failed += tally.failed;
        tally.times()
    };
    for _ in 0..setting.rounds {
        let well = phase()?;
        signal(servers[0].process.id(), "STOP")?;
        let ill = phase();
        signal(servers[0].process.id(), "CONT")?;
        rounds.push([well, ill?]);
        // What waited is answered, or has failed, before the next round begins.
        pause(setting.phase / 2);
    }
    drop((watched, concerned));
    ensure(proxy.process.id() > 0, "the proxy is there")?;
    Ok(Isolated { setting, rounds, failed })
}

impl fmt::Display for Isolated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Isolation { timeout, clients, .. } = self.setting;
        let timeout = timeout.map_or("unset".to_owned(), |timeout| timeout.to_string());
        writeln!(
            f,
            "isolation, timeout {timeout}, {clients} clients of each of 3 servers, one stopped (us):"
        )?;
        for [[well_50, well_99], [ill_50, ill_99]] in &self.rounds {
            writeln!(f, "  well p50 {well_50} p99 {well_99}; stopped p50 {ill_50} p99 {ill_99}")?;
        }
        let median = |which: fn(&[[u32; 2]; 2]) -> u32| {
            let mut values: Vec<u32> = self.rounds.iter().map(which).collect();
            values.sort_unstable();
            f64::from(values.get(values.len() / 2).copied().unwrap_or(0))
        };
        let p50 = median(|[_, ill]| ill[0]) / median(|[well, _]| well[0]);
        let p99 = median(|[_, ill]| ill[1]) / median(|[well, _]| well[1]);
        write!(
            f,
            "  medians with one stopped / all well: p50 {p50:.2}, p99 {p99:.2}; failed requests: {}",
            self.failed
        )
    }
}

/// How ejection is measured.
#[derive(Clone, Copy, Debug)]
pub struct Ejection {
    /// Workers of the proxy.
    pub workers: usize,
    /// Clients; each asks for keys of all servers.
    pub clients: usize,
    /// `server_failure_limit`.
    pub limit: usize,
    /// How often a server is killed.
    pub rounds: usize,
}

/// What a kill cost.
#[derive(Debug)]
pub struct Ejected {
    setting: Ejection,
    /// Failed requests of each round: until the server was back, and afterwards.
    rounds: Vec<(usize, usize)>,
    requests: usize,
    /// Servers ejected because an idle one was restarted.
    idle: i64,
}

/// Measures ejection.
///
/// # Errors
/// A program is missing, a reply is wrong, or a server is not ejected or does not come back.
pub fn ejection(setting: Ejection) -> Outcome<Ejected> {
    let mut servers = [Memcached::start()?, Memcached::start()?, Memcached::start()?];
    let addresses: Vec<SocketAddr> = servers.iter().map(Memcached::address).collect();
    let limit = format!("server_failure_limit: {}", setting.limit);
    let settings = ["auto_eject_hosts: true", "server_retry_timeout: 1000", "timeout: 5000", &limit];
    let head = format!("golemproxy:\n  threads: {}\n", setting.workers);
    let pool = crate::programs::Pool { name: "main", servers: &addresses, settings: &settings };
    let proxy = Proxy::start(Program::Golemproxy, &[pool], &head)?;
    // One key of each server for each client.
    let mut of_servers = Vec::new();
    for server in &addresses {
        of_servers.push(proxy.keys_of(*server, setting.clients)?);
    }
    let of_client = |client: usize| of_servers.iter().filter_map(|keys| keys.get(client).cloned()).collect();
    let all: Vec<Vec<String>> = (0..setting.clients).map(of_client).collect();
    let mut control = Conversation::open(proxy.address())?;
    let crowd = Crowd::start(proxy.address(), all.iter().cloned())?;
    let (mut rounds, mut requests) = (Vec::new(), 0);
    for round in 0..setting.rounds {
        let server = round % 3;
        let [ejects, restores] =
            [stat(&mut control, "server_ejects")?, stat(&mut control, "server_restores")?];
        crowd.take();
        servers[server].process.kill()?;
        wait_until("the server is ejected", || Ok(stat(&mut control, "server_ejects")? > ejects))?;
        servers[server].restart()?;
        wait_until("the server is back", || Ok(stat(&mut control, "server_restores")? > restores))?;
        let until = crowd.take();
        pause(Duration::from_secs(1));
        let after = crowd.take();
        requests += until.done() + after.done();
        rounds.push((until.failed, after.failed));
    }
    drop(crowd);
    let before = stat(&mut control, "server_ejects")?;
    // Every worker has connections to it, on which nothing waits.
    servers[1].process.kill()?;
    servers[1].restart()?;
    let again = Crowd::start(proxy.address(), all.iter().cloned())?;
    pause(Duration::from_secs(1));
    requests += again.take().done();
    drop(again);
    let idle = stat(&mut control, "server_ejects")? - before;
    Ok(Ejected { setting, rounds, requests, idle })
}

impl fmt::Display for Ejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ejection { workers, clients, limit, .. } = self.setting;
        writeln!(
            f,
            "ejection, {workers} workers, {clients} clients, limit {limit}, kill -9 of one of 3 servers:"
        )?;
        let most = clients + workers * limit;
        for (until, after) in &self.rounds {
            writeln!(f, "  failed until its return {until} (at most {most} wanted), afterwards {after}")?;
        }
        write!(f, "  restart of an idle server: {} ejected; {} requests in all", self.idle, self.requests)
    }
}

/// A measured stretch of time: nothing else than its length matters.
fn pause(length: Duration) {
    let end = Instant::now() + length;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
}

fn store(address: SocketAddr, keys: &[String]) -> Outcome {
    let mut client = Conversation::open(address)?;
    keys.iter().try_for_each(|key| {
        client.ask(format!("set {key} 0 0 {}\r\n{key}\r\n", key.len()).as_bytes(), b"STORED\r\n")
    })
}

fn stat(client: &mut Conversation, name: &str) -> Outcome<i64> {
    client.send(b"stats\r\n")?;
    let mut found = None;
    loop {
        let line = String::from_utf8_lossy(&client.line()?).into_owned();
        if line.starts_with("END") {
            return found.ok_or_else(|| Failure::new(format!("stats lacks {name}")));
        }
        let value = line.strip_prefix("STAT ").and_then(|row| row.strip_prefix(name));
        found = found.or_else(|| value?.trim().parse().ok());
    }
}

impl Tally {
    /// Median and p99 in microseconds.
    fn times(mut self) -> Outcome<[u32; 2]> {
        ensure(self.micros.len() >= 100, "too few requests to tell")?;
        self.micros.sort_unstable();
        let at = |share: f64| self.micros[((self.micros.len() - 1) as f64 * share) as usize];
        Ok([at(0.5), at(0.99)])
    }
}
