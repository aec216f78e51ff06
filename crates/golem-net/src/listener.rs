//! Listening sockets: made once, by the supervisor, with all options that accepted sockets inherit (TCP_NODELAY,
//! SO_KEEPALIVE), so that accepting costs one system call and no option has to be set afterwards.

use crate::stream::Stream;
use crate::target::Target;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::{fs, io, ptr};

/// What to listen on and how.
#[derive(Clone, Debug)]
pub struct ListenSpec {
    /// The address or path.
    pub address: Target,
    /// How many connections the kernel keeps until they are accepted (the argument of `listen(2)`).
    pub backlog: u32,
    /// SO_REUSEPORT, so that several processes can share the port.
    pub reuseport: bool,
    /// SO_KEEPALIVE on accepted TCP connections.
    pub keepalive: bool,
    /// Permissions of a Unix socket's file; without, the process's umask decides.
    pub mode: Option<u32>,
}

impl ListenSpec {
    /// A plain listener: backlog 1024, no reuseport, no keepalive.
    pub fn new(address: Target) -> Self {
        Self { address, backlog: 1024, reuseport: false, keepalive: false, mode: None }
    }
}

/// A socket that listens, in non-blocking mode. Dropping it ends listening; a Unix socket's file stays.
#[derive(Debug)]
pub struct Listener {
    pub(crate) socket: Socket,
}

impl Listener {
    /// Binds and listens, see [`Reserved::bind`].
    ///
    /// # Errors
    /// What the system says.
    pub fn bind(spec: &ListenSpec) -> io::Result<Self> {
        Reserved::bind(spec)?.listen()
    }

    /// The bound address: with the port that the system chose, where port 0 was asked.
    ///
    /// # Errors
    /// The system's; not to be expected.
    pub fn address(&self) -> io::Result<Target> {
        address(&self.socket)
    }

    /// Another length of the queue, and another keepalive of connections that come from now on.
    pub(crate) fn adjust(&self, backlog: u32, keepalive: bool) -> io::Result<()> {
        if matches!(self.address()?, Target::Tcp(_)) {
            self.socket.set_keepalive(keepalive)?;
        }
        // Linux takes another length for a socket that listens already.
        self.socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))
    }

    /// Takes one waiting connection, with one system call.
    pub(crate) fn accept(&self) -> io::Result<Stream> {
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: the descriptor is open while `self` lives, and null pointers say that no address is wanted.
        let fd = unsafe { libc::accept4(self.socket.as_raw_fd(), ptr::null_mut(), ptr::null_mut(), flags) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: accept4 has just made this descriptor, and nothing else owns it.
        let owned = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Stream { socket: Socket::from(owned) })
    }
}

/// A socket with its address, which does not listen yet: what a start opens while it may still fail, so that clients are
/// refused until all is ready.
#[derive(Debug)]
pub struct Reserved {
    socket: Socket,
    backlog: i32,
}

impl Reserved {
    /// Binds. A TCP socket gets SO_REUSEADDR; a Unix socket's file that is left from an earlier run is
    /// removed first (other kinds of files are not touched). While a process still listens there the address is in use,
    /// as a port would be; with `reuseport` its file is replaced.
    ///
    /// # Errors
    /// What the system says: address in use, not available, permission denied, path too long.
    pub fn bind(spec: &ListenSpec) -> io::Result<Self> {
        let address = spec.address.sock_addr()?;
        let kind = Type::STREAM.nonblocking().cloexec();
        let socket = match &spec.address {
            Target::Tcp(_) => {
                let socket = Socket::new_raw(spec.address.domain(), kind, Some(Protocol::TCP))?;
                socket.set_reuse_address(true)?;
                if spec.reuseport {
                    socket.set_reuse_port(true)?;
                }
                socket.set_tcp_nodelay(true)?;
                socket.set_keepalive(spec.keepalive)?;
                socket.bind(&address)?;
                socket
            }
            Target::Unix(path) => {
                let socket = Socket::new_raw(spec.address.domain(), kind, None)?;
                if spec.reuseport || !is_served(&address) {
                    remove_socket(path)?;
                }
                socket.bind(&address)?;
                if let Some(mode) = spec.mode {
                    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
                }
                socket
            }
        };
        Ok(Self { socket, backlog: i32::try_from(spec.backlog).unwrap_or(i32::MAX) })
    }

    /// Listens.
    ///
    /// # Errors
    /// The address is in use by a process that reserved it too, and was faster.
    pub fn listen(self) -> io::Result<Listener> {
        self.socket.listen(self.backlog)?;
        Ok(Listener { socket: self.socket })
    }

    /// The bound address, see [`Listener::address`].
    ///
    /// # Errors
    /// The system's; not to be expected.
    pub fn address(&self) -> io::Result<Target> {
        address(&self.socket)
    }
}

fn address(socket: &Socket) -> io::Result<Target> {
    let address = socket.local_addr()?;
    Target::from_sock_addr(&address).ok_or_else(|| io::Error::other("the listening socket has no address"))
}

/// Whether a process listens on a Unix address. Its queue may be full.
fn is_served(address: &SockAddr) -> bool {
    let Ok(socket) = Socket::new_raw(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None) else {
        return false;
    };
    match socket.connect(address) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

fn remove_socket(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path),
        // Something else lies there: binding will say that the address is in use.
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
