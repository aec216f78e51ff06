//! The null server: a memcached, or a Redis, that stores nothing and hits always, so that a proxy can be measured without its
//! servers in the way. It stands where memcached would, behind a proxy or before the load generator itself.
//!
//! Connections are here; `null/reader` and `null/redis` turn requests into replies and `outbox` holds the replies.
//!
//! Invariant: whatever the cut of the input, the same replies in the order of the requests; those of one read leave in
//! one write.

mod reader;
mod redis;

use crate::outbox::Outbox;
use crate::protocol::Protocol;
use crate::value::Stamp;
use crate::workload::{Outline, Workload};
use golem_net::{CloseReason, ConnId, Driver, Handler, ListenSpec, Listener, Slices};
use reader::{Answers, Reader};
use std::io;

/// The hit on a key as it was stored before the load, in text memcached, without the `END`.
pub(crate) fn first_hit(workload: &Workload, key: u32, size: usize) -> Vec<u8> {
    let mut hit = b"VALUE ".to_vec();
    workload.names.write(key, &mut hit);
    hit.extend_from_slice(format!(" 0 {size}\r\n").as_bytes());
    workload.values.write(key, Stamp::FIRST, size, &mut hit);
    hit.extend_from_slice(b"\r\n");
    hit
}

/// The null server's connections.
#[derive(Debug)]
pub struct Null {
    protocol: Protocol,
    answers: Answers,
    /// By slot of the connection, which is its `user` number.
    peers: Vec<Peer>,
    /// Connections with something to do after the turn; a few may be there twice.
    touched: Vec<usize>,
}

#[derive(Debug, Default)]
struct Peer {
    conn: Option<ConnId>,
    /// Nothing more is read; it is closed when its replies have gone.
    is_over: bool,
    reader: Language,
    out: Outbox,
}

/// Where a connection stands in its requests.
#[derive(Debug)]
enum Language {
    Memcached(Reader),
    Redis(redis::Reader),
}

impl Default for Language {
    fn default() -> Self {
        Self::Memcached(Reader::default())
    }
}

impl Language {
    fn of(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Text | Protocol::Meta => Self::default(),
            Protocol::Redis => Self::Redis(redis::Reader::default()),
        }
    }

    fn read(&mut self, answers: &Answers, bytes: &[u8], out: &mut Outbox) -> bool {
        match self {
            Self::Memcached(reader) => reader.read(answers, bytes, out),
            Self::Redis(reader) => reader.read(answers, bytes, out),
        }
    }
}

impl Null {
    /// A server whose values are those that were stored before the load; any key has one, and all have one size.
    ///
    /// # Errors
    /// There is more than one size, or too much else.
    pub fn new(outline: &Outline) -> Result<Self, String> {
        let workload = Workload::new(outline, 1, 0)?;
        let size = workload.only_size().ok_or("a null server's values have one --value-size")?;
        let answers = Answers::new(&workload, size);
        Ok(Self { protocol: outline.protocol, answers, peers: Vec::new(), touched: Vec::new() })
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
        let mut next = 0;
        // A flush may add the connection again, when it was the last one: see `sent`.
        while let Some(&at) = self.touched.get(next) {
            next += 1;
            let peer = &mut self.peers[at];
            let Some(conn) = peer.conn else { continue };
            if peer.is_over && peer.out.is_empty() {
                *peer = Peer::default();
                driver.close(conn);
            } else {
                driver.flush(self, conn);
            }
        }
        self.touched.clear();
        Ok(())
    }
}

impl Handler for Null {
    fn accepted(&mut self, _listener: u32, conn: ConnId) -> Option<u64> {
        let at = conn.slot();
        if self.peers.len() <= at {
            self.peers.resize_with(at + 1, Peer::default);
        }
        let reader = Language::of(self.protocol);
        self.peers[at] = Peer { conn: Some(conn), reader, ..Peer::default() };
        Some(at as u64)
    }

    fn received(&mut self, user: u64, bytes: &[u8]) {
        let at = user as usize;
        let peer = &mut self.peers[at];
        if !peer.is_over {
            peer.is_over = !peer.reader.read(&self.answers, bytes, &mut peer.out);
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
        self.peers[user as usize].out.slices(self.answers.filler(), slices);
    }

    fn sent(&mut self, user: u64, n: usize) {
        let peer = &mut self.peers[user as usize];
        peer.out.sent(self.answers.filler().len(), n);
        if peer.is_over && peer.out.is_empty() {
            self.touched.push(user as usize);
        }
    }
}
