//! A get of several keys of which one server fails, for each `multiget_failure`.

use crate::{miss_everything, proxy};
use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Outcome, ensure};
use golem_e2e::fake_server::FakeServer;
use golem_e2e::port::Port;
use golem_e2e::programs::{Memcached, Proxy};

const REFUSED: &str = "SERVER_ERROR Connection refused\r\n";
const MODES: [&str; 3] = ["multiget_failure: close", "multiget_failure: keep", "multiget_failure: miss"];

/// A proxy over a healthy server that has the key `good`, and a server that refuses, whose key is `bad`.
struct Stage {
    proxy: Proxy,
    good: String,
    bad: String,
    _healthy: Memcached,
    _refusing: Port,
}

impl Stage {
    fn set(mode: &str) -> Outcome<Self> {
        let (healthy, refusing) = (Memcached::start()?, Port::reserve()?);
        let proxy = proxy(&[healthy.address(), refusing.address()], &[mode])?;
        let good = proxy.keys_of(healthy.address(), 1)?.remove(0);
        let bad = proxy.keys_of(refusing.address(), 1)?.remove(0);
        let mut client = Conversation::open(proxy.address())?;
        client.ask(format!("set {good} 0 0 1\r\nx\r\n").as_bytes(), b"STORED\r\n")?;
        Ok(Self { proxy, good, bad, _healthy: healthy, _refusing: refusing })
    }

    fn value(&self) -> String {
        format!("VALUE {} 0 1\r\nx\r\n", self.good)
    }
}

#[test]
fn close_answers_what_came_before_then_one_error_line_then_the_end() -> Outcome {
    for setting in [MODES[0], "backlog: 512"] {
        let stage = Stage::set(setting)?;
        let mut client = Conversation::open(stage.proxy.address())?;
        let mut other = Conversation::open(stage.proxy.address())?;
        let (good, bad) = (&stage.good, &stage.bad);
        client.send(format!("get {good}\r\nget {good} {bad} {good}\r\nget {good}\r\n").as_bytes())?;
        client.expect(format!("{}END\r\n{REFUSED}", stage.value()).as_bytes())?;
        client.expect_end()?;
        other.ask(format!("get {good}\r\n").as_bytes(), format!("{}END\r\n", stage.value()).as_bytes())?;
    }
    Ok(())
}

#[test]
fn keep_answers_one_error_line_and_goes_on() -> Outcome {
    let stage = Stage::set(MODES[1])?;
    let mut client = Conversation::open(stage.proxy.address())?;
    let (good, bad) = (&stage.good, &stage.bad);
    client.send(format!("get {good}\r\nget {good} {bad} {good}\r\nget {good}\r\n").as_bytes())?;
    client.expect(format!("{0}END\r\n{REFUSED}{0}END\r\n", stage.value()).as_bytes())
}

#[test]
fn miss_answers_with_the_values_of_the_other_servers() -> Outcome {
    let stage = Stage::set(MODES[2])?;
    let mut client = Conversation::open(stage.proxy.address())?;
    let (good, bad) = (&stage.good, &stage.bad);
    client.send(
        format!("get {good}\r\nget {good} {bad} {good}\r\nget {bad} {bad}\r\nget {bad}\r\n").as_bytes(),
    )?;
    client.expect(format!("{0}END\r\n{0}{0}END\r\nEND\r\n{REFUSED}", stage.value()).as_bytes())
}

#[test]
fn error_line_of_a_server_in_place_of_its_part_is_not_a_lost_server() -> Outcome {
    for mode in MODES {
        let server = FakeServer::start(|number, mut proxy| {
            ensure(number == 0, "an error line cost the connection")?;
            proxy.line()?;
            proxy.send(b"SERVER_ERROR out of memory\r\n")?;
            miss_everything(proxy)
        })?;
        let healthy = Memcached::start()?;
        let proxy = proxy(&[healthy.address(), server.address()], &[mode])?;
        let good = proxy.keys_of(healthy.address(), 1)?.remove(0);
        let bad = proxy.keys_of(server.address(), 1)?.remove(0);
        let mut client = Conversation::open(proxy.address())?;
        client.ask(format!("set {good} 0 0 1\r\nx\r\n").as_bytes(), b"STORED\r\n")?;
        let value = format!("VALUE {good} 0 1\r\nx\r\nEND\r\n");
        let told = if mode == MODES[2] { value.as_str() } else { "SERVER_ERROR out of memory\r\n" };
        client.ask(format!("get {good} {bad}\r\n").as_bytes(), told.as_bytes())?;
        client.ask(format!("get {good} {bad}\r\n").as_bytes(), value.as_bytes())?;
        drop((client, proxy));
        server.finish()?;
    }
    Ok(())
}

#[test]
fn error_line_in_the_middle_of_a_part_ends_the_request_and_the_connection() -> Outcome {
    for (reply, mode) in
        [(&b"SERVER_ERROR mid\r\n"[..], MODES[1]), (b"SERVER_ERROR mid\r\nEND\r\n", MODES[1])]
    {
        let server = FakeServer::start(move |number, mut proxy| {
            if number > 0 {
                return miss_everything(proxy);
            }
            let line = String::from_utf8_lossy(&proxy.line()?).into_owned();
            let key = line.split(' ').nth(1).unwrap_or_default().to_owned();
            proxy.send(&[format!("VALUE {key} 0 1\r\ny\r\n").as_bytes(), reply].concat())?;
            proxy.expect_end()
        })?;
        let healthy = Memcached::start()?;
        let proxy = proxy(&[healthy.address(), server.address()], &[mode])?;
        let good = proxy.keys_of(healthy.address(), 1)?.remove(0);
        let bad = proxy.keys_of(server.address(), 3)?;
        let mut client = Conversation::open(proxy.address())?;
        client.ask(format!("set {good} 0 0 1\r\nx\r\n").as_bytes(), b"STORED\r\n")?;
        let keys = format!("{} {good} {} {}", bad[0], bad[1], bad[2]);
        client.ask(format!("get {keys}\r\n").as_bytes(), b"SERVER_ERROR mid\r\n")?;
        client.ask(
            format!("get {keys}\r\n").as_bytes(),
            format!("VALUE {good} 0 1\r\nx\r\nEND\r\n").as_bytes(),
        )?;
        drop((client, proxy));
        server.finish()?;
    }
    Ok(())
}

#[test]
fn part_without_its_end_fails_the_request_only() -> Outcome {
    let server = FakeServer::start(|number, mut proxy| {
        if number > 0 {
            return miss_everything(proxy);
        }
        let line = String::from_utf8_lossy(&proxy.line()?).into_owned();
        let key = line.split(' ').nth(1).unwrap_or_default().to_owned();
        proxy.send(format!("VALUE {key} 0 1\r\ny\r\n").as_bytes())?;
        proxy.end_sending()?;
        proxy.expect_end()
    })?;
    let healthy = Memcached::start()?;
    let proxy = proxy(&[healthy.address(), server.address()], &[MODES[1]])?;
    let good = proxy.keys_of(healthy.address(), 1)?.remove(0);
    let bad = proxy.keys_of(server.address(), 1)?.remove(0);
    let mut client = Conversation::open(proxy.address())?;
    let request = format!("get {bad} {good}\r\n");
    client.ask(request.as_bytes(), b"SERVER_ERROR Connection closed by server\r\n")?;
    client.ask_until(request.as_bytes(), b"END\r\n", b"SERVER_ERROR Connection closed by server\r\n")?;
    drop((client, proxy));
    server.finish()
}
