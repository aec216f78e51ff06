//! All clients of one server: what the driver tells about them, and what is to be done for them after each turn.

use crate::client::Client;
use crate::faults::Faults;
use crate::store::Store;
use golem_net::{Clock, CloseReason, ConnId, Driver, Handler, Slices};
use std::time::Duration;

/// The clients, by slot of their connection, which is also their `user` number.
pub(super) struct Clients {
    store: Store,
    clock: Clock,
    /// The clock in this turn, read when first needed.
    now: Option<u64>,
    faults: Faults,
    clients: Vec<Option<Client>>,
    /// Clients to be looked at after the turn; a few may be listed twice.
    touched: Vec<usize>,
    /// Clients with late replies.
    waiting: Vec<usize>,
}

impl Clients {
    pub(super) fn new(store: Store, clock: Clock, faults: Faults) -> Self {
        Self {
            store,
            clock,
            now: None,
            faults,
            clients: Vec::new(),
            touched: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// How long the next turn may wait: until late replies are due, or for ever.
    pub(super) fn timeout(&self) -> Option<Duration> {
        if !self.touched.is_empty() {
            return Some(Duration::ZERO);
        }
        let clients = self.waiting.iter().filter_map(|&at| self.clients.get(at)?.as_ref());
        let due = clients.filter_map(Client::due).min().filter(|_| !self.faults.silence)?;
        Some(Duration::from_micros(due.saturating_sub(self.clock.now())))
    }

    /// Sends what is to be sent, and closes, pauses and resumes clients.
    pub(super) fn after_turn(&mut self, driver: &mut Driver) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.append(&mut self.waiting);
        touched.sort_unstable();
        touched.dedup();
        // Flushing touches clients too, but they are looked at right here.
        touched.retain(|&at| self.look_after(at, driver));
        self.touched = touched;
        self.now = None;
    }

    /// Looks after one client; true if it can go on at once, without a new event.
    fn look_after(&mut self, at: usize, driver: &mut Driver) -> bool {
        let now = self.now();
        let Some(client) = self.clients.get_mut(at).and_then(Option::as_mut) else { return false };
        client.go_on(&mut self.store, &self.faults, now);
        client.release(&self.faults, now);
        let conn = client.conn;
        if !client.unsent().is_empty() {
            driver.flush(self, conn);
        }
        let Some(place) = self.clients.get_mut(at) else { return false };
        let Some(client) = place else { return false };
        if client.is_finished() {
            *place = None;
            driver.close(conn);
            return false;
        }
        if client.due().is_some() {
            self.waiting.push(at);
        }
        let wants_pause = !client.has_room() || client.has_input();
        if wants_pause != client.is_paused {
            client.is_paused = wants_pause;
            if wants_pause {
                driver.pause(conn);
            } else {
                driver.resume(conn);
            }
        }
        client.has_room() && client.has_input()
    }

    pub(super) fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
        for client in self.clients.iter_mut().flatten() {
            client.faults_were_set();
        }
    }

    pub(super) fn disconnect_all(&mut self, driver: &mut Driver) {
        for client in self.clients.drain(..).flatten() {
            driver.close(client.conn);
        }
        self.waiting.clear();
    }

    pub(super) fn count(&self) -> usize {
        self.clients.iter().flatten().count()
    }

    pub(super) fn store(&mut self) -> &mut Store {
        self.now();
        &mut self.store
    }

    /// The clock in this turn; the store's follows it.
    fn now(&mut self) -> u64 {
        if let Some(now) = self.now {
            return now;
        }
        let now = self.clock.now();
        self.store.set_clock(self.clock.wall(now) / 1_000_000);
        self.now = Some(now);
        now
    }

    fn touch(&mut self, user: u64) -> Option<&mut Client> {
        let at = usize::try_from(user).ok()?;
        let client = self.clients.get_mut(at)?.as_mut()?;
        if self.touched.last() != Some(&at) {
            self.touched.push(at);
        }
        Some(client)
    }
}

impl Handler for Clients {
    fn accepted(&mut self, _listener: u32, conn: ConnId) -> Option<u64> {
        if self.faults.refuse {
            return None;
        }
        let at = conn.slot();
        if self.clients.len() <= at {
            self.clients.resize_with(at + 1, || None);
        }
        *self.clients.get_mut(at)? = Some(Client::new(conn));
        Some(at as u64)
    }

    fn received(&mut self, user: u64, bytes: &[u8]) {
        let now = self.now();
        if self.touch(user).is_none() {
            return;
        }
        let client = usize::try_from(user).ok().and_then(|at| self.clients.get_mut(at)?.as_mut());
        if let Some(client) = client {
            client.receive(&mut self.store, &self.faults, now, bytes);
        }
    }

    fn end_of_stream(&mut self, user: u64) {
        if let Some(client) = self.touch(user) {
            client.has_ended = true;
        }
    }

    fn closed(&mut self, user: u64, _reason: CloseReason) {
        let place = usize::try_from(user).ok().and_then(|at| self.clients.get_mut(at));
        if let Some(place) = place {
            *place = None;
        }
    }

    fn output<'a>(&'a self, user: u64, slices: &mut Slices<'a>) {
        let client = usize::try_from(user).ok().and_then(|at| self.clients.get(at)?.as_ref());
        if let Some(client) = client {
            slices.push(client.unsent());
        }
    }

    fn sent(&mut self, user: u64, n: usize) {
        if let Some(client) = self.touch(user) {
            client.sent(n);
        }
    }
}
