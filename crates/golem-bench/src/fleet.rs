//! The connections of one thread on its driver: what arrives goes to the session, what the session has to say leaves at
//! the end of the turn in one write. The load generator's counterpart of a proxy's worker.
//!
//! Invariant: a connection has at most `depth` requests in flight. In a closed loop new ones start only because replies have
//! come; with a fixed rate they start because it is time, on the connection that has waited longest, and where none has
//! room they keep the time at which they were due.

use crate::pace::Pace;
use crate::session::{Rules, Session};
use crate::tally::Tally;
use crate::workload::{Source, Workload};
use golem_net::{CloseReason, ConnId, Driver, Handler, Slices, Target};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a turn waits at most: so often a thread looks whether the run has moved on.
const LONGEST_WAIT: Duration = Duration::from_millis(10);
/// A connection that was lost is made again at the earliest so much later.
const PAUSE_NS: u64 = 50_000_000;

/// All connections of one thread.
pub(crate) struct Fleet {
    rules: Rules,
    workload: Arc<Workload>,
    target: Target,
    source: Source,
    pace: Option<Pace>,
    pub(crate) tally: Tally,
    members: Vec<Member>,
    /// Members with something to do after the turn, each once.
    touched: Vec<usize>,
    /// With a fixed rate: members with room, each once.
    free: VecDeque<usize>,
    /// Members without a connection.
    lost: Vec<usize>,
    lost_at_ns: u64,
    /// Connections that the other side has ended, to be closed after the turn.
    ended: Vec<u64>,
    clock: Instant,
    /// Connections that are open.
    open: usize,
    /// Pieces of replies that came; it shows whether anything moves.
    arrivals: u64,
    /// A connection that cannot be made or does not last is counted, and made again.
    outlives_losses: bool,
    /// Why the run must end.
    fault: Option<String>,
}

struct Member {
    session: Session,
    conn: Option<ConnId>,
    is_touched: bool,
    is_free: bool,
}

impl Fleet {
    pub(crate) fn new(rules: Rules, workload: Arc<Workload>, target: Target) -> Self {
        Self {
            rules,
            workload,
            target,
            source: Source::Dry,
            pace: None,
            tally: Tally::default(),
            members: Vec::new(),
            touched: Vec::new(),
            free: VecDeque::new(),
            lost: Vec::new(),
            lost_at_ns: 0,
            ended: Vec::new(),
            clock: Instant::now(),
            open: 0,
            arrivals: 0,
            outlives_losses: false,
            fault: None,
        }
    }

    /// Starts a connection, which is number `number` of all.
    ///
    /// # Errors
    /// When it fails at once.
    pub(crate) fn connect(&mut self, driver: &mut Driver, number: u32) -> io::Result<()> {
        let conn = driver.connect(&self.target, self.members.len() as u64)?;
        let session = Session::new(number);
        self.members.push(Member { session, conn: Some(conn), is_touched: false, is_free: false });
        Ok(())
    }

    /// Whether all connections are open.
    pub(crate) fn is_open(&self) -> bool {
        self.open == self.members.len()
    }

    /// Connections that are being made.
    pub(crate) fn connecting(&self) -> usize {
        self.members.len() - self.open
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
        let now_ns = self.now_ns();
        for at in 0..self.members.len() {
            self.go_on(at, now_ns);
        }
    }

    /// From now on requests of the source start at this rate, `delay` later; connections that do not last are made again.
    pub(crate) fn begin_at_rate(&mut self, source: Source, rate: f64, delay: Duration) {
        self.pace = Some(Pace::new(rate, self.now_ns() + delay.as_nanos() as u64));
        self.begin(source);
    }

    /// From now on a connection that does not last does not end the run.
    pub(crate) fn outlive_losses(&mut self) {
        self.outlives_losses = true;
    }

    /// With a fixed rate: notes what was due and has not been answered.
    pub(crate) fn note_unanswered(&mut self) {
        let now_ns = self.now_ns();
        let Some(pace) = &self.pace else { return };
        let in_flight: usize = self.members.iter().map(|member| member.session.in_flight()).sum();
        self.tally.unanswered = in_flight as u64 + pace.overdue(now_ns);
        let oldest = self.members.iter().filter_map(|member| member.session.oldest_ns()).min();
        let oldest = oldest.unwrap_or(u64::MAX).min(pace.next_ns());
        self.tally.oldest_unanswered_ns = now_ns.saturating_sub(oldest);
    }

    /// One turn: reads what has come, writes what is asked next.
    ///
    /// # Errors
    /// What makes the run worthless: a wrong reply, a failing poller, a lost connection before the load has begun.
    pub(crate) fn turn(&mut self, driver: &mut Driver) -> Result<(), String> {
        let wait = self.wait(driver).map_err(|error| format!("no timer: {error}"))?;
        driver.turn(self, Some(wait)).map_err(|error| format!("the poller failed: {error}"))?;
        self.close_ended(driver);
        self.start_what_is_due();
        self.connect_again(driver);
        let mut touched = std::mem::take(&mut self.touched);
        for at in touched.drain(..) {
            self.members[at].is_touched = false;
            if self.members[at].session.is_finished(self.rules) {
                self.renew(driver, at);
            }
            let now_ns = self.now_ns();
            let member = &mut self.members[at];
            member.session.stamp(now_ns);
            if let Some(conn) = member.conn {
                driver.flush(self, conn);
            }
        }
        // Flushing may have lost some, which is for the next turn.
        touched.append(&mut self.touched);
        self.touched = touched;
        self.fault.take().map_or(Ok(()), Err)
    }

    /// How long the next turn may wait. With a fixed rate an alarm ends it when a request is due that can be sent.
    fn wait(&self, driver: &mut Driver) -> io::Result<Duration> {
        if !self.touched.is_empty() {
            return Ok(Duration::ZERO);
        }
        let Some(pace) = self.pace.filter(|_| !self.free.is_empty()) else { return Ok(LONGEST_WAIT) };
        let wait = Duration::from_nanos(pace.next_ns().saturating_sub(self.now_ns()));
        if !wait.is_zero() && wait < LONGEST_WAIT {
            driver.alarm(wait)?;
            return Ok(LONGEST_WAIT);
        }
        Ok(wait.min(LONGEST_WAIT))
    }

    /// With a fixed rate: requests that are due, while connections have room for them.
    fn start_what_is_due(&mut self) {
        let now_ns = self.now_ns();
        let Some(mut pace) = self.pace else { return };
        while let Some(&at) = self.free.front() {
            let member = &mut self.members[at];
            let can_start = member.conn.is_some() && member.session.has_room(self.rules);
            if can_start {
                let Some(due_ns) = pace.take(now_ns) else { break };
                if let Some(planned) = self.source.next(&self.workload) {
                    member.session.start(self.rules, &self.workload, planned, due_ns);
                    self.source.publish(&self.workload);
                }
                self.touch(at);
            }
            // The longest waiting is next.
            self.free.pop_front();
            let member = &mut self.members[at];
            member.is_free = can_start && member.session.has_room(self.rules);
            if member.is_free {
                self.free.push_back(at);
            }
        }
        self.pace = Some(pace);
    }

    /// A connection has had its number of requests: another one takes its place.
    fn renew(&mut self, driver: &mut Driver, at: usize) {
        if let Some(conn) = self.members[at].conn.take() {
            driver.close(conn);
            self.open = self.open.saturating_sub(1);
        }
        self.members[at].session.start_anew();
        self.reconnect(driver, at);
        if self.touched.pop_if(|touched| *touched == at).is_some() {
            // It is being served already.
            self.members[at].is_touched = false;
        }
    }

    fn reconnect(&mut self, driver: &mut Driver, at: usize) {
        match driver.connect(&self.target, at as u64) {
            Ok(conn) => {
                self.members[at].conn = Some(conn);
                self.go_on(at, self.now_ns());
            }
            Err(error) => {
                self.tally.failed_connects += 1;
                self.tally.note(&format!("connecting: {error}"), 1);
                self.lose(at);
            }
        }
    }

    fn close_ended(&mut self, driver: &mut Driver) {
        for user in std::mem::take(&mut self.ended) {
            if let Some(conn) = self.members[user as usize].conn {
                driver.close(conn);
                self.end(user, true, "was closed by the other side");
            }
        }
    }

    fn connect_again(&mut self, driver: &mut Driver) {
        if self.lost.is_empty() || self.now_ns() < self.lost_at_ns + PAUSE_NS {
            return;
        }
        for at in std::mem::take(&mut self.lost) {
            self.reconnect(driver, at);
        }
    }

    fn lose(&mut self, at: usize) {
        if self.lost.is_empty() {
            self.lost_at_ns = self.now_ns();
        }
        self.lost.push(at);
    }

    fn now_ns(&self) -> u64 {
        // 2^64 ns are 584 years.
        self.clock.elapsed().as_nanos() as u64
    }

    /// Lets a connection ask what it may ask now.
    fn go_on(&mut self, at: usize, now_ns: u64) {
        let member = &mut self.members[at];
        let has_more = if self.pace.is_some() {
            if !member.is_free && member.session.has_room(self.rules) {
                member.is_free = true;
                self.free.push_back(at);
            }
            false
        } else {
            let has_more = member.session.fill(self.rules, &self.workload, &mut self.source, now_ns);
            // The driver may write it before this turn is over.
            self.source.publish(&self.workload);
            has_more
        };
        if has_more || member.session.is_finished(self.rules) {
            self.touch(at);
        }
    }

    fn touch(&mut self, at: usize) {
        let member = &mut self.members[at];
        if !member.is_touched {
            member.is_touched = true;
            self.touched.push(at);
        }
    }

    /// A connection is over, though nobody here wanted it.
    fn end(&mut self, user: u64, is_open: bool, how: &str) {
        let at = user as usize;
        if is_open {
            self.open = self.open.saturating_sub(1);
            self.tally.lost_connections += 1;
        } else {
            self.tally.failed_connects += 1;
        }
        if !self.outlives_losses {
            self.fault.get_or_insert_with(|| format!("connection {user} {how}"));
        }
        self.tally.note(&format!("a connection {how}"), 1);
        let member = &mut self.members[at];
        member.conn = None;
        self.tally.lost_requests += member.session.in_flight() as u64;
        member.session.start_anew();
        self.lose(at);
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
        self.end(user, false, &format!("could not be made: {reason}"));
    }

    fn received(&mut self, user: u64, bytes: &[u8]) {
        self.arrivals += 1;
        let now_ns = self.now_ns();
        let at = user as usize;
        let session = &mut self.members[at].session;
        match session.received(self.rules, &self.workload, &mut self.tally, now_ns, bytes) {
            Ok(()) => self.go_on(at, now_ns),
            Err(what) => {
                self.fault.get_or_insert_with(|| format!("connection {user}: {what}"));
            }
        }
    }

    fn end_of_stream(&mut self, user: u64) {
        self.ended.push(user);
    }

    fn closed(&mut self, user: u64, reason: CloseReason) {
        self.end(user, true, &format!("broke: {reason}"));
    }

    fn output<'a>(&'a self, user: u64, slices: &mut Slices<'a>) {
        slices.push(self.members[user as usize].session.output());
    }

    fn sent(&mut self, user: u64, n: usize) {
        self.members[user as usize].session.sent(n);
    }
}
