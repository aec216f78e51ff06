//! What tests of the engine's own files start from: an engine with one server and one client.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::counters::{AllCounters, WorkerCounters};
use crate::engine::{Engine, Setup, Wish};
use crate::id::Connection;
use crate::pool::PoolIndex;
use crate::pressure::WorkerLimits;
use alloc::string::String;
use alloc::sync::Arc;

const FILE: &str = "main:\n  listen: 127.0.0.1:1\n  servers:\n    - 127.0.0.1:2:1\n";

/// The settings of its pool.
pub(crate) fn settings() -> Arc<golem_config::Pool> {
    Arc::new(golem_config::parse("test", FILE).unwrap().config.pools.remove(0))
}

/// An engine, its client, which has sent `requests` (one at least), and the open connection to its server. Nothing has been
/// written yet.
pub(crate) fn asked(requests: &[u8]) -> (Engine, Connection, Connection) {
    let counters = WorkerCounters::new([1].into_iter());
    let all = AllCounters([Arc::clone(&counters)].into());
    let version = String::from("0");
    let pools = [settings()].into();
    let limits = WorkerLimits::default();
    let mut engine =
        Engine::new(Setup { pools, counters, all, seed: 0, version, epoch: 0, workers: 1, limits });
    let client = Connection::Client(engine.accept(PoolIndex::new(0)).unwrap());
    engine.received(client, requests);
    let Some(Wish::Connect { conn, .. }) = engine.next_wish() else { panic!("no wish to connect") };
    engine.connected(conn);
    (engine, client, Connection::Server(conn))
}
