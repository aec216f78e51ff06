//! Those who are reading the statistics. Each has its own copy of the document, so that one that does not read costs
//! memory and nobody's time; when there are too many, the one that came first has to go.

use golem_net::{ConnId, Slices};
use std::collections::VecDeque;

/// Readers at a time: so many descriptors are kept back for them.
pub const MOST: usize = 16;

/// What the driver shall do for a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    /// Send the document.
    Flush(ConnId),
    /// End the stream: all is sent. The other side closes, or is closed when others need its place.
    Finish(ConnId),
    /// Close it.
    Close(ConnId),
}

#[derive(Debug)]
struct Visitor {
    conn: ConnId,
    document: String,
    sent: usize,
    has_ended: bool,
}

/// See the top of the file.
#[derive(Debug, Default)]
pub struct Visitors {
    /// With their numbers, the one that came first in front.
    present: VecDeque<(u64, Visitor)>,
    came: u64,
    visits: VecDeque<Visit>,
}

impl Visitors {
    /// A new reader and the document for it; the answer is its number.
    pub fn come(&mut self, conn: ConnId, document: String) -> u64 {
        if self.present.len() == MOST
            && let Some((_, first)) = self.present.pop_front()
        {
            self.visits.push_back(Visit::Close(first.conn));
        }
        let number = self.came;
        self.came += 1;
        self.present.push_back((number, Visitor { conn, document, sent: 0, has_ended: false }));
        self.visits.push_back(Visit::Flush(conn));
        number
    }

    /// What to do next, after a turn.
    pub fn next_visit(&mut self) -> Option<Visit> {
        self.visits.pop_front()
    }

    /// What a reader still has to get.
    pub fn output<'a>(&'a self, number: u64, slices: &mut Slices<'a>) {
        if let Some((_, visitor)) = self.present.iter().find(|(found, _)| *found == number) {
            slices.push(visitor.document.as_bytes().get(visitor.sent..).unwrap_or_default());
        }
    }

    /// A reader got `n` bytes more.
    pub fn sent(&mut self, number: u64, n: usize) {
        if let Some((_, visitor)) = self.present.iter_mut().find(|(found, _)| *found == number) {
            visitor.sent += n;
        }
        self.part(number);
    }

    /// A reader sends no more; what it has to get it still gets.
    pub fn ended(&mut self, number: u64) {
        if let Some((_, visitor)) = self.present.iter_mut().find(|(found, _)| *found == number) {
            visitor.has_ended = true;
        }
        self.part(number);
    }

    /// A reader is gone.
    pub fn gone(&mut self, number: u64) {
        self.present.retain(|(found, _)| *found != number);
    }

    fn part(&mut self, number: u64) {
        let Some(at) = self.present.iter().position(|(found, _)| *found == number) else { return };
        let Some((_, visitor)) = self.present.get(at) else { return };
        if visitor.sent < visitor.document.len() {
            return;
        }
        if visitor.has_ended {
            self.visits.push_back(Visit::Close(visitor.conn));
            self.present.remove(at);
        } else {
            self.visits.push_back(Visit::Finish(visitor.conn));
        }
    }
}
