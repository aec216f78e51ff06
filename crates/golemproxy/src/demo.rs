//! The demo: a pool over cache servers inside this process, for a first try without any other program. It writes a
//! configuration over servers that it has just started, and from there on it is what `-c` with that file would be: the
//! same checks, the same supervisor, the same workers, real sockets in between.

use crate::logging::{Destination, Logger};
use crate::settings;
use crate::supervisor::{Event, Supervisor};
use golem_config::{Config, ListenTarget, Pool, Problem};
use golem_memserver::{MemServer, Options};
use golem_net::{Clock, Signal, Target};
use std::error::Error;
use std::fmt::Write as _;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What the command line says about the demo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoOptions {
    /// The number of cache servers, 1 to 64.
    pub servers: u16,
    /// Where the pool listens, as in `listen:` of a configuration file.
    pub listen: String,
}

/// Serves the demo until a signal ends the process; `out` is told what runs and what to try. Returns `Ok` after a clean
/// end.
///
/// # Errors
/// Why it cannot start: the address of `--listen` is none, or cannot be bound.
pub fn demo(options: &DemoOptions, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let servers = (0..options.servers).map(|_| start_server()).collect::<Result<Vec<_>, _>>()?;
    let addresses: Vec<SocketAddr> = servers.iter().filter_map(MemServer::local_addr).collect();
    let text = configuration(&options.listen, &addresses);
    let config = golem_config::parse("demo", &text).map_err(|problems| refusal(&problems))?.config;
    let workers = settings::workers(config.process.threads);
    // Whatever goes wrong is said on standard error.
    let _logger = Logger::start(Destination::Stderr, settings::LOG_LEVEL)?;
    let mut supervisor = Supervisor::start(&config, workers, Clock::new()).map_err(|problems| {
        format!("{}; another address can be chosen with --listen HOST:PORT", problems.join("\n"))
    })?;
    write!(out, "{}", introduction(&config, &text, workers))?;
    out.flush()?;
    loop {
        match supervisor.next_event()? {
            Event::Signal(Signal::Terminate | Signal::Interrupt) => break,
            Event::Signal(
                Signal::HangUp | Signal::User1 | Signal::User2 | Signal::TtyIn | Signal::TtyOut,
            )
            | Event::InUse => {}
            Event::WorkerEnded(end) => end?,
            Event::Defect(defect) => return Err(defect.into()),
        }
    }
    supervisor.stop();
    for server in servers {
        server.stop()?;
    }
    Ok(())
}

fn start_server() -> Result<MemServer, String> {
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    MemServer::start(&Target::Tcp(any_port), Options::default())
        .map_err(|error| format!("cannot start a cache server: {error}"))
}

/// The text of a configuration file for what the demo runs.
fn configuration(listen: &str, servers: &[SocketAddr]) -> String {
    let mut text = format!(
        "demo:\n  listen: {}\n  hash: fnv1a_64\n  distribution: ketama\n  timeout: 1000\n  preconnect: true\n  \
         servers:\n",
        scalar(listen)
    );
    for server in servers {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    - {server}:1");
    }
    text
}

/// `text` as a YAML scalar, in quotes where it could be read as something else (`[::1]:21211`).
fn scalar(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "./:_-".contains(c);
    let begins_plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/');
    if begins_plain && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// Why the configuration is refused: all of it but `--listen` was written here.
fn refusal(problems: &[Problem]) -> String {
    let lines = problems.iter().map(|problem| format!("--listen: {}; {}", problem.what, problem.instead));
    lines.collect::<Vec<_>>().join("\n")
}

/// What runs, and what to try.
fn introduction(config: &Config, text: &str, workers: usize) -> String {
    let mut out = String::new();
    for pool in &config.pools {
        let listen = &pool.listen.source;
        let servers: Vec<&str> = pool.servers.iter().map(|server| server.label.as_str()).collect();
        let indented: String = text.lines().map(|line| format!("  {line}\n")).collect();
        let tries: String = tries(pool).iter().map(|line| format!("  {line}\n")).collect();
        let memory = Options::default().memory_limit >> 20;
        let threads = if workers == 1 { "1 worker".to_owned() } else { format!("{workers} workers") };
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "golemproxy serves memcached clients on {listen}, with {threads}.\n\
             Keys are spread over {} cache servers inside this process, with {memory} MiB each; what they hold is \
             gone when it ends:\n  {}\n\n\
             The same as a configuration file, for cache servers of your own (golemproxy -c FILE):\n\n{indented}\n\
             Three lines to try, in another terminal:\n\n{tries}\n\
             Ctrl-C ends it.\n",
            servers.len(),
            servers.join("\n  "),
        );
    }
    out
}

/// What the three lines send.
const TRIES: [&str; 3] = [
    r"set fruit 0 0 5\r\napple\r\nset colour 0 0 5\r\ngreen\r\nset count 0 0 1\r\n1\r\n",
    r"get fruit colour count\r\n",
    r"incr count 41\r\nget count\r\n",
];

/// A client for a UNIX socket, of which a shell has none.
const UNIX_CLIENT: &str = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); \
                           s.sendall(b\"LINES\"); print(s.makefile(newline=\"\").read(), end=\"\")";

/// Three commands for a shell that talk to the pool. Over TCP they need nothing but bash, else Python.
fn tries(pool: &Pool) -> [String; 3] {
    TRIES.map(|lines| match &pool.listen.target {
        ListenTarget::Tcp { host, port } => {
            let host = reachable(host);
            format!("bash -c 'exec 3<>/dev/tcp/{host}/{port}; printf \"{lines}quit\\r\\n\" >&3; cat <&3'")
        }
        ListenTarget::Unix { path, .. } => {
            let client = UNIX_CLIENT.replace("LINES", &format!("{lines}quit\\r\\n"));
            format!("python3 -c '{client}' '{}'", path.replace('\'', r"'\''"))
        }
    })
}

/// A host to connect to, for one to listen on.
fn reachable(host: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) if address.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
        Ok(IpAddr::V6(address)) if address.is_unspecified() => Ipv6Addr::LOCALHOST.to_string(),
        Ok(_) | Err(_) => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
    use super::{configuration, refusal, tries};

    #[test]
    fn every_kind_of_address_reads_back_as_it_was_given() {
        for listen in ["127.0.0.1:21211", "[::1]:21211", "::1:21211", "localhost:1", "/tmp/it's 0666", "/a/b"]
        {
            let text = configuration(listen, &["127.0.0.1:5".parse().unwrap()]);
            let loaded = golem_config::parse("demo", &text).unwrap();
            assert_eq!(loaded.config.pools[0].listen.source, listen);
            assert_eq!(loaded.warnings, []);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_by_the_name_of_the_flag() {
        for listen in ["nonsense", "127.0.0.1:0", "127.0.0.1:x", "a: {b", " "] {
            let text = configuration(listen, &["127.0.0.1:5".parse().unwrap()]);
            let refused = refusal(&golem_config::parse("demo", &text).unwrap_err());
            assert!(refused.starts_with("--listen: ") && refused.lines().count() == 1, "{listen}: {refused}");
        }
    }

    #[test]
    fn lines_to_try_go_where_a_client_can_connect() {
        for (listen, place) in [
            ("0.0.0.0:7", "/dev/tcp/127.0.0.1/7;"),
            ("[::]:7", "/dev/tcp/::1/7;"),
            ("10.0.0.1:7", "/dev/tcp/10.0.0.1/7;"),
            ("/tmp/it's", r" '/tmp/it'\''s'"),
        ] {
            let text = configuration(listen, &["127.0.0.1:5".parse().unwrap()]);
            let config = golem_config::parse("demo", &text).unwrap().config;
            for line in tries(&config.pools[0]) {
                assert!(line.contains(place), "{line}");
            }
        }
    }
}
