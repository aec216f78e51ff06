//! Servers that refuse, reset or close.

use crate::{miss_everything, proxy};
use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Failure, Outcome};
use golem_e2e::fake_server::FakeServer;
use golem_e2e::port::Port;
use golem_e2e::programs::Memcached;
use std::net::TcpListener;
use std::thread;

const REFUSED: &[u8] = b"SERVER_ERROR Connection refused\r\n";
const RESET: &[u8] = b"SERVER_ERROR Connection reset by peer\r\n";
const CLOSED: &[u8] = b"SERVER_ERROR Connection closed by server\r\n";

#[test]
fn server_that_refuses_fails_each_request_until_it_listens() -> Outcome {
    let port = Port::reserve()?;
    let proxy = proxy(&[port.address()], &[])?;
    let mut client = Conversation::open(proxy.address())?;
    client.ask(b"get a\r\n", REFUSED)?;
    client.ask(b"set a 0 0 1\r\nx\r\ndelete a\r\nincr a 1\r\n", &REFUSED.repeat(3))?;
    client.ask(b"mg a v\r\nms a 1\r\nx\r\ntouch a 0\r\ngat 0 a\r\n", &REFUSED.repeat(4))?;
    client.ask(&[b"set a 0 0 20000\r\n", b"x".repeat(20000).as_slice(), b"\r\n"].concat(), REFUSED)?;
    let listener = TcpListener::bind(port.address())?;
    let server = thread::spawn(move || -> Outcome {
        let mut server = Conversation::over(listener.accept()?.0)?;
        server.expect(b"get b\r\n")?;
        server.send(b"VALUE b 0 1\r\ny\r\nEND\r\n")
    });
    client.ask_until(b"get b\r\n", b"VALUE b 0 1\r\ny\r\nEND\r\n", REFUSED)?;
    server.join().map_err(|_| Failure::new("the server panicked"))?
}

#[test]
fn request_without_reply_stays_silent_when_its_server_is_lost() -> Outcome {
    let port = Port::reserve()?;
    let proxy = proxy(&[port.address()], &[])?;
    let mut client = Conversation::open(proxy.address())?;
    client.send(b"set a 0 0 1 noreply\r\nx\r\ndelete a noreply\r\nincr a 1 noreply\r\n")?;
    client.ask(b"get a\r\n", REFUSED)?;
    client.end_sending()?;
    client.expect_end()
}

#[test]
fn quiet_meta_request_is_told_that_its_server_is_lost() -> Outcome {
    let port = Port::reserve()?;
    let proxy = proxy(&[port.address()], &[])?;
    let mut client = Conversation::open(proxy.address())?;
    client.ask(b"mg a v q\r\nms a 1 q\r\nx\r\nmn\r\n", &[REFUSED, REFUSED, b"MN\r\n"].concat())
}

#[test]
fn server_that_resets_fails_what_it_has_not_answered() -> Outcome {
    let server = FakeServer::start(|number, mut proxy| {
        if number > 0 {
            return miss_everything(proxy);
        }
        proxy.expect(b"get a\r\nget b\r\nget c\r\n")?;
        proxy.send(b"VALUE a 0 1\r\nx\r\nEND\r\n")?;
        // The reset would overtake the reply; the next request tells that the client has it.
        proxy.expect(b"get d\r\n")?;
        proxy.reset()
    })?;
    let proxy = proxy(&[server.address()], &[])?;
    let mut client = Conversation::open(proxy.address())?;
    client.ask(b"get a\r\nget b\r\nget c\r\n", b"VALUE a 0 1\r\nx\r\nEND\r\n")?;
    client.ask(b"get d\r\n", &RESET.repeat(3))?;
    client.ask(b"get e\r\n", b"END\r\n")?;
    drop((client, proxy));
    server.finish()
}

#[test]
fn server_that_closes_fails_what_it_has_not_answered() -> Outcome {
    let server = FakeServer::start(|number, mut proxy| {
        if number > 0 {
            return miss_everything(proxy);
        }
        proxy.expect(b"get a\r\nset b 0 0 1\r\nx\r\nget c\r\n")?;
        proxy.send(b"END\r\nSTORED\r\nVALUE c 0 10\r\nhalf ")?;
        proxy.end_sending()?;
        proxy.expect_end()
    })?;
    let proxy = proxy(&[server.address()], &[])?;
    let mut client = Conversation::open(proxy.address())?;
    let wanted = [b"END\r\nSTORED\r\n", CLOSED].concat();
    client.ask(b"get a\r\nset b 0 0 1\r\nx\r\nget c\r\n", &wanted)?;
    client.ask(b"get d\r\n", b"END\r\n")?;
    drop((client, proxy));
    server.finish()
}

#[test]
fn no_byte_of_a_large_value_comes_when_its_server_dies_in_the_middle() -> Outcome {
    let server = FakeServer::start(|number, mut proxy| {
        if number > 0 {
            return miss_everything(proxy);
        }
        proxy.expect(b"get a\r\n")?;
        proxy.send(&[b"VALUE a 0 1000000\r\n".as_slice(), &b"x".repeat(700_000)].concat())?;
        proxy.end_sending()?;
        proxy.expect_end()
    })?;
    let proxy = proxy(&[server.address()], &[])?;
    let mut client = Conversation::open(proxy.address())?;
    client.ask(b"get a\r\n", CLOSED)?;
    client.ask_until(b"get b\r\n", b"END\r\n", CLOSED)?;
    drop((client, proxy));
    server.finish()
}

#[test]
fn server_that_closed_while_idle_is_connected_again_without_an_error() -> Outcome {
    let mut server = Memcached::start()?;
    let proxy = proxy(&[server.address()], &[])?;
    let mut client = Conversation::open(proxy.address())?;
    client.ask(b"set a 0 0 1\r\nx\r\n", b"STORED\r\n")?;
    server.process.kill()?;
    client.ask(b"get a\r\n", REFUSED)?;
    server.restart()?;
    client.ask_until(b"get a\r\n", b"END\r\n", REFUSED)
}

#[test]
fn only_requests_of_the_lost_server_fail_and_replies_stay_in_order() -> Outcome {
    let healthy = Memcached::start()?;
    let dying = FakeServer::start(|number, mut proxy| {
        if number > 0 {
            return miss_everything(proxy);
        }
        proxy.line()?;
        proxy.line()?;
        proxy.send(b"VALUE ")?;
        proxy.end_sending()?;
        proxy.expect_end()
    })?;
    let proxy = proxy(&[healthy.address(), dying.address()], &[])?;
    let good = proxy.keys_of(healthy.address(), 3)?;
    let bad = proxy.keys_of(dying.address(), 2)?;
    let mut client = Conversation::open(proxy.address())?;
    let mut other = Conversation::open(proxy.address())?;
    let set = |key: &str| format!("set {key} 0 0 1\r\nx\r\n");
    let value = |key: &str| format!("VALUE {key} 0 1\r\nx\r\nEND\r\n");
    let get = |key: &str| format!("get {key}\r\n");
    other.ask(set(&good[2]).as_bytes(), b"STORED\r\n")?;
    let requests =
        [set(&good[0]), get(&bad[0]), get(&good[0]), get(&bad[1]), get(&good[1]), get(&good[0])].concat();
    let lost = String::from_utf8_lossy(CLOSED);
    let replies = ["STORED\r\n", &lost, &value(&good[0]), &lost, "END\r\n", &value(&good[0])].concat();
    other.send(get(&good[2]).as_bytes())?;
    client.send(requests.as_bytes())?;
    other.expect(value(&good[2]).as_bytes())?;
    client.expect(replies.as_bytes())?;
    client.ask_until(get(&bad[0]).as_bytes(), b"END\r\n", CLOSED)?;
    drop((client, other, proxy));
    dying.finish()
}

#[test]
fn read_on_an_idle_connection_that_ends_is_asked_once_more() -> Outcome {
    for resets in [false, true] {
        let server = FakeServer::start(move |number, mut proxy| {
            proxy.expect(if number == 0 { b"set a 0 0 1\r\nx\r\n" } else { b"get a\r\n" })?;
            proxy.send(if number == 0 { b"STORED\r\n" } else { b"VALUE a 0 1\r\nx\r\nEND\r\n" })?;
            if number > 0 {
                proxy.expect(b"delete a\r\n")?;
                return proxy.end_sending();
            }
            proxy.expect(b"get a\r\n")?;
            if resets { proxy.reset() } else { proxy.end_sending() }
        })?;
        let proxy = proxy(&[server.address()], &[])?;
        let mut client = Conversation::open(proxy.address())?;
        client.ask(b"set a 0 0 1\r\nx\r\n", b"STORED\r\n")?;
        client.ask(b"get a\r\n", b"VALUE a 0 1\r\nx\r\nEND\r\n")?;
        // What changes something is not asked again.
        client.ask(b"delete a\r\n", CLOSED)?;
        drop((client, proxy));
        server.finish()?;
    }
    Ok(())
}
