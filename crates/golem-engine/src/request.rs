//! Requests between their last byte in and the last byte of their reply out. A client's requests form a queue, linked
//! through the table; replies leave only from its head, so that they leave in the order of the requests (invariant 1).

use crate::gather::Gather;
use crate::held::Held;
use crate::id::{ClientId, RequestId};
use alloc::boxed::Box;
use golem_protocol::memcached::Command;

/// How the parts' replies become the request's reply.
#[derive(Debug)]
pub(crate) enum Merge {
    /// One part: its reply is passed through.
    PassThrough,
    /// Several parts, put together when the last has ended.
    Gather(Box<Gather>),
    /// Whatever its part says, this line (as `SERVER_ERROR object too large for cache` once the key is deleted). Boxed, as
    /// it is rare: an entry of the table should fit into a cache line.
    #[allow(
        clippy::redundant_allocation,
        reason = "a slice is two words, which every request would have room for"
    )]
    Fixed(Box<&'static [u8]>),
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// A part has not ended.
    Waiting,
    /// All is there; it leaves when it is the head of its client's queue.
    Ready,
    /// As `Ready`; the client is closed once it has left.
    ReadyThenClose,
}

/// One request of a client.
#[derive(Debug)]
pub(crate) struct Request {
    /// Whose it is.
    pub client: ClientId,
    /// The client's next one.
    pub next: Option<RequestId>,
    /// What was asked.
    pub command: Command,
    /// Whether the client wants to hear only what [`golem_protocol::memcached::is_hidden`] does not hide.
    pub quiet: bool,
    /// Where it stands.
    pub progress: Progress,
    /// How its reply is made.
    pub merge: Merge,
    /// Reply bytes that wait: for the rest of the reply, or for earlier replies.
    pub held: Held,
    /// Bytes that count against its client's limits until it has left, held ones aside.
    pub charge: u32,
}

/// What a request costs besides its bytes: its entry here and in the queues.
pub(crate) const OVERHEAD: u32 = 256;

impl Request {
    /// A request of `client` that waits, `len` bytes long.
    pub(crate) fn new(client: ClientId, command: Command, quiet: bool, merge: Merge, len: usize) -> Self {
        Self {
            client,
            next: None,
            command,
            quiet,
            progress: Progress::Waiting,
            merge,
            held: Held::default(),
            charge: OVERHEAD.saturating_add(u32::try_from(len).unwrap_or(u32::MAX)),
        }
    }
}
