//! One client of the listener: its session, the input that waits for room, and the replies on their way out, late or cut
//! short where faults ask for it.
//!
//! Invariant: replies leave in the order in which they were made, and input is taken in only while less than
//! [`OUTPUT_MAX`] bytes of replies are kept.

use crate::faults::Faults;
use crate::session::Session;
use crate::store::Store;
use golem_net::ConnId;
use std::collections::VecDeque;

/// No more input is taken in while this many bytes of replies are kept.
pub(crate) const OUTPUT_MAX: usize = 1 << 20;

/// Replies that may leave only at `due`, in the clock's microseconds.
struct Late {
    due: u64,
    bytes: Vec<u8>,
}

/// A connected client.
pub(crate) struct Client {
    pub(crate) conn: ConnId,
    session: Session,
    /// Input that came while too many replies were kept.
    input: Vec<u8>,
    late: VecDeque<Late>,
    late_bytes: usize,
    output: Vec<u8>,
    /// How much of `output` is sent.
    sent: usize,
    /// How many bytes it was given since the faults were set.
    given: usize,
    is_cut: bool,
    pub(crate) has_ended: bool,
    pub(crate) is_paused: bool,
}

impl Client {
    pub(crate) fn new(conn: ConnId) -> Self {
        Self {
            conn,
            session: Session::new(),
            input: Vec::new(),
            late: VecDeque::new(),
            late_bytes: 0,
            output: Vec::new(),
            sent: 0,
            given: 0,
            is_cut: false,
            has_ended: false,
            is_paused: false,
        }
    }

    /// Takes in `bytes`, or keeps them while there is no room for replies.
    pub(crate) fn receive(&mut self, store: &mut Store, faults: &Faults, now: u64, bytes: &[u8]) {
        if !self.input.is_empty() || !self.has_room() {
            self.input.extend_from_slice(bytes);
            return;
        }
        let rest = self.execute(store, faults, now, bytes);
        self.input.extend_from_slice(rest);
    }

    /// Goes on with kept input.
    pub(crate) fn go_on(&mut self, store: &mut Store, faults: &Faults, now: u64) {
        if !self.input.is_empty() && self.has_room() {
            let input = std::mem::take(&mut self.input);
            self.input = self.execute(store, faults, now, &input).to_vec();
        }
    }

    /// Is there room for replies, so that input may be taken in?
    pub(crate) fn has_room(&self) -> bool {
        self.output.len() - self.sent + self.late_bytes < OUTPUT_MAX
    }

    /// Is input kept?
    pub(crate) fn has_input(&self) -> bool {
        !self.input.is_empty()
    }

    /// Is all said and sent, so that the connection is to be closed?
    pub(crate) fn is_finished(&self) -> bool {
        let is_over = self.has_ended || self.session.is_closed();
        let is_empty = self.output.is_empty() && self.late.is_empty() && self.input.is_empty();
        (self.is_cut && self.output.is_empty()) || (is_over && is_empty)
    }

    /// When its next late replies are due; none if no replies are late.
    pub(crate) fn due(&self) -> Option<u64> {
        self.late.front().map(|late| late.due)
    }

    /// Lets the late replies go that are due.
    pub(crate) fn release(&mut self, faults: &Faults, now: u64) {
        while !faults.silence && self.due().is_some_and(|due| due <= now) {
            let Some(late) = self.late.pop_front() else { return };
            self.late_bytes -= late.bytes.len();
            let start = self.output.len();
            self.output.extend_from_slice(&late.bytes);
            self.cut(faults, start);
        }
    }

    /// Counts the bytes given from now on.
    pub(crate) fn faults_were_set(&mut self) {
        self.given = 0;
    }

    /// The bytes to be sent.
    pub(crate) fn unsent(&self) -> &[u8] {
        self.output.get(self.sent..).unwrap_or_default()
    }

    /// The first `n` of these are sent.
    pub(crate) fn sent(&mut self, n: usize) {
        self.sent += n;
        if self.sent >= self.output.len() {
            self.output.clear();
            self.sent = 0;
        }
        if self.output.capacity() > OUTPUT_MAX && self.output.is_empty() {
            self.output = Vec::new();
        }
    }

    /// Executes commands until there is no more room; gives the input that is left.
    fn execute<'a>(&mut self, store: &mut Store, faults: &Faults, now: u64, bytes: &'a [u8]) -> &'a [u8] {
        let start = self.output.len();
        let is_late = faults.silence || faults.delay.is_some() || !self.late.is_empty();
        if !is_late && faults.garbage.is_none() {
            let rest = self.session.receive_until(store, bytes, &mut self.output, self.sent + OUTPUT_MAX);
            self.cut(faults, start);
            return rest;
        }
        let mut replies = Vec::new();
        let rest = self.session.receive_until(store, bytes, &mut replies, OUTPUT_MAX);
        if let Some(garbage) = &faults.garbage
            && !replies.is_empty()
        {
            garbage.spoil(&mut replies);
        }
        if is_late {
            self.keep(replies, faults, now);
        } else {
            self.output.append(&mut replies);
            self.cut(faults, start);
        }
        rest
    }

    /// Keeps replies until they are due; never before those that were made earlier.
    fn keep(&mut self, bytes: Vec<u8>, faults: &Faults, now: u64) {
        if bytes.is_empty() {
            return;
        }
        let delay = faults.delay.map_or(0, |delay| u64::try_from(delay.as_micros()).unwrap_or(u64::MAX));
        let due = now.saturating_add(delay).max(self.late.back().map_or(0, |late| late.due));
        self.late_bytes += bytes.len();
        self.late.push_back(Late { due, bytes });
    }

    /// Cuts what was appended to the output from `start` on where the faults ask for it.
    fn cut(&mut self, faults: &Faults, start: usize) {
        self.given += self.output.len() - start;
        if self.is_cut {
            self.output.truncate(start);
        } else if let Some(most) = faults.cut_after
            && self.given >= most
            && self.output.len() > start
        {
            let surplus = self.given - most;
            self.output.truncate(self.output.len().saturating_sub(surplus).max(start));
            self.is_cut = true;
        }
    }
}
