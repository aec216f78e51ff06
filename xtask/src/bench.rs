//! `cargo xtask bench`: golemproxy, nutcracker, the floor and no proxy at all, side by side in one run. The load comes
//! from `golem-bench`; this task starts everything, pins it to processors, takes the rounds in turn (A B C, A B C, …)
//! and compares medians.
//!
//! Invariant: what is compared was measured in the same run, round by round, so that whatever else the machine did
//! meets all alike.

mod children;
mod contestant;
mod machine;
mod rounds;
mod setting;
mod table;
mod workload;

use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs, iter};

/// What went wrong, in words for the one who started the task.
type Problem = String;

/// The options of `cargo xtask bench`.
#[derive(Parser)]
#[command(
    name = "cargo xtask bench",
    about = "Measures golemproxy beside nutcracker, the floor and no proxy at all"
)]
struct Options {
    /// Rounds: how often each contestant is measured in each workload.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds that are measured each time.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Seconds of load before that.
    #[arg(long, default_value_t = 1.0)]
    warmup: f64,
    /// Only workloads whose name contains this; may be repeated.
    #[arg(long, value_name = "TEXT")]
    workload: Vec<String>,
    /// Only this setting: own-core or one-core.
    #[arg(long, value_name = "NAME")]
    setting: Option<setting::Setting>,
    /// What the proxies stand before, and what is measured without a proxy: memcached, or servers that store nothing and
    /// answer as cheaply as possible.
    #[arg(long, value_name = "NAME", default_value = "memcached")]
    servers: contestant::Servers,
    /// Only these contestants (golemproxy, nutcracker, direct, echo, or a name given with --proxy); may be repeated.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Another proxy: its name and its start command, in which {listen}, {server1} and {server2} stand for addresses,
    /// {conf} for a nutcracker.yml, {golem_conf} for the same with `threads: 1`, {port} for a free port. May be repeated;
    /// the name of a known contestant replaces it.
    #[arg(long, value_name = "NAME=COMMAND")]
    proxy: Vec<String>,
    /// Do not build golem-bench and golemproxy first; take what lies in the release folder.
    #[arg(long)]
    no_build: bool,
    /// Write the table, in Markdown, to this file too.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the task.
pub(crate) fn run(arguments: &[String]) -> Result<(), Problem> {
    let name = "cargo xtask bench".to_string();
    let options = Options::parse_from(iter::once(&name).chain(arguments));
    let release = release_folder()?;
    let workloads = workload::chosen(&options.workload)?;
    let server = options.servers.server(&release);
    let mut contestants = contestant::known(&release, options.servers);
    for text in &options.proxy {
        contestant::add(&mut contestants, text)?;
    }
    let contestants = contestant::chosen(contestants, &options.only)?;
    if !options.no_build {
        build(&contestants)?;
    }
    let mut text = machine::describe(arguments);
    text.push_str(&format!("- servers: two `{}`\n", server.template()));
    let plan = rounds::Plan {
        bench: release.join("golem-bench"),
        server,
        rounds: options.rounds,
        window: seconds(options.seconds)?,
        warmup: seconds(options.warmup)?,
    };
    for known in &contestants {
        text.push_str(&format!("- {}: `{}`\n", known.name, known.template()));
    }
    println!("{text}");
    for setting in options.setting.map_or(setting::ALL.to_vec(), |setting| vec![setting]) {
        let measured = rounds::measure(&plan, setting, &contestants, &workloads)?;
        let tables = table::render(setting, options.servers, &measured);
        println!("{tables}");
        text.push('\n');
        text.push_str(&tables);
    }
    match &options.out {
        Some(file) => fs::write(file, text).map_err(|error| format!("{}: {error}", file.display())),
        None => Ok(()),
    }
}

fn seconds(number: f64) -> Result<Duration, Problem> {
    Duration::try_from_secs_f64(number).map_err(|error| format!("{number} seconds: {error}"))
}

/// The release folder beside the one in which this program lies.
fn release_folder() -> Result<PathBuf, Problem> {
    let program = env::current_exe().map_err(|error| format!("where this program lies: {error}"))?;
    let target =
        program.parent().and_then(Path::parent).ok_or("this program does not lie in a target folder")?;
    Ok(target.join("release"))
}

fn build(contestants: &[contestant::Contestant]) -> Result<(), Problem> {
    let mut packages = vec!["golem-bench"];
    packages.extend(contestants.iter().filter_map(|contestant| contestant.package));
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release"]);
    for package in packages {
        cargo.args(["--package", package]);
    }
    let status = cargo.status().map_err(|error| format!("cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo build: {status}")) }
}
