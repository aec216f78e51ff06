//! A table of objects named by index and generation. Ids of removed objects find nothing (invariant 4); indexes are
//! reused last-in-first-out, so that memory in use stays warm; iteration goes by index and is deterministic.

use alloc::vec::Vec;

/// Generations take 31 bits, so that a connection fits into one number.
const GENERATION_MASK: u32 = 0x7fff_ffff;

/// What a [`Table`] needs of an id type.
pub(crate) trait Id: Copy {
    /// The id of `index` in its `generation`.
    fn of(index: u32, generation: u32) -> Self;
    /// The position.
    fn position(self) -> usize;
    /// Which of the objects at this position is meant.
    fn age(self) -> u32;
}

#[derive(Debug)]
struct Entry<T> {
    generation: u32,
    value: Option<T>,
}

/// Objects of one kind, found by their id in constant time.
#[derive(Debug)]
pub(crate) struct Table<I, T> {
    entries: Vec<Entry<T>>,
    free: Vec<u32>,
    /// The generation that positions never used before start with: past all those given back by `trim`.
    first_generation: u32,
    marker: core::marker::PhantomData<I>,
}

impl<I, T> Default for Table<I, T> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<I, T> Table<I, T> {
    /// An empty table none of whose ids was one of `old`.
    pub(crate) fn after(old: &Self) -> Self {
        Self { first_generation: old.newest_generation().wrapping_add(1) & GENERATION_MASK, ..Self::empty() }
    }

    const fn empty() -> Self {
        Self { entries: Vec::new(), free: Vec::new(), first_generation: 0, marker: core::marker::PhantomData }
    }

    /// No id had a larger one.
    fn newest_generation(&self) -> u32 {
        let entries = self.entries.iter().map(|entry| entry.generation);
        entries.fold(self.first_generation, u32::max)
    }
}

/// Entries kept when an empty table gives memory back.
const KEPT: usize = 1024;

impl<I: Id, T> Table<I, T> {
    /// Puts `value` in and names it.
    #[inline(always)]
    pub(crate) fn insert(&mut self, value: T) -> I {
        if let Some(index) = self.free.pop()
            && let Some(entry) = self.entries.get_mut(index as usize)
        {
            entry.value = Some(value);
            return I::of(index, entry.generation);
        }
        // More than 4 billion live objects do not fit into memory, so the cast holds.
        let index = self.entries.len() as u32;
        self.entries.push(Entry { generation: self.first_generation, value: Some(value) });
        I::of(index, self.first_generation)
    }

    /// The object, unless it is gone.
    #[inline]
    pub(crate) fn get(&self, id: I) -> Option<&T> {
        match self.entries.get(id.position()) {
            Some(entry) if entry.generation == id.age() => entry.value.as_ref(),
            _ => None,
        }
    }

    /// The object, unless it is gone.
    #[inline]
    pub(crate) fn get_mut(&mut self, id: I) -> Option<&mut T> {
        match self.entries.get_mut(id.position()) {
            Some(entry) if entry.generation == id.age() => entry.value.as_mut(),
            _ => None,
        }
    }

    /// Takes the object out; from now on its id finds nothing.
    pub(crate) fn remove(&mut self, id: I) -> Option<T> {
        let entry = self.entries.get_mut(id.position())?;
        if entry.generation != id.age() {
            return None;
        }
        let value = entry.value.take()?;
        entry.generation = entry.generation.wrapping_add(1) & GENERATION_MASK;
        self.free.push(id.position() as u32);
        self.trim();
        Some(value)
    }

    /// As [`Table::remove`], without moving the object.
    #[inline]
    pub(crate) fn discard(&mut self, id: I) {
        if let Some(entry) = self.entries.get_mut(id.position())
            && entry.generation == id.age()
            && entry.value.is_some()
        {
            entry.value = None;
            entry.generation = entry.generation.wrapping_add(1) & GENERATION_MASK;
            self.free.push(id.position() as u32);
            self.trim();
        }
    }

    /// Gives memory back once nothing is left after a burst.
    #[inline]
    fn trim(&mut self) {
        if self.free.len() == self.entries.len() && self.entries.len() > KEPT {
            self.shrink();
        }
    }

    #[cold]
    fn shrink(&mut self) {
        self.first_generation = self.newest_generation();
        self.entries.truncate(KEPT);
        self.entries.shrink_to_fit();
        self.free.clear();
        self.free.shrink_to(KEPT);
        self.free.extend((0..KEPT as u32).rev());
    }

    /// How many objects there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// All objects by position.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (I, &T)> {
        self.entries.iter().enumerate().filter_map(|(index, entry)| {
            entry.value.as_ref().map(|value| (I::of(index as u32, entry.generation), value))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test fails by panicking")]

    use super::{Id, KEPT, Table};
    use crate::id::RequestId;
    use alloc::vec::Vec;

    #[test]
    fn a_stale_id_finds_nothing_even_when_its_place_is_taken_again() {
        let mut table: Table<RequestId, u8> = Table::default();
        let first = table.insert(1);
        assert_eq!(table.remove(first), Some(1));
        let second = table.insert(2);
        assert_eq!(first.position(), second.position());
        assert_eq!(table.get(first), None);
        assert_eq!(table.remove(first), None);
        assert_eq!(table.get(second), Some(&2));
    }

    #[test]
    fn a_table_after_another_knows_none_of_its_ids() {
        let mut old: Table<RequestId, u8> = Table::default();
        let mut ids = Vec::from([old.insert(1), old.insert(2)]);
        for _ in 0..3 {
            old.discard(ids[ids.len() - 1]);
            ids.push(old.insert(3));
        }
        let mut table = Table::after(&old);
        let fresh = [table.insert(4), table.insert(5)];
        assert!(ids.iter().all(|id| table.get(*id).is_none()));
        assert_eq!(fresh.map(|id| table.get(id).copied()), [Some(4), Some(5)]);
        table.discard(fresh[1]);
        let last = table.insert(6);
        assert!(!ids.contains(&last) && table.get(last) == Some(&6));
    }

    #[test]
    fn an_emptied_table_gives_memory_back_and_keeps_old_ids_stale() {
        let mut table: Table<RequestId, usize> = Table::default();
        let ids: Vec<_> = (0..10 * KEPT).map(|n| table.insert(n)).collect();
        for &id in &ids {
            table.remove(id);
        }
        assert_eq!(table.len(), 0);
        assert!(table.entries.capacity() <= 2 * KEPT);
        let again: Vec<_> = (0..10 * KEPT).map(|n| table.insert(n)).collect();
        assert!(ids.iter().all(|&id| table.get(id).is_none()));
        assert!(again.iter().enumerate().all(|(n, &id)| table.get(id) == Some(&n)));
    }

    #[test]
    fn objects_are_counted_listed_and_let_go_without_being_moved() {
        let mut table: Table<RequestId, u32> = Table::default();
        let [first, second, third] = [10, 20, 30].map(|value| table.insert(value));
        table.discard(second);
        table.discard(second);
        assert_eq!((table.len(), table.get(second)), (2, None));
        assert_eq!(table.get_mut(second), None);
        let again = table.insert(40);
        assert_eq!(again.position(), second.position());
        table.discard(second);
        assert_eq!(table.remove(second), None, "its place is another's");
        let all: Vec<_> = table.iter().map(|(id, value)| (id.position(), id.age(), *value)).collect();
        assert_eq!(all, [(0, 0, 10), (1, 1, 40), (2, 0, 30)]);
        assert_eq!((table.remove(first), table.remove(third), table.len()), (Some(10), Some(30), 1));
    }

    #[test]
    fn memory_is_given_back_only_after_a_burst_and_only_when_all_have_gone() {
        let mut table: Table<RequestId, usize> = Table::default();
        let ids: Vec<_> = (0..KEPT).map(|n| table.insert(n)).collect();
        ids.into_iter().for_each(|id| table.discard(id));
        assert_eq!((table.entries.len(), table.first_generation), (KEPT, 0), "no burst");
        let ids: Vec<_> = (0..=KEPT).map(|n| table.insert(n)).collect();
        let (last, others) = ids.split_last().expect("some");
        others.iter().for_each(|&id| table.discard(id));
        assert_eq!(table.entries.len(), KEPT + 1, "one is left");
        table.discard(*last);
        assert_eq!((table.entries.len(), table.free.len(), table.first_generation), (KEPT, KEPT, 2));
        assert_eq!(table.insert(1).position(), 0);
    }
}
