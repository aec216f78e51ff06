//! An engine that takes the place of another one, whose worker has panicked: of the old one nothing is used that could be
//! broken, and what still names its connections finds nothing (invariant 4).

use crate::engine::Engine;
use crate::table::Table;

impl Engine {
    /// An engine without connections that goes on for this one, on the same counters: gauges are 0, the others go on. It follows
    /// the same snapshots. Ids of connections are none that this engine has given, so that an answer for one of those is for nobody.
    #[must_use]
    pub fn anew(&self) -> Self {
        self.setup.counters.begin_anew();
        let mut fresh = Self::new(self.setup.clone());
        fresh.now = self.now;
        fresh.buffers.pipes.allow(self.buffers.pipes.allowed());
        fresh.clients = Table::after(&self.clients);
        fresh.conns = Table::after(&self.conns);
        for (pool, old) in fresh.pools.iter_mut().zip(&self.pools) {
            // A panic may have come between two configurations.
            if alloc::sync::Arc::ptr_eq(&pool.settings, &old.settings) {
                pool.snapshot = alloc::sync::Arc::clone(&old.snapshot);
            }
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use crate::engine::{Engine, Wish};
    use crate::failure::Failure;
    use crate::id::Connection;
    use crate::pool::PoolIndex;
    use crate::rig;
    use crate::time::Time;

    /// A client asks, and the engine wants a connection for it.
    fn ask(engine: &mut Engine) -> (Connection, Connection) {
        let client = Connection::Client(engine.accept(PoolIndex::new(0)).unwrap());
        engine.received(client, b"get k\r\n");
        let Some(Wish::Connect { conn, .. }) = engine.next_wish() else { panic!("no wish to connect") };
        (client, Connection::Server(conn))
    }

    #[test]
    fn what_names_connections_of_the_old_engine_is_for_nobody() {
        let (old, old_client, old_server) = rig::asked(b"get a\r\n");
        let mut engine = old.anew();
        let (client, server) = ask(&mut engine);
        assert!(client != old_client && server != old_server);
        for connection in [old_client, old_server] {
            engine.received(connection, b"END\r\n");
            engine.end_of_stream(connection);
            engine.closed(connection, Failure::HostDown);
        }
        let [Connection::Server(old), Connection::Server(fresh)] = [old_server, server] else {
            panic!("clients")
        };
        engine.connected(old);
        assert!(!engine.is_connecting(old) && engine.is_connecting(fresh));
        assert!(engine.next_wish().is_none() && engine.next_dirty().is_none());
        engine.connected(fresh);
        engine.received(server, b"END\r\n");
        assert_eq!(engine.output(client).collect::<alloc::vec::Vec<_>>(), [b"END\r\n"]);
    }

    #[test]
    fn gauges_are_0_and_the_rest_counts_on() {
        let (mut old, client, server) = rig::asked(b"get a\r\nget b\r\n");
        let Some(conn) = old.next_dirty() else { panic!("nothing to write") };
        old.begin_turn(Time(7));
        old.sent(conn, 7);
        let figures = |engine: &Engine| {
            let (pool, server) =
                (&engine.setup.counters.pools[0].pool, &engine.setup.counters.pools[0].servers[0]);
            let gauges = [
                &pool.client_connections,
                &server.server_connections,
                &server.connections_open,
                &server.in_queue,
                &server.in_queue_bytes,
                &server.out_queue,
                &server.out_queue_bytes,
                &server.failures_in_row,
            ];
            let totals = [&pool.client_total, &server.connections_total, &server.requests];
            (gauges.map(|gauge| gauge.get()), totals.map(|total| total.get()), pool.worker_restarts.get())
        };
        let (gauges, totals, _) = figures(&old);
        assert_eq!((gauges, totals), ([1, 1, 1, 1, 7, 1, 7, 0], [1, 1, 2]));
        let engine = old.anew();
        assert_eq!(figures(&engine), ([0; 8], totals, 1));
        assert_eq!((engine.now(), engine.clients()), (Time(7), 0));
        assert!(engine.output(client).chain(engine.output(server)).next().is_none());
    }
}
