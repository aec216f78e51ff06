//! A child process: what it writes is kept, readiness is a connection that succeeds, and it is killed by its handle when
//! the value goes, also when a test panics.

use crate::failure::{Failure, Outcome};
use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a program may take until it listens, or to end.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The longest wait between two tries to connect; output of the child ends it early.
const BETWEEN_TRIES: Duration = Duration::from_millis(3);

/// A running program.
pub struct Process {
    name: String,
    child: Child,
    log: Arc<Log>,
}

/// What the child wrote so far.
#[derive(Default)]
struct Log {
    written: Mutex<Written>,
    has_grown: Condvar,
}

#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    is_complete: bool,
}

impl Process {
    /// Starts the program; both outputs go to one log.
    pub fn start(command: &mut Command) -> Outcome<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let (mut reader, writer) = io::pipe()?;
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        let child = command.spawn().map_err(|e| Failure::from(e).during(format!("cannot start {name}")))?;
        // The command keeps its ends of the pipe; without them the log ends when the child does.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let log = Arc::new(Log::default());
        let filled = Arc::clone(&log);
        thread::spawn(move || filled.fill(&mut reader));
        Ok(Self { name, child, log })
    }

    /// Waits until every address accepts a connection.
    pub fn wait_until_ready(&mut self, addresses: &[SocketAddr]) -> Outcome {
        let deadline = Instant::now() + PATIENCE;
        for address in addresses {
            while let Err(error) = TcpStream::connect_timeout(address, PATIENCE) {
                let has_ended = self.child.try_wait()?.is_some();
                if has_ended || Instant::now() > deadline {
                    if has_ended {
                        self.wait_for_end()?;
                    }
                    let log = self.log();
                    return Err(Failure::new(format!(
                        "{} is not ready on {address}: {error}\n{log}",
                        self.name
                    )));
                }
                let (guard, _) = self
                    .log
                    .has_grown
                    .wait_timeout(self.log.lock(), BETWEEN_TRIES)
                    .unwrap_or_else(PoisonError::into_inner);
                drop(guard);
            }
        }
        Ok(())
    }

    /// Waits until the log holds `text`.
    pub fn wait_for_log(&self, text: &str) -> Outcome {
        let deadline = Instant::now() + PATIENCE;
        let mut written = self.log.lock();
        loop {
            if String::from_utf8_lossy(&written.bytes).contains(text) {
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if written.is_complete || left.is_zero() {
                let log = String::from_utf8_lossy(&written.bytes).into_owned();
                return Err(Failure::new(format!("{}: '{text}' is not in the log:\n{log}", self.name)));
            }
            let waited = self.log.has_grown.wait_timeout(written, left);
            written = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until the program has ended by itself.
    pub fn wait_for_end(&mut self) -> Outcome<ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        let mut written = self.log.lock();
        while !written.is_complete {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failure::new(format!("{} does not end", self.name)));
            }
            let waited = self.log.has_grown.wait_timeout(written, left);
            written = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(written);
        Ok(self.child.wait()?)
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the program wrote so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.log.lock().bytes).into_owned()
    }

    /// Kills the program and waits until it is gone.
    pub fn kill(&mut self) -> Outcome {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = self.log();
        if !log.is_empty() {
            eprintln!("--- log of {} (process {})\n{}", self.name, self.child.id(), log.trim_end());
        }
    }
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fill(&self, reader: &mut impl Read) {
        let mut chunk = [0; 4096];
        loop {
            let read = reader.read(&mut chunk).unwrap_or(0);
            let mut written = self.lock();
            written.bytes.extend_from_slice(&chunk[..read]);
            written.is_complete = read == 0;
            self.has_grown.notify_all();
            if read == 0 {
                return;
            }
        }
    }
}
