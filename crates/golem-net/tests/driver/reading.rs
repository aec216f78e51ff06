//! Reading: sizes, ends, errors, pauses, read targets.

use crate::recorder::{Bench, pattern, reset};
use golem_net::Cause;
use golem_net::driver::SCRATCH_SIZE;
use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

#[test]
fn data_and_end_in_one_event_are_both_reported() {
    let mut bench = Bench::new();
    let (user, mut peer) = bench.tcp();
    peer.write_all(b"last words").unwrap();
    drop(peer);
    bench.until(|r| r.records[user].ends == 1);
    assert_eq!(bench.record(user).received, b"last words");
    // And nothing is read again afterwards.
    assert_eq!(bench.idle_turns(3).reads, 0);
}

#[test]
fn a_half_closed_connection_still_takes_output() {
    let mut bench = Bench::new();
    let (user, peer) = bench.tcp();
    peer.shutdown(Shutdown::Write).unwrap();
    bench.until(|r| r.records[user].ends == 1);
    bench.send(user, b"still here");
    let conn = bench.conn(user);
    bench.driver.shutdown_write(conn);
    assert_eq!(std::io::read_to_string(&peer).unwrap(), "still here");
}

#[test]
fn a_short_read_is_not_repeated() {
    let mut bench = Bench::new();
    let (user, mut peer) = bench.tcp();
    peer.write_all(b"one").unwrap();
    bench.until(|r| r.records[user].received.len() == 3);
    assert_eq!(bench.idle_turns(3).reads, 0);
    assert_eq!(bench.driver.counts().reads, 1);
}

#[test]
fn a_read_that_fills_the_buffer_exactly_is_followed_by_another() {
    for extra in [0, 1] {
        let mut bench = Bench::new();
        let (user, mut peer) = bench.unix();
        let conn = bench.conn(user);
        bench.driver.pause(conn);
        let bytes = pattern(2 * SCRATCH_SIZE + extra);
        peer.write_all(&bytes).unwrap();
        bench.driver.resume(conn);
        bench.until(|r| r.records[user].received.len() == bytes.len());
        assert!(bench.record(user).received == bytes);
        assert_eq!(bench.record(user).pieces[..2], [SCRATCH_SIZE, SCRATCH_SIZE]);
        bench.idle_turns(2);
        drop(peer);
        bench.until(|r| r.records[user].ends == 1);
    }
}

#[test]
fn a_reset_closes_with_its_reason() {
    let mut bench = Bench::new();
    let (user, peer) = bench.tcp();
    reset(peer);
    bench.until(|r| r.records[user].closed.is_some());
    assert_eq!(bench.record(user).closed.unwrap().cause(), Cause::Reset);
    assert_eq!(bench.driver.connections(), 0);
}

#[test]
fn a_paused_connection_resumes_without_a_new_edge() {
    let mut bench = Bench::new();
    let (user, mut peer) = bench.tcp();
    let conn = bench.conn(user);
    bench.driver.pause(conn);
    peer.write_all(b"waiting").unwrap();
    // The event comes while it is paused.
    assert_eq!(bench.idle_turns(3).reads, 0);
    bench.driver.resume(conn);
    bench.turn(Duration::from_secs(5));
    assert_eq!(bench.record(user).received, b"waiting");
}

#[test]
fn a_connection_paused_while_on_the_ready_list_loses_nothing() {
    let mut bench = Bench::new();
    let (user, mut peer) = bench.unix();
    let conn = bench.conn(user);
    bench.driver.pause(conn);
    let bytes = pattern(SCRATCH_SIZE + 10);
    peer.write_all(&bytes).unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    bench.driver.resume(conn);
    bench.until(|r| r.records[user].received.len() == SCRATCH_SIZE);
    bench.driver.pause(conn);
    assert_eq!(bench.idle_turns(3).reads, 0);
    bench.driver.resume(conn);
    bench.until(|r| r.records[user].ends == 1);
    assert!(bench.record(user).received == bytes);
}

#[test]
fn pausing_and_resuming_twice_reads_once() {
    let mut bench = Bench::new();
    let (user, mut peer) = bench.tcp();
    let conn = bench.conn(user);
    bench.driver.pause(conn);
    peer.write_all(b"x").unwrap();
    bench.idle_turns(1);
    for _ in 0..3 {
        bench.driver.resume(conn);
        bench.driver.pause(conn);
    }
    bench.driver.resume(conn);
    assert_eq!(bench.idle_turns(2).reads, 1);
}

#[test]
fn a_read_target_takes_the_payload_and_the_rest_comes_in_the_same_read() {
    let mut bench = Bench::new();
    let (user, mut peer) = bench.unix();
    let conn = bench.conn(user);
    bench.driver.pause(conn);
    bench.recorder.records[user].target = vec![0; 20_000];
    let bytes = pattern(20_007);
    peer.write_all(&bytes).unwrap();
    bench.driver.resume(conn);
    bench.until(|r| r.records[user].received.len() == 7);
    let record = bench.record(user);
    assert_eq!(record.filled, 20_000);
    assert!(record.target == bytes[..20_000]);
    assert!(record.received == bytes[20_000..]);
    assert_eq!(bench.driver.counts().reads, 1);
}

#[test]
fn a_large_payload_fills_its_target_piece_by_piece() {
    let mut bench = Bench::new();
    let (user, mut peer) = bench.tcp();
    let bytes = pattern(8 << 20);
    bench.recorder.records[user].target = vec![0; bytes.len()];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            peer.write_all(&bytes).unwrap();
            peer.write_all(b"\r\n").unwrap();
        });
        bench.until(|r| r.records[user].received.len() == 2);
    });
    assert_eq!(bench.record(user).filled, bytes.len());
    assert!(bench.record(user).target == bytes);
    assert_eq!(bench.record(user).received, b"\r\n");
}
