//! A server that decides itself how its replies are cut: those to so many requests leave in one write, however the
//! requests came. A real server writes what it has when it has read something, so that the number of its writes depends on
//! when it was stopped in between.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};

/// A server for one connection.
pub(crate) struct BatchServer {
    pub(crate) address: SocketAddr,
    thread: JoinHandle<()>,
}

impl BatchServer {
    /// Takes `set` and `get`; `reply` gives the reply to a request's first line. Values are one line.
    pub(crate) fn start(batch: usize, reply: impl Fn(&str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let thread = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
            let (mut replies, mut waiting) = (String::new(), 0);
            while let Some(line) = lines.next() {
                if line.starts_with("set ") {
                    lines.next().unwrap();
                }
                replies.push_str(&reply(&line));
                waiting += 1;
                if waiting == batch {
                    stream.write_all(replies.as_bytes()).unwrap();
                    (replies, waiting) = (String::new(), 0);
                }
            }
            assert_eq!(waiting, 0, "requests are left that make no batch");
        });
        Self { address, thread }
    }

    /// Waits until its connection has been closed.
    pub(crate) fn finish(self) {
        self.thread.join().unwrap();
    }
}
