//! The floor: a server on the same driver as the proxy's that reads, counts and answers, and parses nothing. What it
//! costs is what the kernel costs; no proxy can be cheaper.
//!
//! It has agreed with the load generator on the length of every request and reply, and looks only at each request's
//! first byte, to know which of the two lengths it has. Every value that a `get` brings is that of key 0.
//!
//! Invariant: as many replies as complete requests, in their order, and no byte of a reply is copied before the kernel
//! copies it.

use crate::mix::Operation;
use crate::null::first_hit;
use crate::protocol::{Command, Protocol};
use crate::workload::{Outline, Workload};
use golem_net::{CloseReason, ConnId, Driver, Handler, ListenSpec, Listener, Slices};
use std::collections::VecDeque;
use std::io;

/// A tape is at least so long, so that many replies are one slice.
const TAPE: usize = 16 * 1024;

/// The floor server's connections.
#[derive(Debug)]
pub struct Echo {
    get: Frames,
    set: Frames,
    /// By slot of the connection, which is its `user` number.
    peers: Vec<Peer>,
    /// Connections with something to do after the turn; a few may be there twice.
    touched: Vec<usize>,
}

/// The two kinds of requests that the floor knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
}

/// The lengths of one kind of request.
#[derive(Debug)]
struct Frames {
    request_len: usize,
    reply_len: usize,
    /// The reply again and again.
    tape: Vec<u8>,
}

impl Frames {
    fn new(request_len: usize, reply: &[u8]) -> Self {
        let tape = reply.repeat(TAPE.div_ceil(reply.len()));
        Self { request_len, reply_len: reply.len(), tape }
    }
}

#[derive(Debug, Default)]
struct Peer {
    conn: Option<ConnId>,
    is_over: bool,
    /// Bytes that the request at hand still lacks.
    lacking: usize,
    /// Replies that are owed and not yet sent, runs of one kind.
    owed: VecDeque<Run>,
}

#[derive(Debug)]
struct Run {
    kind: Kind,
    bytes: usize,
}

impl Echo {
    /// A floor for this load: `get` and `set`, or `multiget` and `set`, of text memcached, and one size of values.
    ///
    /// # Errors
    /// The load is another one.
    pub fn new(outline: &Outline) -> Result<Self, String> {
        let workload = Workload::new(outline, 1, 0)?;
        let mix = &outline.mix;
        let has_others = [Operation::Delete, Operation::Incr].into_iter().any(|other| mix.has(other));
        let has_both = mix.has(Operation::Get) && mix.has(Operation::MultiGet);
        let size = outline.sizes.only().filter(|_| outline.protocol == Protocol::Text);
        let Some(size) = size.filter(|_| !has_others && !has_both) else {
            return Err(
                "the floor knows get and set, or multiget and set, of --protocol text, and one --value-size"
                    .to_owned(),
            );
        };
        let size = size as usize;
        let mut read = Vec::new();
        let hits = if mix.has(Operation::MultiGet) {
            let keys = vec![0; workload.many];
            workload.protocol.write(Command::MultiGet(&keys), &workload.names, &mut read);
            workload.many
        } else {
            workload.protocol.write(Command::Get(0), &workload.names, &mut read);
            1
        };
        let mut write = Vec::new();
        if let Some(planned) = workload.first(0) {
            workload.write_set(planned, &mut write);
        }
        let reply = [first_hit(&workload, 0, size).repeat(hits), b"END\r\n".to_vec()].concat();
        Ok(Self {
            get: Frames::new(read.len(), &reply),
            set: Frames::new(write.len(), b"STORED\r\n"),
            peers: Vec::new(),
            touched: Vec::new(),
        })
    }

    /// Serves for ever.
    ///
    /// # Errors
    /// When it cannot listen, or the poller fails.
    pub fn serve(mut self, spec: &ListenSpec) -> io::Result<()> {
        let mut driver = Driver::new()?;
        driver.listen(Listener::bind(spec)?, 0)?;
        loop {
            self.turn(&mut driver)?;
        }
    }

    /// One turn.
    ///
    /// # Errors
    /// When the poller fails.
    pub fn turn(&mut self, driver: &mut Driver) -> io::Result<()> {
        driver.turn(self, None)?;
        let mut touched = std::mem::take(&mut self.touched);
        for at in touched.drain(..) {
            let peer = &mut self.peers[at];
            let Some(conn) = peer.conn else { continue };
            if peer.is_over {
                *peer = Peer::default();
                driver.close(conn);
            } else {
                driver.flush(self, conn);
            }
        }
        self.touched = touched;
        Ok(())
    }

    fn frames(&self, kind: Kind) -> &Frames {
        match kind {
            Kind::Read => &self.get,
            Kind::Write => &self.set,
        }
    }
}

impl Peer {
    fn owe(&mut self, kind: Kind, bytes: usize) {
        match self.owed.back_mut() {
            Some(run) if run.kind == kind => run.bytes += bytes,
            Some(_) | None => self.owed.push_back(Run { kind, bytes }),
        }
    }
}

impl Handler for Echo {
    fn accepted(&mut self, _listener: u32, conn: ConnId) -> Option<u64> {
        let at = conn.slot();
        if self.peers.len() <= at {
            self.peers.resize_with(at + 1, Peer::default);
        }
        self.peers[at] = Peer { conn: Some(conn), ..Peer::default() };
        Some(at as u64)
    }

    fn received(&mut self, user: u64, bytes: &[u8]) {
        let at = user as usize;
        let peer = &mut self.peers[at];
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            if peer.lacking == 0 {
                let (kind, frames) = match first {
                    b'g' => (Kind::Read, &self.get),
                    b's' => (Kind::Write, &self.set),
                    _ => {
                        // Client and floor have not agreed on the lengths.
                        peer.is_over = true;
                        break;
                    }
                };
                peer.lacking = frames.request_len;
                peer.owe(kind, frames.reply_len);
            }
            let taken = peer.lacking.min(rest.len());
            peer.lacking -= taken;
            rest = &rest[taken..];
        }
        self.touched.push(at);
    }

    fn end_of_stream(&mut self, user: u64) {
        self.peers[user as usize].is_over = true;
        self.touched.push(user as usize);
    }

    fn closed(&mut self, user: u64, _reason: CloseReason) {
        self.peers[user as usize] = Peer::default();
    }

    fn output<'a>(&'a self, user: u64, slices: &mut Slices<'a>) {
        let peer = &self.peers[user as usize];
        for (at, run) in peer.owed.iter().enumerate() {
            let frames = self.frames(run.kind);
            // A reply is owed from its request's first byte on, but sent only when the request is complete.
            let is_last = at + 1 == peer.owed.len();
            let held = if is_last && peer.lacking > 0 { frames.reply_len } else { 0 };
            let mut left = run.bytes - held;
            while left > 0 {
                // Runs are whole replies, so what is left says where in a reply the next byte lies.
                let begin = (frames.reply_len - left % frames.reply_len) % frames.reply_len;
                let length = left.min(frames.tape.len() - begin);
                if !slices.push(&frames.tape[begin..begin + length]) {
                    return;
                }
                left -= length;
            }
        }
    }

    fn sent(&mut self, user: u64, mut n: usize) {
        let owed = &mut self.peers[user as usize].owed;
        while let Some(run) = owed.front_mut().filter(|_| n > 0) {
            let gone = n.min(run.bytes);
            run.bytes -= gone;
            n -= gone;
            if run.bytes == 0 {
                owed.pop_front();
            }
        }
    }
}
