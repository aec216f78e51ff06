//! Listeners and accepting.

use crate::recorder::{Bench, any_port};
use golem_net::{ListenSpec, Listener, Target};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

#[test]
fn accepted_connections_are_read_and_written() {
    let mut bench = Bench::new();
    let address = bench.listen();
    let mut peers: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(address).unwrap()).collect();
    bench.until(|r| r.records.len() == 200);
    for (at, peer) in peers.iter_mut().enumerate() {
        peer.write_all(format!("{at};").as_bytes()).unwrap();
    }
    bench.until(|r| r.records.iter().all(|record| record.received.ends_with(b";")));
    for user in 0..200 {
        let word = bench.record(user).received.clone();
        bench.send(user, &word);
    }
    for (at, peer) in peers.iter_mut().enumerate() {
        let word = format!("{at};");
        let mut back = vec![0; word.len()];
        peer.read_exact(&mut back).unwrap();
        assert_eq!(back, word.as_bytes());
    }
}

#[test]
fn a_connection_that_is_not_wanted_is_closed() {
    let mut bench = Bench::new();
    let address = bench.listen();
    bench.recorder.refuses = true;
    let mut peer = TcpStream::connect(address).unwrap();
    bench.turn(std::time::Duration::from_secs(5));
    assert_eq!(peer.read(&mut [0; 1]).unwrap(), 0);
    assert_eq!(bench.driver.connections(), 0);
}

#[test]
fn a_connection_can_be_handed_to_another_driver() {
    let mut acceptor = Bench::new();
    let address = acceptor.listen();
    acceptor.recorder.keeps = true;
    let mut peer = TcpStream::connect(address).unwrap();
    acceptor.until(|r| r.kept.len() == 1);
    assert_eq!(acceptor.driver.counts().registrations, 1);
    let stream = acceptor.recorder.kept.pop().unwrap();
    assert_eq!(stream.peer(), Some(Target::Tcp(peer.local_addr().unwrap())));
    let mut worker = std::thread::spawn(move || {
        let mut worker = Bench::new();
        worker.adopt(stream);
        worker
    })
    .join()
    .unwrap();
    peer.write_all(b"hello").unwrap();
    worker.until(|r| r.records[0].received == b"hello");
}

#[test]
fn accepted_sockets_inherit_their_options() {
    for keepalive in [false, true] {
        let mut bench = Bench::new();
        bench.recorder.keeps = true;
        let spec = ListenSpec { keepalive, backlog: 5, ..ListenSpec::new(any_port()) };
        let listener = Listener::bind(&spec).unwrap();
        let Target::Tcp(address) = listener.address().unwrap() else { panic!("not an internet address") };
        bench.driver.listen(listener, 0).unwrap();
        let _peer = TcpStream::connect(address).unwrap();
        bench.until(|r| r.kept.len() == 1);
        let socket = bench.recorder.kept[0].socket();
        assert_eq!(socket.keepalive().unwrap(), keepalive);
        assert!(socket.tcp_nodelay().unwrap());
    }
}

#[test]
fn reuseport_is_a_wish() {
    let shared = ListenSpec { reuseport: true, ..ListenSpec::new(any_port()) };
    let first = Listener::bind(&shared).unwrap();
    let again = ListenSpec { address: first.address().unwrap(), ..shared };
    assert!(Listener::bind(&again).is_ok());
    let alone = Listener::bind(&ListenSpec::new(any_port())).unwrap();
    let refused = Listener::bind(&ListenSpec::new(alone.address().unwrap())).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::EADDRINUSE));
}

#[test]
fn unix_listeners_have_a_mode_and_replace_a_stale_file() {
    let mut bench = Bench::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pool");
    let spec = ListenSpec { mode: Some(0o606), ..ListenSpec::new(Target::Unix(path.clone())) };
    drop(Listener::bind(&spec).unwrap());
    assert!(path.exists());
    let listener = Listener::bind(&spec).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o606);
    assert_eq!(listener.address().unwrap(), Target::Unix(path.clone()));
    bench.driver.listen(listener, 0).unwrap();
    let mut peer = UnixStream::connect(&path).unwrap();
    peer.write_all(b"hello").unwrap();
    bench.until(|r| r.records.first().is_some_and(|record| record.received == b"hello"));
}

#[test]
fn a_unix_address_that_is_served_is_in_use_unless_it_may_be_shared() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pool");
    let mut spec = ListenSpec::new(Target::Unix(path.clone()));
    spec.backlog = 0;
    let _served = Listener::bind(&spec).unwrap();
    // The second look finds the queue full.
    for _ in 0..2 {
        let refused = Listener::bind(&spec).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::EADDRINUSE));
    }
    spec.reuseport = true;
    Listener::bind(&spec).unwrap();
}

#[test]
fn a_file_that_is_no_socket_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("precious");
    fs::write(&path, "data").unwrap();
    let refused = Listener::bind(&ListenSpec::new(Target::Unix(path.clone()))).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::EADDRINUSE));
    assert_eq!(fs::read_to_string(&path).unwrap(), "data");
}

#[test]
fn a_listener_that_is_taken_away_accepts_no_more() {
    let mut bench = Bench::new();
    let address = bench.listen();
    let listener = bench.driver.unlisten(7).unwrap();
    assert!(bench.driver.unlisten(7).is_none());
    let _peer = TcpStream::connect(address).unwrap();
    assert_eq!(bench.idle_turns(3).accepts, 0);
    // The connection still waits there.
    bench.driver.listen(listener, 8).unwrap();
    bench.until(|r| r.records.len() == 1);
}

#[test]
fn who_waits_at_a_listener_that_is_given_up_comes_in_first() {
    let mut bench = Bench::new();
    let address = bench.listen();
    let peers: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(address).unwrap()).collect();
    bench.driver.close_listener(7, &mut bench.recorder);
    assert_eq!(bench.recorder.records.len(), peers.len());
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(bench.driver.unlisten(7).is_none());
    bench.driver.close_listener(7, &mut bench.recorder);
    // Not beyond what there is room for.
    let address = bench.listen();
    bench.recorder.most = Some(peers.len() + 1);
    let _more: Vec<TcpStream> = (0..2).map(|_| TcpStream::connect(address).unwrap()).collect();
    bench.driver.close_listener(7, &mut bench.recorder);
    assert_eq!(bench.recorder.records.len(), peers.len() + 1);
}

#[test]
fn connections_wait_while_there_is_no_room_and_nothing_spins() {
    let mut bench = Bench::new();
    let address = bench.listen();
    bench.recorder.most = Some(2);
    let mut peers: Vec<TcpStream> = (0..4).map(|_| TcpStream::connect(address).unwrap()).collect();
    bench.until(|r| r.records.len() == 2 && r.asked >= 3);
    // Behind the events of the new connections, the wait is a whole one.
    bench.idle_turns(3);
    bench.whole_turn(std::time::Duration::from_millis(30));
    assert_eq!(bench.recorder.records.len(), 2);
    // What the driver closes makes room, and nobody has to knock.
    bench.recorder.most = Some(3);
    let first = bench.record(0).conn.unwrap();
    bench.driver.close(first);
    bench.turn(std::time::Duration::from_secs(20));
    assert_eq!(bench.recorder.records.len(), 3);
    // A waker does it, too.
    bench.recorder.most = Some(4);
    bench.driver.waker().wake();
    bench.turn(std::time::Duration::from_secs(20));
    assert_eq!(bench.recorder.records.len(), 4);
    drop(peers.pop());
}
