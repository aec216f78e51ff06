//! Going to the background, as nutcracker does: two forks with `setsid` in between, the working directory kept, umask 0,
//! the standard descriptors on /dev/null.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;

/// Makes the calling process a daemon: it returns in the grandchild, while the caller's process ends with exit code 0 as
/// soon as it has forked. Output that is still in buffers of the program must be flushed before.
///
/// # Errors
/// Other threads run already (a fork would lose them), /dev/null cannot be opened, or forking failed in the original
/// process or in its child; then the process is as it was, but for a new session.
pub fn daemonise() -> io::Result<()> {
    if fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other("cannot become a daemon after threads were started"));
    }
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    fork_and_leave()?;
    // SAFETY: no arguments; the child of a fork never leads a process group, so that it succeeds.
    if unsafe { libc::setsid() } < 0 {
        return Err(io::Error::last_os_error());
    }
    // Not the leader of the session: it can never get a controlling terminal by opening one.
    fork_and_leave()?;
    // SAFETY: no memory is involved, and it cannot fail.
    unsafe { libc::umask(0) };
    for standard in 0..=2 {
        // SAFETY: `null` is open, and the numbers 0 to 2 belong to the standard streams, which std never closes and
        // which stay valid, now leading to /dev/null.
        if unsafe { libc::dup2(null.as_raw_fd(), standard) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Returns in the child.
fn fork_and_leave() -> io::Result<()> {
    // SAFETY: `daemonise` made sure that this is the only thread, so that the child may do anything the parent may.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(()),
        // SAFETY: ends the process without running what was registered to run at exit, which is the child's to do.
        _ => unsafe { libc::_exit(0) },
    }
}
