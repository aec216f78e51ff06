//! Requests that are not read yet although they are here. One read can bring thousands of short requests, whose replies may
//! be of any length; so a client that is full is not only paused, but what was read already waits as well, as bytes, until
//! enough of its replies have left.

use crate::engine::{Engine, Wish};
use crate::id::{ClientId, Connection};

impl Engine {
    /// A paused client may ask for more: what was held back first, then what arrives.
    pub(crate) fn read_on(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        client.paused = false;
        if client.held_back {
            // Not here: this may be in the middle of another client's request or of a reply.
            self.held_back.push_back(id);
        } else {
            self.wish(Wish::Resume(Connection::Client(id)));
        }
    }

    /// Reads what was held back of the next client that may ask for more; false if there is none. Until all of that is
    /// through, the driver does not read the client.
    pub(crate) fn read_held_back(&mut self) -> bool {
        let Some(id) = self.held_back.pop_front() else { return false };
        let Some(client) = self.clients.get_mut(id) else { return true };
        if !core::mem::take(&mut client.held_back) {
            return true;
        }
        let bytes = client.rest.take();
        self.client_bytes(id, &bytes);
        self.buffers.give(bytes);
        if let Some(client) = self.clients.get_mut(id)
            && !client.held_back
        {
            let pool = self.pools.get(client.pool.index());
            let is_leaving = self.is_leaving || pool.is_some_and(|pool| pool.is_leaving);
            if client.half_closed || is_leaving {
                // The driver does not read it yet, and its end has to be seen.
                client.held_back = !client.half_closed;
                self.finish_client(id);
            } else if !client.paused {
                self.wish(Wish::Resume(Connection::Client(id)));
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use crate::engine::{Engine, Wish};
    use crate::id::Connection;
    use crate::rig::asked;
    use alloc::vec::Vec;

    const VALUE: usize = 10_000;

    /// An engine with one client, which has sent a request, and an open connection to its server.
    fn engine() -> (Engine, Connection, Connection) {
        asked(b"get a\r\n")
    }

    /// Carries bytes until nothing moves any more, and says how many came out at the client, and the wishes.
    fn carry(engine: &mut Engine, client: Connection, server: Connection) -> (usize, Vec<Wish>) {
        let reply = [b"VALUE a 0 10000\r\n", [b'x'; VALUE].as_slice(), b"\r\nEND\r\n"].concat();
        let (mut received, mut wishes) = (0, Vec::new());
        loop {
            while let Some(wish) = engine.next_wish() {
                wishes.push(wish);
            }
            engine.check().unwrap();
            while engine.next_dirty().is_some() {}
            let asked: usize = engine.output(server).map(<[u8]>::len).sum();
            let told: usize = engine.output(client).map(<[u8]>::len).sum();
            if asked + told == 0 {
                return (received, wishes);
            }
            engine.sent(server, asked);
            assert!(asked / 7 < 500, "{} requests of 10 kB at a time", asked / 7);
            (0..asked / 7).for_each(|_| engine.received(server, &reply));
            let told: usize = engine.output(client).map(<[u8]>::len).sum();
            engine.sent(client, told);
            received += told;
        }
    }

    #[test]
    fn many_requests_of_one_read_are_asked_a_few_at_a_time() {
        let (mut engine, client, server) = engine();
        engine.received(client, &b"get a\r\n".repeat(8999));
        let (received, wishes) = carry(&mut engine, client, server);
        assert_eq!(received, 9000 * (VALUE + 24));
        assert!(wishes.contains(&Wish::Pause(client)));
        assert_eq!(wishes.last(), Some(&Wish::Resume(client)));
        engine.received(client, b"get a\r\n");
        assert_eq!(carry(&mut engine, client, server).0, VALUE + 24);
    }

    #[test]
    fn requests_held_back_are_answered_before_the_client_is_closed() {
        let (mut engine, client, server) = engine();
        let requests = [b"get a\r\n".repeat(1999).as_slice(), b"quit\r\n", &b"get a\r\n".repeat(10)].concat();
        engine.received(client, &requests);
        assert_eq!(carry(&mut engine, client, server).0, 2000 * (VALUE + 24));
        let (mut engine, client, server) = self::engine();
        engine.received(client, &[b"get a\r\n".repeat(1999).as_slice(), b"get"].concat());
        engine.end_of_stream(client);
        let (received, wishes) = carry(&mut engine, client, server);
        assert_eq!((received, wishes.last()), (2000 * (VALUE + 24), Some(&Wish::Close(client))));
        assert_eq!((engine.clients(), engine.requests()), (0, 0));
    }
}
