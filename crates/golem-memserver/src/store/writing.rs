//! What the storage and arithmetic commands do to an item, text and meta alike.

use super::Store;
use crate::item::{Item, size_of_item};
use crate::number;
use crate::table::Slot;

/// How a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Set,
    Add,
    Replace,
    Append,
    Prepend,
    Cas,
}

/// A value to be stored.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) mode: Mode,
    pub(crate) item: Item,
    /// The cas value that the old item must have; 0: none was given.
    pub(crate) cas: u64,
    /// A cas value below the old item's is accepted too, and marks the new item as stale.
    pub(crate) accept_older: bool,
}

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// Written, with this cas value.
    Stored(u64),
    NotStored,
    Exists,
    NotFound,
}

/// A number to be counted up or down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arithmetic {
    pub(crate) up: bool,
    pub(crate) delta: u64,
    /// The cas value that the item must have; 0: any.
    pub(crate) cas: u64,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Done: the item's slot, its new value, and, if the value grew out of its item, which then was replaced, `true`.
    Done(Slot, u64, bool),
    NotFound,
    NotNumeric,
    OtherCas,
    TooLarge,
}

/// Where a write goes once the old item was looked at.
enum Verdict {
    Store,
    StoreStale,
    Join,
    Answer(Written),
}

impl Store {
    /// Is an item of this size allowed? Counts those that are not.
    pub(crate) fn admit(&mut self, key: usize, flags: u32, data: usize) -> Result<(), &'static str> {
        let size = size_of_item(key, flags, data);
        if size > self.options.item_size_max {
            self.counters.store_too_large += 1;
            Err("SERVER_ERROR object too large for cache")
        } else if size > self.options.memory_limit {
            self.counters.store_no_memory += 1;
            Err("SERVER_ERROR out of memory storing object")
        } else {
            Ok(())
        }
    }

    fn size_max(&self) -> usize {
        self.options.item_size_max.min(self.options.memory_limit)
    }

    /// Stores a value.
    pub(crate) fn write(&mut self, write: Write) -> Written {
        let Write { mode, mut item, cas, accept_older } = write;
        let Some(old) = self.find(&item.key) else {
            return match mode {
                Mode::Set | Mode::Add => self.stored(item, None),
                Mode::Replace | Mode::Append | Mode::Prepend => Written::NotStored,
                Mode::Cas => {
                    self.counters.cas_misses += 1;
                    Written::NotFound
                }
            };
        };
        match self.judge(mode, old, cas, accept_older) {
            Verdict::Store => self.stored(item, Some(old)),
            Verdict::StoreStale => {
                if let Some(old) = self.get(old) {
                    item.expires = old.expires;
                    item.token_sent = old.token_sent;
                    item.stale = true;
                }
                self.stored(item, Some(old))
            }
            Verdict::Join => match self.joined(mode, old, &item) {
                Some(joined) => self.stored(joined, Some(old)),
                None => Written::NotStored,
            },
            Verdict::Answer(answer) => answer,
        }
    }

    fn judge(&mut self, mode: Mode, old: Slot, cas: u64, accept_older: bool) -> Verdict {
        let now = self.now;
        let Some(old) = self.table.item_mut(old) else { return Verdict::Answer(Written::NotStored) };
        let matches = cas == old.cas;
        match mode {
            Mode::Set | Mode::Replace => Verdict::Store,
            Mode::Add => {
                old.used_at = now;
                Verdict::Answer(Written::NotStored)
            }
            Mode::Append | Mode::Prepend if cas == 0 || matches => Verdict::Join,
            Mode::Append | Mode::Prepend => Verdict::Answer(Written::Exists),
            Mode::Cas if cas != 0 && matches => {
                self.counters.cas_hits += 1;
                Verdict::Store
            }
            Mode::Cas if cas != 0 && accept_older && cas < old.cas => {
                self.counters.cas_hits += 1;
                Verdict::StoreStale
            }
            Mode::Cas => {
                self.counters.cas_badval += 1;
                Verdict::Answer(Written::Exists)
            }
        }
    }

    /// The old value with the new one before or behind it; flags and expiry stay the old item's.
    fn joined(&mut self, mode: Mode, old: Slot, added: &Item) -> Option<Item> {
        let old = self.table.item(old)?;
        let (first, second) =
            if mode == Mode::Append { (&old.data, &added.data) } else { (&added.data, &old.data) };
        let size = size_of_item(old.key.len(), old.flags, first.len() + second.len());
        if size > self.size_max() {
            return None;
        }
        let data = [first.as_slice(), second.as_slice()].concat();
        Some(Item::new(&old.key, old.flags, old.expires, data))
    }

    fn stored(&mut self, item: Item, old: Option<Slot>) -> Written {
        let slot = self.link(item, old);
        Written::Stored(self.get(slot).map_or(0, |item| item.cas))
    }

    /// Counts a number up (round the end of 64 bits) or down (not below zero). A number that becomes shorter is
    /// padded with blanks, one that becomes longer gets a new item, which forgets all marks.
    pub(crate) fn count(&mut self, key: &[u8], by: Arithmetic) -> Counted {
        let now = self.now;
        let Some(slot) = self.find(key) else { return Counted::NotFound };
        let Some(item) = self.table.item(slot) else { return Counted::NotFound };
        if item.data.is_empty() || item.is_chunked() {
            return Counted::NotNumeric;
        }
        if by.cas != 0 && item.cas != by.cas {
            return Counted::OtherCas;
        }
        let Some(old) = number::unsigned(&item.data) else { return Counted::NotNumeric };
        let value = if by.up { old.wrapping_add(by.delta) } else { old.saturating_sub(by.delta) };
        let mut text = value.to_string().into_bytes();
        if by.up {
            self.counters.incr_hits += 1;
        } else {
            self.counters.decr_hits += 1;
        }
        if text.len() > item.data.len() {
            if size_of_item(key.len(), item.flags, text.len()) > self.size_max() {
                return Counted::TooLarge;
            }
            let item = Item::new(key, item.flags, item.expires, text);
            return Counted::Done(self.link(item, Some(slot)), value, true);
        }
        let cas = self.next_cas();
        if let Some(item) = self.table.item_mut(slot) {
            text.resize(item.data.len(), b' ');
            item.data = text;
            item.cas = cas;
            item.used_at = now;
        }
        Counted::Done(slot, value, false)
    }
}
