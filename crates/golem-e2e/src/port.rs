//! Free ports without a race. The socket that found the port stays bound, does not listen, and allows the address to be
//! reused: the kernel gives the port to nobody else, a server that sets SO_REUSEADDR can still listen there, and until
//! one does, connections are refused.

use crate::failure::Outcome;
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

/// A port of 127.0.0.1 that belongs to this test as long as the value lives.
pub struct Port {
    address: SocketAddr,
    _reservation: Socket,
}

impl Port {
    /// Takes a free port.
    pub fn reserve() -> Outcome<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = socket.local_addr()?.as_socket().ok_or_else(|| io::Error::other("no address"))?;
        Ok(Self { address, _reservation: socket })
    }

    /// Address and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
