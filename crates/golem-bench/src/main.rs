//! The command line of the load generator.

use clap::Parser;
use golem_bench::echo::Echo;
use golem_bench::null::Null;
use golem_bench::run::{Limit, Plan, run};
use golem_bench::session::{Pattern, Rules};
use golem_bench::workload::Requests;
use golem_net::{ListenSpec, Target};
use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Load for memcached, or for a proxy before it: a closed loop of get and set in which every reply is checked.
#[derive(Parser)]
#[command(name = "golem-bench", version)]
struct Arguments {
    /// What is measured: host:port, or the path of a UNIX socket.
    #[arg(long, default_value = "127.0.0.1:21211", value_name = "ADDRESS")]
    server: String,
    /// Be the floor instead: listen there and answer as cheaply as possible, for clients with the same --value-size.
    #[arg(long, value_name = "ADDRESS")]
    echo: Option<String>,
    /// Be a null memcached instead: listen there, store nothing, and answer each get with a value of --value-size.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "echo")]
    null: Option<String>,
    /// The other side is the floor (--echo) with the same --value-size.
    #[arg(long)]
    against_echo: bool,
    /// Connections.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Requests in flight on each connection.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    depth: u32,
    /// Send --depth requests together and wait for all their replies, instead of sending one for each reply.
    #[arg(long)]
    burst: bool,
    /// Threads; each has its share of the connections.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: u32,
    /// How many of 100 requests are get; the others are set.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u8).range(..=100))]
    get_percent: u8,
    /// Bytes of a value.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(..=1 << 30))]
    value_size: u32,
    /// Keys, chosen with equal chance.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    keys: u32,
    /// Do not store all keys first.
    #[arg(long)]
    no_preload: bool,
    /// Compare every value with what was stored under its key.
    #[arg(long)]
    verify: bool,
    /// Seconds of load before the measured window.
    #[arg(long, default_value = "1", value_parser = seconds)]
    warmup: Duration,
    /// Seconds that are measured.
    #[arg(long, default_value = "10", value_parser = seconds)]
    duration: Duration,
    /// Measure this many replies instead of a time.
    #[arg(long, conflicts_with = "duration")]
    count: Option<u64>,
    /// Seconds without any reply after which the run has failed.
    #[arg(long, default_value = "10", value_parser = seconds)]
    patience: Duration,
    /// Decides which requests are made.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Report the CPU time of this process, the one that is measured, too.
    #[arg(long, value_name = "PID")]
    watch: Option<u32>,
    /// This process is part of the measurement, so that its CPU time does not count as foreign; may be repeated.
    #[arg(long, value_name = "PID")]
    companion: Vec<u32>,
    /// Report as JSON.
    #[arg(long)]
    json: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number of seconds".to_string())?;
    Duration::try_from_secs_f64(number).map_err(|error| error.to_string())
}

fn target(text: &str) -> Result<Target, String> {
    if text.starts_with('/') {
        return Ok(Target::Unix(PathBuf::from(text)));
    }
    let mut found = text.to_socket_addrs().map_err(|error| format!("{text}: {error}"))?;
    found.next().map(Target::Tcp).ok_or_else(|| format!("{text}: no address"))
}

fn plan(arguments: &Arguments) -> Result<Plan, String> {
    Ok(Plan {
        target: target(&arguments.server)?,
        threads: arguments.threads,
        connections: arguments.connections,
        rules: Rules {
            depth: arguments.depth as usize,
            pattern: if arguments.burst { Pattern::Burst } else { Pattern::TopUp },
            verify: arguments.verify,
            against_echo: arguments.against_echo,
        },
        get_percent: arguments.get_percent,
        value_size: arguments.value_size as usize,
        keys: arguments.keys,
        preload: !arguments.no_preload && !arguments.against_echo,
        warmup: arguments.warmup,
        limit: arguments.count.map_or(Limit::Duration(arguments.duration), Limit::Count),
        seed: arguments.seed,
        patience: arguments.patience,
        watched: arguments.watch,
        companions: arguments.companion.clone(),
    })
}

/// Is a server until it is ended.
fn serve(arguments: &Arguments, address: &str) -> Result<(), String> {
    let spec = ListenSpec { backlog: 4096, ..ListenSpec::new(target(address)?) };
    let requests = Requests::new(1, arguments.value_size as usize);
    let served = if arguments.null.is_some() {
        Null::new(&requests).serve(&spec)
    } else {
        Echo::new(&requests).serve(&spec)
    };
    served.map_err(|error| format!("{address}: {error}"))
}

/// Whether every request was answered as it should be.
fn work(arguments: &Arguments) -> Result<bool, String> {
    if let Some(address) = arguments.echo.as_ref().or(arguments.null.as_ref()) {
        return serve(arguments, address).map(|()| true);
    }
    let report = run(&plan(arguments)?)?;
    if arguments.json {
        println!("{}", report.json());
    } else {
        print!("{report}");
    }
    Ok(report.tally.failures() == 0)
}

fn main() -> ExitCode {
    match work(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("golem-bench: some requests failed");
            ExitCode::FAILURE
        }
        Err(what) => {
            eprintln!("golem-bench: {what}");
            ExitCode::FAILURE
        }
    }
}
