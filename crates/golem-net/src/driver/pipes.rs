//! Pipes of the kernel through which large payloads go from one socket to another without being copied into the program
//! (splice(2)). The handler names them by number and decides what goes through which; here are their descriptors.
//!
//! Invariant: what lies in a pipe is known to the byte, so that one that is used again is empty.

use crate::driver::PipeSlot;
use rustix::io::{ioctl_fionread, writev};
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use socket2::Socket;
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;

/// How much is asked for a pipe, in bytes: 64 places for pieces of payload as the network brought them, each up to 64 KiB
/// large. All pipes of a user may have 64 MiB together unless he is privileged; one that gets no more keeps 16 places.
const SIZE: usize = 256 << 10;

/// A pipe and how many bytes lie in it.
struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
    level: usize,
}

impl Pipe {
    fn new() -> io::Result<Self> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // A smaller one does, too.
        let _ = fcntl_setpipe_size(&write, SIZE);
        Ok(Self { read, write, level: 0 })
    }
}

/// What became of moving bytes from a socket into a pipe.
pub(super) enum Filled {
    /// So many came; 0 for the end of the stream. Or the socket has failed, or has nothing.
    Read(io::Result<usize>),
    /// The pipe is full, or cannot be had.
    NoRoom,
}

/// The pipes of one driver, by number; those that were never used, or were emptied, are made when they are needed.
#[derive(Default)]
pub(super) struct Pipes {
    slots: Vec<Option<Pipe>>,
}

impl Pipes {
    /// Moves at most `most` bytes from the socket into a pipe.
    pub(super) fn fill(&mut self, slot: PipeSlot, socket: &Socket, most: usize) -> Filled {
        let Some(pipe) = self.get(slot) else { return Filled::NoRoom };
        let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        match splice(socket, None, &pipe.write, None, most, flags) {
            Ok(count) => {
                pipe.level += count;
                Filled::Read(Ok(count))
            }
            // It is either the socket that has nothing or the pipe that is full.
            Err(rustix::io::Errno::AGAIN)
                if pipe.level > 0 && ioctl_fionread(socket).is_ok_and(|n| n > 0) =>
            {
                Filled::NoRoom
            }
            // No socket of this kind, or no such call here.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => Filled::NoRoom,
            Err(error) => Filled::Read(Err(error.into())),
        }
    }

    /// Puts what comes behind the `len` bytes of a payload into its pipe as well, so that all leaves in one call; as much as
    /// there is room for, and nothing if that was done before.
    pub(super) fn append(&mut self, slot: PipeSlot, len: usize, behind: &[IoSlice<'_>]) {
        if let Some(pipe) = self.slots.get_mut(usize::from(slot.0)).and_then(Option::as_mut)
            && pipe.level == len
            && !behind.is_empty()
            && let Ok(count) = writev(&pipe.write, behind)
        {
            pipe.level += count;
        }
    }

    /// Moves the `len` bytes of a payload from its pipe to the socket, with what was put behind them; how many went, and
    /// whether that was all. SIGPIPE is ignored in every program of Rust's standard library.
    pub(super) fn drain(&mut self, slot: PipeSlot, socket: &Socket, len: usize) -> io::Result<(usize, bool)> {
        let nothing = || io::Error::other("nothing lies in this pipe");
        let place = self.slots.get_mut(usize::from(slot.0)).ok_or_else(nothing)?;
        let pipe = place.as_mut().ok_or_else(nothing)?;
        let level = pipe.level;
        let mut flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        // The end of the payload is still to come.
        flags.set(SpliceFlags::MORE, level == len);
        let count = splice(&pipe.read, None, socket, None, level, flags)?;
        pipe.level -= count.min(level);
        if count >= len && pipe.level > 0 {
            // What is left is sent from where it was copied.
            *place = None;
        }
        Ok((count, count == level))
    }

    fn get(&mut self, slot: PipeSlot) -> Option<&mut Pipe> {
        let at = usize::from(slot.0);
        if self.slots.len() <= at {
            self.slots.resize_with(at + 1, || None);
        }
        let place = self.slots.get_mut(at)?;
        if place.is_none() {
            *place = Pipe::new().ok();
        }
        place.as_mut()
    }

    /// Lets go what lies in a pipe.
    pub(super) fn empty(&mut self, slot: PipeSlot) {
        if let Some(place) = self.slots.get_mut(usize::from(slot.0))
            && place.as_ref().is_some_and(|pipe| pipe.level > 0)
        {
            *place = None;
        }
    }

    /// Lets all pipes go.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
    }
}
