//! Servers that say who they are: each one answers every key of a `get` with its own number, so that the answer tells
//! which server the key came to. Cheap: threads of the test, no processes.

use crate::failure::Outcome;
use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::path::Path;
use std::thread;

/// A listening server.
pub struct IdentityServer {
    listener: Socket,
}

impl IdentityServer {
    /// Server `number` on a free port of `host`, an address of this machine without its port.
    pub fn on_host(host: SocketAddr, number: usize) -> Outcome<Self> {
        Self::listen(Domain::for_address(host), &host.into(), number)
    }

    /// Server `number` on a UNIX socket.
    pub fn on_path(path: &Path, number: usize) -> Outcome<Self> {
        Self::listen(Domain::UNIX, &SockAddr::unix(path)?, number)
    }

    /// The port it listens on; none for a UNIX socket.
    pub fn port(&self) -> Option<u16> {
        self.listener.local_addr().ok()?.as_socket().map(|address| address.port())
    }

    fn listen(domain: Domain, address: &SockAddr, number: usize) -> Outcome<Self> {
        let listener = Socket::new(domain, Type::STREAM, None)?;
        listener.bind(address)?;
        listener.listen(64)?;
        let accepting = listener.try_clone()?;
        thread::spawn(move || {
            // Ends with an error when the listener is shut down.
            while let Ok((connection, _)) = accepting.accept() {
                thread::spawn(move || answer(connection, number));
            }
        });
        Ok(Self { listener })
    }
}

impl Drop for IdentityServer {
    fn drop(&mut self) {
        // Wakes the thread that accepts; those of the connections end with the proxies.
        let _ = SockRef::from(&self.listener).shutdown(Shutdown::Both);
    }
}

/// Answers until the other end goes.
fn answer(mut connection: Socket, number: usize) {
    let identity = number.to_string();
    let mut unread = Vec::new();
    let mut chunk = [0; 16384];
    let mut replies = Vec::new();
    while let Ok(read @ 1..) = connection.read(&mut chunk) {
        unread.extend_from_slice(&chunk[..read]);
        let complete = unread.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for line in unread[..complete].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            for key in line.split(|byte| *byte == b' ').skip(1).filter(|key| !key.is_empty()) {
                replies.extend_from_slice(b"VALUE ");
                replies.extend_from_slice(key);
                replies.extend_from_slice(format!(" 0 {}\r\n{identity}\r\n", identity.len()).as_bytes());
            }
            replies.extend_from_slice(b"END\r\n");
        }
        unread.drain(..complete);
        if connection.write_all(&replies).is_err() {
            return;
        }
        replies.clear();
    }
}
