//! The checked model: what the rest of the program may rely on without asking again.
//!
//! Every value here has passed the checks of this crate; pools and servers stand in nutcracker's order (by length of
//! the name, then byte by byte), which is the order of statistics and of server indexes.

use std::time::Duration;

use golem_ring::{Distribution, Hash, HashTag};

use crate::Problem;

/// A file that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The model.
    pub config: Config,
    /// What was accepted but is probably not meant, in the order of the text.
    pub warnings: Vec<Problem>,
}

/// A whole configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The settings under `golemproxy:`.
    pub process: Process,
    /// At least one pool, in the order of name length, then name.
    pub pools: Vec<Pool>,
}

/// Process-wide settings; what is `None` was not given, and the command line or the default decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// How many workers.
    pub threads: Threads,
    /// The log file.
    pub log: Option<String>,
    /// The log level, 0 to 11, as nutcracker counts.
    pub log_level: Option<u8>,
    /// Where the statistics port listens: host name, address, or a path that starts with `/`.
    pub stats_addr: Option<String>,
    /// The statistics port; 0 turns it off.
    pub stats_port: Option<u16>,
    /// The file that holds the process id while the process runs.
    pub pid_file: Option<String>,
    /// How long a process that was told to end goes on as before.
    pub shutdown_delay: Duration,
    /// How long it then waits for what is in flight.
    pub shutdown_timeout: Duration,
    /// Read the configuration anew on SIGHUP too, not only on SIGUSR1.
    pub reload_on_hup: bool,
    /// The keys that the file gives, with what it says, to tell what another file changes.
    pub given: AsWritten,
    /// Bytes held in a worker from which on clients above their share are not read any further.
    pub worker_soft_limit: u64,
    /// Bytes held in a worker above which the heaviest is given up. At least the soft limit.
    pub worker_hard_limit: u64,
}

/// The number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// As many as the processors allow, at most four.
    Auto,
    /// This many, 1 to 1024.
    Count(u16),
}

/// One pool: the servers behind one listening address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Its name, the key in the file.
    pub name: String,
    /// Where clients connect.
    pub listen: ListenAddress,
    /// The hash function for keys.
    pub hash: Hash,
    /// The two bytes between which the hashed part of a key lies.
    pub hash_tag: Option<HashTag>,
    /// How a hash becomes a server.
    pub distribution: Distribution,
    /// How long a server may take to connect or to answer; `None` waits for ever. Never zero.
    pub timeout: Option<Duration>,
    /// How long making a connection to a server may take. Never zero.
    pub connect_timeout: Duration,
    /// How often names of servers are looked up while they are in use; `None` only when a connection is made. Never zero.
    pub resolve_interval: Option<Duration>,
    /// The queue length given to `listen(2)`, 0 to 2147483647.
    pub backlog: u32,
    /// TCP keepalive on client connections.
    pub tcpkeepalive: bool,
    /// `SO_REUSEPORT` on the listening socket.
    pub reuseport: bool,
    /// Connect to the servers at start.
    pub preconnect: bool,
    /// Connections per server and worker, at least 1.
    pub server_connections: u32,
    /// Take failing servers out of the ring.
    pub auto_eject_hosts: bool,
    /// How many of 100 servers may be out at a time, 1 to 100.
    pub eject_max_percent: u32,
    /// How long an ejected server stays out at least, and how often it is then probed at most.
    pub server_retry_timeout: Duration,
    /// Failures in a row that eject a server, as written: 0 acts like 1.
    pub server_failure_limit: u32,
    /// At least one server, in index order: by length of the label, then label.
    pub servers: Vec<Server>,
    /// What a client gets when a part of its multi-key get failed.
    pub multiget_failure: MultigetFailure,
    /// The commands for the whole pool that clients may use.
    pub admin_commands: AdminCommands,
    /// Longest key in bytes, 1 to 250.
    pub key_max: u16,
    /// Longest request line in bytes, of all commands but multi-key gets.
    pub line_max: u32,
    /// Most keys in one request.
    pub keys_max: u32,
    /// Largest value in bytes that a request may carry.
    pub item_size_max: u32,
    /// Bytes held for one client from which on it is not read any further.
    pub client_soft_limit: u64,
    /// Bytes held for one client from which on its largest request fails. At least the soft limit.
    pub client_hard_limit: u64,
    /// Bytes that requests for one server connection may hold; from half of it on their clients are not read any further.
    pub server_connection_limit: u64,
    /// Most clients, in the whole process.
    pub max_clients: Option<u32>,
    /// A client that is idle for so long is closed; never zero.
    pub client_idle_timeout: Option<Duration>,
    /// The keys that the file gives for it, with what it says, to tell what another file changes.
    pub given: AsWritten,
}

/// Where a pool listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// The parsed address.
    pub target: ListenTarget,
    /// The text in the file.
    pub source: String,
}

/// The parsed address of a [`ListenAddress`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenTarget {
    /// A TCP port. The host (a name, or an address without brackets) is not resolved yet.
    Tcp {
        /// Host name or address.
        host: String,
        /// 1 to 65535.
        port: u16,
    },
    /// A UNIX socket.
    Unix {
        /// At most 107 bytes.
        path: String,
        /// The permission of the socket file; `None` leaves it to the umask.
        mode: Option<u32>,
    },
}

/// One server of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name in the ring and in statistics: the name given, else the host (port 11211), else `host:port`, else the
    /// path with a colon at its end.
    pub label: String,
    /// Where it is.
    pub address: ServerAddress,
    /// Its share, 1 to 2147483647.
    pub weight: u32,
    /// The entry without its name, `HOST:PORT:WEIGHT`: nutcracker's name for it in logs.
    pub entry: String,
    /// Its position in the list of the file, from 0.
    pub file_position: usize,
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerAddress {
    /// A TCP port. The host (a name, or an address without brackets) is not resolved yet.
    Tcp {
        /// Host name or address.
        host: String,
        /// 1 to 65535.
        port: u16,
    },
    /// The path of a UNIX socket, at most 107 bytes.
    Unix(String),
}

/// What a client gets when a part of its multi-key get failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MultigetFailure {
    /// One error line in place of the answer, then its connection is closed (nutcracker).
    Close,
    /// One error line in place of the answer; the connection stays.
    Keep,
    /// The values of the other servers, as if the missing keys were not stored.
    Miss,
}

/// The commands for all servers of a pool that its clients may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdminCommands {
    /// `flush_all`.
    pub flush_all: bool,
    /// `verbosity`.
    pub verbosity: bool,
}

/// Keys with the text that a file gives for them, lists in one line. Two models are equal whatever their texts: the same can be
/// written in several ways.
#[derive(Clone, Debug, Default)]
pub struct AsWritten(pub Vec<(&'static str, String)>);

impl PartialEq for AsWritten {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for AsWritten {}
