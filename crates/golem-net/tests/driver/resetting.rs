//! A driver whose handler has panicked in the middle of a turn.

use crate::connecting::closed_port;
use crate::recorder::Bench;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// The recorder forgets all that it knows, and panics when it is told more of it.
fn panic_in_a_turn(bench: &mut Bench) {
    bench.recorder.records.clear();
    let deadline = Instant::now() + Duration::from_secs(20);
    while catch_unwind(AssertUnwindSafe(|| bench.turn(Duration::from_secs(5)))).is_ok() {
        assert!(Instant::now() < deadline, "the handler is not called");
    }
    bench.driver.reset();
}

#[test]
fn a_reset_closes_all_connections_and_goes_on_accepting() {
    let mut bench = Bench::new();
    let address = bench.listen();
    let mut peers: Vec<TcpStream> = (0..5).map(|_| TcpStream::connect(address).unwrap()).collect();
    bench.until(|r| r.records.len() == 5);
    let old: Vec<_> = (0..5).map(|user| bench.conn(user)).collect();
    for peer in &mut peers {
        peer.write_all(b"hello").unwrap();
    }
    panic_in_a_turn(&mut bench);
    assert_eq!(bench.driver.connections(), 0);
    for peer in &mut peers {
        // An end, or a reset where something was unread.
        assert!(peer.read(&mut [0; 1]).map_or(true, |length| length == 0));
    }
    let mut fresh: Vec<TcpStream> = (0..5).map(|_| TcpStream::connect(address).unwrap()).collect();
    bench.until(|r| r.records.len() == 5);
    for conn in old {
        bench.driver.close(conn);
    }
    assert_eq!(bench.driver.connections(), 5, "old ids name nothing");
    for peer in &mut fresh {
        peer.write_all(b"hello").unwrap();
    }
    bench.until(|r| r.records.iter().all(|record| record.received == b"hello"));
}

#[test]
fn what_a_lost_event_told_is_looked_at_after_a_reset() {
    let mut bench = Bench::new();
    let address = bench.listen();
    bench.idle_turns(2);
    let (_reserved, refuses) = closed_port();
    // In this order they are told: the handler panics at the first, the others are lost.
    bench.connect(&refuses).unwrap();
    let waker = bench.driver.waker();
    waker.wake();
    let _peer = TcpStream::connect(address).unwrap();
    panic_in_a_turn(&mut bench);
    let start = Instant::now();
    bench.until(|r| r.records.len() == 1);
    bench.idle_turns(2);
    waker.wake();
    bench.turn(Duration::from_secs(20));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn a_wake_up_that_was_lost_ends_the_first_wait_after_a_reset() {
    let mut bench = Bench::new();
    let (_reserved, refuses) = closed_port();
    bench.connect(&refuses).unwrap();
    bench.driver.waker().wake();
    panic_in_a_turn(&mut bench);
    let start = Instant::now();
    bench.turn(Duration::from_secs(20));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
