//! A real memcached on a Unix socket of its own, ended with the test.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The running server.
pub(crate) struct Server {
    child: Child,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts memcached with these arguments beside the usual ones and waits until it answers.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the socket");
        let child = Command::new("memcached")
            .args(["-u", "root", "-t", "1", "-s"])
            .arg(folder.path().join("socket"))
            .args(arguments)
            .stderr(Stdio::null())
            .spawn()
            .expect("memcached must be installed");
        let server = Self { child, folder };
        let started = Instant::now();
        while UnixStream::connect(server.folder.path().join("socket")).is_err() {
            assert!(started.elapsed() < Duration::from_secs(20), "memcached does not come up");
            std::thread::yield_now();
        }
        server
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> Connection {
        let stream = UnixStream::connect(self.folder.path().join("socket")).expect("connect");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a deadline for reads");
        Connection { stream }
    }

    /// Sends `bytes` on a new connection, says that no more will come, and gives all that is answered until the server
    /// closes.
    pub(crate) fn ask_once(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect().stream;
        stream.write_all(bytes).expect("write");
        stream.shutdown(Shutdown::Write).expect("shutdown");
        let mut answer = Vec::new();
        // A server that closes with input unread resets the connection; what it said before has arrived by then.
        let _ = stream.read_to_end(&mut answer);
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection on which one question follows the other.
pub(crate) struct Connection {
    stream: UnixStream,
}

impl Connection {
    /// Sends `bytes`, which end with `mn`, and gives the answer up to `MN`.
    pub(crate) fn ask(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.stream.write_all(bytes).expect("write");
        let mut answer = Vec::new();
        let mut buffer = [0; 65_536];
        while !answer.ends_with(b"MN\r\n") {
            let got = self.stream.read(&mut buffer).unwrap_or_else(|error| {
                panic!("{error} after {} and the answer {}", bytes.escape_ascii(), answer.escape_ascii())
            });
            assert!(got > 0, "closed after {}", bytes.escape_ascii());
            answer.extend_from_slice(&buffer[..got]);
        }
        answer
    }
}
