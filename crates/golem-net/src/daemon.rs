//! Going to the background, as nutcracker does: two forks with `setsid` in between, the working directory kept, umask 0,
//! the standard descriptors on /dev/null. Unlike nutcracker's, the process that was started waits at the end of a pipe
//! until the daemon says how its start went, and ends accordingly; it ends in any case when the daemon does.

use std::fs::{self, File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;

/// What the first process says of a daemon that ended without a word.
const WITHOUT_A_WORD: &str = "the process in the background ended before it was ready\n";

/// The process from which a daemon was started. It waits for [`Starter::ready`] or [`Starter::failed`]; when the value
/// goes without one of them, it ends with exit code 1 and says that the daemon ended.
#[must_use = "somebody waits for a word"]
#[derive(Debug)]
pub struct Starter {
    /// Carries the exit code in one byte, then what goes to standard error.
    pipe: PipeWriter,
}

impl Starter {
    /// The daemon serves: the first process ends with exit code 0.
    pub fn ready(self) {
        self.end(0, "");
    }

    /// The daemon ends: the first process writes `text` to its standard error, and ends with `code`.
    pub fn failed(self, code: u8, text: &str) {
        self.end(code, text);
    }

    fn end(mut self, code: u8, text: &str) {
        // Where it does not wait any more, there is nobody to be told.
        let _ = self.pipe.write_all(&[&[code], text.as_bytes()].concat());
    }
}

/// Makes the calling process a daemon: it returns in the grandchild, while the caller's process waits to be told how to
/// end. Output that is still in buffers of the program must be flushed before.
///
/// # Errors
/// Other threads run already (a fork would lose them), /dev/null or a pipe cannot be opened, or forking failed in the
/// original process or in its child; then the process is as it was, but for a new session. A child that gets an error
/// should report it as the original process would, which ends with exit code 1 and says nothing.
pub fn daemonise() -> io::Result<Starter> {
    if fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other("cannot become a daemon after threads were started"));
    }
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    let (reader, writer) = io::pipe()?;
    if fork()? == Side::Parent {
        // Else the pipe would never end.
        drop(writer);
        end_as_told(reader);
    }
    drop(reader);
    let starter = Starter { pipe: writer };
    match detach(&null) {
        Ok(()) => Ok(starter),
        Err(error) => {
            starter.failed(1, "");
            Err(error)
        }
    }
}

/// The rest of the way, from the child of the first fork on; returns in its own child.
fn detach(null: &File) -> io::Result<()> {
    // SAFETY: no arguments; the child of a fork never leads a process group, so that it succeeds.
    if unsafe { libc::setsid() } < 0 {
        return Err(io::Error::last_os_error());
    }
    // Not the leader of the session: it can never get a controlling terminal by opening one.
    if fork()? == Side::Parent {
        leave(0);
    }
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

#[derive(PartialEq, Eq)]
enum Side {
    Parent,
    Child,
}

/// Returns in both.
fn fork() -> io::Result<Side> {
    // SAFETY: `daemonise` made sure that this is the only thread, so that the child may do anything the parent may.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Side::Child),
        _ => Ok(Side::Parent),
    }
}

/// Waits for the daemon's word, or for its end.
fn end_as_told(mut pipe: PipeReader) -> ! {
    let mut told = Vec::new();
    // What came before an error counts.
    let _ = pipe.read_to_end(&mut told);
    let (code, text) =
        told.split_first().map_or((1, WITHOUT_A_WORD.as_bytes()), |(code, text)| (*code, text));
    // The exit code is left when it cannot be written.
    let _ = io::stderr().write_all(text);
    leave(code)
}

fn leave(code: u8) -> ! {
    // SAFETY: ends the process without running what was registered to run at exit, which is the daemon's to do.
    unsafe { libc::_exit(i32::from(code)) }
}
