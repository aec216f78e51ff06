//! Connecting: success, refusal, output before it, Unix sockets.

use crate::recorder::Bench;
use golem_net::{Cause, ListenSpec, Reserved, Target};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::time::Duration;

/// An address where nobody listens, nor comes to as long as the value lives.
pub(crate) fn closed_port() -> (Reserved, Target) {
    let any = Target::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)));
    let reserved = Reserved::bind(&ListenSpec::new(any)).unwrap();
    let address = reserved.address().unwrap();
    (reserved, address)
}

#[test]
fn a_connection_opens_and_output_flushed_before_follows() {
    let mut bench = Bench::new();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let user = bench.connect(&Target::Tcp(listener.local_addr().unwrap())).unwrap();
    bench.send(user, b"early");
    assert_eq!(bench.driver.counts().writes, 0);
    bench.until(|r| r.records[user].is_connected && r.records[user].sent == 5);
    let (mut peer, _) = listener.accept().unwrap();
    let mut back = [0; 5];
    peer.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"early");
}

#[test]
fn a_refused_connection_fails_once_and_is_gone() {
    let mut bench = Bench::new();
    let (_reserved, address) = closed_port();
    let user = bench.connect(&address).unwrap();
    bench.until(|r| r.records[user].failed.is_some());
    let record = bench.record(user);
    assert_eq!(record.failed.unwrap().cause(), Cause::Refused);
    assert_eq!(record.failed.unwrap().text(), "Connection refused");
    assert!(!record.is_connected && record.closed.is_none());
    assert_eq!(bench.driver.connections(), 0);
}

#[test]
fn a_server_that_speaks_and_leaves_at_once_is_heard() {
    let mut bench = Bench::new();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let user = bench.connect(&Target::Tcp(listener.local_addr().unwrap())).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(b"ERROR Too many open connections\r\n").unwrap();
    drop(peer);
    bench.until(|r| r.records[user].ends == 1);
    assert!(bench.record(user).is_connected);
    assert_eq!(bench.record(user).received, b"ERROR Too many open connections\r\n");
}

#[test]
fn a_pending_connection_can_be_closed() {
    let mut bench = Bench::new();
    // A full queue: the kernel leaves the next connections without an answer.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let _fills = TcpStream::connect(address).unwrap();
    let user = bench.connect(&Target::Tcp(address)).unwrap();
    bench.send(user, b"never");
    bench.idle_turns(3);
    assert!(!bench.record(user).is_connected && bench.record(user).failed.is_none());
    let conn = bench.conn(user);
    bench.driver.close(conn);
    bench.idle_turns(3);
    assert!(!bench.record(user).is_connected && bench.record(user).failed.is_none());
    assert_eq!((bench.driver.connections(), bench.record(user).sent), (0, 0));
}

#[test]
fn unix_sockets_connect_and_fail() {
    let mut bench = Bench::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server");
    let listener = UnixListener::bind(&path).unwrap();
    let user = bench.connect(&Target::Unix(path.clone())).unwrap();
    bench.until(|r| r.records[user].is_connected);
    let (mut peer, _) = listener.accept().unwrap();
    bench.send(user, b"hello");
    let mut back = [0; 5];
    peer.read_exact(&mut back).unwrap();
    drop(listener);
    let refused = bench.connect(&Target::Unix(path)).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::ECONNREFUSED));
    let absent = bench.connect(&Target::Unix(folder.path().join("absent"))).unwrap_err();
    assert_eq!(absent.raw_os_error(), Some(libc::ENOENT));
    let too_long = Target::Unix("x".repeat(200).into());
    assert!(bench.connect(&too_long).is_err());
    assert_eq!(bench.driver.connections(), 1);
}

#[test]
fn a_peer_that_is_not_there_any_more_is_noticed() {
    let mut bench = Bench::new();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let target = Target::Tcp(listener.local_addr().unwrap());
    let patience = Duration::from_secs(7);
    let watched = bench.driver.connect_for(&target, 0, Some(patience)).unwrap();
    let plain = bench.driver.connect(&target, 1).unwrap();
    let socket = bench.driver.socket(watched).unwrap();
    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(patience));
    assert!(socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(30));
    assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(10));
    assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
    assert!(!bench.driver.socket(plain).unwrap().keepalive().unwrap());
    // Sockets of another kind have no such options.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let _listener = UnixListener::bind(&path).unwrap();
    bench.driver.connect_for(&Target::Unix(path), 2, Some(patience)).unwrap();
}
