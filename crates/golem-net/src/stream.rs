//! A connected socket that no driver owns yet: what an acceptor hands to a worker and what `Driver::adopt` takes. It
//! never blocks and may be sent between threads. Dropping it closes the connection.

use crate::target::Target;
use socket2::Socket;
use std::io;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

/// A connected stream socket, of TCP or Unix kind, in non-blocking mode.
#[derive(Debug)]
pub struct Stream {
    pub(crate) socket: Socket,
}

impl Stream {
    /// Takes over a connected TCP socket as it is, but for non-blocking mode.
    ///
    /// # Errors
    /// The mode cannot be set.
    pub fn from_tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { socket: Socket::from(stream) })
    }

    /// Takes over a connected Unix socket, likewise.
    ///
    /// # Errors
    /// The mode cannot be set.
    pub fn from_unix(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { socket: Socket::from(stream) })
    }

    /// The socket itself, to set or read its options.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// The address of the other side, where it has one.
    pub fn peer(&self) -> Option<Target> {
        self.socket.peer_addr().ok().and_then(|address| Target::from_sock_addr(&address))
    }
}
