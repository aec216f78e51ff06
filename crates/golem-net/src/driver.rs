//! The driver: sockets on one side, a [`Handler`] on the other. It is completion-shaped (accepted, connected, received,
//! sent, closed), so that another mechanism (io_uring) could stand beside the poller of `driver/poll.rs`.
//!
//! # The life of a connection
//!
//! 1. *Birth.* [`Driver::connect`] starts one, [`Driver::adopt`] takes one over, or a listener accepts one and the
//!    handler gives it its `user` number in [`Handler::accepted`]. From here on the driver names it by a [`ConnId`] and
//!    the handler by its `user`.
//! 2. *Connecting* (only after `connect`): ends with one call of `connected` or `connect_failed`; after the latter it is
//!    gone. What is flushed earlier waits for `connected`.
//! 3. *Open.* In a turn, at most one read: `received` with bytes that are the handler's only during the call, or
//!    `target_filled` when the handler gave a `read_target` (and then `received`, when more came than it holds).
//!    Output stays with the handler: whenever the driver can write it asks for the unsent bytes with `output`, which must
//!    be the same bytes in the same order until `sent` says that some of them are gone. A new tail may appear at any time.
//! 4. *Paused* (between [`Driver::pause`] and [`Driver::resume`]): not read; what arrives waits in the kernel, and is
//!    read after `resume` without a new event. Writing goes on. The end of the connection is then noticed by writing.
//! 5. *Half closed.* `end_of_stream` says once that the peer sends no more; nothing is read afterwards, but there may be
//!    output still. Nothing closes by itself here: the caller decides.
//! 6. *Death.* Either the caller calls [`Driver::close`], and the handler hears no more of it; or the system ends it, the
//!    driver calls `closed` once, and it is gone. When a *write* fails, what the peer had sent before is read first, so
//!    that a last word ("SERVER_ERROR out of memory", then reset) is not lost; a paused connection is closed at once.
//!    A `ConnId` that outlives its connection is harmless: it names nothing, even when its slot is in use again.
//!
//! # Turns
//!
//! The owner of the driver loops: [`Driver::turn`], in which the handler is called; then whatever the handler noted
//! down: connect, pause, resume, close, and one [`Driver::flush`] for each connection that has new output. A handler cannot
//! call the driver, since the turn holds it. All output of one turn thus leaves in one write per connection.
//! Per connection and turn there is at most one read and one write, and no other system call; a read that leaves its
//! buffer unfilled is not repeated until the poller says that more has come. Only large payloads that go through a pipe
//! take a few more: what lies before and behind them is read and written by itself.

mod accepting;
mod alarm;
mod pipes;
mod poll;
mod reading;
mod slices;
mod table;
mod turn;
mod writing;

pub use poll::Driver;
pub use slices::Slices;

use crate::reason::CloseReason;
use crate::stream::Stream;
use std::fmt;

/// How many events one look at the poller takes at most.
pub const EVENTS_PER_TURN: usize = 1024;
/// How many connections are read in a turn at most; the others wait on the ready list for the next.
pub const READS_PER_TURN: usize = 1024;
/// After this many bytes a turn reads no further connection.
pub const BYTES_PER_TURN: usize = 4 << 20;
/// How many connections each listener accepts in a turn at most.
pub const ACCEPTS_PER_TURN: usize = 64;
/// The size of the buffer that `received` shows, in bytes.
pub const SCRATCH_SIZE: usize = 64 << 10;

/// How often a connection is read in a row, and written, in which large payloads go through pipes.
pub const CALLS_FOR_PIPES: usize = 6;

/// The number of a pipe: small and dense, given by the handler; see [`ReadTarget::Pipe`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PipeSlot(pub u16);

/// Where the next read shall put its bytes.
#[derive(Debug)]
pub enum ReadTarget<'a> {
    /// They come by `received`, at most so many at once.
    Scratch(usize),
    /// Here; then `target_filled` says how many. What came beyond, at most so many bytes, follows by `received`. An empty
    /// one counts as none.
    Memory(&'a mut [u8], usize),
    /// At most so many go into a pipe, from which `output` may have them sent ([`Slices::follow`]); `target_filled` says how
    /// many. If none fits, or there is no pipe to be had, `no_pipe` comes instead, and the target is asked for again.
    Pipe(PipeSlot, usize),
}

/// One connection of a driver. It outlives its connection harmlessly.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId {
    slot: u32,
    generation: u32,
}

impl ConnId {
    /// The position in the driver's table: small, dense, used again after the connection's end.
    pub const fn slot(self) -> usize {
        self.slot as usize
    }

    /// As one number, unique among the connections of one driver.
    pub const fn to_u64(self) -> u64 {
        (self.generation as u64) << 32 | self.slot as u64
    }

    pub(crate) const fn from_u64(number: u64) -> Self {
        Self { slot: (number & 0xffff_ffff) as u32, generation: (number >> 32) as u32 }
    }
}

impl fmt::Debug for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnId({}.{})", self.slot, self.generation)
    }
}

/// What a driver tells, and asks, the owner of its connections. `user` is the number that the owner gave for a
/// connection. The methods with a body are for owners that do not need them.
pub trait Handler {
    /// The wait of a turn is over and its calls begin: the place to read the clock, once per turn.
    fn woken(&mut self) {}

    /// Whether a listener may take one more connection; asked before each. If not, what waits there goes on waiting, and
    /// this is asked again in the turn after one in which the driver closed a connection, or that a waker called for.
    fn has_room(&mut self, listener: u32) -> bool {
        let _ = listener;
        true
    }

    /// A listener took a connection: give it back to have it in this driver, or keep it (to hand it to another thread).
    fn admit(&mut self, listener: u32, stream: Stream) -> Option<Stream> {
        let _ = listener;
        Some(stream)
    }

    /// An admitted connection is now `conn`: its `user` number, or none to close it at once.
    fn accepted(&mut self, listener: u32, conn: ConnId) -> Option<u64>;

    /// Accepting failed. When the process is out of descriptors, the driver accepts no more until it has closed a
    /// connection or a second has passed.
    fn accept_failed(&mut self, listener: u32, reason: CloseReason) {
        let _ = (listener, reason);
    }

    /// A connection that `connect` started is open.
    fn connected(&mut self, user: u64) {
        let _ = user;
    }

    /// A connection that `connect` started could not be made; it is gone.
    fn connect_failed(&mut self, user: u64, reason: CloseReason) {
        let _ = (user, reason);
    }

    /// Bytes came; they are gone after the call.
    fn received(&mut self, user: u64, bytes: &[u8]);

    /// Where the next read shall put its bytes: somewhere else for large payloads.
    fn read_target(&mut self, user: u64) -> ReadTarget<'_> {
        let _ = user;
        ReadTarget::Scratch(usize::MAX)
    }

    /// The first `n` bytes of the target are filled, or `n` bytes have gone into its pipe.
    fn target_filled(&mut self, user: u64, n: usize) {
        let _ = (user, n);
    }

    /// The pipe that `read_target` named is full, or there is none: it must name something else now.
    fn no_pipe(&mut self, user: u64) {
        let _ = user;
    }

    /// The peer sends no more. Comes at most once; writing is still possible.
    fn end_of_stream(&mut self, user: u64);

    /// The system ended the connection; it is gone.
    fn closed(&mut self, user: u64, reason: CloseReason);

    /// Puts the unsent bytes of the connection into `slices`, as many as fit, up to those that lie in a pipe, which it names
    /// ([`Slices::follow`]), and what little follows these. They must stay as they are until sent.
    fn output<'a>(&'a self, user: u64, slices: &mut Slices<'a>);

    /// The first `n` unsent bytes are sent.
    fn sent(&mut self, user: u64, n: usize);
}

/// What a driver did since it was made; system calls, but for `bytes_*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Waits for events (`epoll_wait`): one per turn, but for those that a signal interrupted.
    pub polls: u64,
    /// Times that events were let gather.
    pub gathers: u64,
    /// Reads of connections, with or without success.
    pub reads: u64,
    /// Writes to connections, with or without success.
    pub writes: u64,
    /// Tries to accept a connection.
    pub accepts: u64,
    /// Changes of the poller's interest (`epoll_ctl`): one per connection and listener.
    pub registrations: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Bytes written.
    pub bytes_written: u64,
}
