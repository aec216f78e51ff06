//! The statistics port: nutcracker's document to the byte, on every kind of address, for readers of every kind.

use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Outcome, ensure, shown};
use golem_e2e::instance::Instance;
use golem_e2e::port::Port;
use golem_e2e::programs::{Memcached, Pool, Program, Proxy};
use golem_e2e::statistics::{document, figures};
use golem_e2e::waiting::wait_until;
use socket2::{Domain, Socket, Type};
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;

/// A document without its numbers and without the version.
fn form(document: &str) -> String {
    let mut form = String::new();
    let mut rest = document;
    while let Some(at) = rest.find("\":") {
        let (head, tail) = rest.split_at(at + 2);
        form.push_str(head);
        rest = tail.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    form + rest
}

#[test]
fn document_is_nutcrackers_but_for_figures_and_version() -> Outcome {
    let read = |program, version: &str| -> Outcome<String> {
        let ports = vec![Port::reserve()?, Port::reserve()?];
        let text = format!(
            "zeta and more:\n  listen: {}\n  servers:\n    - 127.0.0.1:2:1 beta\n    - 127.0.0.1:1:1\n    - \
             127.0.0.1:3:1 déjà\n    - /run/none:1\n    - 127.0.0.1:11211:1\n'1':\n  listen: {}\n  servers:\n    - \
             localhost:7:1\n",
            ports[0].address(),
            ports[1].address()
        );
        let proxy = Proxy::with_file(program, &text, ports)?;
        let text = document(proxy.stats)?;
        let version = format!("\"version\":\"{version}\"");
        ensure(text.contains(&version), format!("lacks {version}: {text}"))?;
        Ok(form(&text.replace(&version, "")))
    };
    let theirs = read(Program::Nutcracker, "0.5.0")?;
    let ours = read(Program::Golemproxy, env!("CARGO_PKG_VERSION"))?;
    ensure(ours == theirs, format!("nutcracker's\n{theirs}\nours\n{ours}"))
}

#[test]
fn figures_are_exact_at_every_read_with_several_workers() -> Outcome {
    let server = Memcached::start()?;
    let pool = Pool { name: "main", servers: &[server.address()], settings: &["server_connections: 2"] };
    let proxy = Proxy::start(Program::Golemproxy, &[pool], "golemproxy:\n  threads: 3\n")?;
    // The harness has looked whether it listens.
    let read = |name: &str| -> Outcome<Option<i64>> {
        Ok(figures(&document(proxy.stats)?)?.get(name).and_then(|value| value.parse().ok()))
    };
    wait_until("the first client is gone", || Ok(read("main/client_eof")? == Some(1)))?;
    let label = server.address().to_string();
    let mut clients = Vec::new();
    for number in 1..=30 {
        let mut client = Conversation::open(proxy.address())?;
        client.ask(b"set a 0 0 1\r\nx\r\n", b"STORED\r\n")?;
        client.ask(b"get a\r\n", b"VALUE a 0 1\r\nx\r\nEND\r\n")?;
        clients.push(client);
        for (figure, expected) in [
            ("requests", 2 * number),
            ("request_bytes", 23 * number),
            ("responses", 2 * number),
            ("response_bytes", 29 * number),
            ("in_queue", 0),
            ("out_queue_bytes", 0),
        ] {
            let found = read(&format!("main/{label}/{figure}"))?;
            ensure(found == Some(expected), format!("{figure} is {found:?}, not {expected}"))?;
        }
        ensure(read("main/client_connections")? == Some(number), "clients")?;
    }
    // A listening socket, the client that looked, 30 clients, and two connections from each worker.
    ensure(read("total_connections")? == Some(38), "total_connections")?;
    ensure(read("curr_connections")? == Some(37), "curr_connections")?;
    drop(clients);
    wait_until("the clients are gone", || Ok(read("curr_connections")? == Some(7)))?;
    ensure(read("main/client_eof")? == Some(31), "client_eof")
}

#[test]
fn port_can_have_a_name_or_a_path_or_be_off() -> Outcome {
    let instance = Instance::new("")?;
    let path = instance.path("stats");
    let named = instance.start(&["-a", "localhost"])?;
    let port = instance.stats().port();
    let mut text = String::new();
    TcpStream::connect(("localhost", port))?.read_to_string(&mut text)?;
    figures(&text)?;
    drop(named);
    let unix = instance.start(&["-a", &path.display().to_string()])?;
    unix.wait_for_log(&format!("statistics on {}\n", path.display()))?;
    let mut text = String::new();
    UnixStream::connect(&path)?.read_to_string(&mut text)?;
    figures(&text)?;
    ensure(TcpStream::connect(instance.stats()).is_err(), "the port is open besides the path")?;
    drop(unix);
    let off = instance.start(&["-s", "0"])?;
    off.wait_for_log("no statistics port\n")?;
    ensure(TcpStream::connect(instance.stats()).is_err(), "the port is open")
}

#[test]
fn readers_that_write_get_the_document_and_an_orderly_end() -> Outcome {
    let instance = Instance::new("")?;
    let _process = instance.start(&[])?;
    let mut web = TcpStream::connect(instance.stats())?;
    web.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")?;
    let mut text = String::new();
    web.read_to_string(&mut text)?;
    figures(&text)?;
    let mut half_closed = TcpStream::connect(instance.stats())?;
    half_closed.shutdown(Shutdown::Write)?;
    text.clear();
    half_closed.read_to_string(&mut text)?;
    ensure(text.ends_with("}}}\n"), shown(text.as_bytes()))?;
    figures(&text).map(|_| ())
}

#[test]
fn a_slow_reader_holds_up_nobody() -> Outcome {
    let instance = Instance::new("golemproxy:\n  threads: 2\n")?;
    // More than the kernel takes at once.
    let mut text =
        fs::read_to_string(instance.path("proxy.yml"))?.replace("timeout", "distribution: modula\n  timeout");
    for port in 2..12_000 {
        let _ = writeln!(text, "    - 127.0.0.1:{port}:1");
    }
    fs::write(instance.path("proxy.yml"), text)?;
    let _process = instance.start(&[])?;
    let slow = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    slow.set_recv_buffer_size(4096)?;
    slow.connect(&instance.stats().into())?;
    let whole = document(instance.stats())?;
    figures(&whole)?;
    Conversation::open(instance.address())?.ask(b"mn\r\n", b"MN\r\n")?;
    let mut late = String::new();
    TcpStream::from(slow).read_to_string(&mut late)?;
    let sizes = (late.len(), whole.len());
    ensure(late.len().abs_diff(whole.len()) < 1000 && late.len() > 3_000_000, format!("sizes {sizes:?}"))?;
    figures(&late).map(|_| ())
}

#[test]
fn readers_that_do_not_close_make_place_for_others() -> Outcome {
    let instance = Instance::new("")?;
    let _process = instance.start(&[])?;
    let mut silent = Vec::new();
    for _ in 0..70 {
        let mut stream = TcpStream::connect(instance.stats())?;
        let mut text = Vec::new();
        stream.read_to_end(&mut text)?;
        ensure(text.ends_with(b"}\n"), "not the whole document")?;
        silent.push(stream);
    }
    figures(&document(instance.stats())?).map(|_| ())
}
