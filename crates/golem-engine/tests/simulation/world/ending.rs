//! The end of a history: everything comes to rest, and then all must be as if nobody had been there.

use super::client::Fate;
use super::history::{History, TRIES};

impl History {
    /// Lets everything come in that is on its way: late replies, ends of streams, timers, probes.
    pub(super) fn come_to_rest(&mut self) {
        // Twice: a fault that was looked for may come as late as here, and without a timeout nothing else ends its silence.
        self.tries = TRIES;
        for _ in 0..2 {
            self.have_mercy();
            while self.round() || self.leap() {}
        }
    }

    /// Nobody is there any more: nothing may be left of them, well servers have kept their connections, and those that were
    /// ejected are back.
    pub(super) fn check_end(&mut self) {
        for worker in &self.stage.workers {
            if worker.engine.clients() + worker.engine.requests() > 0 {
                self.stage.fail("clients or requests are left after all clients have gone");
            }
            if self.turmoil.has_left && !worker.engine.has_left() {
                self.stage.fail("the engine does not end");
            }
        }
        if self.stage.office.words.last().is_some_and(|word| word.ejected().next().is_some()) {
            self.stage.fail("a server that is well stays out");
        }
        for number in 0..self.servers.len() {
            for link in self.servers[number].open_links() {
                if self.stage.links[link].closed && !self.book.may_lose_connections(number) {
                    self.stage.fail(&format!("server {number} was well and lost a connection"));
                }
            }
            for gauge in ["in_queue", "in_queue_bytes", "out_queue", "out_queue_bytes", "ejected"] {
                self.check_gauge(number, gauge, 0);
            }
        }
        let idle = self.clients.iter().filter(|client| client.fate == Some(Fate::Idle)).count();
        if (idle as i64) > self.stage.pool_counter("clients_idle") {
            self.stage.fail("a client was closed as idle and not counted");
        }
        self.check_counter("client_connections", 0);
        self.check_counter("clients_refused", self.turmoil.turned_away);
        if !self.book.has_reloads {
            self.check_repeats();
        }
        for server in &mut self.servers {
            server.stop(&mut self.stage);
        }
        self.stage.settle();
        for number in 0..self.servers.len() {
            for gauge in ["server_connections", "connections_open"] {
                self.check_gauge(number, gauge, 0);
            }
        }
    }

    /// Every request that a server got twice was repeated by an engine, and those are not too many.
    fn check_repeats(&self) {
        let sum = |name| -> i64 {
            (0..self.servers.len()).map(|number| self.stage.server_counter(number, name)).sum()
        };
        let (repeated, requests) = (sum("requests_repeated"), sum("requests"));
        if i64::from(self.book.repeated()) > repeated || self.book.strays > repeated {
            self.stage.fail("a server got a request twice that was not repeated");
        }
        if repeated > requests / 10 + 10 * self.stage.workers.len() as i64 {
            self.stage.fail(&format!("{repeated} of {requests} requests were repeated"));
        }
    }

    fn check_gauge(&self, server: usize, name: &str, expected: i64) {
        let value = self.stage.server_counter(server, name);
        if value != expected {
            self.stage.fail(&format!("{name} of server {server} is {value} at the end, not {expected}"));
        }
    }

    fn check_counter(&self, name: &str, expected: i64) {
        let value = self.stage.pool_counter(name);
        if value != expected {
            self.stage.fail(&format!("{name} is {value} at the end, not {expected}"));
        }
    }
}
