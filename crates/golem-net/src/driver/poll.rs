//! The driver over a readiness poller (mio, edge-triggered): each connection is registered once, for reading and
//! writing, and nothing is changed at the poller until it is closed. What a connection may do is kept in its state, its
//! turn to be read on the ready list.

use crate::driver::pipes::Pipes;
use crate::driver::table::{Connection, State, Table};
use crate::driver::{ConnId, Counts, EVENTS_PER_TURN, SCRATCH_SIZE};
use crate::listener::Listener;
use crate::stream::Stream;
use crate::target::Target;
use crate::waker::Waker;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use socket2::{Protocol, Socket, TcpKeepalive, Type};
use std::collections::VecDeque;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};
use std::{fmt, io};

/// Tokens are connection ids; slots from here on are listeners, the alarm and the waker.
pub(super) const FIRST_LISTENER_SLOT: u32 = 0xffff_0000;
pub(super) const WAKER_SLOT: u32 = u32::MAX;
pub(super) const ALARM_SLOT: u32 = u32::MAX - 1;

/// A listener of this driver.
pub(super) struct Listening {
    pub(super) id: u32,
    pub(super) listener: Listener,
    /// Connections may be waiting.
    pub(super) ready: bool,
    /// The handler had no room for them.
    pub(super) full: bool,
}

/// Connections, listeners and the poller of one thread. See [`crate::driver`] for the life of a connection.
pub struct Driver {
    pub(super) poll: Poll,
    pub(super) events: Events,
    pub(super) waker: Waker,
    /// None before the first alarm.
    pub(super) alarm: Option<OwnedFd>,
    pub(super) table: Table,
    /// By position; a gap is a listener that was taken away.
    pub(super) listeners: Vec<Option<Listening>>,
    /// Out of descriptors: no accepting until then, or until a connection is closed.
    pub(super) accept_again: Option<Instant>,
    /// There are listeners for which there was no room.
    pub(super) full: bool,
    /// Connections that may have something to read and are not paused, each once, the longest waiting first.
    pub(super) ready: VecDeque<ConnId>,
    /// Connections with output that may be written in the next turn, each once.
    pub(super) retry: Vec<ConnId>,
    pub(super) scratch: Box<[u8]>,
    pub(super) pipes: Pipes,
    pub(super) turn: u32,
    pub(super) counts: Counts,
}

impl Driver {
    /// A driver without connections.
    ///
    /// # Errors
    /// The system has no descriptors for the poller.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), token(ConnId { slot: WAKER_SLOT, generation: 0 }))?;
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS_PER_TURN),
            waker,
            alarm: None,
            table: Table::new(),
            listeners: Vec::new(),
            accept_again: None,
            full: false,
            ready: VecDeque::new(),
            retry: Vec::new(),
            scratch: vec![0; SCRATCH_SIZE].into_boxed_slice(),
            pipes: Pipes::default(),
            // Not 0, which new connections have as the turn of their last write.
            turn: 1,
            counts: Counts::default(),
        })
    }

    /// Accepts from `listener`, under the number `id`.
    ///
    /// # Errors
    /// The poller refuses it, or there are 60,000 listeners.
    pub fn listen(&mut self, listener: Listener, id: u32) -> io::Result<()> {
        let free = self.listeners.iter().position(Option::is_none).unwrap_or(self.listeners.len());
        let slot = u32::try_from(free).ok().filter(|at| *at < 60_000).map(|at| FIRST_LISTENER_SLOT + at);
        let slot = slot.ok_or_else(|| io::Error::other("too many listeners"))?;
        self.register(&listener.socket, ConnId { slot, generation: 0 }, Interest::READABLE)?;
        let entry = Some(Listening { id, listener, ready: true, full: false });
        match self.listeners.get_mut(free) {
            Some(place) => *place = entry,
            None => self.listeners.push(entry),
        }
        Ok(())
    }

    /// Accepts no more from the listener with the number `id`, and gives it back; it still listens until it is dropped.
    pub fn unlisten(&mut self, id: u32) -> Option<Listener> {
        let place =
            self.listeners.iter_mut().find(|place| place.as_ref().is_some_and(|found| found.id == id))?;
        let entry = place.take()?;
        // The socket may live on elsewhere, so that closing it is not what takes it out of the poller.
        let _ = self.poll.registry().deregister(&mut SourceFd(&entry.listener.socket.as_raw_fd()));
        Some(entry.listener)
    }

    /// Gives a listener another length of its queue and another keepalive, for connections that come from now on.
    ///
    /// # Errors
    /// The system refuses it; not to be expected.
    pub fn adjust_listener(&mut self, id: u32, backlog: u32, keepalive: bool) -> io::Result<()> {
        let found = self.listeners.iter().flatten().find(|found| found.id == id);
        found.map_or(Ok(()), |found| found.listener.adjust(backlog, keepalive))
    }

    /// Takes over an open connection.
    ///
    /// # Errors
    /// The poller refuses it (out of memory or watches); the connection is closed.
    pub fn adopt(&mut self, stream: Stream, user: u64) -> io::Result<ConnId> {
        self.add(stream.socket, user, State::default())
    }

    /// Starts a connection; `connected` or `connect_failed` follows in a later turn.
    ///
    /// # Errors
    /// It failed at once: nobody listens on a Unix socket (or its queue is full), no route, no free descriptor or port.
    pub fn connect(&mut self, target: &Target, user: u64) -> io::Result<ConnId> {
        self.connect_for(target, user, None)
    }

    /// Like `connect`; a peer whose machine acknowledges nothing for so long, or has no room for what is sent, is gone. One that
    /// has nothing to say is asked now and then whether it is there.
    ///
    /// # Errors
    /// As those of `connect`.
    pub fn connect_for(
        &mut self,
        target: &Target,
        user: u64,
        patience: Option<Duration>,
    ) -> io::Result<ConnId> {
        let address = target.sock_addr()?;
        let kind = Type::STREAM.nonblocking().cloexec();
        let socket = match target {
            Target::Tcp(_) => {
                let socket = Socket::new_raw(target.domain(), kind, Some(Protocol::TCP))?;
                socket.set_tcp_nodelay(true)?;
                if patience.is_some() {
                    socket.set_tcp_keepalive(&keepalive())?;
                    socket.set_tcp_user_timeout(patience)?;
                }
                socket
            }
            Target::Unix(_) => Socket::new_raw(target.domain(), kind, None)?,
        };
        match socket.connect(&address) {
            // Where it is open at once, the poller says so in the next turn.
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
            // A signal came in between; connecting goes on.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        self.add(socket, user, State::CONNECTING)
    }

    /// Stops reading from the connection until `resume`.
    pub fn pause(&mut self, conn: ConnId) {
        // A broken one is about to be closed, after what little the kernel still holds of it was read.
        if let Some(connection) = self.table.get_mut(conn).filter(|found| !found.state.has(State::BROKEN)) {
            connection.state.set(State::PAUSED);
        }
    }

    /// Reads from the connection again, beginning with what arrived meanwhile.
    pub fn resume(&mut self, conn: ConnId) {
        if let Some(connection) = self.table.get_mut(conn) {
            connection.state.clear(State::PAUSED);
            list_if_runnable(connection, conn, &mut self.ready);
        }
    }

    /// Closes the connection, whatever its state; the handler is not told. Unsent output is lost; when input is unread
    /// the peer may see a reset, and lose what it has not read yet.
    pub fn close(&mut self, conn: ConnId) {
        if let Some(socket) = self.table.remove(conn) {
            // Closing takes it out of the poller. Entries of the ready lists find that it is gone.
            drop(socket);
            self.accept_again = None;
            self.look_for_room();
        }
    }

    /// Closes all connections, whatever state a panic of the handler has left; the handler is not told. Listeners and wakers stay,
    /// and the next turn looks at all of them at once, since their events may be lost.
    pub fn reset(&mut self) {
        self.table.clear();
        self.pipes.clear();
        self.ready.clear();
        self.retry.clear();
        self.events = Events::with_capacity(EVENTS_PER_TURN);
        (self.accept_again, self.full) = (None, false);
        for found in self.listeners.iter_mut().flatten() {
            (found.ready, found.full) = (true, false);
        }
        self.waker.seen();
        self.waker.wake();
    }

    /// Tells the peer that no more will be sent (FIN), after what has been written. Reading goes on. Nothing may be
    /// flushed afterwards.
    pub fn shutdown_write(&mut self, conn: ConnId) {
        if let Some((_, socket)) = self.table.get(conn) {
            // It fails only when the connection is broken, and then reading tells.
            let _ = socket.shutdown(Shutdown::Write);
        }
    }

    /// Something that wakes this driver's thread from another one.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// How much the driver has done.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// How many connections there are, open or not yet.
    pub const fn connections(&self) -> usize {
        self.table.used()
    }

    /// The socket of a connection, to read its options.
    pub fn socket(&self, conn: ConnId) -> Option<&Socket> {
        self.table.get(conn).map(|(_, socket)| socket)
    }

    /// The address of the other side, where it has one. It costs a system call.
    pub fn peer(&self, conn: ConnId) -> Option<Target> {
        let (_, socket) = self.table.get(conn)?;
        socket.peer_addr().ok().and_then(|address| Target::from_sock_addr(&address))
    }

    pub(super) fn add(&mut self, socket: Socket, user: u64, state: State) -> io::Result<ConnId> {
        let conn = self.table.insert(socket, user, state);
        self.watch(conn)?;
        Ok(conn)
    }

    /// Tells the poller of a connection that is in the table; one that it refuses is taken out and closed.
    pub(super) fn watch(&mut self, conn: ConnId) -> io::Result<()> {
        let Some((_, socket)) = self.table.get(conn) else { return Ok(()) };
        let fd = socket.as_raw_fd();
        self.counts.registrations += 1;
        let interest = Interest::READABLE | Interest::WRITABLE;
        let result = self.poll.registry().register(&mut SourceFd(&fd), token(conn), interest);
        if result.is_err() {
            self.close(conn);
        }
        result
    }

    fn register(&mut self, socket: &Socket, conn: ConnId, interest: Interest) -> io::Result<()> {
        self.counts.registrations += 1;
        self.poll.registry().register(&mut SourceFd(&socket.as_raw_fd()), token(conn), interest)
    }
}

/// Puts a connection that can be read now on the ready list, unless it is there.
pub(super) fn list_if_runnable(connection: &mut Connection, conn: ConnId, ready: &mut VecDeque<ConnId>) {
    let state = connection.state;
    let waits = State::LISTED.with(State::PAUSED).with(State::ENDED).with(State::CONNECTING);
    if state.has(State::READABLE) && !state.has(waits) {
        connection.state.set(State::LISTED);
        ready.push_back(conn);
    }
}

/// When a peer has said nothing for 30 seconds it is asked, and again every 10 seconds; after three times without an answer it
/// is gone.
const fn keepalive() -> TcpKeepalive {
    TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(10))
        .with_retries(3)
}

// A token is a whole id.
const _: () = assert!(usize::BITS == 64);

pub(super) fn token(conn: ConnId) -> Token {
    Token(conn.to_u64() as usize)
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Driver({} connections, turn {})", self.table.used(), self.turn)
    }
}
