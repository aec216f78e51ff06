//! Two keys that only one connection uses: one with values, one with numbers. What is there follows from the requests in
//! their order, so each reply is known when its request is sent, also while others are in flight.
//!
//! Invariant: nothing is expected of a key after an error that concerns it, until a later request has set it anew.

use crate::protocol::{Command, Reply, Shape, Store};
use crate::random::{below, word};
use crate::value::{HEAD, Stamp};
use crate::workload::{PRIVATE, Planned, Workload};

/// Numbers begin below this.
const FIRST_NUMBER: u32 = 1000;

/// What a reply has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Whatever its request can have.
    Any,
    /// This one.
    Reply(Reply),
    /// The value with this stamp and size.
    Value(Stamp, usize),
    /// No value.
    NoValue,
}

/// What was asked of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) key: u32,
    pub(crate) shape: Shape,
    pub(crate) expected: Expected,
    /// The state of knowledge in which this was expected.
    pub(crate) era: u32,
    /// Where it reads what `cas` needs: the changes until then.
    pub(crate) changes: u32,
}

/// What one connection knows of its own keys.
#[derive(Debug, Default)]
pub(crate) struct Private {
    number: u32,
    /// Counts the times after which nothing was known.
    era: u32,
    /// Known since the last time that it was set; none: not known.
    value: Option<Option<(Stamp, usize)>>,
    /// Changes of the value's key that were sent.
    changes: u32,
    /// What `cas` needs, and how many changes there were when it was read.
    read: Option<(u64, u32)>,
    /// As `value`.
    counter: Option<Option<u64>>,
}

impl Private {
    /// The keys of connection `number` of a run.
    pub(crate) fn new(number: u32) -> Self {
        Self { number, ..Self::default() }
    }

    /// Something went wrong: whatever is in flight may have been done, or not.
    pub(crate) fn forget(&mut self) {
        self.era = self.era.wrapping_add(1);
        (self.value, self.counter, self.read) = (None, None, None);
    }

    /// Whether something has gone wrong since then.
    pub(crate) fn has_forgotten(&self, era: u32) -> bool {
        self.era != era
    }

    /// A read has brought what `cas` needs.
    pub(crate) fn was_read(&mut self, sent: &Sent, cas: u64) {
        if cas != 0 && sent.era == self.era {
            self.read = Some((cas, sent.changes));
        }
    }

    /// Appends the next request, and says what its reply has to be.
    pub(crate) fn ask(&mut self, workload: &Workload, planned: Planned, out: &mut Vec<u8>) -> Sent {
        let kind = below(word(planned.word, 3), 12);
        if kind < 8 {
            self.ask_value(kind, workload, planned, out)
        } else {
            self.ask_counter(kind - 8, workload, planned, out)
        }
    }

    fn sent(&self, key: u32, shape: Shape, expected: Expected) -> Sent {
        Sent { key, shape, expected, era: self.era, changes: self.changes }
    }

    fn ask_value(&mut self, kind: u32, workload: &Workload, planned: Planned, out: &mut Vec<u8>) -> Sent {
        let key = PRIVATE + 2 * self.number;
        let has_cas = workload.protocol.has_cas();
        let Some(known) = self.value else {
            return self.store(Store::Set, Expected::Reply(Reply::Stored), true, workload, planned, out);
        };
        let stored = Expected::Reply(Reply::Stored);
        let not_stored = Expected::Reply(Reply::NotStored);
        match (kind, self.read) {
            (0, _) => self.store(Store::Set, stored, true, workload, planned, out),
            (1, _) => {
                let expected = if known.is_none() { stored } else { not_stored };
                self.store(Store::Add, expected, known.is_none(), workload, planned, out)
            }
            (2, _) if has_cas => {
                let expected = if known.is_some() { stored } else { not_stored };
                self.store(Store::Replace, expected, known.is_some(), workload, planned, out)
            }
            (3, Some((cas, changes))) if has_cas => {
                self.read = None;
                let (expected, is_change) = match known {
                    None => (Expected::Reply(Reply::NotFound), false),
                    Some(_) if changes == self.changes => (stored, true),
                    Some(_) => (Expected::Reply(Reply::Exists), false),
                };
                self.store(Store::Cas(cas), expected, is_change, workload, planned, out)
            }
            (4, _) => {
                self.value = Some(None);
                self.changes = self.changes.wrapping_add(1);
                workload.protocol.write(Command::Delete(key), &workload.names, out);
                let reply = if known.is_some() { Reply::Deleted } else { Reply::NotFound };
                self.sent(key, Shape::Delete, Expected::Reply(reply))
            }
            (_, _) => {
                let command = if has_cas { Command::Gets(key) } else { Command::Get(key) };
                workload.protocol.write(command, &workload.names, out);
                let expected = known.map_or(Expected::NoValue, |(stamp, size)| Expected::Value(stamp, size));
                self.sent(key, Shape::Get, expected)
            }
        }
    }

    fn store(
        &mut self,
        how: Store,
        expected: Expected,
        is_change: bool,
        workload: &Workload,
        planned: Planned,
        out: &mut Vec<u8>,
    ) -> Sent {
        let key = PRIVATE + 2 * self.number;
        let size = workload.size(planned.word).max(HEAD);
        workload.write_value(how, key, planned.stamp, size, 0, out);
        if is_change {
            self.value = Some(Some((planned.stamp, size)));
            self.changes = self.changes.wrapping_add(1);
        }
        self.sent(key, Shape::Store, expected)
    }

    fn ask_counter(&mut self, kind: u32, workload: &Workload, planned: Planned, out: &mut Vec<u8>) -> Sent {
        let key = PRIVATE + 2 * self.number + 1;
        let by = below(word(planned.word, 4), FIRST_NUMBER);
        let (protocol, names) = (workload.protocol, &workload.names);
        match (kind, self.counter) {
            (_, None) | (0, _) => {
                self.counter = Some(Some(u64::from(by)));
                workload.write_number(Store::Set, key, by, out);
                self.sent(key, Shape::Store, Expected::Reply(Reply::Stored))
            }
            (1, Some(known)) => {
                self.counter = Some(None);
                protocol.write(Command::Delete(key), names, out);
                let reply = if known.is_some() { Reply::Deleted } else { Reply::NotFound };
                self.sent(key, Shape::Delete, Expected::Reply(reply))
            }
            (_, Some(known)) => {
                let known = known.or(protocol.counts_from_nothing().then_some(0));
                // Redis counts below 0.
                let is_down = kind == 2 && !protocol.counts_from_nothing();
                protocol.write(Command::Count { key, by, is_down }, names, out);
                let by = u64::from(by);
                let number = known.map(|n| if is_down { n.saturating_sub(by) } else { n + by });
                self.counter = Some(number);
                let reply = number.map_or(Reply::NotFound, Reply::Number);
                self.sent(key, Shape::Count, Expected::Reply(reply))
            }
        }
    }
}
