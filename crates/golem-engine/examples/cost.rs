//! What the engine itself costs per request, without sockets: clients send `get`s, two servers answer at once. Meant to
//! be counted in instructions, which are the same on every run:
//! `valgrind --tool=callgrind target/release/examples/cost CLIENTS DEPTH KEYS ROUNDS`. With several keys in each request keys
//! are counted, not requests.
#![allow(clippy::unwrap_used, reason = "a measurement may fail by panicking")]

use golem_engine::counters::{AllCounters, WorkerCounters};
use golem_engine::id::Connection;
use golem_engine::{Engine, PoolIndex, Setup, Time, Wish, WorkerLimits};
use std::sync::Arc;

const FILE: &str =
    "main:\n  listen: 127.0.0.1:1\n  timeout: 1000\n  servers:\n   - 127.0.0.1:2:1\n   - 127.0.0.1:3:1\n";

fn engine() -> Engine {
    let pools = golem_config::parse("cost", FILE).unwrap().config.pools;
    let counters = WorkerCounters::new(pools.iter().map(|pool| pool.servers.len()));
    Engine::new(Setup {
        pools: pools.into_iter().map(Arc::new).collect(),
        all: AllCounters(vec![Arc::clone(&counters)].into()),
        counters,
        seed: 1,
        version: "0".to_owned(),
        epoch: 0,
        workers: 1,
        limits: WorkerLimits { soft: 512 << 20, hard: 1 << 30 },
    })
}

/// Answers the requests that a server was sent.
fn answer(requests: &[u8], replies: &mut Vec<u8>) {
    replies.clear();
    for line in requests.split_inclusive(|byte| *byte == b'\n') {
        // All keys have one length, and a blank may stand behind the last.
        for key in line[4..line.len() - 2].chunks(KEY_LEN + 1) {
            replies.extend_from_slice(b"VALUE ");
            replies.extend_from_slice(&key[..KEY_LEN]);
            replies.extend_from_slice(b" 0 32\r\n01234567890123456789012345678901\r\n");
        }
        replies.extend_from_slice(b"END\r\n");
    }
}

const KEY_LEN: usize = "key:00000000".len();
/// So many rounds differ in what each client asks.
const VARIETY: usize = 16;

/// What a client says at once: `depth` requests for `keys` keys.
fn request(number: usize, depth: usize, keys: usize) -> Vec<u8> {
    let mut request = Vec::new();
    for at in 0..depth {
        request.extend_from_slice(b"get");
        for key in 0..keys {
            let key = ((number * depth + at) * keys + key) * 7919 % 10_000;
            request.extend_from_slice(format!(" key:{key:08}").as_bytes());
        }
        request.extend_from_slice(b"\r\n");
    }
    request
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|word| word.parse().unwrap()).collect();
    let [clients, depth, keys, rounds] = numbers[..] else { panic!("usage: cost CLIENTS DEPTH KEYS ROUNDS") };
    let mut engine = engine();
    let ids: Vec<_> =
        (0..clients).map(|_| Connection::Client(engine.accept(PoolIndex::new(0)).unwrap())).collect();
    let (mut sent, mut replies, mut delivered) = (Vec::new(), Vec::new(), 0);
    // Made before, so that it does not count.
    let requests: Vec<_> = (0..clients + VARIETY).map(|number| request(number, depth, keys)).collect();
    for round in 0..rounds {
        engine.begin_turn(Time(round as u64 * 100));
        for (&id, request) in ids.iter().zip(&requests[round % VARIETY..]) {
            engine.received(id, request);
        }
        // Two turns: requests out, replies out.
        for _ in 0..2 {
            while let Some(wish) = engine.next_wish() {
                if let Wish::Connect { conn, .. } = wish {
                    engine.connected(conn);
                }
            }
            while let Some(connection) = engine.next_dirty() {
                sent.clear();
                engine.output(connection).for_each(|slice| sent.extend_from_slice(slice));
                engine.sent(connection, sent.len());
                if let Connection::Server(_) = connection {
                    answer(&sent, &mut replies);
                    engine.received(connection, &replies);
                } else {
                    delivered += sent.len();
                }
            }
        }
        engine.expire();
    }
    println!("{} requests, {delivered} bytes of replies", clients * depth * keys * rounds);
}
