//! The table of a driver's connections: one small record each (32 bytes at most), slots used again, ids with
//! generations. Invariant: an id finds its connection or nothing, never another one.

use crate::driver::ConnId;
use socket2::Socket;

/// What is known about a connection, a set of the constants below.
#[derive(Clone, Copy, Default)]
pub(super) struct State(u16);

impl State {
    /// Not open yet.
    pub(super) const CONNECTING: Self = Self(1);
    /// A read may find something: an event said so, or the last read filled its buffer.
    pub(super) const READABLE: Self = Self(1 << 1);
    /// On the ready list.
    pub(super) const LISTED: Self = Self(1 << 2);
    /// The owner wants no reads.
    pub(super) const PAUSED: Self = Self(1 << 3);
    /// The peer sends no more, or an error waits: read on, even after short reads, until a read tells.
    pub(super) const READ_CLOSED: Self = Self(1 << 4);
    /// A read found the end of the stream: never read again.
    pub(super) const ENDED: Self = Self(1 << 5);
    /// The kernel takes no more bytes until an event says so.
    pub(super) const BLOCKED: Self = Self(1 << 6);
    /// On the list of connections to be written in the next turn.
    pub(super) const RETRY: Self = Self(1 << 7);
    /// A write failed: read what the peer still said, then close.
    pub(super) const BROKEN: Self = Self(1 << 8);

    pub(super) const fn has(self, what: Self) -> bool {
        self.0 & what.0 != 0
    }

    pub(super) const fn with(self, what: Self) -> Self {
        Self(self.0 | what.0)
    }

    pub(super) const fn without(self, what: Self) -> Self {
        Self(self.0 & !what.0)
    }

    pub(super) fn set(&mut self, what: Self) {
        *self = self.with(what);
    }

    pub(super) fn clear(&mut self, what: Self) {
        *self = self.without(what);
    }
}

/// One connection, or a free slot.
pub(super) struct Connection {
    /// None: the slot is free, and `user` is the next free slot.
    socket: Option<Socket>,
    generation: u32,
    pub(super) user: u64,
    /// The turn of the last write.
    pub(super) written: u32,
    pub(super) state: State,
    /// Why a `BROKEN` connection is so, as error number.
    pub(super) errno: u16,
}

/// The end of the list of free slots.
const NO_SLOT: u64 = u64::MAX;

pub(super) struct Table {
    slots: Vec<Connection>,
    first_free: u64,
    used: usize,
}

impl Table {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), first_free: NO_SLOT, used: 0 }
    }

    pub(super) const fn used(&self) -> usize {
        self.used
    }

    pub(super) fn insert(&mut self, socket: Socket, user: u64, state: State) -> ConnId {
        self.used += 1;
        let free = usize::try_from(self.first_free)
            .ok()
            .and_then(|slot| self.slots.get_mut(slot).map(|c| (slot, c)));
        if let Some((slot, connection)) = free {
            self.first_free = connection.user;
            *connection = Connection {
                socket: Some(socket),
                user,
                state,
                written: 0,
                errno: 0,
                generation: connection.generation,
            };
            return ConnId { slot: slot as u32, generation: connection.generation };
        }
        let slot = self.slots.len() as u32;
        self.slots.push(Connection {
            socket: Some(socket),
            user,
            state,
            written: 0,
            errno: 0,
            generation: 0,
        });
        ConnId { slot, generation: 0 }
    }

    /// Frees the slot; the socket is the caller's to drop.
    pub(super) fn remove(&mut self, conn: ConnId) -> Option<Socket> {
        let connection =
            self.slots.get_mut(conn.slot()).filter(|found| found.generation == conn.generation)?;
        let socket = connection.socket.take()?;
        connection.generation = connection.generation.wrapping_add(1);
        connection.user = self.first_free;
        self.first_free = u64::from(conn.slot);
        self.used -= 1;
        Some(socket)
    }

    /// Closes all connections. Nothing of the table is relied upon but the slots themselves, so that it is whole afterwards
    /// even if a panic left it otherwise; old ids find nothing.
    pub(super) fn clear(&mut self) {
        (self.first_free, self.used) = (NO_SLOT, 0);
        for (slot, connection) in self.slots.iter_mut().enumerate() {
            connection.socket = None;
            connection.generation = connection.generation.wrapping_add(1);
            connection.user = self.first_free;
            self.first_free = slot as u64;
        }
    }

    pub(super) fn get(&self, conn: ConnId) -> Option<(&Connection, &Socket)> {
        let connection = self.slots.get(conn.slot()).filter(|found| found.generation == conn.generation)?;
        connection.socket.as_ref().map(|socket| (connection, socket))
    }

    pub(super) fn get_mut(&mut self, conn: ConnId) -> Option<&mut Connection> {
        self.slots
            .get_mut(conn.slot())
            .filter(|found| found.generation == conn.generation && found.socket.is_some())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::{Connection, State, Table};
    use socket2::{Domain, Socket, Type};

    fn socket() -> Socket {
        Socket::new(Domain::UNIX, Type::STREAM, None).unwrap()
    }

    #[test]
    fn a_stale_id_finds_nothing_after_its_slot_is_used_again() {
        let mut table = Table::new();
        let first = table.insert(socket(), 1, State::default());
        let second = table.insert(socket(), 2, State::default());
        assert!(table.remove(first).is_some());
        assert!(table.remove(first).is_none());
        let third = table.insert(socket(), 3, State::default());
        assert_eq!(third.slot(), first.slot());
        assert!(
            table.get(first).is_none() && table.get_mut(first).is_none() && table.remove(first).is_none()
        );
        assert_eq!(table.get(second).map(|(c, _)| c.user), Some(2));
        assert_eq!(table.get(third).map(|(c, _)| c.user), Some(3));
        assert_eq!(table.used(), 2);
    }

    #[test]
    fn free_slots_are_used_before_new_ones() {
        let mut table = Table::new();
        let all: Vec<_> = (0..4).map(|user| table.insert(socket(), user, State::default())).collect();
        for conn in &all {
            assert!(table.remove(*conn).is_some());
        }
        let mut again: Vec<_> =
            (0..4).map(|user| table.insert(socket(), user, State::default()).slot()).collect();
        again.sort_unstable();
        assert_eq!(again, [0, 1, 2, 3]);
    }

    #[test]
    fn a_cleared_table_has_its_slots_free_and_knows_no_old_id() {
        let mut table = Table::new();
        let all: Vec<_> = (0..3).map(|user| table.insert(socket(), user, State::default())).collect();
        assert!(table.remove(all[1]).is_some());
        table.clear();
        assert_eq!(table.used(), 0);
        let again: Vec<_> = (0..4).map(|user| table.insert(socket(), user, State::default())).collect();
        assert!(all.iter().all(|conn| table.get(*conn).is_none()));
        let mut slots: Vec<_> = again.iter().map(|conn| conn.slot()).collect();
        slots.sort_unstable();
        assert_eq!(slots, [0, 1, 2, 3]);
        assert_eq!(again.iter().map(|conn| table.get(*conn).unwrap().0.user).sum::<u64>(), 6);
    }

    #[test]
    fn a_connection_takes_at_most_32_bytes() {
        assert!(size_of::<Connection>() <= 32);
    }
}
