//! Servers that are killed or stopped leave the ring for all workers, their keys go where nutcracker sends them, and they
//! come back by a probe: no request of a client is spent on finding out.

use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Outcome, ensure};
use golem_e2e::instance::signal;
use golem_e2e::programs::{Memcached, Pool, Program, Proxy};
use golem_e2e::waiting::wait_until;
use std::fs;
use std::net::SocketAddr;

/// Long enough for a look at what happens while a server is out, short enough to wait for.
const RETRY: &str = "server_retry_timeout: 1500";
/// nutcracker shall not try the server again.
const NEVER: &str = "server_retry_timeout: 600000";

fn proxy(program: Program, servers: &[SocketAddr], retry: &str) -> Outcome<Proxy> {
    let settings = ["auto_eject_hosts: true", "server_failure_limit: 2", "timeout: 400", retry];
    let head = if program == Program::Golemproxy { "golemproxy:\n  threads: 2\n" } else { "" };
    Proxy::start(program, &[Pool { name: "main", servers, settings: &settings }], head)
}

/// One row of the pool's `stats`.
fn stat(client: &mut Conversation, name: &str) -> Outcome<i64> {
    client.send(b"stats\r\n")?;
    let mut found = None;
    loop {
        let line = String::from_utf8_lossy(&client.line()?).into_owned();
        match line.split_ascii_whitespace().collect::<Vec<_>>()[..] {
            ["STAT", row, value] if row == name => found = value.parse().ok(),
            ["END"] => break,
            _ => {}
        }
    }
    found.ok_or_else(|| golem_e2e::failure::Failure::new(format!("no row {name}")))
}

fn wait_for(client: &mut Conversation, name: &str, value: i64) -> Outcome {
    wait_until(&format!("{name} is {value}"), || Ok(stat(client, name)? == value))
}

/// Asks for the key until it is no error; how many errors there were.
fn errors_before_an_answer(client: &mut Conversation, key: &str) -> Outcome<usize> {
    let mut errors = 0;
    wait_until("the key is served", || {
        client.send(format!("get {key}\r\n").as_bytes())?;
        let line = client.line()?;
        let is_error = line.starts_with(b"SERVER_ERROR");
        errors += usize::from(is_error);
        ensure(is_error || line == b"END\r\n", format!("{}", line.escape_ascii()))?;
        Ok(!is_error)
    })?;
    Ok(errors)
}

/// Waits until the server is back, and the client's worker, which is told a moment after it is counted, sends `key` to it.
fn wait_for_the_return(client: &mut Conversation, server: SocketAddr, key: &str) -> Outcome {
    wait_for(client, "server_restores", 1)?;
    let mut direct = Conversation::open(server)?;
    wait_until("the key reaches the server again", || {
        client.ask(format!("set {key} 0 0 {}\r\n{key}\r\n", key.len()).as_bytes(), b"STORED\r\n")?;
        direct.send(format!("touch {key} 0\r\n").as_bytes())?;
        Ok(direct.line()? == b"TOUCHED\r\n")
    })
}

/// Stops a process, and waits until all of its threads have stopped: they may still answer before.
fn stop(process: u32) -> Outcome {
    signal(process, "STOP")?;
    wait_until("all threads have stopped", || {
        for thread in fs::read_dir(format!("/proc/{process}/task"))? {
            let text = fs::read_to_string(thread?.path().join("stat"))?;
            // Behind the name, which stands in parentheses.
            if !text.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T')) {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

fn keys() -> Vec<String> {
    (0..600).map(|number| format!("{number}-key-{}", number % 7)).collect()
}

/// Stores every key with its own name, all in one go; each must be stored.
fn store_all(client: &mut Conversation, keys: &[String]) -> Outcome {
    let requests: String =
        keys.iter().map(|key| format!("set {key} 0 0 {}\r\n{key}\r\n", key.len())).collect();
    client.ask(requests.as_bytes(), &b"STORED\r\n".repeat(keys.len()))
}

/// Reads every key; each must be there.
fn read_all(client: &mut Conversation, keys: &[String]) -> Outcome {
    for key in keys {
        let reply = format!("VALUE {key} 0 {}\r\n{key}\r\nEND\r\n", key.len());
        client.ask(format!("get {key}\r\n").as_bytes(), reply.as_bytes())?;
    }
    Ok(())
}

#[test]
fn a_killed_server_is_ejected_as_in_nutcracker_and_returns_by_a_probe() -> Outcome {
    let mut servers = [Memcached::start()?, Memcached::start()?, Memcached::start()?];
    let addresses = servers.each_ref().map(Memcached::address);
    let ours = proxy(Program::Golemproxy, &addresses, RETRY)?;
    let theirs = proxy(Program::Nutcracker, &addresses, NEVER)?;
    let mut keys = keys();
    let lost = ours.keys_of(addresses[0], 1)?.remove(0);
    keys.push(lost.clone());
    // Two workers, a client in each.
    let mut clients = [Conversation::open(ours.address())?, Conversation::open(ours.address())?];
    for client in &mut clients {
        store_all(client, &keys)?;
    }
    servers[0].process.kill()?;
    let [first, second] = &mut clients;
    let errors = errors_before_an_answer(first, &lost)?;
    ensure(errors <= 2, format!("{errors} errors at a limit of 2"))?;
    wait_for(first, "server_ejects", 1)?;
    // The other worker follows by itself, but for what it had sent before.
    let errors = errors_before_an_answer(second, &lost)?;
    ensure(errors <= 1, format!("{errors} errors in a worker that was told"))?;

    // Placed as by nutcracker without the server: what one stores, the other finds.
    let mut nutcracker = Conversation::open(theirs.address())?;
    errors_before_an_answer(&mut nutcracker, &lost)?;
    store_all(first, &keys)?;
    read_all(&mut nutcracker, &keys)?;
    read_all(second, &keys)?;
    ensure(stat(first, "server_restores")? == 0, "it is back before it was started")?;

    servers[0].restart()?;
    for client in [first, second] {
        wait_for_the_return(client, addresses[0], &lost)?;
        // Misses of the empty server, and no error.
        for key in &keys {
            client.send(format!("get {key}\r\n").as_bytes())?;
            let line = client.line()?;
            ensure(!line.starts_with(b"SERVER_ERROR"), format!("{key} fails after the return"))?;
            if line != b"END\r\n" {
                client.expect(format!("{key}\r\nEND\r\n").as_bytes())?;
            }
        }
        store_all(client, &keys)?;
        read_all(client, &keys)?;
        ensure(stat(client, "server_ejects")? == 1, "it was ejected again")?;
    }
    let mut direct = Conversation::open(addresses[0])?;
    read_all(&mut direct, &[lost])
}

#[test]
fn a_stopped_server_is_ejected_by_its_silence_and_returns() -> Outcome {
    let servers = [Memcached::start()?, Memcached::start()?];
    let addresses = servers.each_ref().map(Memcached::address);
    let proxy = proxy(Program::Golemproxy, &addresses, RETRY)?;
    let keys = keys();
    let mut client = Conversation::open(proxy.address())?;
    store_all(&mut client, &keys)?;
    let [lost, fresh] = <[String; 2]>::try_from(proxy.keys_of(addresses[0], 2)?).unwrap_or_default();
    stop(servers[0].process.id())?;
    let errors = errors_before_an_answer(&mut client, &lost);
    signal(servers[0].process.id(), "CONT")?;
    ensure(errors? <= 2, "more errors than the limit")?;
    wait_for_the_return(&mut client, addresses[0], &fresh)?;
    read_all(&mut client, &keys)
}

#[test]
fn the_restart_of_an_idle_server_ejects_nobody() -> Outcome {
    let mut servers = [Memcached::start()?, Memcached::start()?];
    let addresses = servers.each_ref().map(Memcached::address);
    let proxy = proxy(Program::Golemproxy, &addresses, RETRY)?;
    let mut client = Conversation::open(proxy.address())?;
    let keys = keys();
    for _ in 0..4 {
        store_all(&mut client, &keys)?;
        read_all(&mut client, &keys)?;
        let before = stat(&mut client, "server_eof")?;
        servers[0].process.kill()?;
        wait_for(&mut client, "server_eof", before + 1)?;
        servers[0].restart()?;
    }
    store_all(&mut client, &keys)?;
    ensure(stat(&mut client, "server_ejects")? == 0, "a server was ejected")?;
    ensure(stat(&mut client, "failures_in_row")? == 0, "a failure was counted")
}

#[test]
fn when_all_servers_are_out_requests_fail_at_once_until_one_is_back() -> Outcome {
    let mut server = Memcached::start()?;
    let proxy = proxy(Program::Golemproxy, &[server.address()], RETRY)?;
    let mut client = Conversation::open(proxy.address())?;
    client.ask(b"get a\r\n", b"END\r\n")?;
    server.process.kill()?;
    wait_until("the server is ejected", || {
        client.ask(b"get a\r\n", b"SERVER_ERROR Connection")?;
        client.line()?;
        Ok(stat(&mut client, "ejected")? == 1)
    })?;
    let tried = stat(&mut client, "connections_total")?;
    client.ask(&b"get a\r\n".repeat(50), &b"SERVER_ERROR Connection refused\r\n".repeat(50))?;
    ensure(stat(&mut client, "connections_total")? == tried, "requests were spent on it")?;
    server.restart()?;
    wait_for(&mut client, "server_restores", 1)?;
    // The client's worker is told a moment after it is counted.
    client.ask_until(b"get a\r\n", b"END\r\n", b"SERVER_ERROR Connection refused\r\n")
}
