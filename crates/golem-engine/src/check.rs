//! What must hold between any two steps: asked by simulations and fuzzing after each of theirs.

use crate::client::{Client, Input};
use crate::engine::Engine;
use crate::filling::Filling;
use crate::id::{ClientId, Connection, RequestId};
use crate::request::{Merge, Progress};
use crate::server::Incoming;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

impl Engine {
    /// Checks the engine's tables against each other.
    ///
    /// # Errors
    /// Says what does not hold. It is a bug of the engine, whatever went in.
    pub fn check(&self) -> Result<(), String> {
        let mut queued = 0;
        for (id, client) in self.clients.iter() {
            queued += self.check_client(id, client)?;
        }
        if queued != self.requests.len() {
            return Err(format!(
                "{} requests, {queued} of them in the queue of a client",
                self.requests.len()
            ));
        }
        for (id, conn) in self.conns.iter() {
            let holder =
                self.pools.get(conn.pool.index()).and_then(|pool| pool.lane(conn.of.index, conn.lane));
            conn.check()
                .and_then(|()| conn.check_lane(id, holder))
                .map_err(|what| format!("{id:?}: {what}"))?;
        }
        let mut on_the_way: BTreeMap<RequestId, usize> = BTreeMap::new();
        let parts = self.conns.iter().flat_map(|(_, conn)| conn.waiting());
        for part in parts.filter(|expect| !expect.discard) {
            *on_the_way.entry(part.request).or_default() += 1;
        }
        for (id, request) in self.requests.iter() {
            let expected = on_the_way.get(&id).copied().unwrap_or(0);
            let waiting = match (&request.merge, request.progress) {
                (_, Progress::Ready | Progress::ReadyThenClose) => continue,
                (Merge::Gather(gather), Progress::Waiting) => gather.waiting as usize,
                (Merge::PassThrough | Merge::Fixed(_), Progress::Waiting) => 1,
            };
            if expected != waiting {
                return Err(format!("{id:?} waits for {waiting} parts, {expected} are on the way"));
            }
        }
        self.check_account()
    }

    /// Adds up what connections and requests hold, and compares it with what the worker's limits go by.
    fn check_account(&self) -> Result<(), String> {
        let (mut in_use, mut promised) = (0, 0);
        let mut fill = |filling: &Filling| {
            promised += filling.remaining();
            filling.room()
        };
        for (_, client) in self.clients.iter() {
            in_use += client.outbox.room() + client.rest.room();
            if let Input::Upload(upload) = &client.input {
                in_use += fill(&upload.filling);
            }
        }
        for (_, conn) in self.conns.iter() {
            in_use += conn.outbox.room() + conn.rest.room() + conn.kept.capacity();
            if let Some(Incoming::Value(filling, _) | Incoming::Last(filling, _)) = &conn.incoming {
                in_use += fill(filling);
            }
        }
        for (_, request) in self.requests.iter() {
            in_use += request.held.room();
            if let Merge::Gather(gather) = &request.merge {
                in_use += gather.account();
            }
        }
        if (in_use, promised) != self.buffers.account() {
            return Err(format!(
                "{in_use} bytes are in use and {promised} promised, the account says {:?}",
                self.buffers.account()
            ));
        }
        let pipes = self.buffers.pipes.in_use();
        if in_use + promised == 0 && pipes > 0 {
            return Err(format!("nobody holds anything, and {pipes} pipes are in use"));
        }
        Ok(())
    }

    /// Walks a client's queue and says how long it is.
    fn check_client(&self, id: ClientId, client: &Client) -> Result<usize, String> {
        let (mut count, mut last, mut next) = (0, None, client.head);
        let (mut charge, mut held) = (0, 0);
        while let Some(at) = next {
            let request =
                self.requests.get(at).ok_or_else(|| format!("{id:?} queues {at:?}, which is gone"))?;
            if request.client != id {
                return Err(format!("{id:?} queues {at:?}, which belongs to {:?}", request.client));
            }
            if count == 0 && request.progress != Progress::Waiting {
                return Err(format!("{at:?} is ready and stays at the head of {id:?}"));
            }
            charge += u64::from(request.charge);
            held += request.held.len() as u64;
            if let Merge::Gather(gather) = &request.merge {
                held += gather.held as u64;
            }
            count += 1;
            last = Some(at);
            next = request.next;
        }
        if last != client.tail {
            return Err(format!("{id:?}: the queue ends with {last:?}, not {:?}", client.tail));
        }
        if (charge, held) != (client.charge, client.held) {
            return Err(format!(
                "{id:?} is charged {} and holds {}, its requests {charge} and {held}",
                client.charge, client.held
            ));
        }
        Ok(count)
    }

    /// Bytes that wait to be sent on a connection, in memory or in pipes.
    pub fn unsent(&self, connection: Connection) -> usize {
        match connection {
            Connection::Client(id) => self.clients.get(id).map_or(0, |client| client.outbox.len()),
            Connection::Server(id) => self.conns.get(id).map_or(0, |conn| conn.outbox.len()),
        }
    }

    /// Server connections, those being made included.
    pub fn server_connections(&self) -> usize {
        self.conns.len()
    }

    /// Requests whose replies have not wholly left their client's queue.
    pub fn requests(&self) -> usize {
        self.requests.len()
    }
}
