//! What the parts that every request passes cost by themselves: the scanners of requests and replies, and the ring's answer.
//! Meant to be counted in instructions, which are the same on every run:
//! `valgrind --tool=callgrind target/release/examples/parts requests|replies|ring ROUNDS`.
#![allow(clippy::unwrap_used, reason = "a measurement may fail by panicking")]

use golem_protocol::memcached::{
    Limits, LineScan, ReplyScan, Shape, parse_line, scan_get, scan_hit, scan_line, scan_reply,
};
use golem_ring::{Distribution, Hash, Member, Random, Ring};
use std::hint::black_box;

/// Lines as clients send them, each with the bytes of its data block. The first of them takes the quick way.
const REQUESTS: [(&[u8], usize); 6] = [
    (b"get key:0000000001\r\n", 0),
    (b"set key:0000000001 0 0 32\r\n", 34),
    (b"get key:0000000001 key:0000000002 key:0000000003 key:0000000004\r\n", 0),
    (b"delete key:0000000001\r\n", 0),
    (b"mg key:0000000001 v k t\r\n", 0),
    (b"incr key:0000000001 5\r\n", 0),
];

/// What servers answer, with the shape that was asked for.
const REPLIES: [(Shape, &[u8]); 5] = [
    (Shape::Values, b"VALUE key:0000000001 0 32\r\n01234567890123456789012345678901\r\nEND\r\n"),
    (Shape::Values, b"VALUE key:0000000002 0 8\r\n01234567\r\nEND\r\n"),
    (Shape::StoreLine, b"STORED\r\n"),
    (Shape::MetaGet, b"VA 8 kkey:0000000001 t-1\r\n01234567\r\n"),
    (Shape::NumberLine, b"1234\r\n"),
];

fn requests(rounds: usize) -> usize {
    let limits = Limits::default();
    let mut stream = Vec::new();
    for (line, data) in REQUESTS {
        stream.extend_from_slice(line);
        stream.resize(stream.len() + data, b'x');
    }
    for _ in 0..rounds {
        let mut rest = black_box(&stream[..]);
        for (_, data) in REQUESTS {
            let taken = if let Some((request, taken)) = scan_get(rest, &limits) {
                black_box(request);
                taken
            } else {
                let LineScan::Complete { len } = scan_line(rest, 0, &limits) else { panic!("no line") };
                black_box(parse_line(&rest[..len], &limits));
                len
            };
            rest = &rest[taken + data..];
        }
    }
    rounds * REQUESTS.len()
}

fn replies(rounds: usize) -> usize {
    for _ in 0..rounds {
        for (shape, bytes) in black_box(&REPLIES) {
            if scan_hit(b"key:0000000001", bytes).is_some() {
                continue;
            }
            let mut rest = *bytes;
            while let ReplyScan::Value { header, data, .. } = black_box(scan_reply(*shape, rest, 0)) {
                rest = &rest[(header + data) as usize + 2..];
            }
        }
    }
    rounds * REPLIES.len()
}

fn ring(rounds: usize) -> usize {
    let labels: Vec<String> = (0..10).map(|number| format!("10.0.0.{number}:11211")).collect();
    let members: Vec<Member<'_>> =
        labels.iter().map(|label| Member { label, weight: 1, live: true }).collect();
    let ring = Ring::new(Hash::Fnv64a, None, Distribution::Ketama, &members);
    let keys: Vec<String> = (0..1000).map(|number| format!("key:{number:010}")).collect();
    let mut random = Random::new(1);
    for _ in 0..rounds {
        for key in &keys {
            black_box(ring.server_of(key.as_bytes(), &mut random));
        }
    }
    rounds * keys.len()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [part, rounds] = &arguments[..] else { panic!("usage: parts requests|replies|ring ROUNDS") };
    let rounds = rounds.parse().unwrap();
    let count = match part.as_str() {
        "requests" => requests(rounds),
        "replies" => replies(rounds),
        "ring" => ring(rounds),
        other => panic!("no part is called {other}"),
    };
    println!("{count} {part}");
}
