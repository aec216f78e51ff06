//! The items and the order in which they were used: a hash table that only finds, and a doubly linked list through a
//! vector that is the only order ever walked. Knows nothing of expiry or commands.

use crate::item::Item;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

/// No slot.
const NONE: u32 = u32::MAX;

/// The position of an item; valid until that item is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(u32);

struct Entry {
    item: Item,
    newer: u32,
    older: u32,
}

/// All items of a store.
#[derive(Default)]
pub(crate) struct Table {
    /// `DefaultHasher` starts from fixed keys: the table behaves alike in every run.
    index: HashMap<Arc<[u8]>, u32, BuildHasherDefault<DefaultHasher>>,
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    ends: Option<(u32, u32)>,
    bytes: usize,
}

impl Table {
    /// The slot of the item with `key`.
    pub(crate) fn find(&self, key: &[u8]) -> Option<Slot> {
        self.index.get(key).copied().map(Slot)
    }

    /// How many items there are.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// The sum of their sizes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The item in `slot`, if it is still there.
    pub(crate) fn item(&self, slot: Slot) -> Option<&Item> {
        self.entry(slot.0).map(|entry| &entry.item)
    }

    /// The item in `slot`, for changes that leave its size as it is.
    pub(crate) fn item_mut(&mut self, slot: Slot) -> Option<&mut Item> {
        self.entry_mut(slot.0).map(|entry| &mut entry.item)
    }

    /// The item that was not used for the longest time.
    pub(crate) fn oldest(&self) -> Option<Slot> {
        self.ends.map(|(_, oldest)| Slot(oldest))
    }

    /// The items, the one used last first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Item> {
        let mut at = self.ends.map_or(NONE, |(newest, _)| newest);
        std::iter::from_fn(move || {
            let entry = self.entry(at)?;
            at = entry.older;
            Some(&entry.item)
        })
    }

    /// Adds an item as the newest. Its key must not be in the table.
    pub(crate) fn insert(&mut self, item: Item) -> Slot {
        self.bytes += item.size();
        let key = Arc::clone(&item.key);
        let entry = Some(Entry { item, newer: NONE, older: NONE });
        let at = match self.free.pop() {
            Some(at) => at,
            None => {
                self.entries.push(None);
                self.entries.len() as u32 - 1
            }
        };
        if let Some(place) = self.entries.get_mut(at as usize) {
            *place = entry;
        }
        self.index.insert(key, at);
        self.attach(at);
        Slot(at)
    }

    /// Takes the item in `slot` out.
    pub(crate) fn remove(&mut self, slot: Slot) -> Option<Item> {
        self.entry(slot.0)?;
        self.detach(slot.0);
        let entry = self.entries.get_mut(slot.0 as usize)?.take()?;
        self.free.push(slot.0);
        self.index.remove(&entry.item.key);
        self.bytes -= entry.item.size();
        Some(entry.item)
    }

    /// Makes the item in `slot` the newest.
    pub(crate) fn bump(&mut self, slot: Slot) {
        if self.entry(slot.0).is_some() {
            self.detach(slot.0);
            self.attach(slot.0);
        }
    }

    fn entry(&self, at: u32) -> Option<&Entry> {
        self.entries.get(at as usize)?.as_ref()
    }

    fn entry_mut(&mut self, at: u32) -> Option<&mut Entry> {
        self.entries.get_mut(at as usize)?.as_mut()
    }

    fn attach(&mut self, at: u32) {
        let older = self.ends.map_or(NONE, |(newest, _)| newest);
        if let Some(entry) = self.entry_mut(at) {
            (entry.newer, entry.older) = (NONE, older);
        }
        if let Some(entry) = self.entry_mut(older) {
            entry.newer = at;
        }
        self.ends = Some((at, self.ends.map_or(at, |(_, oldest)| oldest)));
    }

    fn detach(&mut self, at: u32) {
        let Some((newer, older)) = self.entry(at).map(|entry| (entry.newer, entry.older)) else { return };
        if let Some(entry) = self.entry_mut(newer) {
            entry.older = older;
        }
        if let Some(entry) = self.entry_mut(older) {
            entry.newer = newer;
        }
        if let Some((newest, oldest)) = self.ends {
            let newest = if newest == at { older } else { newest };
            let oldest = if oldest == at { newer } else { oldest };
            self.ends = (newest != NONE).then_some((newest, oldest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Table;
    use crate::item::Item;

    fn keys(table: &Table) -> Vec<String> {
        table.iter().map(|item| String::from_utf8_lossy(item.key()).into_owned()).collect()
    }

    #[test]
    fn order_follows_use() {
        let mut table = Table::default();
        let slots: Vec<_> =
            ["a", "b", "c"].iter().map(|k| table.insert(Item::new(k.as_bytes(), 0, 0, Vec::new()))).collect();
        assert_eq!(keys(&table), ["c", "b", "a"]);
        table.bump(slots[1]);
        table.bump(slots[1]);
        assert_eq!(keys(&table), ["b", "c", "a"]);
        assert_eq!(table.oldest(), Some(slots[0]));
        assert!(table.remove(slots[1]).is_some());
        assert!(table.remove(slots[1]).is_none());
        assert_eq!(keys(&table), ["c", "a"]);
        let slot = table.insert(Item::new(b"d", 0, 0, vec![0; 10]));
        assert_eq!(keys(&table), ["d", "c", "a"]);
        for slot in [slots[2], slot, slots[0]] {
            table.remove(slot);
        }
        assert_eq!((table.len(), table.bytes(), table.oldest()), (0, 0, None));
    }
}
