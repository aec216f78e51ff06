//! The processes of a run: started on their processor, waited for until they accept connections, ended by handle.
//!
//! Invariant: no process outlives the run.

use super::Problem;
use super::setting::pinned;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const START_LIMIT: Duration = Duration::from_secs(10);
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A process that ends when this is dropped.
pub(crate) struct Running {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Running {
    /// Starts `command` on the processors `cores` and waits until somebody accepts connections at `address`. What it says goes
    /// to the file `log`.
    pub(crate) fn start(
        cores: &str,
        command: &[String],
        address: SocketAddr,
        log: &Path,
    ) -> Result<Self, Problem> {
        let (program, arguments) = command.split_first().ok_or("an empty start command")?;
        let output = File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
        let errors = output.try_clone().map_err(|error| format!("{}: {error}", log.display()))?;
        let child = pinned(cores, program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("taskset {program}: {error}"))?;
        let mut running = Self { child, address };
        running.wait(program, log)?;
        Ok(running)
    }

    fn wait(&mut self, program: &str, log: &Path) -> Result<(), Problem> {
        let begin = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            let ended = self.child.try_wait().map_err(|error| format!("{program}: {error}"))?;
            if ended.is_some() || begin.elapsed() > START_LIMIT {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                return Err(format!("{program} does not listen on {}: {}", self.address, said.trim()));
            }
            thread::yield_now();
        }
        Ok(())
    }

    /// Asks it to end, and waits until it has ended in order.
    pub(crate) fn end(&mut self) -> Result<(), Problem> {
        let id = self.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status();
        asked.map_err(|error| format!("kill: {error}"))?;
        let status = self.child.wait().map_err(|error| format!("process {id}: {error}"))?;
        if status.success() { Ok(()) } else { Err(format!("process {id}: {status}")) }
    }

    /// The process's id; `taskset` has become the program by the time it listens.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address on 127.0.0.1 whose port is free at this moment.
pub(crate) fn free_address() -> Result<SocketAddr, Problem> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| format!("a free port: {error}"))
}

/// Waits until a server, or a proxy with all its servers, answers: a listening proxy may not have its servers yet. A null
/// server has every key.
pub(crate) fn wait_for_reply(address: SocketAddr) -> Result<(), Problem> {
    let asked = || -> std::io::Result<()> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.write_all(b"get golem:ready\r\n")?;
        let mut reply = [0; 5];
        stream.read_exact(&mut reply)?;
        match &reply {
            b"END\r\n" | b"VALUE" => Ok(()),
            _ => Err(std::io::Error::other("not the reply to a get")),
        }
    };
    asked().map_err(|error| format!("{address} does not answer a get: {error}"))
}
