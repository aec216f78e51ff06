//! Servers that answer what nobody asked.

use crate::{miss_everything, proxy};
use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Outcome, ensure};
use golem_e2e::fake_server::FakeServer;
use golem_e2e::programs::Memcached;

const BAD_REPLY: &[u8] = b"SERVER_ERROR Invalid argument\r\n";
const REFUSED: &[u8] = b"SERVER_ERROR Connection refused\r\n";

/// The first connection answers `request` with `reply` and must then be closed; the client sees `told`, and its next request
/// is answered on a new connection.
fn drops_the_connection(request: &'static [u8], reply: &'static [u8], told: &[u8]) -> Outcome {
    let server = FakeServer::start(move |number, mut proxy| {
        if number > 0 {
            return miss_everything(proxy);
        }
        proxy.expect(request)?;
        proxy.send(reply)?;
        proxy.expect_end()
    })?;
    let proxy = proxy(&[server.address()], &[])?;
    let mut client = Conversation::open(proxy.address())?;
    client.ask(request, told)?;
    client.ask_until(b"get next\r\n", b"END\r\n", BAD_REPLY)?;
    drop((client, proxy));
    server.finish()
}

#[test]
fn value_of_another_key_reaches_nobody() -> Outcome {
    drops_the_connection(b"get a\r\n", b"VALUE b 0 1\r\nx\r\nEND\r\n", BAD_REPLY)?;
    drops_the_connection(b"gets a\r\n", b"VALUE ab 0 1 7\r\nx\r\nEND\r\n", BAD_REPLY)?;
    drops_the_connection(b"get a\r\n", b"VALUE a 0 1\r\nx\r\nVALUE a 0 1\r\nx\r\nEND\r\n", BAD_REPLY)
}

#[test]
fn bytes_behind_a_complete_reply_cost_the_connection_and_not_the_reply() -> Outcome {
    drops_the_connection(b"get a\r\n", b"END\r\nEND\r\n", b"END\r\n")?;
    drops_the_connection(b"set a 0 0 1\r\nx\r\n", b"STORED\r\nx", b"STORED\r\n")
}

#[test]
fn reply_of_another_kind_is_refused() -> Outcome {
    drops_the_connection(b"get a\r\n", b"STORED\r\n", BAD_REPLY)?;
    drops_the_connection(b"set a 0 0 1\r\nx\r\n", b"END\r\n", BAD_REPLY)?;
    drops_the_connection(b"incr a 1\r\n", b"VALUE a 0 1\r\n1\r\nEND\r\n", BAD_REPLY)?;
    drops_the_connection(b"mg a v\r\n", b"STORED\r\n", BAD_REPLY)?;
    drops_the_connection(b"get a\r\n", b"ERROR what\r\n", BAD_REPLY)?;
    drops_the_connection(b"get a\r\n", b"\r\n", BAD_REPLY)?;
    drops_the_connection(b"get a\r\n", b"\x81\x00\x00\x00\r\n", BAD_REPLY)
}

#[test]
fn value_that_does_not_end_where_it_should_reaches_nobody() -> Outcome {
    drops_the_connection(b"get a\r\n", b"VALUE a 0 1\r\nxyz\r\nEND\r\n", BAD_REPLY)?;
    drops_the_connection(b"mg a v\r\n", b"VA 1\r\nxyz\r\n", BAD_REPLY)
}

#[test]
fn stray_reply_fails_what_waits_behind_it() -> Outcome {
    let server = FakeServer::start(|number, mut proxy| {
        if number > 0 {
            return miss_everything(proxy);
        }
        proxy.expect(b"get a\r\nset b 0 0 1\r\nx\r\n")?;
        proxy.send(b"END\r\nEND\r\n")?;
        proxy.expect_end()
    })?;
    let proxy = proxy(&[server.address()], &[])?;
    let mut client = Conversation::open(proxy.address())?;
    client.ask(b"get a\r\nset b 0 0 1\r\nx\r\n", &[b"END\r\n", BAD_REPLY].concat())?;
    client.ask(b"get a\r\n", b"END\r\n")?;
    drop((client, proxy));
    server.finish()
}

#[test]
fn error_lines_of_a_server_are_passed_on_and_the_connection_is_kept() -> Outcome {
    let server = FakeServer::start(|number, mut proxy| {
        ensure(number == 0, "an error line cost the connection")?;
        for line in [&b"SERVER_ERROR out of memory\r\n"[..], b"CLIENT_ERROR no\r\n", b"ERROR\r\n"] {
            proxy.expect(b"get a\r\n")?;
            proxy.send(line)?;
        }
        miss_everything(proxy)
    })?;
    let proxy = proxy(&[server.address()], &[])?;
    let mut client = Conversation::open(proxy.address())?;
    for line in [&b"SERVER_ERROR out of memory\r\n"[..], b"CLIENT_ERROR no\r\n", b"ERROR\r\n"] {
        client.ask(b"get a\r\n", line)?;
    }
    client.ask(b"get a\r\n", b"END\r\n")?;
    drop((client, proxy));
    server.finish()
}

#[test]
fn reply_to_a_noreply_request_is_not_given_to_the_next_one() -> Outcome {
    let server = FakeServer::start(|number, mut proxy| {
        ensure(number == 0, "a noreply request cost the connection")?;
        proxy.expect(b"set a 0 0 1\r\nx\r\n")?;
        proxy.send(b"SERVER_ERROR out of memory storing object\r\n")?;
        proxy.expect(b"get a\r\n")?;
        proxy.send(b"VALUE a 0 1\r\ny\r\nEND\r\n")?;
        proxy.expect_end()
    })?;
    let proxy = proxy(&[server.address()], &[])?;
    let mut client = Conversation::open(proxy.address())?;
    client.send(b"set a 0 0 1 noreply\r\nx\r\n")?;
    client.ask(b"get a\r\n", b"VALUE a 0 1\r\ny\r\nEND\r\n")?;
    drop((client, proxy));
    server.finish()
}

#[test]
fn too_many_open_connections_is_a_refused_connection() -> Outcome {
    let server = FakeServer::start(|number, mut proxy| {
        if number > 0 {
            return miss_everything(proxy);
        }
        proxy.send(b"ERROR Too many open connections\r\n")?;
        proxy.end_sending()?;
        proxy.rest().map(|_| ())
    })?;
    let proxy = proxy(&[server.address()], &[])?;
    let mut client = Conversation::open(proxy.address())?;
    client.ask(b"get a\r\n", REFUSED)?;
    client.ask_until(b"get a\r\n", b"END\r\n", REFUSED)?;
    drop((client, proxy));
    server.finish()
}

#[test]
fn memcached_without_room_for_connections_refuses_and_recovers() -> Outcome {
    let server = Memcached::with(&["-c", "40"])?;
    let proxy = proxy(&[server.address()], &[])?;
    let mut taken = Vec::new();
    loop {
        let mut connection = Conversation::open(server.address())?;
        connection.send(b"version\r\n")?;
        if !connection.line()?.starts_with(b"VERSION") {
            break;
        }
        taken.push(connection);
        ensure(taken.len() < 100, "the server has no limit")?;
    }
    let mut client = Conversation::open(proxy.address())?;
    client.ask(b"get a\r\n", REFUSED)?;
    for connection in &mut taken {
        connection.end_sending()?;
        connection.expect_end()?;
    }
    client.ask_until(b"get a\r\n", b"END\r\n", REFUSED)
}

#[test]
fn too_large_value_is_refused_by_its_server_and_the_next_request_is_right() -> Outcome {
    let server = Memcached::start()?;
    let proxy = proxy(&[server.address()], &[])?;
    let mut client = Conversation::open(proxy.address())?;
    let set = |length: usize| {
        [format!("set a 0 0 {length}\r\n").as_bytes(), &b"v".repeat(length), b"\r\n"].concat()
    };
    client.ask(&set(3), b"STORED\r\n")?;
    client.ask(&set(2_000_000), b"SERVER_ERROR object too large for cache\r\n")?;
    client.ask(b"get a\r\n", b"END\r\n")?;
    client.ask(&[set(1_000_000), b"get b\r\n".to_vec()].concat(), b"STORED\r\nEND\r\n")
}
