//! Why a connection ended or never came to be: the error number of the system call that told, its class, and the text
//! that C's `strerror` has for it, which nutcracker sends to clients after `SERVER_ERROR`.

use std::{fmt, io};

/// The classes of reasons that callers tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nobody listens there.
    Refused,
    /// The peer, or something on the way, broke the connection.
    Reset,
    /// The peer's machine stopped answering.
    TimedOut,
    /// There is no way to that address.
    Unreachable,
    /// This process or machine is out of descriptors, ports or memory.
    Exhausted,
    /// Anything else.
    Other,
}

/// Why a connection was closed by something else than `Driver::close`, or why it could not be made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CloseReason {
    errno: i32,
}

impl CloseReason {
    /// The reason with this error number.
    pub const fn from_errno(errno: i32) -> Self {
        Self { errno }
    }

    /// The error number (`errno`) of the system call that failed.
    pub const fn errno(self) -> i32 {
        self.errno
    }

    /// Its class.
    pub const fn cause(self) -> Cause {
        match self.errno {
            // A Unix socket whose file is not there is a server that is not there.
            libc::ECONNREFUSED | libc::ENOENT => Cause::Refused,
            libc::ECONNRESET | libc::EPIPE | libc::ECONNABORTED | libc::ENOTCONN => Cause::Reset,
            libc::ETIMEDOUT => Cause::TimedOut,
            libc::EHOSTUNREACH | libc::ENETUNREACH | libc::ENETDOWN | libc::EHOSTDOWN => Cause::Unreachable,
            libc::EMFILE
            | libc::ENFILE
            | libc::ENOBUFS
            | libc::ENOMEM
            | libc::EADDRNOTAVAIL
            | libc::ENOSPC => Cause::Exhausted,
            _ => Cause::Other,
        }
    }

    /// The text of C's `strerror`.
    pub fn text(self) -> &'static str {
        TEXTS.iter().find(|(errno, _)| *errno == self.errno).map_or("Input/output error", |(_, text)| text)
    }
}

/// The errors that connections meet, in glibc's wording.
static TEXTS: &[(i32, &str)] = &[
    (libc::EPERM, "Operation not permitted"),
    (libc::ENOENT, "No such file or directory"),
    (libc::EIO, "Input/output error"),
    (libc::EAGAIN, "Resource temporarily unavailable"),
    (libc::ENOMEM, "Cannot allocate memory"),
    (libc::EACCES, "Permission denied"),
    (libc::EINVAL, "Invalid argument"),
    (libc::ENFILE, "Too many open files in system"),
    (libc::EMFILE, "Too many open files"),
    (libc::ENOSPC, "No space left on device"),
    (libc::EPIPE, "Broken pipe"),
    (libc::EPROTO, "Protocol error"),
    (libc::ENOTSOCK, "Socket operation on non-socket"),
    (libc::EPROTOTYPE, "Protocol wrong type for socket"),
    (libc::EAFNOSUPPORT, "Address family not supported by protocol"),
    (libc::EADDRNOTAVAIL, "Cannot assign requested address"),
    (libc::ENETDOWN, "Network is down"),
    (libc::ENETUNREACH, "Network is unreachable"),
    (libc::ECONNABORTED, "Software caused connection abort"),
    (libc::ECONNRESET, "Connection reset by peer"),
    (libc::ENOBUFS, "No buffer space available"),
    (libc::ENOTCONN, "Transport endpoint is not connected"),
    (libc::ETIMEDOUT, "Connection timed out"),
    (libc::ECONNREFUSED, "Connection refused"),
    (libc::EHOSTDOWN, "Host is down"),
    (libc::EHOSTUNREACH, "No route to host"),
];

impl From<&io::Error> for CloseReason {
    fn from(error: &io::Error) -> Self {
        Self { errno: error.raw_os_error().unwrap_or(libc::EIO) }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Debug for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseReason({} {})", self.errno, self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::{Cause, CloseReason, TEXTS};
    use std::io;

    #[test]
    fn texts_are_those_of_the_c_library() {
        for (errno, text) in TEXTS {
            let full = io::Error::from_raw_os_error(*errno).to_string();
            assert_eq!(full, format!("{text} (os error {errno})"));
        }
    }

    #[test]
    fn unknown_errors_are_other_and_input_output_errors() {
        let reason = CloseReason::from(&io::Error::other("no number"));
        assert_eq!(reason.text(), "Input/output error");
        assert_eq!(reason.cause(), Cause::Other);
        assert_eq!(CloseReason::from_errno(libc::ECONNREFUSED).cause(), Cause::Refused);
    }
}
