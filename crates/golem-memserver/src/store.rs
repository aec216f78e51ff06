//! The store: which items are there at a clock value, and what linking, using and removing one does to cas values,
//! expiry, flushes and memory. The rules of the single commands are in `store::writing` and in `command`.
//!
//! Invariant: the items' sizes never add up to more than the memory limit; what was not used for the longest time
//! goes first.

use crate::counters::Counters;
use crate::item::Item;
use crate::table::{Slot, Table};

mod writing;

pub(crate) use writing::{Arithmetic, Counted, Mode, Write, Written};

/// Exptimes above this many seconds are a date, those up to it a span.
const SPAN_MAX: i32 = 60 * 60 * 24 * 30;
/// How long before its start a server pretends to have been started, in seconds; as memcached, so that items which
/// expired "at the start" have a time above zero.
const HEAD_START: i64 = 62;
/// Less memory than this could not hold one item with the longest key, which `mg … N` creates unasked.
const MEMORY_MIN: usize = 1024;
/// The time of an item that is expired at once.
const LONG_AGO: u32 = 1;

/// How a store is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The sum of all items' sizes in bytes that is never exceeded; taken as 1024 if less.
    pub memory_limit: usize,
    /// The largest item in bytes, key and bookkeeping included, as memcached's `-I`.
    pub item_size_max: usize,
    /// The clock at the start, in seconds since 1970.
    pub started_at: u64,
    /// What `version` answers.
    pub version: String,
    /// Keep every command received for tests to look at. It grows without a limit until taken.
    pub keep_received: bool,
}

impl Default for Options {
    /// As memcached's: 64 MiB, items up to 1 MiB.
    fn default() -> Self {
        Self {
            memory_limit: 64 << 20,
            item_size_max: 1 << 20,
            started_at: 0,
            version: "1.6.18".to_owned(),
            keep_received: false,
        }
    }
}

/// A command as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its line without the line end.
    pub line: Vec<u8>,
    /// Its data block without the line end; `None` for a command without one, or with one that was not accepted.
    pub data: Option<Vec<u8>>,
}

/// All items of one server.
pub struct Store {
    options: Options,
    /// Seconds since 1970 of the zero of the store's own time scale.
    epoch: i64,
    /// Now, on the store's own scale.
    now: u32,
    table: Table,
    last_cas: u64,
    /// Items last used at or before this time are flushed, once the time has come; 0: none.
    flush_time: u32,
    /// Items with a cas value below this are flushed too.
    flush_cas: u64,
    pub(crate) counters: Counters,
    received: Vec<Received>,
    /// How many commands were handed out before those in `received`.
    taken: usize,
}

impl Store {
    /// An empty store; the clock stands at `options.started_at`.
    pub fn new(mut options: Options) -> Self {
        options.memory_limit = options.memory_limit.max(MEMORY_MIN);
        let started = i64::try_from(options.started_at).unwrap_or(i64::MAX);
        let mut store = Self {
            epoch: started.saturating_sub(HEAD_START),
            options,
            now: 0,
            table: Table::default(),
            last_cas: 0,
            flush_time: 0,
            flush_cas: 0,
            counters: Counters::default(),
            received: Vec::new(),
            taken: 0,
        };
        store.set_clock(store.options.started_at);
        store
    }

    /// Sets the clock, in seconds since 1970. It must not go back.
    pub fn set_clock(&mut self, now: u64) {
        let now = i64::try_from(now).unwrap_or(i64::MAX).saturating_sub(self.epoch);
        self.now = u32::try_from(now).unwrap_or(u32::MAX).max(self.now);
    }

    /// Now, in seconds on the store's own scale, which begins 62 seconds before its start.
    pub fn seconds(&self) -> u32 {
        self.now
    }

    /// Now, in seconds since 1970.
    pub(crate) fn unix_time(&self) -> i64 {
        self.epoch + i64::from(self.now)
    }

    /// Seconds since the start; memcached begins with 2.
    pub(crate) fn uptime(&self) -> i64 {
        i64::from(self.now) - (HEAD_START - 2)
    }

    /// The item with `key`, if it is there now. Changes nothing.
    pub fn item(&self, key: &[u8]) -> Option<&Item> {
        let item = self.table.item(self.table.find(key)?)?;
        (!self.is_flushed(item) && !self.is_expired(item)).then_some(item)
    }

    /// The items that are there now, the one used last first.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.table.iter().filter(|item| !self.is_flushed(item) && !self.is_expired(item))
    }

    /// How many items are kept, those counted too that have expired but were not looked at since.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Is no item kept?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The size in bytes of the items kept.
    pub fn bytes(&self) -> usize {
        self.table.bytes()
    }

    /// What was counted so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How the store was set up.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Hands out the commands received since the last call; empty unless `keep_received` is set.
    pub fn take_received(&mut self) -> Vec<Received> {
        self.taken += self.received.len();
        std::mem::take(&mut self.received)
    }

    /// Notes a received line, if asked to.
    pub(crate) fn note_line(&mut self, line: &[u8]) {
        if self.options.keep_received {
            self.received.push(Received { line: line.to_vec(), data: None });
        }
    }

    /// Notes the data block of the command with this number, unless it was handed out already.
    pub(crate) fn note_data(&mut self, number: usize, data: &[u8]) {
        let position = number.checked_sub(self.taken + 1);
        if let Some(received) = position.and_then(|position| self.received.get_mut(position)) {
            received.data = Some(data.to_vec());
        }
    }

    /// The number of the command noted last.
    pub(crate) fn noted(&self) -> usize {
        self.taken + self.received.len()
    }

    /// The time on the store's scale for an exptime as commands give it: 0 never, negative at once.
    pub(crate) fn expiry(&self, exptime: i32) -> u32 {
        match exptime {
            0 => 0,
            ..0 => LONG_AGO,
            1..=SPAN_MAX => self.now.wrapping_add(exptime.unsigned_abs()),
            _ => u32::try_from(i64::from(exptime) - self.epoch).map_or(LONG_AGO, |time| time.max(LONG_AGO)),
        }
    }

    /// Finds the item with `key`, removing it if it has expired or was flushed.
    pub(crate) fn find(&mut self, key: &[u8]) -> Option<Slot> {
        let slot = self.table.find(key)?;
        let item = self.table.item(slot)?;
        if self.is_flushed(item) {
            self.counters.get_flushed += 1;
        } else if self.is_expired(item) {
            self.counters.get_expired += 1;
        } else {
            return Some(slot);
        }
        self.table.remove(slot);
        None
    }

    /// Finds the item with `key` and marks it as used.
    pub(crate) fn find_and_use(&mut self, key: &[u8]) -> Option<Slot> {
        let slot = self.find(key)?;
        self.mark_used(slot);
        Some(slot)
    }

    /// Marks an item as used: newest, and `fetched`. As in memcached, its time of last use moves with its second use.
    pub(crate) fn mark_used(&mut self, slot: Slot) {
        let now = self.now;
        if let Some(item) = self.table.item_mut(slot)
            && !item.active
        {
            if item.fetched {
                item.active = true;
                item.used_at = now;
            }
            item.fetched = true;
        }
        self.table.bump(slot);
    }

    /// The item in `slot`, for what leaves its size as it is.
    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut Item> {
        self.table.item_mut(slot)
    }

    /// The item in `slot`.
    pub(crate) fn get(&self, slot: Slot) -> Option<&Item> {
        self.table.item(slot)
    }

    /// Removes the item in `slot`.
    pub(crate) fn remove(&mut self, slot: Slot) {
        self.table.remove(slot);
    }

    /// The next cas value.
    pub(crate) fn next_cas(&mut self) -> u64 {
        self.last_cas += 1;
        self.last_cas
    }

    /// Puts a new item in, in place of `old`, and makes room for it.
    pub(crate) fn link(&mut self, mut item: Item, old: Option<Slot>) -> Slot {
        if let Some(old) = old {
            self.table.remove(old);
        }
        item.cas = self.next_cas();
        item.used_at = self.now;
        self.counters.total_items += 1;
        while self.table.bytes() + item.size() > self.options.memory_limit {
            let Some(oldest) = self.table.oldest() else { break };
            self.table.remove(oldest);
            self.counters.evictions += 1;
        }
        self.table.insert(item)
    }

    /// Flushes everything, now or `delay` seconds from now.
    pub(crate) fn flush(&mut self, delay: i32) {
        let time = if delay > 0 { self.expiry(delay) } else { self.now };
        self.flush_time = time.wrapping_sub(1);
        if self.flush_time <= self.now {
            self.flush_cas = self.next_cas();
        }
    }

    fn is_flushed(&self, item: &Item) -> bool {
        self.flush_time != 0
            && self.flush_time <= self.now
            && (item.used_at <= self.flush_time || item.cas < self.flush_cas)
    }

    fn is_expired(&self, item: &Item) -> bool {
        item.expires != 0 && item.expires <= self.now
    }
}
