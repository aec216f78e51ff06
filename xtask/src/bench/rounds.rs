//! The rounds: per setting and workload everything is started once; then each contestant is measured once per round, and a
//! round is over before the next begins.

use super::Problem;
use super::children::{Running, free_address, wait_for_reply};
use super::contestant::{Contestant, Role, load_arguments};
use super::setting::{Cores, Setting, pinned};
use super::workload::Workload;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// How often and how long.
pub(crate) struct Plan {
    /// The load generator.
    pub(crate) bench: PathBuf,
    /// How one of the servers is started.
    pub(crate) server: Contestant,
    pub(crate) rounds: u32,
    pub(crate) window: Duration,
    pub(crate) warmup: Duration,
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// CPU time of what is measured, per reply.
    pub(crate) cpu_us: f64,
    /// The part of it spent in user mode.
    pub(crate) user_part: f64,
    /// Replies per second.
    pub(crate) rate: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    /// How much of its processor the measured process used.
    pub(crate) cores: f64,
    /// CPU time of the load generator, per reply.
    pub(crate) generator_us: f64,
    /// Processors that were busy with something that is not part of the run.
    pub(crate) foreign_cores: f64,
}

/// The samples of one contestant in one workload, round by round.
pub(crate) struct Row {
    pub(crate) contestant: String,
    pub(crate) role: Role,
    pub(crate) samples: Vec<Sample>,
}

/// One workload and its rows.
pub(crate) struct Measured {
    pub(crate) workload: Workload,
    pub(crate) rows: Vec<Row>,
}

/// What runs in one setting and workload, whoever is measured.
struct Stage {
    cores: Cores,
    folder: TempDir,
    servers: [Running; 2],
}

impl Stage {
    fn new(setting: Setting, server: &Contestant, workload: &Workload) -> Result<Self, Problem> {
        let cores = setting.cores()?;
        let folder = tempfile::tempdir().map_err(|error| format!("a folder for the run: {error}"))?;
        let start = || start_server(server, workload, cores.others, folder.path());
        let servers = [start()?, start()?];
        Ok(Self { cores, folder, servers })
    }

    fn start(&self, contestant: &Contestant, workload: &Workload) -> Result<Running, Problem> {
        let address = free_address()?;
        let servers = [&self.servers[0], &self.servers[1]].map(|server| server.address.to_string());
        let path = |ending: &str| self.folder.path().join(format!("{}.{ending}", contestant.name));
        let (conf, golem_conf, log) = (path("yml"), path("golem.yml"), path("log"));
        let pool = configuration(address, &servers);
        write(&conf, &pool)?;
        write(&golem_conf, &format!("golemproxy:\n  threads: 1\n{pool}"))?;
        let port = match contestant.role {
            Role::Proxy => free_address()?.port(),
            Role::Server | Role::Floor => address.port(),
        };
        let command = contestant.command(&[
            ("listen", &address.to_string()),
            ("host", &address.ip().to_string()),
            ("port", &port.to_string()),
            ("server1", &servers[0]),
            ("server2", &servers[1]),
            ("conf", &conf.display().to_string()),
            ("golem_conf", &golem_conf.display().to_string()),
            ("log", &path("own.log").display().to_string()),
            ("value_size", &workload.value_size.to_string()),
        ]);
        let running = Running::start(self.cores.measured, &command, address, &log)?;
        match contestant.role {
            Role::Proxy | Role::Server => wait_for_reply(address)?,
            Role::Floor => {}
        }
        Ok(running)
    }
}

/// Measures all contestants in all workloads.
pub(crate) fn measure(
    plan: &Plan,
    setting: Setting,
    contestants: &[Contestant],
    workloads: &[Workload],
) -> Result<Vec<Measured>, Problem> {
    let mut all = Vec::new();
    for workload in workloads {
        let stage = Stage::new(setting, &plan.server, workload)?;
        let mut running = Vec::new();
        let mut rows = Vec::new();
        for contestant in contestants {
            running.push(stage.start(contestant, workload)?);
            rows.push(Row {
                contestant: contestant.name.clone(),
                role: contestant.role,
                samples: Vec::new(),
            });
        }
        for round in 1..=plan.rounds {
            for (process, row) in running.iter().zip(&mut rows) {
                eprintln!(
                    "{setting}; {}: round {round} of {}, {}",
                    workload.name, plan.rounds, row.contestant
                );
                row.samples.push(sample(plan, &stage, workload, row.role, process)?);
            }
        }
        all.push(Measured { workload: *workload, rows });
    }
    Ok(all)
}

/// One run of the load generator.
fn sample(
    plan: &Plan,
    stage: &Stage,
    workload: &Workload,
    role: Role,
    process: &Running,
) -> Result<Sample, Problem> {
    let mut command = pinned(stage.cores.others, &plan.bench.display().to_string());
    command
        .args([
            "--json",
            "--quiet",
            "--server",
            &process.address.to_string(),
            "--watch",
            &process.id().to_string(),
        ])
        .args(["--duration", &plan.window.as_secs_f64().to_string()])
        .args(["--warmup", &plan.warmup.as_secs_f64().to_string()])
        .args(load_arguments(workload));
    for server in &stage.servers {
        command.args(["--companion", &server.id().to_string()]);
    }
    if role == Role::Floor {
        command.arg("--against-echo");
    }
    let output = command.output().map_err(|error| format!("golem-bench: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("golem-bench: {}: {}", output.status, said.trim()));
    }
    let report: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("golem-bench's report: {error}"))?;
    let number = |path: &str| {
        report
            .pointer(path)
            .and_then(Value::as_f64)
            .ok_or_else(|| format!("golem-bench's report has no {path}"))
    };
    if number("/get_misses")? > 0.0 {
        return Err(format!("{}: keys that were stored are not found", workload.name));
    }
    Ok(Sample {
        cpu_us: number("/watched/cpu_us_per_reply")?,
        user_part: number("/watched/user_part")?,
        rate: number("/rate")?,
        p50_us: number("/time_us/p50")?,
        p99_us: number("/time_us/p99")?,
        p999_us: number("/time_us/p99.9")?,
        cores: number("/watched/cores")?,
        generator_us: number("/generator/cpu_us_per_reply")?,
        foreign_cores: number("/foreign_cores")?,
    })
}

/// One of the servers behind the proxies.
fn start_server(
    server: &Contestant,
    workload: &Workload,
    core: usize,
    folder: &Path,
) -> Result<Running, Problem> {
    let address = free_address()?;
    let command = server.command(&[
        ("listen", &address.to_string()),
        ("host", &address.ip().to_string()),
        ("port", &address.port().to_string()),
        ("value_size", &workload.value_size.to_string()),
    ]);
    let log = folder.join(format!("server-{}.log", address.port()));
    let running = Running::start(core, &command, address, &log)?;
    wait_for_reply(address)?;
    Ok(running)
}

/// A pool over two servers, in nutcracker's format.
fn configuration(listen: SocketAddr, servers: &[String]) -> String {
    let servers: String = servers.iter().map(|server| format!("    - {server}:1\n")).collect();
    format!(
        "main:\n  listen: {listen}\n  hash: fnv1a_64\n  distribution: ketama\n  timeout: 5000\n  backlog: 1024\n  \
         preconnect: true\n  servers:\n{servers}"
    )
}

fn write(path: &Path, text: &str) -> Result<(), Problem> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
