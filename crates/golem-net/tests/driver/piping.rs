//! Payloads that go from one connection to another through a pipe.

use crate::recorder::{Bench, pattern};
use golem_net::PipeSlot;
use std::io::{Read, Write};
use std::thread;

const PIPE: PipeSlot = PipeSlot(0);

trait Peer: Read + Write + Send {}
impl<T: Read + Write + Send> Peer for T {}

/// A TCP connection or a Unix one.
fn connection(bench: &mut Bench, is_tcp: bool) -> (usize, Box<dyn Peer>) {
    if is_tcp {
        let (user, peer) = bench.tcp();
        (user, Box::new(peer))
    } else {
        let (user, peer) = bench.unix();
        (user, Box::new(peer))
    }
}

/// Reads so many bytes, however long it takes.
fn read(mut peer: impl Read, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    peer.read_exact(&mut bytes).unwrap();
    bytes
}

/// Has all that came into the pipe sent to `to`, between a head and a tail.
fn send_on(bench: &mut Bench, from: usize, to: usize) {
    let piped = bench.record(from).piped;
    let record = &mut bench.recorder.records[to];
    (record.pipe_out, record.behind) = (Some((PIPE, piped)), b"tail".to_vec());
    bench.send(to, b"head");
}

#[test]
fn a_payload_goes_through_with_what_stands_around_it() {
    for kinds in 0..4 {
        let mut bench = Bench::new();
        let bytes = pattern(100_000);
        let (from, mut source) = connection(&mut bench, kinds & 1 == 0);
        let (to, sink) = connection(&mut bench, kinds & 2 == 0);
        bench.recorder.records[from].pipe_in = Some((PIPE, bytes.len()));
        let behind = pattern(5000);
        thread::scope(|scope| {
            scope.spawn(|| {
                source.write_all(&bytes).unwrap();
                source.write_all(&behind).unwrap();
            });
            bench.until(|r| r.records[from].received.len() == behind.len());
        });
        assert_eq!(bench.record(from).piped, bytes.len(), "it fits");
        assert!(bench.record(from).received == behind, "what comes behind it does not go into the pipe");
        let sink = thread::spawn(move || read(sink, 100_008));
        send_on(&mut bench, from, to);
        bench.until(|r| r.records[to].unsent() == 0 && r.records[to].pipe_out.is_none());
        assert!(sink.join().unwrap() == [b"head", &bytes[..], b"tail"].concat());
    }
}

#[test]
fn what_does_not_fit_is_read_elsewhere() {
    let mut bench = Bench::new();
    let bytes = pattern(20 << 20);
    let (from, mut source) = bench.tcp();
    let (to, sink) = bench.tcp();
    let record = &mut bench.recorder.records[from];
    (record.pipe_in, record.target) = (Some((PIPE, bytes.len())), vec![0; bytes.len()]);
    thread::scope(|scope| {
        scope.spawn(|| source.write_all(&bytes).unwrap());
        bench.until(|r| r.records[from].piped + r.records[from].filled == bytes.len());
    });
    let (piped, filled) = (bench.record(from).piped, bench.record(from).filled);
    assert!(piped > 60_000 && filled > 0, "{piped} in the pipe, {filled} in memory");
    assert!(bench.record(from).target[..filled] == bytes[piped..]);
    let sink = thread::spawn(move || read(sink, piped + 8));
    send_on(&mut bench, from, to);
    bench.until(|r| r.records[to].unsent() == 0 && r.records[to].pipe_out.is_none());
    assert!(sink.join().unwrap() == [b"head", &bytes[..piped], b"tail"].concat());
}

#[test]
fn a_receiver_that_does_not_read_gets_the_rest_when_it_does() {
    let mut bench = Bench::new();
    let bytes = pattern(1 << 20);
    let (from, mut source) = bench.tcp();
    let (to, sink) = bench.tcp();
    // It holds less than what is sent.
    socket2::SockRef::from(&sink).set_recv_buffer_size(65_536).unwrap();
    let conn = bench.conn(to);
    bench.driver.socket(conn).unwrap().set_send_buffer_size(65_536).unwrap();
    bench.recorder.records[from].pipe_in = Some((PIPE, bytes.len()));
    thread::scope(|scope| {
        scope.spawn(|| source.write_all(&bytes).unwrap());
        bench.until(|r| r.records[from].piped == bytes.len());
    });
    send_on(&mut bench, from, to);
    let counts = bench.idle_turns(50);
    assert!(bench.record(to).pipe_out.is_some(), "it cannot have left");
    assert!(counts.writes < 20, "{} writes while nobody reads", counts.writes);
    let sink = thread::spawn(move || read(sink, (1 << 20) + 8));
    bench.until(|r| r.records[to].unsent() == 0 && r.records[to].pipe_out.is_none());
    assert!(sink.join().unwrap() == [b"head", &bytes[..], b"tail"].concat());
}

#[test]
fn a_pipe_that_was_emptied_holds_nothing_of_before() {
    let mut bench = Bench::new();
    let (from, mut source) = bench.tcp();
    let (to, sink) = bench.tcp();
    bench.recorder.records[from].pipe_in = Some((PIPE, 4));
    source.write_all(b"lost").unwrap();
    bench.until(|r| r.records[from].piped == 4);
    bench.driver.empty_pipe(PIPE);
    let record = &mut bench.recorder.records[from];
    (record.pipe_in, record.piped) = (Some((PIPE, 5)), 0);
    source.write_all(b"value").unwrap();
    bench.until(|r| r.records[from].piped == 5);
    send_on(&mut bench, from, to);
    bench.until(|r| r.records[to].unsent() == 0 && r.records[to].pipe_out.is_none());
    assert_eq!(read(sink, 13), b"headvaluetail");
}

#[test]
fn a_stream_that_ends_within_the_payload_is_told_as_any_other() {
    let mut bench = Bench::new();
    let (from, mut source) = bench.tcp();
    bench.recorder.records[from].pipe_in = Some((PIPE, 100));
    source.write_all(b"not all").unwrap();
    drop(source);
    bench.until(|r| r.records[from].ends == 1);
    assert_eq!(bench.record(from).piped, 7);
    bench.idle_turns(3);
    assert_eq!(bench.record(from).ends, 1);
}

#[test]
fn little_is_read_ahead_where_that_is_asked_for() {
    let mut bench = Bench::new();
    let (from, mut source) = bench.unix();
    bench.recorder.records[from].most = Some(10);
    let conn = bench.conn(from);
    bench.driver.pause(conn);
    source.write_all(&pattern(35)).unwrap();
    bench.driver.resume(conn);
    bench.until(|r| r.records[from].received.len() == 35);
    assert_eq!(bench.record(from).pieces, [10, 10, 10, 5]);
    assert!(bench.record(from).received == pattern(35));
}
