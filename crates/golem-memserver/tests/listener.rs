//! The listener over real sockets: many clients, faults on demand, back-pressure, and its end.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use golem_memserver::{Faults, Garbage, MemServer, Options};
use golem_net::Target;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

fn any_port() -> Target {
    Target::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

fn start() -> MemServer {
    MemServer::start(&any_port(), Options::default()).unwrap()
}

fn connect(server: &MemServer) -> TcpStream {
    let stream = TcpStream::connect(server.local_addr().unwrap()).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn read(stream: &mut TcpStream, length: usize) -> String {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Sends a request and expects exactly this reply.
fn ask(stream: &mut TcpStream, request: &str, reply: &str) {
    stream.write_all(request.as_bytes()).unwrap();
    assert_eq!(read(stream, reply.len()), reply, "{request:?}");
}

/// What comes until the connection ends.
fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn many_clients_share_one_store() {
    let server = start();
    let mut clients: Vec<TcpStream> = (0..200).map(|_| connect(&server)).collect();
    for (i, client) in clients.iter_mut().enumerate() {
        client.write_all(format!("set k{i} 0 0 1\r\nx\r\nincr n 1\r\n").as_bytes()).unwrap();
    }
    for client in &mut clients {
        assert_eq!(read(client, "STORED\r\nNOT_FOUND\r\n".len()), "STORED\r\nNOT_FOUND\r\n");
    }
    for i in 0..200 {
        ask(&mut clients[199 - i], &format!("get k{i}\r\n"), &format!("VALUE k{i} 0 1\r\nx\r\nEND\r\n"));
    }
    assert_eq!(server.clients().unwrap(), 200);
    assert_eq!(server.with_store(|store| store.len()).unwrap(), 200);
    drop(clients);
    while server.clients().unwrap() > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn replies_arrive_before_the_end_of_a_connection_that_quits_or_is_half_closed() {
    let server = start();
    let mut client = connect(&server);
    client.write_all(b"version\r\nquit\r\n").unwrap();
    assert_eq!(read_to_end(&mut client), "VERSION 1.6.18\r\n");
    let mut client = connect(&server);
    client.write_all(b"mn\r\nversion\r\n").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut client), "MN\r\nVERSION 1.6.18\r\n");
}

#[test]
fn a_client_that_does_not_read_is_not_read_either() {
    let server = start();
    let mut client = connect(&server);
    let value = "v".repeat(1_000_000);
    ask(&mut client, &format!("set big 0 0 {}\r\n{value}\r\n", value.len()), "STORED\r\n");
    let requests = "get big\r\n".repeat(300);
    client.write_all(requests.as_bytes()).unwrap();
    // Another client is served meanwhile, and sees that only some of the requests were executed.
    let mut other = connect(&server);
    ask(&mut other, "mn\r\n", "MN\r\n");
    assert!(server.with_store(|store| store.counters().cmd_get).unwrap() < 100);
    let reply = format!("VALUE big 0 {}\r\n{value}\r\nEND\r\n", value.len());
    for _ in 0..300 {
        assert!(read(&mut client, reply.len()) == reply);
    }
    ask(&mut client, "mn\r\n", "MN\r\n");
}

#[test]
fn a_stopped_server_frees_its_port() {
    let server = start();
    let mut client = connect(&server);
    ask(&mut client, "set a 0 0 1\r\nx\r\n", "STORED\r\n");
    let address = server.address().clone();
    server.stop().unwrap();
    assert_eq!(read_to_end(&mut client), "");
    let server = MemServer::start(&address, Options::default()).unwrap();
    ask(&mut connect(&server), "get a\r\n", "END\r\n");
}

#[test]
fn refusing_closes_new_connections_only() {
    let server = start();
    let mut old = connect(&server);
    ask(&mut old, "mn\r\n", "MN\r\n");
    server.set_faults(Faults { refuse: true, ..Faults::default() }).unwrap();
    assert_eq!(read_to_end(&mut connect(&server)), "");
    ask(&mut old, "mn\r\n", "MN\r\n");
    server.set_faults(Faults::default()).unwrap();
    ask(&mut connect(&server), "mn\r\n", "MN\r\n");
    server.disconnect_all().unwrap();
    assert_eq!(read_to_end(&mut old), "");
}

#[test]
fn delayed_replies_come_late_and_in_order() {
    let delay = Duration::from_millis(150);
    let server = start();
    let mut client = connect(&server);
    server.set_faults(Faults { delay: Some(delay), ..Faults::default() }).unwrap();
    let began = Instant::now();
    client.write_all(b"set a 0 0 1\r\nx\r\n").unwrap();
    // The command itself is not late.
    while server.with_store(|store| store.is_empty()).unwrap() {
        std::thread::yield_now();
    }
    server.set_faults(Faults::default()).unwrap();
    ask(&mut client, "mn\r\n", "STORED\r\nMN\r\n");
    assert!(began.elapsed() >= delay);
}

#[test]
fn silence_keeps_replies_until_it_ends() {
    let server = start();
    let mut client = connect(&server);
    server.set_faults(Faults { silence: true, ..Faults::default() }).unwrap();
    client.write_all(b"set a 0 0 1\r\nx\r\nversion\r\n").unwrap();
    while server.with_store(|store| store.is_empty()).unwrap() {
        std::thread::yield_now();
    }
    // One more turn, in which the replies would have left.
    assert_eq!(server.clients().unwrap(), 1);
    client.set_nonblocking(true).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    client.set_nonblocking(false).unwrap();
    server.set_faults(Faults::default()).unwrap();
    ask(&mut client, "mn\r\n", "STORED\r\nVERSION 1.6.18\r\nMN\r\n");
}

#[test]
fn a_connection_is_cut_after_so_many_bytes() {
    let server = start();
    let mut old = connect(&server);
    ask(&mut old, "version\r\n", "VERSION 1.6.18\r\n");
    for (most, expected) in [(0, ""), (1, "V"), (7, "VERSION"), (16, "VERSION 1.6.18\r\n")] {
        let cut = Faults { cut_after: Some(most), ..Faults::default() };
        server.set_faults(cut.clone()).unwrap();
        let mut client = connect(&server);
        client.write_all(b"version\r\n").unwrap();
        assert_eq!(read_to_end(&mut client), expected);
        server.set_faults(Faults { delay: Some(Duration::from_millis(1)), ..cut }).unwrap();
        let mut client = connect(&server);
        client.write_all(b"version\r\n").unwrap();
        assert_eq!(read_to_end(&mut client), expected);
    }
    server.set_faults(Faults { cut_after: Some(5), ..Faults::default() }).unwrap();
    old.write_all(b"mn\r\nmn\r\n").unwrap();
    assert_eq!(read_to_end(&mut old), "MN\r\nM");
}

#[test]
fn garbage_replaces_or_follows_replies() {
    let server = start();
    let mut client = connect(&server);
    let set = |garbage| server.set_faults(Faults { garbage: Some(garbage), ..Faults::default() }).unwrap();
    set(Garbage::Instead(b"HTTP/1.1 200 OK\r\n".to_vec()));
    ask(&mut client, "version\r\n", "HTTP/1.1 200 OK\r\n");
    set(Garbage::After(b"END\r\n".to_vec()));
    ask(&mut client, "mn\r\n", "MN\r\nEND\r\n");
    // What has no reply gets no garbage either.
    ask(&mut client, "set a 0 0 1 noreply\r\nx\r\n", "");
    ask(&mut client, "mn\r\n", "MN\r\nEND\r\n");
}
