//! The table of configuration keys: one row per key, with its kind, default, unit, origin and meaning.
//!
//! The checks read values by it (a key that is not given takes the default text of its row), problems quote it when
//! they say what would be right, and `docs/config.md` must show exactly these rows. To add a key: a row here, a field
//! in the model, its line in `pool` or `process`, a row in the document, and a file in `testdata/config/bad`.

use golem_ring::{Distribution, Hash};

use crate::scalar::size_text;

/// The reserved name at the top level that holds the process-wide settings.
pub const PROCESS: &str = "golemproxy";

/// The default text of a key that is unset unless it is given.
pub const NONE: &str = "none";

/// The default text of a key that must be given.
pub const REQUIRED: &str = "required";

/// The largest number that nutcracker reads without wrapping.
const I32_MAX: u64 = 2_147_483_647;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The key as written in the file.
    pub name: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// The value that holds when it is not given, as it would be written; [`NONE`] or [`REQUIRED`].
    pub default: &'static str,
    /// Unit of a number, or empty.
    pub unit: &'static str,
    /// Which programs know the key.
    pub since: Since,
    /// One sentence for the document.
    pub meaning: &'static str,
}

impl Key {
    /// What would be right for this key, as the end of a sentence that begins with "write".
    pub fn expected(&self) -> String {
        match self.kind {
            Kind::Number { .. } if !self.unit.is_empty() => {
                format!("{} ({})", self.kind.expected(), self.unit)
            }
            _ => self.kind.expected(),
        }
    }
}

/// Which program brought a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Nutcracker 0.5.0 and golemproxy in Go.
    Both,
    /// Nutcracker 0.5.0.
    Nutcracker,
    /// Twemproxy after its release 0.5.0.
    TwemproxyHead,
    /// This program.
    Golemproxy,
}

impl Since {
    /// As the document shows it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Both => "nutcracker, golemproxy in Go",
            Self::Nutcracker => "nutcracker",
            Self::TwemproxyHead => "twemproxy after 0.5.0",
            Self::Golemproxy => "golemproxy",
        }
    }
}

/// What the value of a key may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// An address to listen on.
    Listen,
    /// The list of servers.
    Servers,
    /// The name of a hash function.
    Hash,
    /// Two bytes.
    HashTag,
    /// The name of a distribution.
    Distribution,
    /// `true` or `false`.
    Switch,
    /// A whole number in a range.
    Number {
        /// Smallest value.
        min: u64,
        /// Largest value.
        max: u64,
    },
    /// Bytes, with an optional suffix.
    Size {
        /// Smallest value.
        min: u64,
        /// Largest value.
        max: u64,
    },
    /// One word of a list.
    OneOf(&'static [&'static str]),
    /// A list of words of a list.
    SomeOf(&'static [&'static str]),
    /// `auto` or a number of workers.
    Threads {
        /// Largest number.
        max: u64,
    },
    /// Any text.
    Text,
    /// The path of a file.
    File,
    /// A host name, an address, or the path of a UNIX socket.
    Host,
}

impl Kind {
    /// The kind in a word, for the document.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listen | Self::Host => "address",
            Self::Servers | Self::SomeOf(_) => "list",
            Self::Hash | Self::Distribution | Self::OneOf(_) => "name",
            Self::HashTag | Self::Text => "text",
            Self::Switch => "true or false",
            Self::Number { .. } => "number",
            Self::Size { .. } => "size",
            Self::Threads { .. } => "auto or number",
            Self::File => "path",
        }
    }

    /// The kind for the document: its name, with the range or the words that are right where the name does not tell them.
    pub fn described(self) -> String {
        let name = self.name();
        match self {
            Self::Number { min: 0, max: I32_MAX } => name.to_owned(),
            Self::Number { min, max: I32_MAX } => format!("{name} from {min}"),
            Self::Number { min, max } => format!("{name}, {min} to {max}"),
            Self::Size { min, max } => format!("{name}, {} to {}", size_text(min), size_text(max)),
            Self::Threads { max } => format!("{name} to {max}"),
            Self::SomeOf(words) => format!("{name} of `{}`", words.join("`, `")),
            Self::Listen
            | Self::Servers
            | Self::Hash
            | Self::HashTag
            | Self::Distribution
            | Self::Switch
            | Self::OneOf(_)
            | Self::Text
            | Self::File
            | Self::Host => name.to_owned(),
        }
    }

    fn expected(self) -> String {
        match self {
            Self::Listen => {
                "HOST:PORT (port 1 to 65535; an IPv6 address bare or in brackets) or /PATH [MODE]".into()
            }
            Self::Servers => "a list of HOST:PORT:WEIGHT [NAME] or /PATH:WEIGHT [NAME]".into(),
            Self::Hash => format!("one of {}", self.words().join(", ")),
            Self::Distribution => format!("one of {}", self.words().join(", ")),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
            Self::SomeOf(words) => format!("a list, [] or some of [{}]", words.join(", ")),
            Self::HashTag => "exactly two bytes, such as \"{}\"".into(),
            Self::Switch => "true or false".into(),
            Self::Number { min, max } => format!("a whole number from {min} to {max}"),
            Self::Size { min, max } => format!(
                "a number of bytes, or one with k, m or g behind it, from {} to {}",
                size_text(min),
                size_text(max)
            ),
            Self::Threads { max } => format!("auto or a whole number from 1 to {max}"),
            Self::Text => "a text".into(),
            Self::File => "the path of a file".into(),
            Self::Host => "a host name, an address, or a path that begins with /".into(),
        }
    }

    /// The words that are right, where there is a list of them.
    pub fn words(self) -> Vec<&'static str> {
        match self {
            Self::Hash => Hash::ALL.iter().map(|hash| hash.name()).collect(),
            Self::Distribution => Distribution::ALL.iter().map(|distribution| distribution.name()).collect(),
            Self::OneOf(words) | Self::SomeOf(words) => words.to_vec(),
            Self::Listen
            | Self::Servers
            | Self::HashTag
            | Self::Switch
            | Self::Number { .. }
            | Self::Size { .. }
            | Self::Threads { .. }
            | Self::Text
            | Self::File
            | Self::Host => Vec::new(),
        }
    }
}

/// Makes a constant of each row and the table of all rows, so that a key stands in one place only.
macro_rules! keys {
    ($(#[$doc:meta])* $table:ident: $($id:ident = $name:literal, $kind:expr, $default:expr, $unit:literal, $since:ident,
        $meaning:literal;)*) => {
        $(pub(crate) const $id: Key = Key {
            name: $name, kind: $kind, default: $default, unit: $unit, since: Since::$since, meaning: $meaning,
        };)*

        $(#[$doc])*
        pub const $table: &[Key] = &[$($id),*];
    };
}

keys! {
    /// The keys of a pool.
    POOL_KEYS:
    LISTEN = "listen", Kind::Listen, REQUIRED, "", Both,
        "Where clients connect.";
    SERVERS = "servers", Kind::Servers, REQUIRED, "", Both,
        "The servers among which the keys are spread; their order in the file has no influence.";
    HASH = "hash", Kind::Hash, "fnv1a_64", "", Both,
        "The hash function for keys.";
    HASH_TAG = "hash_tag", Kind::HashTag, NONE, "", Nutcracker,
        "Two bytes; only the part of a key between them is hashed, so that keys with the same part share a server.";
    DISTRIBUTION = "distribution", Kind::Distribution, "ketama", "", Both,
        "How a hash becomes a server.";
    TIMEOUT = "timeout", Kind::Number { min: 0, max: I32_MAX }, NONE, "ms", Both,
        "How long a server may take to answer; unset and 0 wait for ever, with a warning.";
    CONNECT_TIMEOUT = "connect_timeout", Kind::Number { min: 1, max: I32_MAX }, NONE, "ms", Golemproxy,
        "How long making a connection to a server may take; unset, it is `timeout`, or 3000 where that is unset too.";
    RESOLVE_INTERVAL = "resolve_interval", Kind::Number { min: 0, max: I32_MAX }, "30000", "ms", Golemproxy,
        "How often names of servers are looked up again while they are in use, at least 100; 0 only when a connection is made.";
    BACKLOG = "backlog", Kind::Number { min: 0, max: I32_MAX }, "512", "connections", Both,
        "Length of the queue of connections that are not accepted yet.";
    PRECONNECT = "preconnect", Kind::Switch, "false", "", Both,
        "Connect to all servers at start instead of when a client needs them.";
    SERVER_CONNECTIONS = "server_connections", Kind::Number { min: 1, max: I32_MAX }, "1", "connections", Nutcracker,
        "Connections to each server, for each worker.";
    TCPKEEPALIVE = "tcpkeepalive", Kind::Switch, "false", "", Nutcracker,
        "Set SO_KEEPALIVE on the connections of clients.";
    REUSEPORT = "reuseport", Kind::Switch, "false", "", TwemproxyHead,
        "Set SO_REUSEPORT on the listening socket, so that several processes can share the port.";
    CLIENT_CONNECTIONS = "client_connections", Kind::Number { min: 0, max: I32_MAX }, "0", "connections", Nutcracker,
        "No effect, as in nutcracker, which reads and drops it; it gives a warning. The limit on clients is `max_clients`.";
    AUTO_EJECT_HOSTS = "auto_eject_hosts", Kind::Switch, "false", "", Nutcracker,
        "Take servers that fail out of the ring, until they answer again.";
    SERVER_RETRY_TIMEOUT = "server_retry_timeout", Kind::Number { min: 0, max: I32_MAX }, "30000", "ms", Nutcracker,
        "How long an ejected server stays out at least, and between two looks whether it is back; at least 100. It matters only with `auto_eject_hosts`.";
    SERVER_FAILURE_LIMIT = "server_failure_limit", Kind::Number { min: 0, max: I32_MAX }, "2", "failures", Nutcracker,
        "Failures in a row, in one worker, that eject a server, 0 acts like 1; it matters only with `auto_eject_hosts`.";
    EJECT_MAX_PERCENT = "eject_max_percent", Kind::Number { min: 1, max: 100 }, "100", "%", Golemproxy,
        "Of the pool's servers at most so many are ejected at a time; one more that fails stays in the ring.";
    REDIS = "redis", Kind::Switch, "false", "", Nutcracker,
        "The servers speak Redis; `true` is refused, since this version has memcached pools only.";
    REDIS_AUTH = "redis_auth", Kind::Text, NONE, "", Nutcracker,
        "The password of the Redis servers; refused in a memcached pool.";
    REDIS_DB = "redis_db", Kind::Number { min: 0, max: I32_MAX }, "0", "", Nutcracker,
        "The number of the Redis database; no effect in a memcached pool, and a warning when it is not 0.";
    MULTIGET_FAILURE = "multiget_failure", Kind::OneOf(&["close", "keep", "miss"]), "close", "", Golemproxy,
        "The answer to a `get` of several keys when a server of some of them failed: one error line in place of the \
         whole answer and then the connection is closed (`close`) or kept (`keep`), or the values of the other \
         servers (`miss`).";
    ADMIN_COMMANDS = "admin_commands", Kind::SomeOf(&["flush_all", "verbosity"]), "[]", "", Golemproxy,
        "Commands for all servers of the pool that its clients may use; the others are refused.";
    KEY_MAX = "key_max", Kind::Number { min: 1, max: 250 }, "250", "bytes", Golemproxy,
        "Longest key.";
    LINE_MAX = "line_max", Kind::Size { min: 512, max: 1 << 20 }, "2k", "bytes", Golemproxy,
        "Longest request line, that of a retrieval of many keys aside.";
    KEYS_MAX = "keys_max", Kind::Number { min: 1, max: 1 << 20 }, "65536", "keys", Golemproxy,
        "Most keys in one request.";
    ITEM_SIZE_MAX = "item_size_max", Kind::Size { min: 1, max: 1 << 30 }, "1g", "bytes", Golemproxy,
        "Largest value that a request may carry; the default leaves it to the servers. Replies are not limited by it.";
    CLIENT_SOFT_LIMIT = "client_soft_limit", Kind::Size { min: 4 << 10, max: 1 << 40 }, "4m", "bytes", Golemproxy,
        "When more than this is held for a client, nothing more is read from it until some has left.";
    CLIENT_HARD_LIMIT = "client_hard_limit", Kind::Size { min: 4 << 10, max: 1 << 40 }, "256m", "bytes", Golemproxy,
        "When more than this is held for a client, the request that holds most fails; at least `client_soft_limit`. Neither a request nor a reply can be larger.";
    SERVER_CONNECTION_LIMIT = "server_connection_limit", Kind::Size { min: 64 << 10, max: 1 << 40 }, "64m", "bytes", Golemproxy,
        "When more than half of this waits to be written to one connection to a server, the clients that asked are not read until they are answered; from all of it on, new requests fail at once.";
    MAX_CLIENTS = "max_clients", Kind::Number { min: 1, max: I32_MAX }, NONE, "clients", Golemproxy,
        "Most clients of the pool, in all workers together; one more is told `ERROR Too many open connections` and closed.";
    CLIENT_IDLE_TIMEOUT = "client_idle_timeout", Kind::Number { min: 0, max: I32_MAX }, NONE, "ms", Golemproxy,
        "A client that has sent nothing for so long, and waits for nothing, is closed; unset and 0 never.";
}

keys! {
    /// The keys under the top-level name `golemproxy`.
    PROCESS_KEYS:
    THREADS = "threads", Kind::Threads { max: 1024 }, "auto", "workers", Golemproxy,
        "The number of workers; `auto` takes one for each processor that the process may use, at most 4.";
    WORKER_SOFT_LIMIT = "worker_soft_limit", Kind::Size { min: 1 << 20, max: 1 << 40 }, "512m", "bytes", Golemproxy,
        "When a worker holds more than this for all its clients and server connections, clients that hold more than their share are not read until they hold less, and large requests wait.";
    WORKER_HARD_LIMIT = "worker_hard_limit", Kind::Size { min: 1 << 20, max: 1 << 40 }, "1g", "bytes", Golemproxy,
        "When a worker holds more than this, the reply or request that holds most fails, then the next; at least `worker_soft_limit`.";
    LOG = "log", Kind::File, NONE, "", Golemproxy,
        "The log file; unset, the log goes to standard error. `-o` overrides it.";
    LOG_LEVEL = "log_level", Kind::Number { min: 0, max: 11 }, "5", "", Golemproxy,
        "How much is logged, in nutcracker's levels. `-v` overrides it.";
    STATS_ADDR = "stats_addr", Kind::Host, "127.0.0.1", "", Golemproxy,
        "Where the statistics port listens; a path makes it a UNIX socket. `-a` overrides it.";
    STATS_PORT = "stats_port", Kind::Number { min: 0, max: 65_535 }, "22222", "", Golemproxy,
        "The statistics port; 0 turns it off. `-s` overrides it.";
    PID_FILE = "pid_file", Kind::File, NONE, "", Golemproxy,
        "A file that holds the process id while the process runs. `-p` overrides it.";
    SHUTDOWN_DELAY = "shutdown_delay", Kind::Number { min: 0, max: I32_MAX }, "0", "ms", Golemproxy,
        "How long SIGTERM and SIGINT let everything go on before the process begins to end.";
    SHUTDOWN_TIMEOUT = "shutdown_timeout", Kind::Number { min: 0, max: I32_MAX }, "20000", "ms", Golemproxy,
        "How long an ending process that listens no more waits for what is in flight.";
    RELOAD_ON_HUP = "reload_on_hup", Kind::Switch, "false", "", Golemproxy,
        "Read the configuration file anew on SIGHUP too, not only on SIGUSR1.";
}

/// The row with this name.
pub(crate) fn find(table: &'static [Key], name: &str) -> Option<&'static Key> {
    table.iter().find(|key| key.name == name)
}
