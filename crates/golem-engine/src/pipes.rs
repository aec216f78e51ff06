//! Kernel pipes for large values: what comes from a server goes through one to its client, and what a client stores to its
//! server, without ever being copied into the program (splice(2)). The engine knows them by number only and decides what goes where; their owner, who has the
//! descriptors, moves the bytes. A value lies in its pipe as it would in a buffer, between bytes that are in memory.
//!
//! Invariant: a pipe has one owner in the engine at a time (a [`Pipe`] cannot be copied), and it is taken again only when
//! nothing is left in it.

use crate::engine::Engine;
use crate::filling::{END, ReadTarget};
use crate::id::Connection;
use alloc::vec::Vec;

/// Before a value that is likely to be as large, no more than this is read into memory, in bytes: room for the longest
/// header (a key of 250 bytes), and little of the value.
pub(crate) const HEADER: usize = 1024;

/// The number of a pipe: small, dense, below what [`crate::Engine::use_pipes`] allows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PipeId(u16);

impl PipeId {
    /// The number.
    pub const fn index(self) -> u16 {
        self.0
    }
}

/// A pipe in use.
#[derive(Debug)]
pub(crate) struct Pipe(PipeId);

impl Pipe {
    pub(crate) const fn id(&self) -> PipeId {
        self.0
    }

    #[cfg(test)]
    pub(crate) const fn for_test(number: u16) -> Self {
        Self(PipeId(number))
    }
}

/// The pipes of one worker.
#[derive(Debug, Default)]
pub(crate) struct Pipes {
    most: u16,
    /// What is missing of a value goes through a pipe if it has so many bytes.
    least: usize,
    made: u16,
    free: Vec<Pipe>,
    /// Given back with something in them.
    spilled: Vec<Pipe>,
}

impl Pipes {
    /// There may be so many from now on, 0 for none, for values of which at least so many bytes are missing.
    pub(crate) const fn allow(&mut self, (most, least): (u16, usize)) {
        (self.most, self.least) = (most, least);
    }

    /// What was allowed.
    pub(crate) const fn allowed(&self) -> (u16, usize) {
        (self.most, self.least)
    }

    /// Whether so many bytes of a value should go through a pipe.
    pub(crate) const fn are_for(&self, bytes: usize) -> bool {
        self.most > 0 && bytes >= self.least
    }

    /// An empty pipe, if there is one.
    pub(crate) fn take(&mut self) -> Option<Pipe> {
        if self.most == 0 {
            return None;
        }
        self.free.pop().or_else(|| {
            (self.made < self.most).then(|| {
                self.made += 1;
                Pipe(PipeId(self.made - 1))
            })
        })
    }

    /// Takes a pipe back in which `left` bytes still lie.
    pub(crate) fn give(&mut self, pipe: Pipe, left: usize) {
        if left == 0 { self.free.push(pipe) } else { self.spilled.push(pipe) }
    }

    /// A pipe whose owner must empty it now: it may be taken again.
    pub(crate) fn next_spilled(&mut self) -> Option<PipeId> {
        let pipe = self.spilled.pop()?;
        let id = pipe.id();
        self.free.push(pipe);
        Some(id)
    }

    /// Whether there are any.
    pub(crate) const fn are_made(&self) -> bool {
        self.made > 0
    }

    /// Forgets all pipes, if there are some and none is in use.
    pub(crate) fn give_up(&mut self) -> bool {
        if self.made == 0 || self.free.len() < usize::from(self.made) {
            return false;
        }
        self.made = 0;
        self.free = Vec::new();
        true
    }

    /// How many are in use.
    pub(crate) const fn in_use(&self) -> usize {
        self.made as usize - self.free.len() - self.spilled.len()
    }
}

impl Engine {
    /// There may be so many pipes from now on (none without this), which the caller has, for values of which at least `least`
    /// bytes are missing: see [`ReadTarget::Pipe`].
    pub const fn use_pipes(&mut self, most: u16, least: usize) {
        self.buffers.pipes.allow((most, least));
    }

    /// Where the next bytes of `connection` should be read to.
    #[inline]
    pub fn read_target(&mut self, connection: Connection) -> ReadTarget<'_> {
        let target = match connection {
            Connection::Client(id) => {
                self.clients.get_mut(id).map(|client| client.read_target(&mut self.buffers))
            }
            Connection::Server(id) => self.conns.get_mut(id).map(|conn| conn.read_target(&mut self.buffers)),
        };
        target.unwrap_or(ReadTarget::Anywhere(usize::MAX))
    }

    /// The pipe that [`Engine::read_target`] named takes no more, or cannot be had: the next target is another one.
    pub fn leave_pipe(&mut self, connection: Connection) {
        match connection {
            Connection::Client(id) => {
                if let Some(client) = self.clients.get_mut(id) {
                    client.leave_pipe(&mut self.buffers);
                }
            }
            Connection::Server(id) => {
                if let Some(conn) = self.conns.get_mut(id) {
                    conn.leave_pipe(&mut self.buffers);
                }
            }
        }
    }

    /// The pipe in which the bytes lie that are to be sent behind those of [`Engine::output`], and how many.
    #[inline]
    pub fn output_pipe(&self, connection: Connection) -> Option<(PipeId, usize)> {
        match connection {
            Connection::Client(id) => self.clients.get(id)?.outbox.first_pipe(),
            Connection::Server(id) => self.conns.get(id)?.outbox.first_pipe(),
        }
    }

    /// The bytes behind those that [`Engine::output_pipe`] names which may be put into the same pipe: for a client those up to
    /// another pipe, for a server those that surely belong to the same request, as others may still be withdrawn.
    pub fn output_behind(&self, connection: Connection) -> impl Iterator<Item = &[u8]> {
        let (outbox, mut most) = match connection {
            Connection::Client(id) => (self.clients.get(id).map(|client| &client.outbox), usize::MAX),
            Connection::Server(id) => (self.conns.get(id).map(|conn| &conn.outbox), END),
        };
        let behind = outbox.into_iter().flat_map(|outbox| outbox.behind_pipe());
        behind.map_while(move |slice| {
            let part = slice.get(..most.min(slice.len())).filter(|part| !part.is_empty());
            most -= part.map_or(0, <[u8]>::len);
            part
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::Pipes;

    #[test]
    fn a_pipe_is_taken_again_only_when_it_is_empty() {
        let mut pipes = Pipes::default();
        assert!(pipes.take().is_none(), "not allowed");
        pipes.allow((2, 9));
        assert!(pipes.are_for(9) && !pipes.are_for(8));
        let (first, second) = (pipes.take().unwrap(), pipes.take().unwrap());
        assert_ne!(first.id(), second.id());
        assert!(pipes.take().is_none());
        assert_eq!(pipes.in_use(), 2);
        let id = first.id();
        pipes.give(first, 7);
        assert!(pipes.take().is_none(), "seven bytes of somebody lie in it");
        assert_eq!((pipes.next_spilled(), pipes.next_spilled()), (Some(id), None));
        let again = pipes.take().unwrap();
        assert_eq!(again.id(), id);
        pipes.give(again, 0);
        assert!(!pipes.give_up(), "one is in use");
        pipes.give(second, 0);
        assert_eq!((pipes.in_use(), pipes.next_spilled()), (0, None));
        assert!(pipes.give_up() && !pipes.are_made() && !pipes.give_up());
        assert_eq!(pipes.take().map(|pipe| pipe.id().index()), Some(0));
        pipes.allow((0, 9));
        assert!(!pipes.are_for(9));
        assert!(pipes.take().is_none());
    }
}
