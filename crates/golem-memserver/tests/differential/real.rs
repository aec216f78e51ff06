//! A real memcached on a free port, and a connection to one.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A reply that takes longer than this does not come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running memcached; ends with this value.
pub(crate) struct Real {
    child: Child,
    port: u16,
}

impl Real {
    /// Starts one with one thread, so that it answers several connections in the order of their requests, and without
    /// the background threads that hold items now and then: a number is then not changed in place.
    pub(crate) fn start() -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let name = format!("port-{}-{}", std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed));
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let child = Command::new("memcached")
            .args(["-l", "127.0.0.1", "-p", "-1", "-U", "0", "-t", "1", "-m", "64", "-u", "root"])
            .args(["-o", "no_lru_maintainer,no_lru_crawler"])
            .env("MEMCACHED_PORT_FILENAME", &file)
            .stderr(Stdio::null())
            .spawn()
            .expect("memcached is installed");
        let mut real = Self { child, port: 0 };
        let started = Instant::now();
        while real.port == 0 {
            assert!(started.elapsed() < PATIENCE, "memcached does not start");
            assert!(real.child.try_wait().unwrap().is_none(), "memcached ended");
            // The file is renamed into place when it is complete.
            if let Ok(text) = std::fs::read_to_string(&file) {
                real.port = text.trim().rsplit(' ').next().unwrap().parse().unwrap();
            }
            std::thread::yield_now();
        }
        std::fs::remove_file(&file).unwrap();
        real
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> Connection {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Connection { stream }
    }

    /// The clock value at its start: the `started_at` with which a store counts seconds as this server does.
    pub(crate) fn started_at(&self) -> u64 {
        let stats = self.stats();
        let number = |name| stats.iter().find(|(n, _)| n == name).unwrap().1.parse::<u64>().unwrap();
        number("time") - number("uptime") + 2
    }

    /// What `stats` answers.
    pub(crate) fn stats(&self) -> Vec<(String, String)> {
        let mut connection = self.connect();
        connection.send(b"stats\r\n");
        let text = String::from_utf8(connection.read_to(b"END\r\n")).unwrap();
        let pair =
            |line: &str| line.strip_prefix("STAT ")?.split_once(' ').map(|(n, v)| (n.into(), v.into()));
        text.lines().filter_map(pair).collect()
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A connection to a server.
pub(crate) struct Connection {
    stream: TcpStream,
}

impl Connection {
    /// Sends. The server may close before it has read everything; that shows when reading.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        match self.stream.write_all(bytes) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {}
            Err(error) => panic!("not sent: {error}"),
        }
    }

    /// Says that no more will be sent.
    pub(crate) fn end(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Reads `length` bytes; fewer when the connection ends or nothing comes any more.
    pub(crate) fn read(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while filled < length {
            match self.stream.read(&mut bytes[filled..]) {
                Ok(n) if n > 0 => filled += n,
                // This process was stopped and continued (signal(7)).
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => break,
            }
        }
        bytes.truncate(filled);
        bytes
    }

    /// Reads until `end` has come.
    pub(crate) fn read_to(&mut self, end: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end) {
            let byte = self.read(1);
            assert!(!byte.is_empty(), "no {:?} in {:?}", end.escape_ascii(), bytes.escape_ascii());
            bytes.extend_from_slice(&byte);
        }
        bytes
    }

    /// Reads until the other side closes; an error when it does not.
    pub(crate) fn read_to_end(&mut self) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self.stream.read_to_end(&mut bytes) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => Err(error),
            Ok(_) | Err(_) => Ok(bytes),
        }
    }
}
