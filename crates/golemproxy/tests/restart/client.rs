//! A client, and what it takes to wait for something.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} does not happen");
        thread::yield_now();
    }
}

/// A client of the test.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn say(&mut self, request: &str) {
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
    }

    /// One line of a reply.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    pub(crate) fn ask(&mut self, request: &str) -> String {
        self.say(request);
        self.line()
    }

    /// Whether the connection ends, and nothing comes before.
    pub(crate) fn ends(&mut self) -> bool {
        match self.0.read(&mut [0; 64]) {
            Ok(length) => length == 0,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// Whether it is served still.
    pub(crate) fn is_served(&mut self) -> bool {
        let mut reply = [0; 4];
        let stream = self.0.get_mut();
        stream.write_all(b"mn\r\n").is_ok() && stream.read_exact(&mut reply).is_ok() && reply == *b"MN\r\n"
    }
}
