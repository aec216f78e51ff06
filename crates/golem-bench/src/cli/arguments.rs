//! The definition of the command line, and what the arguments amount to.

use crate::mix::Mix;
use crate::names::Names;
use crate::popularity::Popularity;
use crate::protocol::Protocol;
use crate::run::{Limit, Plan};
use crate::session::{Pattern, Rules};
use crate::sizes::Sizes;
use crate::workload::{MOST_KEYS, Outline};
use clap::Args;
use golem_net::Target;
use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::time::Duration;

/// What the load generator can be instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Served {
    Echo,
    Null,
    Bare,
}

/// The flags of the load generator.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What is measured: host:port, or the path of a UNIX socket
    #[arg(long, default_value = "127.0.0.1:21211", value_name = "ADDRESS")]
    server: String,
    /// Its language: text or meta (memcached), or redis
    #[arg(long, default_value = "text", value_name = "NAME")]
    protocol: Protocol,
    /// Connections
    #[arg(long, visible_alias = "workers", default_value_t = 50, value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    connections: u32,
    /// Threads; each has its share of the connections
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1023))]
    threads: u32,
    /// Requests in flight on each connection
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    depth: u32,
    /// Send --depth requests together and wait for all their replies, instead of sending one for each reply
    #[arg(long)]
    burst: bool,
    /// Requests per second, over all connections; their time counts from when they are due, also while none has room for
    /// them. Without it a request is sent for each reply
    #[arg(long, value_name = "N", value_parser = rate, conflicts_with = "burst")]
    rate: Option<f64>,
    /// Close each connection after so many replies and make another
    #[arg(long, default_value_t = 0, value_name = "N", hide_default_value = true)]
    requests_per_connection: u32,
    /// Connections beside, which ask once and then say nothing
    #[arg(long, default_value_t = 0, value_name = "N", hide_default_value = true)]
    idle: u32,
    /// Operations with their weights: get, multiget, set, delete, incr [default: get=90,set=10]
    #[arg(long, value_name = "LIST", conflicts_with = "get_percent")]
    mix: Option<Mix>,
    /// How many of 100 requests are get; the others are set
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(..=100))]
    get_percent: Option<u8>,
    /// Keys of one multiget
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    multiget: u32,
    /// Bytes of a value: 32, 100-4096 (any of them), or sizes with weights, 32:90,4096:9,65536:1
    #[arg(long, default_value = "32", value_name = "SIZES")]
    value_size: Sizes,
    /// Keys
    #[arg(long, default_value_t = 10_000, value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_KEYS)))]
    keys: u32,
    /// Which keys are asked for: uniform, zipf, or zipf:EXPONENT
    #[arg(long, default_value = "uniform", value_name = "NAME")]
    popularity: Popularity,
    /// How keys begin; ten digits follow
    #[arg(long, default_value = "golem:", value_name = "TEXT")]
    key_prefix: String,
    /// Seconds after which values may be gone; 0 for ever
    #[arg(long, default_value_t = 0, value_name = "SECONDS", hide_default_value = true,
        value_parser = clap::value_parser!(u32).range(..=30 * 86_400))]
    ttl: u32,
    /// Do not store all keys first
    #[arg(long)]
    no_preload: bool,
    /// Judge every value (it belongs to its key, and this run has written it), and run requests on private keys
    #[arg(long)]
    verify: bool,
    /// How many of 100 requests concern keys that no other connection uses, so that each of their replies is known
    /// beforehand [default: 10 with --verify, else 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(..=100))]
    private: Option<u8>,
    /// Seconds of load before the measured window
    #[arg(long, default_value = "1", value_name = "SECONDS", value_parser = seconds)]
    warmup: Duration,
    /// Seconds that are measured; 0: until it is interrupted
    #[arg(long, default_value = "10", value_name = "SECONDS", value_parser = seconds)]
    duration: Duration,
    /// Measure this many replies instead of a time
    #[arg(long, value_name = "N", conflicts_with = "duration")]
    count: Option<u64>,
    /// Seconds without any reply after which the run has failed
    #[arg(long, default_value = "10", value_name = "SECONDS", value_parser = seconds)]
    patience: Duration,
    /// Decides which requests are made
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Report as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Write the distribution of all times to this file, as HdrHistogram's plotters read it
    #[arg(long, value_name = "FILE")]
    pub(super) hdr: Option<PathBuf>,
    /// No line for each second
    #[arg(long)]
    pub(super) quiet: bool,
    /// Report CPU time and memory of this process, the one that is measured, too
    #[arg(long, value_name = "PID")]
    watch: Option<u32>,
    /// This process is part of the measurement, so that its CPU time does not count as foreign; may be repeated
    #[arg(long, value_name = "PID")]
    companion: Vec<u32>,
    /// Be a null memcached, or with --protocol redis a null Redis: listen there, store nothing, and answer each get with a value
    /// of --value-size
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["echo", "bare"])]
    null: Option<String>,
    /// Be the floor instead: listen there and answer as cheaply as possible, for clients with the same load
    #[arg(long, value_name = "ADDRESS", conflicts_with = "bare")]
    echo: Option<String>,
    /// Be the least that a proxy can be: listen there, and spread text memcached over the servers of --onto
    #[arg(long, value_name = "ADDRESS", requires = "onto")]
    bare: Option<String>,
    /// The servers behind --bare
    #[arg(long, value_name = "ADDRESS,...", value_delimiter = ',', requires = "bare")]
    onto: Vec<String>,
    /// The other side is the floor (--echo) with the same load
    #[arg(long)]
    against_echo: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number of seconds".to_string())?;
    Duration::try_from_secs_f64(number).map_err(|error| error.to_string())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| (0.001..=1e9).contains(rate));
    rate.ok_or_else(|| "not a number of requests per second".to_owned())
}

/// A resolved address, or a path.
pub(super) fn target(text: &str) -> Result<Target, String> {
    if text.contains('/') {
        return Ok(Target::Unix(PathBuf::from(text)));
    }
    let mut found = text.to_socket_addrs().map_err(|error| format!("{text}: {error}"))?;
    found.next().map(Target::Tcp).ok_or_else(|| format!("{text}: no address"))
}

impl Arguments {
    /// What it is instead of a load generator, and where it listens.
    pub(super) fn serves(&self) -> Option<(Served, &str)> {
        let all = [(Served::Echo, &self.echo), (Served::Null, &self.null), (Served::Bare, &self.bare)];
        all.into_iter().find_map(|(what, address)| Some((what, address.as_deref()?)))
    }

    /// What stands behind the bare proxy.
    pub(super) fn onto(&self) -> Result<Vec<Target>, String> {
        self.onto.iter().map(|address| target(address)).collect()
    }

    /// What contradicts itself.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.against_echo {
            if self.private.unwrap_or(0) > 0 {
                return Err("the floor has no private keys".to_owned());
            }
            crate::echo::Echo::new(&self.outline()?)?;
        }
        Ok(())
    }

    /// What is asked.
    pub(super) fn outline(&self) -> Result<Outline, String> {
        let mix = match (&self.mix, self.get_percent) {
            (Some(mix), _) => mix.clone(),
            (None, percent) => Mix::of_gets(percent.unwrap_or(90)),
        };
        let is_checked = self.verify && !self.against_echo;
        Ok(Outline {
            protocol: self.protocol,
            mix,
            private_percent: self.private.unwrap_or(if is_checked { 10 } else { 0 }),
            sizes: self.value_size.clone(),
            keys: self.keys,
            popularity: self.popularity,
            many: self.multiget,
            ttl: self.ttl,
            names: Names::new(&self.key_prefix)?,
            seed: self.seed,
        })
    }

    /// The run.
    pub(super) fn plan(&self) -> Result<Plan, String> {
        let limit = match self.count {
            Some(count) => Limit::Count(count),
            None if self.duration.is_zero() => Limit::Endless,
            None => Limit::Duration(self.duration),
        };
        Ok(Plan {
            target: target(&self.server)?,
            threads: self.threads.min(self.connections),
            connections: self.connections,
            rules: Rules {
                depth: self.depth as usize,
                pattern: if self.burst { Pattern::Burst } else { Pattern::TopUp },
                verify: self.verify,
                against_echo: self.against_echo,
                requests_per_connection: self.requests_per_connection,
            },
            outline: self.outline()?,
            rate: self.rate,
            idle: self.idle,
            preload: !self.no_preload && !self.against_echo,
            warmup: self.warmup,
            limit,
            patience: self.patience,
            watched: self.watch,
            companions: self.companion.clone(),
        })
    }
}
