//! golemproxy as an operator starts it: in a folder of its own, with flags, perhaps in the background; and the signals
//! that are sent to it.

use crate::failure::{Failure, Outcome, ensure};
use crate::port::Port;
use crate::process::Process;
use crate::programs::golemproxy;
use crate::waiting::wait_until;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A folder with the configuration file `proxy.yml`, and the ports that a process in it uses.
pub struct Instance {
    folder: TempDir,
    pool: Port,
    stats: Port,
}

impl Instance {
    /// A folder whose file has the pool `main`, over one server that is not there, and `head` before it.
    pub fn new(head: &str) -> Outcome<Self> {
        let (pool, stats) = (Port::reserve()?, Port::reserve()?);
        let text = format!(
            "{head}main:\n  listen: {}\n  timeout: 5000\n  servers:\n    - 127.0.0.1:1:1\n",
            pool.address()
        );
        let instance = Self { folder: TempDir::new()?, pool, stats };
        fs::write(instance.path("proxy.yml"), text)?;
        Ok(instance)
    }

    /// The program with its file, its statistics port and these flags, in the folder.
    pub fn command(&self, flags: &[&str]) -> Outcome<Command> {
        let mut command = Command::new(golemproxy()?);
        command.current_dir(&self.folder).args(["-c", "proxy.yml", "-s"]);
        command.arg(self.stats.address().port().to_string()).args(flags);
        Ok(command)
    }

    /// Starts it, and waits until it serves.
    pub fn start(&self, flags: &[&str]) -> Outcome<Process> {
        let mut process = Process::start(&mut self.command(flags)?)?;
        process.wait_until_ready(&[self.address()])?;
        Ok(process)
    }

    /// Starts it in the background. When the process that was started has ended, the pid file is written, and the daemon
    /// serves.
    pub fn start_daemon(&self, flags: &[&str]) -> Outcome<Daemon> {
        let pid_file = self.path("daemon.pid");
        let mut command = self.command(&["-d", "-p", "daemon.pid"])?;
        let output = command.args(flags).stdin(Stdio::null()).output()?;
        ensure(output.status.code() == Some(0), format!("not in the background: {}", said(&output)))?;
        let text = fs::read_to_string(&pid_file)?;
        let id = text.parse().map_err(|_| Failure::new(format!("the pid file holds '{text}'")))?;
        let daemon = Daemon { id, pid_file };
        TcpStream::connect(self.address())?;
        Ok(daemon)
    }

    /// Runs it to its end.
    pub fn run(&self, flags: &[&str]) -> Outcome<Output> {
        Ok(self.command(flags)?.stdin(Stdio::null()).output()?)
    }

    /// Where the pool listens.
    pub fn address(&self) -> SocketAddr {
        self.pool.address()
    }

    /// Where the statistics are.
    pub fn stats(&self) -> SocketAddr {
        self.stats.address()
    }

    /// A file of the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A process in the background; killed when the value goes.
pub struct Daemon {
    /// Its id.
    pub id: u32,
    pid_file: PathBuf,
}

impl Daemon {
    /// Ends it by SIGTERM, and waits until it has removed its pid file.
    pub fn end(&self) -> Outcome {
        signal(self.id, "TERM")?;
        wait_until("the pid file is gone", || Ok(!self.pid_file.exists()))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // While the pid file names it, it lives, and the number is nobody else's.
        if fs::read_to_string(&self.pid_file).is_ok_and(|text| text == self.id.to_string()) {
            let _ = signal(self.id, "KILL");
        }
    }
}

/// Sends a signal, by its name without SIG.
pub fn signal(process: u32, name: &str) -> Outcome {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).status()?;
    ensure(sent.success(), format!("SIG{name} cannot be sent to process {process}"))
}

/// Exit code and both outputs, for failures.
pub fn said(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{}\n{out}{err}", output.status)
}
