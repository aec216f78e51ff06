//! Turns: what they cost, what bounds them, what ends their wait, and ids that outlive their connections.

use crate::recorder::Bench;
use golem_net::driver::READS_PER_TURN;
use golem_net::mailbox;
use std::io::{Read, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn at_most_one_read_and_one_write_per_connection_and_turn() {
    let mut bench = Bench::new();
    let (user, mut peer) = bench.tcp();
    let registrations = bench.driver.counts().registrations;
    let mut reply = [0; 4096];
    for round in 0..500 {
        peer.write_all(&vec![7; 1 + round % 4096]).unwrap();
        let before = bench.driver.counts();
        bench.turn(Duration::from_secs(5));
        let reads = bench.driver.counts();
        assert!(reads.reads - before.reads <= 1 && reads.polls - before.polls == 1);
        bench.send(user, b"reply");
        bench.send(user, b"reply");
        assert!(bench.driver.counts().writes - before.writes <= 2);
        assert!(bench.driver.counts().writes - reads.writes <= 1);
        assert!(peer.read(&mut reply).unwrap() > 0);
    }
    assert_eq!(bench.driver.counts().registrations, registrations);
}

#[test]
fn request_and_reply_cost_one_poll_one_read_one_write() {
    let mut bench = Bench::new();
    let (user, mut peer) = bench.tcp();
    bench.idle_turns(2);
    let before = bench.driver.counts();
    let mut reply = [0; 5];
    for _ in 0..1000 {
        let seen = bench.record(user).received.len();
        peer.write_all(b"get a\r\n").unwrap();
        bench.until(|r| r.records[user].received.len() == seen + 7);
        bench.send(user, b"END\r\n");
        peer.read_exact(&mut reply).unwrap();
    }
    let after = bench.driver.counts();
    assert_eq!(after.reads - before.reads, 1000);
    assert_eq!(after.writes - before.writes, 1000);
    assert_eq!(after.polls - before.polls, 1000);
}

#[test]
fn a_turn_without_work_waits_for_its_whole_timeout() {
    let mut bench = Bench::new();
    let (_user, _peer) = bench.tcp();
    bench.listen();
    bench.idle_turns(2);
    let before = bench.driver.counts();
    bench.whole_turn(Duration::from_millis(150));
    let after = bench.driver.counts();
    assert_eq!((after.polls - before.polls, after.reads, after.accepts), (1, before.reads, before.accepts));
}

#[test]
fn an_idle_driver_sleeps_until_it_is_woken() {
    let (tell, told) = channel();
    let (give, given) = channel();
    let thread = thread::spawn(move || {
        let mut bench = Bench::new();
        let (user, peer) = bench.tcp();
        bench.listen();
        bench.idle_turns(2);
        give.send((bench.driver.waker(), peer)).unwrap();
        let before = bench.driver.counts();
        bench.turn_to_its_end(None);
        tell.send(bench.driver.counts().polls - before.polls).unwrap();
        bench.turn_to_its_end(None);
        tell.send(bench.record(user).received.len() as u64).unwrap();
    });
    let (waker, mut peer) = given.recv().unwrap();
    assert_eq!(told.recv_timeout(Duration::from_millis(300)), Err(RecvTimeoutError::Timeout));
    waker.wake();
    assert_eq!(told.recv(), Ok(1));
    assert_eq!(told.recv_timeout(Duration::from_millis(100)), Err(RecvTimeoutError::Timeout));
    peer.write_all(b"abc").unwrap();
    assert_eq!(told.recv(), Ok(3));
    thread.join().unwrap();
}

#[test]
fn messages_wake_the_driver_and_none_is_lost() {
    let mut bench = Bench::new();
    let (sender, mut box_of_numbers) = mailbox::<u32>(bench.driver.waker(), None);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let sender = sender.clone();
            thread::spawn(move || (1..=5000).for_each(|number| sender.send(number).unwrap()))
        })
        .collect();
    let (mut sum, mut count) = (0_u64, 0);
    while count < 20_000 {
        bench.driver.turn(&mut bench.recorder, None).unwrap();
        while let Some(number) = box_of_numbers.take() {
            sum += u64::from(number);
            count += 1;
        }
    }
    assert_eq!(sum, 4 * 5000 * 5001 / 2);
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn ids_that_outlive_their_connection_name_nothing() {
    let mut bench = Bench::new();
    let (old, old_peer) = bench.tcp();
    let stale = bench.conn(old);
    bench.driver.close(stale);
    let (new, mut peer) = bench.tcp();
    assert_eq!(bench.conn(new).slot(), stale.slot());
    assert_ne!(bench.conn(new), stale);
    bench.driver.close(stale);
    bench.driver.pause(stale);
    bench.driver.resume(stale);
    bench.driver.shutdown_write(stale);
    bench.recorder.records[old].output.push(b"wrong".to_vec());
    bench.driver.flush(&mut bench.recorder, stale);
    assert_eq!((bench.driver.peer(stale), bench.record(old).sent), (None, 0));
    peer.write_all(b"right").unwrap();
    bench.until(|r| r.records[new].received == b"right");
    assert!(bench.record(old).received.is_empty());
    drop(old_peer);
}

#[test]
fn events_and_list_entries_of_a_closed_connection_do_not_reach_the_next_one() {
    let mut bench = Bench::new();
    let (first, mut first_peer) = bench.tcp();
    bench.idle_turns(1);
    // On the ready list by `resume`, with an event under way, then closed; its slot is used again before the turn.
    let conn = bench.conn(first);
    bench.driver.pause(conn);
    first_peer.write_all(b"for the first").unwrap();
    bench.idle_turns(1);
    bench.driver.resume(conn);
    first_peer.write_all(b"more").unwrap();
    bench.send(first, b"a");
    bench.send(first, b"b");
    bench.driver.close(conn);
    let (second, mut second_peer) = bench.tcp();
    assert_eq!(bench.conn(second).slot(), conn.slot());
    let counts = bench.idle_turns(3);
    assert_eq!((counts.reads, counts.writes), (0, 0));
    second_peer.write_all(b"second").unwrap();
    bench.until(|r| r.records[second].received == b"second");
    assert!(bench.record(first).received.is_empty());
}

#[test]
fn a_turn_reads_a_bounded_number_of_connections_and_the_next_goes_on() {
    let mut bench = Bench::new();
    let mut peers: Vec<_> = (0..READS_PER_TURN + 100).map(|_| bench.unix()).collect();
    bench.idle_turns(3);
    for (user, peer) in &mut peers {
        let conn = bench.conn(*user);
        bench.driver.pause(conn);
        peer.write_all(b"x").unwrap();
    }
    bench.idle_turns(3);
    for (user, _) in &peers {
        let conn = bench.conn(*user);
        bench.driver.resume(conn);
    }
    assert_eq!(bench.idle_turns(1).reads, READS_PER_TURN as u64);
    // The rest is served without an event.
    let start = Instant::now();
    bench.turn(Duration::from_secs(20));
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(bench.recorder.records.iter().all(|record| record.received == b"x"));
}

#[test]
fn a_turn_reads_a_bounded_number_of_bytes() {
    let mut bench = Bench::new();
    let peers: Vec<_> = (0..100).map(|_| bench.unix()).collect();
    let bytes = vec![1; 128 << 10];
    for (user, peer) in &peers {
        let conn = bench.conn(*user);
        bench.driver.pause(conn);
        let mut peer = peer;
        peer.write_all(&bytes).unwrap();
    }
    for (user, _) in &peers {
        let conn = bench.conn(*user);
        bench.driver.resume(conn);
    }
    bench.idle_turns(1);
    let counts = bench.idle_turns(1);
    assert!(counts.bytes_read <= golem_net::driver::BYTES_PER_TURN as u64 + (64 << 10));
    bench.until(|r| r.records.iter().all(|record| record.received.len() == bytes.len()));
}
