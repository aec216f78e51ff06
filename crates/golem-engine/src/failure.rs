//! Why a request could not be answered, and the wording that clients see: nutcracker's, so that what reads its error
//! lines goes on working.

/// What happened to a server connection or to one request on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server refused the connection.
    ConnectionRefused,
    /// The server reset the connection.
    ConnectionReset,
    /// The server closed the connection before it had answered.
    ConnectionClosed,
    /// No answer, or no connection, within `timeout`.
    TimedOut,
    /// The server's name does not resolve.
    HostDown,
    /// The server's UNIX socket does not exist.
    NoSuchFile,
    /// The server sent bytes that answer no request.
    BadReply,
    /// No server of the pool is in the ring.
    NoServer,
    /// As many requests wait for the connection, made or not, as may.
    Crowded,
    /// The worker holds as much as it may.
    NoMemory,
    /// Another error of the operating system, by its number on Linux.
    Os(i32),
}

impl Failure {
    /// The number of the error that writing to a connection which the peer has closed gives.
    pub(crate) const BROKEN_PIPE: i32 = 32;

    /// The text behind `SERVER_ERROR `. nutcracker says `unknown` where a server closes the connection; that says
    /// nothing, so this one differs on purpose.
    pub const fn text(self) -> &'static str {
        match self {
            Self::ConnectionRefused | Self::NoServer => "Connection refused",
            Self::ConnectionReset => "Connection reset by peer",
            Self::ConnectionClosed => "Connection closed by server",
            Self::TimedOut => "Connection timed out",
            Self::HostDown => "Host is down",
            Self::NoSuchFile => "No such file or directory",
            Self::BadReply => "Invalid argument",
            Self::Crowded => "Too many requests wait for a connection",
            Self::NoMemory => "out of memory: over worker_hard_limit",
            Self::Os(number) => os_text(number),
        }
    }

    /// The failure that an error number of Linux stands for.
    pub const fn from_os(number: i32) -> Self {
        match number {
            111 => Self::ConnectionRefused,
            104 => Self::ConnectionReset,
            110 => Self::TimedOut,
            2 => Self::NoSuchFile,
            112 => Self::HostDown,
            other => Self::Os(other),
        }
    }
}

/// The wording of the C library for errors that connecting, reading and writing can give.
const fn os_text(number: i32) -> &'static str {
    match number {
        1 => "Operation not permitted",
        11 => "Resource temporarily unavailable",
        12 => "Cannot allocate memory",
        13 => "Permission denied",
        23 => "Too many open files in system",
        24 => "Too many open files",
        32 => "Broken pipe",
        91 => "Protocol wrong type for socket",
        97 => "Address family not supported by protocol",
        98 => "Address already in use",
        99 => "Cannot assign requested address",
        100 => "Network is down",
        101 => "Network is unreachable",
        103 => "Software caused connection abort",
        105 => "No buffer space available",
        107 => "Transport endpoint is not connected",
        113 => "No route to host",
        _ => "Input/output error",
    }
}
