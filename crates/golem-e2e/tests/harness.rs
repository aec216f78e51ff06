//! The harness itself: children end with their handles, failures are seen as such, and time is never waited for.

use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Outcome, ensure};
use golem_e2e::fake_server::FakeServer;
use golem_e2e::namespace::in_network_namespace;
use golem_e2e::port::Port;
use golem_e2e::process::Process;
use golem_e2e::programs::{Memcached, Program, Proxy};
use golem_e2e::relay::Relay;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

#[test]
fn memcached_ends_with_its_handle() -> Outcome {
    let server = Memcached::start()?;
    let (address, folder) = (server.address(), format!("/proc/{}", server.process.id()));
    Conversation::open(address)?.ask(b"get a\r\n", b"END\r\n")?;
    drop(server);
    ensure(!Path::new(&folder).exists() && TcpStream::connect(address).is_err(), "it is still there")
}

#[test]
fn memcached_comes_back_empty_on_its_port() -> Outcome {
    let mut server = Memcached::start()?;
    Conversation::open(server.address())?.ask(b"set a 0 0 1\r\nx\r\n", b"STORED\r\n")?;
    server.process.kill()?;
    server.restart()?;
    Conversation::open(server.address())?.ask(b"get a\r\n", b"END\r\n")
}

#[test]
fn program_that_ends_is_reported_with_its_log() -> Outcome {
    let port = Port::reserve()?;
    let mut process = Process::start(Command::new("sh").args(["-c", "echo what was wrong; exit 3"]))?;
    let failure = process.wait_until_ready(&[port.address()]).err().map(|failure| failure.to_string());
    ensure(failure.is_some_and(|text| text.contains("what was wrong")), "the log is not in the failure")?;
    ensure(process.wait_for_end()?.code() == Some(3), "another exit code")
}

#[test]
fn log_is_waited_for() -> Outcome {
    let process =
        Process::start(Command::new("sh").args(["-c", "echo one; echo two >&2; exec cat /dev/zero"]))?;
    process.wait_for_log("two")?;
    process.wait_for_log("one")
}

#[test]
fn reserved_port_refuses_until_somebody_listens() -> Outcome {
    let port = Port::reserve()?;
    ensure(TcpStream::connect(port.address()).is_err(), "something listens")?;
    let _listener = TcpListener::bind(port.address())?;
    Conversation::open(port.address()).map(|_| ())
}

#[test]
fn conversation_tells_other_bytes_from_the_end() -> Outcome {
    let server = FakeServer::start(|number, mut client| {
        client.expect(b"hello\n")?;
        match number {
            0 => client.send(b"good day\n"),
            1 => client.reset(),
            _ => client.expect_end(),
        }
    })?;
    let mut first = Conversation::open(server.address())?;
    first.send(b"hello\n")?;
    ensure(first.expect(b"good night\n").is_err(), "other bytes pass")?;
    first.expect(b"good day\n")?;
    first.expect_end()?;
    let mut second = Conversation::open(server.address())?;
    second.send(b"hello\n")?;
    second.expect_end()?;
    let mut third = Conversation::open(server.address())?;
    third.send(b"hello\n")?;
    third.end_sending()?;
    third.expect_end()?;
    server.finish()
}

#[test]
fn what_a_script_finds_wrong_fails_the_test() -> Outcome {
    let server = FakeServer::start(|_, mut client| client.expect(b"get a\r\n"))?;
    Conversation::open(server.address())?.send(b"get b\r\n")?;
    ensure(server.finish().is_err(), "a wrong request passes")
}

#[test]
fn relay_cuts_replies_and_keeps_every_byte() -> Outcome {
    let server = Memcached::start()?;
    let relay = Relay::start(server.address(), 16)?;
    let mut client = Conversation::open(relay.address())?;
    let value = "v".repeat(1000);
    client.ask(format!("set a 0 0 1000\r\n{value}\r\n").as_bytes(), b"STORED\r\n")?;
    client.ask(b"get a\r\n", format!("VALUE a 0 1000\r\n{value}\r\nEND\r\n").as_bytes())
}

#[test]
fn namespace_has_every_port_free() -> Outcome {
    in_network_namespace(|| {
        let _listener = TcpListener::bind(("127.0.0.1", 11211))?;
        Conversation::open(([127, 0, 0, 1], 11211).into()).map(|_| ())
    })
}

#[test]
fn nutcracker_serves_over_two_servers_and_survives_the_loss_of_one() -> Outcome {
    let mut servers = [Memcached::start()?, Memcached::start()?];
    let addresses = servers.each_ref().map(Memcached::address);
    let proxy = Proxy::over(
        Program::Nutcracker,
        &addresses,
        &["timeout: 1000", "hash: md5", "distribution: modula"],
    )?;
    let mut client = Conversation::open(proxy.address())?;
    for key in 0..20 {
        client.ask(format!("set k{key} 0 0 1\r\nx\r\n").as_bytes(), b"STORED\r\n")?;
    }
    servers[0].process.kill()?;
    let mut lost = 0;
    for key in 0..20 {
        client.send(format!("get k{key}\r\n").as_bytes())?;
        match client.line()?.as_slice() {
            line if line.starts_with(b"VALUE") => client.expect(b"x\r\nEND\r\n")?,
            line if line.starts_with(b"SERVER_ERROR") => lost += 1,
            _ => ensure(false, "neither a value nor an error")?,
        }
    }
    ensure(lost > 0 && lost < 20, format!("{lost} of 20 keys were lost"))
}
