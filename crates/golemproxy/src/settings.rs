//! The process-wide settings that hold: a flag of the command line before a key of the file, before the default.

use std::fmt;
use std::path::PathBuf;

use golem_config::{Process, Threads};

use crate::cli::ServeOptions;

/// Workers that `threads: auto` takes at most: each one multiplies the connections that servers see.
const AUTO_WORKERS_MAX: usize = 4;

/// The log level when nobody names one.
pub const LOG_LEVEL: u8 = 5;
const STATS_ADDR: &str = "127.0.0.1";
const STATS_PORT: u16 = 22222;

/// The log of a daemon that was told of none, as in golemproxy in Go.
const DAEMON_LOG: &str = "golemproxy.log";

/// What holds for the whole process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The number of workers, at least 1.
    pub workers: usize,
    /// Where the log goes.
    pub log: Log,
    /// 0 to 11, as nutcracker counts.
    pub log_level: u8,
    /// Where the statistics port listens; `None` if it is off.
    pub stats: Option<Stats>,
    /// The file for the process id.
    pub pid_file: Option<PathBuf>,
}

/// Where the log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Log {
    /// Standard error.
    Stderr,
    /// This file; the start fails if it cannot be opened.
    File(PathBuf),
    /// This file, if it can be opened: a daemon without `-o`, whose log nutcracker throws away.
    FileIfPossible(PathBuf),
}

/// Where the statistics port listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// A host name, an address, or the path of a UNIX socket, which begins with `/` (then the port has no meaning).
    pub address: String,
    /// 1 to 65535.
    pub port: u16,
    /// Nobody named an address. nutcracker would listen on 0.0.0.0, so the start line says where this one does.
    pub is_default_address: bool,
}

impl fmt::Display for Stats {
    /// As it can be given to a client.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address.as_str() {
            path if path.starts_with('/') => f.write_str(path),
            host if host.contains(':') && !host.starts_with('[') => write!(f, "[{host}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

impl Settings {
    /// The settings of a process with these flags and this file.
    pub fn new(options: &ServeOptions, process: &Process) -> Self {
        let log = options.log_file.clone().or_else(|| process.log.clone().map(PathBuf::from));
        let stats_addr = options.stats_addr.clone().or_else(|| process.stats_addr.clone());
        let port = options.stats_port.or(process.stats_port).unwrap_or(STATS_PORT);
        Self {
            workers: workers(process.threads),
            log: match log {
                Some(file) => Log::File(file),
                None if options.daemonise => Log::FileIfPossible(PathBuf::from(DAEMON_LOG)),
                None => Log::Stderr,
            },
            log_level: options.log_level.or(process.log_level).unwrap_or(LOG_LEVEL),
            stats: (port != 0).then(|| Stats {
                is_default_address: stats_addr.is_none(),
                address: stats_addr.unwrap_or_else(|| STATS_ADDR.to_owned()),
                port,
            }),
            pid_file: options.pid_file.clone().or_else(|| process.pid_file.clone().map(PathBuf::from)),
        }
    }
}

/// How many workers a setting means on this machine.
pub fn workers(threads: Threads) -> usize {
    match threads {
        Threads::Auto => golem_net::machine::cpus().clamp(1, AUTO_WORKERS_MAX),
        Threads::Count(count) => usize::from(count),
    }
}
