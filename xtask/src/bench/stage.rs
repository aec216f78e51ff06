//! What runs in one setting and workload: servers, contestants, and the load generator against one of them.

use super::Problem;
use super::calls::{Calls, Counting};
use super::children::{Running, free_address, wait_for_reply};
use super::contestant::{Contestant, Role};
use super::sample::Sample;
use super::setting::{Cores, Setting, descriptors, pinned};
use super::workload::Workload;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What runs, whoever is measured.
pub(crate) struct Stage {
    /// The load generator.
    bench: PathBuf,
    threads: u32,
    cores: Cores,
    folder: TempDir,
    servers: Vec<Running>,
    load: Vec<String>,
}

impl Stage {
    /// Starts the servers.
    pub(crate) fn new(
        setting: Setting,
        bench: &Path,
        server: &Contestant,
        workload: &Workload,
    ) -> Result<Self, Problem> {
        let folder = tempfile::tempdir().map_err(|error| format!("a folder for the run: {error}"))?;
        let threads = match setting {
            Setting::OwnCore | Setting::OneCore => 1,
            // Half of the processors, so that servers and proxy have some, too.
            Setting::Free => (super::setting::count() as u32 / 2).max(1),
        };
        let mut this = Self {
            bench: bench.to_owned(),
            threads,
            cores: setting.cores()?,
            folder,
            servers: Vec::new(),
            load: workload.load(descriptors()),
        };
        for _ in 0..workload.servers {
            let running = this.start_server(server)?;
            this.servers.push(running);
        }
        Ok(this)
    }

    fn most(&self) -> String {
        descriptors().saturating_sub(100).max(100).to_string()
    }

    /// One of the servers behind the proxies.
    fn start_server(&self, server: &Contestant) -> Result<Running, Problem> {
        let address = free_address()?;
        let values = [
            ("listen", &*address.to_string()),
            ("host", &*address.ip().to_string()),
            ("port", &*address.port().to_string()),
            ("most", &*self.most()),
        ];
        let command = server.command(&values, &self.load);
        let log = self.folder.path().join(format!("server-{}.log", address.port()));
        let running = Running::start(&self.cores.others, &command, address, &log)?;
        wait_for_reply(address)?;
        Ok(running)
    }

    /// Starts one of those that are measured.
    pub(crate) fn start(&self, contestant: &Contestant) -> Result<Running, Problem> {
        let address = free_address()?;
        let path =
            |ending: &str| self.folder.path().join(format!("{}.{ending}", contestant.name.replace(' ', "-")));
        let log = path("log");
        let pool = configuration(address, &self.servers);
        let mut values = vec![
            ("listen".to_owned(), address.to_string()),
            ("host".to_owned(), address.ip().to_string()),
            ("most".to_owned(), self.most()),
            ("log".to_owned(), path("own.log").display().to_string()),
        ];
        let servers: Vec<String> = self.servers.iter().map(|server| server.address.to_string()).collect();
        values.push(("servers".to_owned(), servers.join(",")));
        values.extend((1..).zip(servers).map(|(number, server)| (format!("server{number}"), server)));
        let mut file = |name: String, text: String| -> Result<(), Problem> {
            let file = path(&format!("{name}.yml"));
            std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
            values.push((name, file.display().to_string()));
            Ok(())
        };
        let with_workers = |count: u32| format!("golemproxy:\n  threads: {count}\n{pool}");
        file("conf".to_owned(), pool.clone())?;
        file("golem_conf".to_owned(), with_workers(1))?;
        for count in contestant.workers() {
            file(format!("golem_conf_{count}"), with_workers(count))?;
        }
        let port = match contestant.role {
            Role::Proxy => free_address()?.port(),
            Role::Server | Role::Floor => address.port(),
        };
        values.push(("port".to_owned(), port.to_string()));
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (&**name, &**value)).collect();
        let command = contestant.command(&values, &self.load);
        let running = Running::start(&self.cores.measured, &command, address, &log)?;
        match contestant.role {
            Role::Proxy | Role::Server => wait_for_reply(address)?,
            Role::Floor => {}
        }
        Ok(running)
    }

    /// One run of the load generator, with these flags besides.
    pub(crate) fn measure(
        &self,
        process: &Running,
        role: Role,
        besides: &[String],
    ) -> Result<Sample, Problem> {
        Sample::of(&self.run(process, role, besides)?)
    }

    /// Counts system calls while so many requests are answered.
    pub(crate) fn count_calls(&self, process: &Running, role: Role, requests: u32) -> Result<Calls, Problem> {
        let counting = Counting::begin(process.id(), self.folder.path().join("calls"))?;
        let flags = ["--no-preload", "--warmup", "0", "--count", &requests.to_string()].map(str::to_owned);
        let report = self.run(process, role, &flags)?;
        let replies = report["replies"].as_f64().filter(|replies| *replies > 0.0);
        counting.end(replies.ok_or("golem-bench's report has no /replies")?)
    }

    fn run(&self, process: &Running, role: Role, besides: &[String]) -> Result<Value, Problem> {
        let mut command = pinned(&self.cores.others, &self.bench.display().to_string());
        command
            .args(["--json", "--quiet", "--patience", "30", "--server", &process.address.to_string()])
            .args(["--watch", &process.id().to_string(), "--threads", &self.threads.to_string()])
            .args(&self.load)
            .args(besides);
        for server in &self.servers {
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
        serde_json::from_slice(&output.stdout).map_err(|error| format!("golem-bench's report: {error}"))
    }
}

/// A pool over all servers, in nutcracker's format.
fn configuration(listen: SocketAddr, servers: &[Running]) -> String {
    let servers: String = servers.iter().map(|server| format!("    - {}:1\n", server.address)).collect();
    format!(
        "main:\n  listen: {listen}\n  hash: fnv1a_64\n  distribution: ketama\n  timeout: 5000\n  backlog: 4096\n  \
         preconnect: true\n  servers:\n{servers}"
    )
}
