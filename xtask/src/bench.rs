//! `cargo xtask bench`: golemproxy, nutcracker, the floor and no proxy at all, side by side in one run. The load comes
//! from `golem-bench`; this task starts everything, pins it to processors, takes the rounds in turn (A B C, A B C, …)
//! and compares medians.
//!
//! Invariant: what is compared was measured in the same run, round by round, so that whatever else the machine did
//! meets all alike.

mod calls;
mod chart;
mod children;
mod contestant;
mod machine;
mod results;
mod rounds;
mod sample;
mod setting;
mod stage;
mod table;
pub(crate) mod training;
mod workload;

use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, iter};

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
    /// Only this setting: own-core, one-core, or free (nothing is bound to a processor).
    #[arg(long, value_name = "NAME")]
    setting: Option<setting::Setting>,
    /// What the proxies stand before, and what is measured without a proxy: memcached, or servers that store nothing and
    /// answer as cheaply as possible.
    #[arg(long, value_name = "NAME", default_value = "memcached")]
    servers: contestant::Servers,
    /// Only these contestants (golemproxy, nutcracker, bare, direct, echo, or a name given with --proxy); may be repeated.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Another proxy: its name and its start command, in which {listen}, {server1} and {server2} stand for addresses,
    /// {servers} for those of all servers with commas between them, {conf} for a nutcracker.yml, {golem_conf} for the same
    /// with `threads: 1`, {port} for a free port. May be repeated; the name of a known contestant replaces it.
    #[arg(long, value_name = "NAME=COMMAND")]
    proxy: Vec<String>,
    /// The same for each line of this file; empty lines and those that begin with # say nothing.
    #[arg(long, value_name = "FILE")]
    proxies: Option<PathBuf>,
    /// Instead of the contestants: golemproxy with each of these numbers of workers, nothing bound to a processor.
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with_all = ["only", "proxy", "proxies", "setting"],
        value_parser = clap::value_parser!(u32).range(1..=1024))]
    scale: Vec<u32>,
    /// Behind the rounds the same again with 70 % of the rate that nutcracker reached, offered to all; times count from when
    /// requests are due.
    #[arg(long)]
    equal_load: bool,
    /// Behind the rounds a pass that counts system calls with strace.
    #[arg(long)]
    system_calls: bool,
    /// Do not build golem-bench and golemproxy first; take what lies in the release folder.
    #[arg(long)]
    no_build: bool,
    /// Write the tables, in Markdown, to this file too, and beside it all samples as JSON and pictures as SVG.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the task.
pub(crate) fn run(arguments: &[String]) -> Result<(), Problem> {
    let name = "cargo xtask bench".to_string();
    let options = Options::parse_from(iter::once(&name).chain(arguments));
    let release = release_folder()?;
    let workloads = workload::chosen(&options.workload)?;
    let contestants = contestants(&options, &release)?;
    if !options.no_build {
        build(&contestants)?;
    }
    let server = options.servers.server(&release);
    let mut head = machine::describe(arguments);
    head.push_str(&format!("- servers: `{}`\n", server.template()));
    for known in &contestants {
        head.push_str(&format!("- {}: `{}`\n", known.name, known.template()));
    }
    println!("{head}");
    let plan = rounds::Plan {
        bench: release.join("golem-bench"),
        server,
        rounds: options.rounds,
        window: seconds(options.seconds)?,
        warmup: seconds(options.warmup)?,
        equal_load: options.equal_load,
        calls: options.system_calls,
    };
    let settings = match options.setting {
        _ if !options.scale.is_empty() => vec![setting::Setting::Free],
        Some(setting) => vec![setting],
        None => setting::USUAL.to_vec(),
    };
    let mut all = Vec::new();
    for setting in settings {
        let measured = rounds::measure(&plan, setting, &contestants, &workloads)?;
        let results = results::Results { setting, servers: options.servers, measured };
        println!("{}", results.tables());
        all.push(results);
    }
    match &options.out {
        Some(file) => results::write(file, &format!("# Measured\n\n{head}"), &all),
        None => Ok(()),
    }
}

/// Who is measured.
fn contestants(options: &Options, release: &Path) -> Result<Vec<contestant::Contestant>, Problem> {
    if !options.scale.is_empty() {
        return Ok(contestant::scaled(release, &options.scale));
    }
    let mut all = contestant::known(release, options.servers);
    if let Some(file) = &options.proxies {
        contestant::add_file(&mut all, file)?;
    }
    for text in &options.proxy {
        contestant::add(&mut all, text)?;
    }
    contestant::chosen(all, &options.only)
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
