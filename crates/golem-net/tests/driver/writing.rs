//! Writing: partial writes, many slices, broken connections, one write per turn.

use crate::recorder::{Bench, pattern, reset};
use golem_net::{Cause, Slices};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

#[test]
fn a_slow_reader_gets_everything_in_order() {
    for is_unix in [false, true] {
        let mut bench = Bench::new();
        let bytes = pattern(12 << 20);
        let (user, mut peer): (usize, Box<dyn Read + Send>) = if is_unix {
            let (user, peer) = bench.unix();
            (user, Box::new(peer))
        } else {
            let (user, peer) = bench.tcp();
            (user, Box::new(peer))
        };
        bench.send(user, &bytes);
        // The kernel does not take that much; and while it is full nothing is tried.
        assert!(bench.record(user).unsent() > 0);
        bench.idle_turns(3);
        assert_eq!(bench.idle_turns(3).writes, 0);
        bench.flush(user);
        assert_eq!(bench.driver.counts().writes, 1);
        let length = bytes.len();
        let reader = std::thread::spawn(move || {
            let mut back = vec![0; length];
            peer.read_exact(&mut back).unwrap();
            back
        });
        bench.until(|r| r.records[user].unsent() == 0);
        assert!(reader.join().unwrap() == bytes);
    }
}

#[test]
fn more_slices_than_one_write_takes_go_out_in_several_turns() {
    let mut bench = Bench::new();
    let (user, mut peer) = bench.tcp();
    let bytes = pattern(200 * 3);
    bench.recorder.records[user].output = bytes.chunks(3).map(<[u8]>::to_vec).collect();
    bench.flush(user);
    assert_eq!(bench.record(user).sent, Slices::CAPACITY * 3);
    bench.flush(user);
    assert_eq!(bench.driver.counts().writes, 1);
    bench.until(|r| r.records[user].unsent() == 0);
    assert_eq!(bench.driver.counts().writes, 4);
    let mut back = vec![0; bytes.len()];
    peer.read_exact(&mut back).unwrap();
    assert!(back == bytes);
}

#[test]
fn nothing_to_write_costs_no_system_call() {
    let mut bench = Bench::new();
    let (user, _peer) = bench.tcp();
    bench.flush(user);
    assert_eq!(bench.driver.counts().writes, 0);
}

#[test]
fn a_second_flush_in_a_turn_waits_for_the_next() {
    let mut bench = Bench::new();
    let (user, mut peer) = bench.unix();
    bench.idle_turns(2);
    bench.send(user, b"one ");
    bench.send(user, b"two ");
    bench.send(user, b"three");
    assert_eq!(bench.driver.counts().writes, 1);
    // It does not wait for an event.
    let start = Instant::now();
    bench.turn(Duration::from_secs(20));
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(bench.driver.counts().writes, 2);
    let mut back = [0; 13];
    peer.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"one two three");
}

#[test]
fn last_words_of_a_peer_are_read_before_a_failed_write_closes() {
    let mut bench = Bench::new();
    let (user, mut peer) = bench.unix();
    peer.write_all(b"SERVER_ERROR out of memory\r\n").unwrap();
    drop(peer);
    bench.send(user, b"get a\r\n");
    assert!(bench.record(user).closed.is_none());
    bench.until(|r| r.records[user].closed.is_some());
    assert_eq!(bench.record(user).received, b"SERVER_ERROR out of memory\r\n");
    assert_eq!(bench.record(user).closed.unwrap().errno(), libc::EPIPE);
    assert_eq!(bench.record(user).ends, 0);
    assert_eq!(bench.driver.connections(), 0);
}

#[test]
fn a_paused_connection_that_cannot_be_written_is_closed_at_once() {
    let mut bench = Bench::new();
    let (user, mut peer) = bench.unix();
    let conn = bench.conn(user);
    bench.driver.pause(conn);
    peer.write_all(b"unread").unwrap();
    drop(peer);
    bench.idle_turns(1);
    bench.send(user, b"x");
    assert_eq!(bench.record(user).closed.unwrap().cause(), Cause::Reset);
    assert_eq!(bench.driver.connections(), 0);
}

#[test]
fn a_reset_while_output_is_blocked_closes_even_when_paused() {
    let mut bench = Bench::new();
    let (user, peer) = bench.tcp();
    let conn = bench.conn(user);
    bench.driver.pause(conn);
    bench.send(user, &pattern(12 << 20));
    bench.idle_turns(2);
    reset(peer);
    bench.until(|r| r.records[user].closed.is_some());
    assert_eq!(bench.record(user).closed.unwrap().cause(), Cause::Reset);
}

#[test]
fn writing_after_the_peer_has_ended_and_gone_closes() {
    let mut bench = Bench::new();
    let (user, peer) = bench.unix();
    peer.shutdown(Shutdown::Both).unwrap();
    bench.until(|r| r.records[user].ends == 1);
    bench.send(user, b"x");
    assert_eq!(bench.record(user).closed.unwrap().errno(), libc::EPIPE);
}

#[test]
fn a_peer_that_reads_no_more_ends_the_wait_of_blocked_output() {
    let mut bench = Bench::new();
    let (user, peer) = bench.unix();
    let conn = bench.conn(user);
    bench.driver.pause(conn);
    bench.send(user, &pattern(4 << 20));
    bench.idle_turns(2);
    // What fills the kernel's buffer stays there: the socket never becomes writable again.
    peer.shutdown(Shutdown::Both).unwrap();
    bench.until(|r| r.records[user].closed.is_some());
    assert_eq!(bench.record(user).closed.unwrap().errno(), libc::EPIPE);
}
