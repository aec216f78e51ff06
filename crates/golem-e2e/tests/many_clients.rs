//! More clients than there is room for.

use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Outcome, ensure};
use golem_e2e::instance::Instance;
use golem_e2e::process::Process;
use golem_e2e::programs::Memcached;
use golem_e2e::waiting::wait_until;
use std::fs;
use std::process::Command;

/// golemproxy with so few descriptors, over one server.
fn start_with_limit(instance: &Instance, descriptors: usize) -> Outcome<Process> {
    let plain = instance.command(&[])?;
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {descriptors}; exec \"$@\""), "sh"]);
    command.arg(plain.get_program()).args(plain.get_args());
    if let Some(folder) = plain.get_current_dir() {
        command.current_dir(folder);
    }
    let mut process = Process::start(&mut command)?;
    process.wait_until_ready(&[instance.address()])?;
    Ok(process)
}

/// An instance over this server, with so many workers.
fn instance_over(server: &Memcached, workers: usize) -> Outcome<Instance> {
    let instance = Instance::new(&format!("golemproxy:\n  threads: {workers}\n"))?;
    let file = instance.path("proxy.yml");
    let text = fs::read_to_string(&file)?.replace("127.0.0.1:1:1", &format!("{}:1", server.address()));
    fs::write(&file, text)?;
    Ok(instance)
}

#[test]
fn clients_beyond_the_descriptors_wait_and_servers_stay_within_reach() -> Outcome {
    for workers in [1, 2] {
        let mut server = Memcached::start()?;
        let instance = instance_over(&server, workers)?;
        let process = start_with_limit(&instance, 64)?;
        // And four for pipes.
        let room = 64 - (32 + 1 + 4 * workers + workers + 4);
        let wanted =
            format!("] WARN room for {room} clients: 64 descriptors, of which {} are kept ", 64 - room);
        process.wait_for_log(&wanted)?;
        let mut clients = Vec::new();
        for _ in 0..3 * room {
            let mut client = Conversation::open(instance.address())?;
            client.send(b"get a\r\n")?;
            clients.push(client);
        }
        // Connections are accepted in the order in which they came.
        let mut waiting = clients.split_off(room);
        for client in &mut clients {
            client.expect(b"END\r\n")?;
        }
        process.wait_for_log(&format!("{room} clients are connected, there are no descriptors for more"))?;
        ensure(!waiting[0].has_ended()? && waiting[0].received().is_empty(), "one too many is served")?;
        // A server that was lost is reached again, although all seats are taken.
        server.process.kill()?;
        for client in &mut clients {
            client.send(b"get a\r\n")?;
            client.line()?;
        }
        server.restart()?;
        for client in &mut clients {
            // Each worker pauses before it connects again.
            wait_until("the server is reached", || {
                client.send(b"set a 0 0 1\r\nx\r\n")?;
                Ok(client.line()? == b"STORED\r\n")
            })?;
        }
        // Whoever leaves makes room for the next.
        while !waiting.is_empty() {
            clients.remove(0);
            let mut next = waiting.remove(0);
            next.expect(b"VALUE a 0 1\r\nx\r\nEND\r\n")?;
            clients.push(next);
        }
        ensure(!process.log().contains("Too many open files"), "descriptors ran out")?;
    }
    Ok(())
}

#[test]
fn the_soft_limit_of_descriptors_is_raised() -> Outcome {
    let server = Memcached::start()?;
    let instance = instance_over(&server, 1)?;
    let plain = instance.command(&[])?;
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -Sn 50; ulimit -Hn 500; exec \"$@\"", "sh"]);
    command.arg(plain.get_program()).args(plain.get_args());
    if let Some(folder) = plain.get_current_dir() {
        command.current_dir(folder);
    }
    let process = Process::start(&mut command)?;
    process
        .wait_for_log("] INFO room for 432 clients: 500 descriptors, of which 68 are kept for servers and ")
}

#[test]
fn clients_beyond_max_clients_are_told_so_and_closed() -> Outcome {
    for workers in [1, 3] {
        let server = Memcached::start()?;
        let instance = instance_over(&server, workers)?;
        let file = instance.path("proxy.yml");
        let text = fs::read_to_string(&file)?.replace("timeout: 5000", "timeout: 5000\n  max_clients: 4");
        fs::write(&file, text)?;
        let process = instance.start(&[])?;
        let mut clients = Vec::new();
        while clients.len() < 4 {
            let mut client = Conversation::open(instance.address())?;
            client.send(b"mn\r\n")?;
            // The connection that waited until the process was ready may still be there.
            if client.line()? == b"MN\r\n" {
                clients.push(client);
            }
        }
        for request in [&b""[..], b"get a\r\n"] {
            let mut more = Conversation::open(instance.address())?;
            more.send(request)?;
            more.expect(b"ERROR Too many open connections\r\n")?;
            more.expect_end()?;
        }
        process.wait_for_log("] INFO pool 'main': a client was closed: max_clients are connected")?;
        for client in &mut clients {
            client.ask(b"get a\r\n", b"END\r\n")?;
        }
        clients.pop();
        wait_until("there is room again", || {
            let mut client = Conversation::open(instance.address())?;
            client.send(b"mn\r\n")?;
            Ok(client.line()? == b"MN\r\n")
        })?;
        clients[0].send(b"stats\r\n")?;
        let mut refused = 0;
        loop {
            let line = String::from_utf8_lossy(&clients[0].line()?).into_owned();
            if let Some(count) = line.trim_end().strip_prefix("STAT clients_refused ") {
                refused = count.parse().unwrap_or(0);
            }
            if line == "END\r\n" {
                break;
            }
        }
        ensure(refused >= 2, format!("{refused} clients were turned away"))?;
    }
    Ok(())
}

#[test]
fn a_client_that_is_idle_is_closed() -> Outcome {
    let server = Memcached::start()?;
    let instance = instance_over(&server, 1)?;
    let file = instance.path("proxy.yml");
    let text =
        fs::read_to_string(&file)?.replace("timeout: 5000", "timeout: 5000\n  client_idle_timeout: 60");
    fs::write(&file, text)?;
    let _process = instance.start(&[])?;
    let mut client = Conversation::open(instance.address())?;
    client.ask(b"get a\r\n", b"END\r\n")?;
    client.expect_end()
}
