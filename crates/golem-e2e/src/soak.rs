//! A soak: clients that know what they may be told, through golemproxy over three real memcached that are killed, stopped and
//! started again, beside clients that read slowly and clients that send nonsense. The first wrong reply ends it.
//!
//! Invariant: what a client may be told is derived from what it asked and was told, and from what was done to the servers; never
//! from the proxy.

mod abuse;
mod client;
mod ending;
mod figures;
mod ground;
mod model;
mod moving;
mod reloads;
mod servers;
mod traffic;
mod watch;
mod wire;

use crate::dice::Dice;
use crate::failure::{Failure, Outcome, ensure};
use crate::programs::{Memcached, Pool, Program, Proxy, golemproxy};
use client::{Client, Mode, Stage};
use ending::Ending;
use figures::Figures;
use ground::Ground;
use model::Key;
use moving::Mover;
pub use reloads::{ReloadOptions, reload};
use servers::{Health, trouble};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;
use tempfile::TempDir;
use traffic::{KEYS, Traffic};
use watch::Watch;

const POOLS: [(&str, &str, Mode); 3] = [
    ("closing", "multiget_failure: close", Mode::Close),
    ("keeping", "multiget_failure: keep", Mode::Keep),
    ("missing", "multiget_failure: miss", Mode::Miss),
];

/// Of golemproxy.
const WORKERS: usize = 2;
/// `timeout` of the pools.
const TIMEOUT: Duration = Duration::from_millis(2000);
/// What a busy machine adds.
const MARGIN: Duration = Duration::from_secs(6);
/// How servers are ejected.
const EJECTION: [&str; 3] =
    ["auto_eject_hosts: true", "server_failure_limit: 2", "server_retry_timeout: 500"];
/// One client in so many reads slowly.
const SLOW: usize = 25;
/// Clients that send nonsense, besides.
const ABUSERS: usize = 6;

/// How a soak is to be.
#[derive(Clone, Copy)]
pub struct Options {
    /// How long the servers are troubled.
    pub duration: Duration,
    /// Clients that know what they may be told.
    pub clients: usize,
    /// Everything at random comes from it.
    pub seed: u64,
    /// With `auto_eject_hosts`: keys may be on any server when one of them has been in trouble.
    pub ejects: bool,
}

/// Runs it; the report, or what was wrong first.
pub fn run(options: Options) -> Outcome<String> {
    let mut servers: Vec<Memcached> =
        (0..3).map(|_| Memcached::with(&["-m", "1024", "-I", "2m"])).collect::<Outcome<_>>()?;
    let addresses: Vec<SocketAddr> = servers.iter().map(Memcached::address).collect();
    let folder = TempDir::new()?;
    let log = folder.path().join("proxy.log");
    let timeout = format!("timeout: {}", TIMEOUT.as_millis());
    let ejection: &[&str] = if options.ejects { &EJECTION } else { &[] };
    let settings: Vec<Vec<&str>> =
        POOLS.iter().map(|(_, failure, _)| [&[&*timeout, *failure], ejection].concat()).collect();
    let pools: Vec<Pool<'_>> = POOLS
        .iter()
        .zip(&settings)
        .map(|((name, ..), settings)| Pool { name, servers: &addresses, settings })
        .collect();
    let head = format!("golemproxy:\n  threads: {WORKERS}\n  log: {}\n", log.display());
    let proxy = Proxy::start(Program::Golemproxy, &pools, &head)?;
    let mut watch = Watch::begin(proxy.process.id(), proxy.stats, WORKERS)?;
    let healths: Vec<Health> = servers.iter().map(|_| Health::new()).collect();
    let (figures, ending) = (Figures::default(), Ending::default());
    let stage = Stage { healths: &healths, figures: &figures, ending: &ending, patience: TIMEOUT + MARGIN };
    let lives = if options.ejects {
        moving(options, stage, proxy.addresses())
    } else {
        settled(
            options,
            stage,
            proxy.addresses(),
            placement(&proxy.configuration(), &addresses, options.clients)?,
        )
    };
    play(options, stage, lives, &mut servers, proxy.addresses(), &mut watch);
    let failure = ending.failure().map_or_else(|| watch.end().err(), Some);
    let report = format!("{figures}\n{watch}");
    match failure {
        None => Ok(report),
        Some(failure) => Err(Failure::new(format!("{failure}\n\n{report}\n\n{}", last_lines(&log)))),
    }
}

/// What a client does until the end.
type Life<'a> = Box<dyn FnOnce() -> Outcome + Send + 'a>;

/// Clients whose keys stay with their servers.
fn settled<'a>(
    options: Options,
    stage: Stage<'a>,
    pools: &'a [SocketAddr],
    placed: Vec<Vec<Key>>,
) -> Vec<Life<'a>> {
    let client = |(number, keys): (usize, Vec<Key>)| -> Life<'a> {
        let client = Client {
            stage,
            address: pools[number % POOLS.len()],
            mode: POOLS[number % POOLS.len()].2,
            keys,
            dice: Dice::new(options.seed.wrapping_mul(1000).wrapping_add(number as u64)),
            traffic: Traffic::new(number, number % SLOW == SLOW - 1),
        };
        Box::new(move || client.live())
    };
    placed.into_iter().enumerate().map(client).collect()
}

/// Clients whose keys move when servers are ejected, and when they come back.
fn moving<'a>(options: Options, stage: Stage<'a>, pools: &'a [SocketAddr]) -> Vec<Life<'a>> {
    let Stage { healths, figures, ending, patience } = stage;
    let client = |number: usize| -> Life<'a> {
        let pool = number % POOLS.len();
        let ground = Ground::Ejection(healths, pools);
        let name = (number, options.seed);
        let mut mover = Mover::new(ground, (figures, ending), (pool, POOLS[pool].2), patience, name);
        mover.is_slow = number % SLOW == SLOW - 1;
        Box::new(move || mover.live())
    };
    (0..options.clients).map(client).collect()
}

/// Starts everybody, waits until the time is up or something is wrong, and waits for all to come to their end.
fn play<'a>(
    options: Options,
    stage: Stage<'a>,
    lives: Vec<Life<'a>>,
    servers: &mut [Memcached],
    pools: &[SocketAddr],
    watch: &mut Watch,
) {
    let Stage { healths, figures, ending, .. } = stage;
    let dice = |number: u64| Dice::new(options.seed.wrapping_add(number << 32));
    let keep = |name: String, outcome: Outcome| {
        if let Err(failure) = outcome {
            ending.fail(failure.during(name));
        }
    };
    thread::scope(|scope| {
        for (number, (server, health)) in servers.iter_mut().zip(healths).enumerate() {
            let dice = dice(1 + number as u64);
            scope.spawn(move || {
                let troubled = trouble(server, health, (figures, ending), options.ejects, dice);
                keep(format!("server {number}"), troubled);
            });
        }
        for number in 0..ABUSERS {
            let dice = dice(100 + number as u64);
            scope.spawn(move || abuse::abuse(pools, figures, ending, dice));
        }
        for (number, live) in lives.into_iter().enumerate() {
            scope.spawn(move || keep(format!("client {number}"), live()));
        }
        scope.spawn(move || keep("the proxy".to_owned(), watch.look_on(ending)));
        ending.wait(options.duration);
        ending.declare();
    });
}

/// The keys of each client, with their servers as `golemproxy route` names them.
fn placement(file: &Path, servers: &[SocketAddr], clients: usize) -> Outcome<Vec<Vec<Key>>> {
    let names = |client: usize| (0..KEYS).map(move |key| format!("soak-{client}-{key}"));
    (0..clients)
        .map(|client| {
            let mut command = Command::new(golemproxy()?);
            command.args(["route", "--pool", POOLS[0].0, "-c"]).arg(file).args(names(client));
            let text = String::from_utf8_lossy(&command.output()?.stdout).into_owned();
            let keys: Vec<Key> = text.lines().filter_map(|line| key_of(line, servers)).collect();
            ensure(keys.len() == KEYS, format!("golemproxy route says:\n{text}"))?;
            Ok(keys)
        })
        .collect()
}

fn key_of(line: &str, servers: &[SocketAddr]) -> Option<Key> {
    let server = servers.iter().position(|server| line.ends_with(&format!("{server}:1")))?;
    Some(Key::new(line.split('\t').next()?.to_owned(), server))
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(30)..].join("\n");
    format!("the last lines of the proxy's log:\n{last}")
}
