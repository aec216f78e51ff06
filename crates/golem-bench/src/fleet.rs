//! The connections of one thread on its driver: what arrives goes to the session, what the session has to say leaves at
//! the end of the turn in one write. The load generator's counterpart of a proxy's worker.
//!
//! Invariant: closed loop. A connection has at most `depth` requests in flight, and new ones start only because replies
//! have come.

use crate::session::{Rules, Session};
use crate::tally::Tally;
use crate::workload::{Requests, Source};
use golem_net::{CloseReason, ConnId, Driver, Handler, Slices, Target};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a turn waits at most: so often a thread looks whether the run has moved on.
const LONGEST_WAIT: Duration = Duration::from_millis(10);

/// All connections of one thread.
pub(crate) struct Fleet {
    rules: Rules,
    requests: Arc<Requests>,
    pub(crate) source: Source,
    pub(crate) tally: Tally,
    members: Vec<Member>,
    /// Members with output, each once.
    touched: Vec<usize>,
    clock: Instant,
    /// Connections that are open.
    open: usize,
    /// Pieces of replies that came; it shows whether anything moves.
    arrivals: u64,
    /// Why the run must end.
    fault: Option<String>,
}

struct Member {
    session: Session,
    conn: Option<ConnId>,
    is_touched: bool,
}

impl Fleet {
    pub(crate) fn new(rules: Rules, requests: Arc<Requests>) -> Self {
        Self {
            rules,
            requests,
            source: Source::Dry,
            tally: Tally::default(),
            members: Vec::new(),
            touched: Vec::new(),
            clock: Instant::now(),
            open: 0,
            arrivals: 0,
            fault: None,
        }
    }

    /// Starts a connection.
    ///
    /// # Errors
    /// When it fails at once.
    pub(crate) fn connect(&mut self, driver: &mut Driver, target: &Target) -> io::Result<()> {
        let conn = driver.connect(target, self.members.len() as u64)?;
        self.members.push(Member { session: Session::default(), conn: Some(conn), is_touched: false });
        Ok(())
    }

    /// Whether all connections are open.
    pub(crate) fn is_open(&self) -> bool {
        self.open == self.members.len()
    }

    /// Whether every request has its reply.
    pub(crate) fn is_settled(&self) -> bool {
        self.members.iter().all(|member| member.session.in_flight() == 0)
    }

    /// Replies that came, in pieces.
    pub(crate) fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// Gives every connection its first requests from a new source.
    pub(crate) fn begin(&mut self, source: Source) {
        self.source = source;
        for at in 0..self.members.len() {
            self.refill(at);
        }
    }

    /// One turn: reads what has come, writes what is asked next.
    ///
    /// # Errors
    /// What makes the run worthless: a wrong reply, a lost connection, a failing poller.
    pub(crate) fn turn(&mut self, driver: &mut Driver) -> Result<(), String> {
        driver.turn(self, Some(LONGEST_WAIT)).map_err(|error| format!("the poller failed: {error}"))?;
        let mut touched = std::mem::take(&mut self.touched);
        for at in touched.drain(..) {
            let now_ns = self.now_ns();
            let member = &mut self.members[at];
            member.is_touched = false;
            member.session.stamp(now_ns);
            if let Some(conn) = member.conn {
                driver.flush(self, conn);
            }
        }
        self.touched = touched;
        self.fault.take().map_or(Ok(()), Err)
    }

    fn now_ns(&self) -> u64 {
        // 2^64 ns are 584 years.
        self.clock.elapsed().as_nanos() as u64
    }

    fn refill(&mut self, at: usize) {
        let member = &mut self.members[at];
        if member.session.fill(self.rules, &self.requests, &mut self.source) && !member.is_touched {
            member.is_touched = true;
            self.touched.push(at);
        }
    }

    fn lose(&mut self, user: u64, how: &str) {
        self.tally.lost_connections += 1;
        self.members[user as usize].conn = None;
        self.fault.get_or_insert_with(|| format!("connection {user} {how}"));
    }
}

impl Handler for Fleet {
    /// A load generator listens nowhere.
    fn accepted(&mut self, _listener: u32, _conn: ConnId) -> Option<u64> {
        None
    }

    fn connected(&mut self, _user: u64) {
        self.open += 1;
    }

    fn connect_failed(&mut self, user: u64, reason: CloseReason) {
        self.lose(user, &format!("could not be made: {reason}"));
    }

    fn received(&mut self, user: u64, bytes: &[u8]) {
        self.arrivals += 1;
        let now_ns = self.now_ns();
        let at = user as usize;
        let session = &mut self.members[at].session;
        match session.received(self.rules, &self.requests, &mut self.tally, now_ns, bytes) {
            Ok(()) => self.refill(at),
            Err(what) => {
                self.fault.get_or_insert_with(|| format!("connection {user}: {what}"));
            }
        }
    }

    fn end_of_stream(&mut self, user: u64) {
        self.lose(user, "was closed by the other side");
    }

    fn closed(&mut self, user: u64, reason: CloseReason) {
        self.lose(user, &format!("broke: {reason}"));
    }

    fn output<'a>(&'a self, user: u64, slices: &mut Slices<'a>) {
        slices.push(self.members[user as usize].session.output());
    }

    fn sent(&mut self, user: u64, n: usize) {
        self.members[user as usize].session.sent(n);
    }
}
