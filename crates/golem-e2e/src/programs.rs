//! The programs under test and beside it: memcached, nutcracker and golemproxy, started on free ports with their files
//! in a folder of their own.

use crate::failure::{Failure, Outcome};
use crate::port::Port;
use crate::process::Process;
use std::env;
use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

/// A real memcached.
pub struct Memcached {
    /// The process.
    pub process: Process,
    port: Port,
    arguments: Vec<String>,
}

impl Memcached {
    /// Starts one with the program's defaults.
    pub fn start() -> Outcome<Self> {
        Self::with(&[])
    }

    /// Starts one with more arguments.
    pub fn with(arguments: &[&str]) -> Outcome<Self> {
        let port = Port::reserve()?;
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let process = Self::launch(&port, &arguments)?;
        Ok(Self { process, port, arguments })
    }

    /// Starts it again on the same port, empty, after it was killed.
    pub fn restart(&mut self) -> Outcome {
        self.process = Self::launch(&self.port, &self.arguments)?;
        Ok(())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    fn launch(port: &Port, arguments: &[String]) -> Outcome<Process> {
        let number = port.address().port().to_string();
        // The user matters to root only, whom memcached wants to be told.
        let mut command = Command::new("memcached");
        command.args(["-l", "127.0.0.1", "-p", &number, "-U", "0", "-u", "root", "-t", "1"]).args(arguments);
        let mut process = Process::start(&mut command)?;
        process.wait_until_ready(&[port.address()])?;
        Ok(process)
    }
}

/// Which proxy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Debian's nutcracker 0.5.0.
    Nutcracker,
    /// golemproxy of this repository.
    Golemproxy,
}

/// A running proxy with one or several pools.
pub struct Proxy {
    /// The process.
    pub process: Process,
    /// Where its statistics are.
    pub stats: SocketAddr,
    _ports: Vec<Port>,
    listen: Vec<SocketAddr>,
    folder: TempDir,
}

/// One pool of a configuration file.
pub struct Pool<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its servers.
    pub servers: &'a [SocketAddr],
    /// More lines, such as `hash: md5`.
    pub settings: &'a [&'a str],
}

impl Proxy {
    /// Starts the program over one pool with the default hash and distribution.
    pub fn over(program: Program, servers: &[SocketAddr], settings: &[&str]) -> Outcome<Self> {
        Self::start(program, &[Pool { name: "main", servers, settings }], "")
    }

    /// Starts the program over these pools, each on a free port; `head` stands before them in the file.
    pub fn start(program: Program, pools: &[Pool<'_>], head: &str) -> Outcome<Self> {
        let mut ports = Vec::new();
        let mut text = head.to_owned();
        for pool in pools {
            let port = Port::reserve()?;
            // Writing to a String cannot fail.
            let _ = write!(text, "{}:\n  listen: {}\n", pool.name, port.address());
            pool.settings.iter().for_each(|setting| text.push_str(&format!("  {setting}\n")));
            text.push_str("  servers:\n");
            pool.servers.iter().for_each(|server| text.push_str(&format!("    - {server}:1\n")));
            ports.push(port);
        }
        Self::with_file(program, &text, ports)
    }

    /// Starts the program with a configuration file of this text, whose pools listen on `ports`.
    pub fn with_file(program: Program, text: &str, mut ports: Vec<Port>) -> Outcome<Self> {
        let folder = TempDir::new()?;
        let listen: Vec<SocketAddr> = ports.iter().map(Port::address).collect();
        let file = folder.path().join("proxy.yml");
        fs::write(&file, text)?;
        let stats = Port::reserve()?;
        let mut command = match program {
            Program::Nutcracker => Command::new("nutcracker"),
            Program::Golemproxy => Command::new(golemproxy()?),
        };
        command.arg("-c").arg(&file).args(["-a", "127.0.0.1", "-s", &stats.address().port().to_string()]);
        if program == Program::Nutcracker {
            // Debian's build logs to a file of the system unless told otherwise. Statistics are as old as the interval.
            command.args(["-i", "10", "-o", "/dev/stderr", "-p"]).arg(folder.path().join("pid"));
        }
        let mut process = Process::start(&mut command)?;
        process.wait_until_ready(&listen)?;
        let address = stats.address();
        ports.push(stats);
        Ok(Self { process, stats: address, _ports: ports, listen, folder })
    }

    /// Where the first pool listens.
    pub fn address(&self) -> SocketAddr {
        self.listen[0]
    }

    /// Where each pool listens, in the order given.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.listen
    }

    /// The configuration file.
    pub fn configuration(&self) -> PathBuf {
        self.folder.path().join("proxy.yml")
    }
}

impl Proxy {
    /// Short keys of the first pool that belong to `server`, by `golemproxy route`.
    pub fn keys_of(&self, server: SocketAddr, count: usize) -> Outcome<Vec<String>> {
        let mut command = Command::new(golemproxy()?);
        command.arg("route").arg("-c").arg(self.configuration());
        command.args((0..100 + 30 * count).map(|number| format!("{number}-some-key")));
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let entry = format!("{server}:1");
        let lines = text.lines().filter(|line| line.ends_with(&entry));
        let keys: Vec<String> =
            lines.filter_map(|line| line.split('\t').next()).map(str::to_owned).take(count).collect();
        if keys.len() < count {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Failure::new(format!("golemproxy route finds no keys of {server}:\n{text}{said}")));
        }
        Ok(keys)
    }
}

/// The program that was built from this repository: the one that `GOLEMPROXY_PROGRAM` names, else one that is built now, once
/// per test program, so that it is never an old one.
pub fn golemproxy() -> Outcome<PathBuf> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = PROGRAM.get_or_init(|| match env::var_os("GOLEMPROXY_PROGRAM") {
        Some(path) => Ok(path.into()),
        None => build().map_err(|failure| failure.to_string()),
    });
    built.clone().map_err(Failure::new)
}

fn build() -> Outcome<PathBuf> {
    // .../debug/deps/test-program
    let folder = env::current_exe()?.ancestors().nth(2).map(PathBuf::from);
    let folder = folder.ok_or_else(|| Failure::new("the test program lies in no target folder"))?;
    let mut command = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    command.args(["build", "--quiet", "--package", "golemproxy"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if folder.ends_with("release") {
        command.arg("--release");
    }
    let done = command.output()?;
    if !done.status.success() {
        return Err(Failure::new(format!(
            "cannot build golemproxy:\n{}",
            String::from_utf8_lossy(&done.stderr)
        )));
    }
    Ok(folder.join("golemproxy"))
}
