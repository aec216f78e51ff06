//! A handler that writes down what it is told, and the loop around driver and handler.

use golem_net::{
    CloseReason, ConnId, Counts, Driver, Handler, ListenSpec, Listener, PipeSlot, ReadTarget, Slices, Stream,
    Target,
};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// A test that takes this long hangs.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Default)]
pub(crate) struct Record {
    pub(crate) conn: Option<ConnId>,
    pub(crate) is_connected: bool,
    pub(crate) failed: Option<CloseReason>,
    pub(crate) received: Vec<u8>,
    /// The length of each piece that `received` got.
    pub(crate) pieces: Vec<usize>,
    pub(crate) ends: usize,
    pub(crate) closed: Option<CloseReason>,
    /// Set by the test: the next reads go there until it is full.
    pub(crate) target: Vec<u8>,
    pub(crate) filled: usize,
    /// Set by the test: so many bytes of the next reads go into this pipe; none once it was full.
    pub(crate) pipe_in: Option<(PipeSlot, usize)>,
    /// How many bytes have gone into it.
    pub(crate) piped: usize,
    /// Set by the test: `received` gets no more at once.
    pub(crate) most: Option<usize>,
    /// Behind the output that is there, so many bytes from this pipe are to be sent; then `behind`.
    pub(crate) pipe_out: Option<(PipeSlot, usize)>,
    pub(crate) behind: Vec<u8>,
    /// Pieces to be sent, and how much of all is sent.
    pub(crate) output: Vec<Vec<u8>>,
    pub(crate) sent: usize,
}

impl Record {
    pub(crate) fn unsent(&self) -> usize {
        self.output.iter().map(Vec::len).sum::<usize>() - self.sent
    }
}

/// Records by `user`, which is the place in the list.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) records: Vec<Record>,
    pub(crate) refuses: bool,
    /// Set by the test: there is no room for more than so many.
    pub(crate) most: Option<usize>,
    /// How often that was asked.
    pub(crate) asked: usize,
    pub(crate) keeps: bool,
    pub(crate) kept: Vec<Stream>,
    pub(crate) accept_failures: Vec<CloseReason>,
}

impl Recorder {
    fn of(&mut self, user: u64) -> &mut Record {
        &mut self.records[user as usize]
    }
}

impl Handler for Recorder {
    fn has_room(&mut self, _listener: u32) -> bool {
        self.asked += 1;
        self.most.is_none_or(|most| self.records.len() < most)
    }

    fn admit(&mut self, _listener: u32, stream: Stream) -> Option<Stream> {
        if self.keeps {
            self.kept.push(stream);
            return None;
        }
        Some(stream)
    }

    fn accepted(&mut self, _listener: u32, conn: ConnId) -> Option<u64> {
        if self.refuses {
            return None;
        }
        self.records.push(Record { conn: Some(conn), ..Record::default() });
        Some(self.records.len() as u64 - 1)
    }

    fn accept_failed(&mut self, _listener: u32, reason: CloseReason) {
        self.accept_failures.push(reason);
    }

    fn connected(&mut self, user: u64) {
        assert!(!self.of(user).is_connected);
        self.of(user).is_connected = true;
    }

    fn connect_failed(&mut self, user: u64, reason: CloseReason) {
        self.of(user).failed = Some(reason);
    }

    fn received(&mut self, user: u64, bytes: &[u8]) {
        let record = self.of(user);
        assert!(record.ends == 0 && record.closed.is_none() && record.failed.is_none() && !bytes.is_empty());
        record.received.extend_from_slice(bytes);
        record.pieces.push(bytes.len());
    }

    fn read_target(&mut self, user: u64) -> ReadTarget<'_> {
        let record = self.of(user);
        match record.pipe_in {
            Some((pipe, missing)) if missing > 0 => ReadTarget::Pipe(pipe, missing),
            _ if record.target.len() > record.filled => {
                ReadTarget::Memory(&mut record.target[record.filled..], record.most.unwrap_or(usize::MAX))
            }
            _ => ReadTarget::Scratch(record.most.unwrap_or(usize::MAX)),
        }
    }

    fn target_filled(&mut self, user: u64, n: usize) {
        let record = self.of(user);
        match &mut record.pipe_in {
            Some((_, missing)) if *missing > 0 => {
                *missing -= n;
                record.piped += n;
            }
            _ => record.filled += n,
        }
    }

    fn no_pipe(&mut self, user: u64) {
        self.of(user).pipe_in = None;
    }

    fn end_of_stream(&mut self, user: u64) {
        self.of(user).ends += 1;
    }

    fn closed(&mut self, user: u64, reason: CloseReason) {
        assert!(self.of(user).closed.is_none());
        self.of(user).closed = Some(reason);
    }

    fn output<'a>(&'a self, user: u64, slices: &mut Slices<'a>) {
        let record = &self.records[user as usize];
        let mut skip = record.sent;
        for piece in &record.output {
            let from = skip.min(piece.len());
            skip -= from;
            if !slices.push(&piece[from..]) {
                return;
            }
        }
        if let Some((pipe, len)) = record.pipe_out {
            slices.follow(pipe, len);
            slices.push(&record.behind);
        }
    }

    fn sent(&mut self, user: u64, n: usize) {
        let record = self.of(user);
        if record.unsent() > 0 {
            assert!(n > 0 && n <= record.unsent());
            record.sent += n;
            return;
        }
        let (pipe, len) = record.pipe_out.take().unwrap();
        assert!(n > 0 && n <= len + record.behind.len());
        if n < len {
            record.pipe_out = Some((pipe, len - n));
        } else {
            record.sent += n - len;
            record.output.push(std::mem::take(&mut record.behind));
        }
    }
}

/// A driver with its recorder.
pub(crate) struct Bench {
    pub(crate) driver: Driver,
    pub(crate) recorder: Recorder,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { driver: Driver::new().unwrap(), recorder: Recorder::default() }
    }

    /// Runs turns until `done`; panics when that does not come.
    pub(crate) fn until(&mut self, done: impl Fn(&Recorder) -> bool) {
        let start = Instant::now();
        while !done(&self.recorder) {
            assert!(start.elapsed() < PATIENCE, "the driver does not come to an end");
            self.turn(Duration::from_secs(5));
        }
    }

    pub(crate) fn turn(&mut self, timeout: Duration) {
        self.driver.turn(&mut self.recorder, Some(timeout)).unwrap();
    }

    /// A turn whose wait nothing but an event or `timeout` ends, and how long it took: those that are cut short since this process
    /// was stopped and continued (signal(7)) do not count.
    pub(crate) fn turn_to_its_end(&mut self, timeout: Option<Duration>) -> Duration {
        let polls = self.driver.counts().polls;
        loop {
            let start = Instant::now();
            self.driver.turn(&mut self.recorder, timeout).unwrap();
            if self.driver.counts().polls > polls {
                return start.elapsed();
            }
        }
    }

    /// A turn that must wait for all of `timeout`.
    pub(crate) fn whole_turn(&mut self, timeout: Duration) {
        assert!(self.turn_to_its_end(Some(timeout)) >= timeout);
    }

    /// What the driver did in `turns` turns that do not wait.
    pub(crate) fn idle_turns(&mut self, turns: usize) -> Counts {
        let before = self.driver.counts();
        for _ in 0..turns {
            self.turn(Duration::ZERO);
        }
        let after = self.driver.counts();
        Counts {
            polls: after.polls - before.polls,
            gathers: after.gathers - before.gathers,
            reads: after.reads - before.reads,
            writes: after.writes - before.writes,
            accepts: after.accepts - before.accepts,
            registrations: after.registrations - before.registrations,
            bytes_read: after.bytes_read - before.bytes_read,
            bytes_written: after.bytes_written - before.bytes_written,
        }
    }

    pub(crate) fn send(&mut self, user: usize, bytes: &[u8]) {
        self.recorder.records[user].output.push(bytes.to_vec());
        self.flush(user);
    }

    pub(crate) fn flush(&mut self, user: usize) {
        let conn = self.conn(user);
        self.driver.flush(&mut self.recorder, conn);
    }

    pub(crate) fn conn(&self, user: usize) -> ConnId {
        self.recorder.records[user].conn.unwrap()
    }

    pub(crate) fn record(&self, user: usize) -> &Record {
        &self.recorder.records[user]
    }

    pub(crate) fn listen(&mut self) -> SocketAddr {
        let listener = Listener::bind(&ListenSpec::new(any_port())).unwrap();
        let Target::Tcp(address) = listener.address().unwrap() else { panic!("not an internet address") };
        self.driver.listen(listener, 7).unwrap();
        address
    }

    pub(crate) fn connect(&mut self, target: &Target) -> std::io::Result<usize> {
        let user = self.recorder.records.len();
        let conn = self.driver.connect(target, user as u64)?;
        self.recorder.records.push(Record { conn: Some(conn), ..Record::default() });
        Ok(user)
    }

    pub(crate) fn adopt(&mut self, stream: Stream) -> usize {
        let user = self.recorder.records.len();
        let conn = self.driver.adopt(stream, user as u64).unwrap();
        self.recorder.records.push(Record { conn: Some(conn), ..Record::default() });
        user
    }

    /// A TCP connection: our end in the driver, the other for the test.
    pub(crate) fn tcp(&mut self) -> (usize, TcpStream) {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (theirs, _) = listener.accept().unwrap();
        theirs.set_nodelay(true).unwrap();
        ours.set_nodelay(true).unwrap();
        (self.adopt(Stream::from_tcp(ours).unwrap()), theirs)
    }

    /// A Unix connection, likewise.
    pub(crate) fn unix(&mut self) -> (usize, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (self.adopt(Stream::from_unix(ours).unwrap()), theirs)
    }
}

pub(crate) fn any_port() -> Target {
    Target::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)))
}

/// Bytes that tell their place.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

/// Makes the peer send a reset when this end is dropped.
pub(crate) fn reset(stream: TcpStream) {
    let socket = socket2::Socket::from(stream);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
}
