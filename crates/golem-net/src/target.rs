//! Where to connect to or to listen: a resolved internet address or the path of a Unix socket. Names are resolved
//! elsewhere, since that may block.

use socket2::{Domain, SockAddr};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::{fmt, io};

/// A resolved address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// An internet address and port.
    Tcp(SocketAddr),
    /// The path of a Unix socket, at most 107 bytes.
    Unix(PathBuf),
}

impl Target {
    pub(crate) fn domain(&self) -> Domain {
        match self {
            Self::Tcp(address) => Domain::for_address(*address),
            Self::Unix(_) => Domain::UNIX,
        }
    }

    /// Fails for a path that is too long or holds a zero byte.
    pub(crate) fn sock_addr(&self) -> io::Result<SockAddr> {
        match self {
            Self::Tcp(address) => Ok(SockAddr::from(*address)),
            Self::Unix(path) => SockAddr::unix(path),
        }
    }

    /// The address that the system reports for a socket; none for an unnamed Unix socket.
    pub(crate) fn from_sock_addr(address: &SockAddr) -> Option<Self> {
        match address.as_socket() {
            Some(address) => Some(Self::Tcp(address)),
            None => address.as_pathname().map(|path| Self::Unix(path.to_path_buf())),
        }
    }
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}
