//! Servers that are known by name: their addresses change under the eyes of clients that check every reply, lookups fail, and
//! servers that died come back elsewhere.

use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Failure, Outcome, ensure};
use golem_e2e::namespace::in_namespace_with_hosts;
use golem_e2e::port::Port;
use golem_e2e::process::Process;
use golem_e2e::programs::{Program, Proxy};
use golem_e2e::waiting::wait_until;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use tempfile::TempDir;

/// Where `cache` may be.
const HERE: &str = "127.0.0.2 cache";
const THERE: &str = "127.0.0.3 cache";

/// Requests that a client has under way at a time.
const DEPTH: u64 = 20;

/// A memcached at an address of its own.
struct Cache {
    process: Process,
    address: SocketAddr,
}

impl Cache {
    fn start(host: &str) -> Outcome<Self> {
        let address = SocketAddr::new(host.parse().map_err(|_| Failure::new(host))?, 11411);
        let mut command = Command::new("memcached");
        command.args(["-l", host, "-p", "11411", "-U", "0", "-u", "root", "-t", "1"]);
        let mut process = Process::start(&mut command)?;
        process.wait_until_ready(&[address])?;
        Ok(Self { process, address })
    }

    /// Waits until nobody is connected but who asks.
    fn wait_until_left(&self) -> Outcome {
        let mut direct = Conversation::open(self.address)?;
        wait_until("nobody is connected", || Ok(row(&mut direct, "stats", "curr_connections")? <= 2))
    }
}

/// A proxy with two workers over the server `cache`.
fn proxy(settings: &str) -> Outcome<Proxy> {
    let port = Port::reserve()?;
    let text = format!(
        "golemproxy:\n  threads: 2\nmain:\n  listen: {}\n  timeout: 5000\n{settings}  servers:\n    - cache:11411:1\n",
        port.address()
    );
    Proxy::with_file(Program::Golemproxy, &text, vec![port])
}

/// A number of what a `stats` command says.
fn row(client: &mut Conversation, command: &str, name: &str) -> Outcome<i64> {
    client.send(format!("{command}\r\n").as_bytes())?;
    let mut found = None;
    loop {
        let line = String::from_utf8_lossy(&client.line()?).into_owned();
        match line.split_ascii_whitespace().collect::<Vec<_>>()[..] {
            ["STAT", row, value] if row == name => found = value.parse().ok(),
            ["END"] => break,
            _ => {}
        }
    }
    found.ok_or_else(|| Failure::new(format!("no row {name}")))
}

fn stat(client: &mut Conversation, name: &str) -> Outcome<i64> {
    row(client, "stats servers", &format!("cache:11411:{name}"))
}

fn wait_for(client: &mut Conversation, name: &str, value: i64) -> Outcome {
    wait_until(&format!("{name} is {value}"), || Ok(stat(client, name)? == value))
}

/// Waits until what is asked of the proxy gets to this server.
fn wait_until_served_by(client: &mut Conversation, cache: &Cache) -> Outcome {
    let mut direct = Conversation::open(cache.address)?;
    let mut round = 0;
    wait_until("the server gets requests", || {
        round += 1;
        client.ask(format!("set round 0 0 4\r\n{round:04}\r\n").as_bytes(), b"STORED\r\n")?;
        direct.send(b"get round\r\n")?;
        if direct.line()? == b"END\r\n" {
            return Ok(false);
        }
        let value = direct.line()?;
        direct.expect(b"END\r\n")?;
        Ok(value == format!("{round:04}\r\n").as_bytes())
    })
}

/// Writes and reads its own key again and again until told to stop, several requests at a time, and checks every reply: what is
/// read was written by it before, or is not there, as servers have nothing of each other.
fn use_own_key(address: SocketAddr, number: u64, must_stop: &AtomicBool, served: &AtomicU64) -> Outcome {
    let mut client = Conversation::open(address)?;
    let (mut written, large) = (0, "x".repeat(3000));
    while !must_stop.load(Ordering::Relaxed) {
        let mut requests = String::new();
        for turn in 1..=DEPTH {
            let value = format!("{number}-{}-{large}", written + turn);
            requests += &format!("set own{number} 0 0 {}\r\n{value}\r\nget own{number}\r\n", value.len());
        }
        client.send(requests.as_bytes())?;
        for turn in 1..=DEPTH {
            client.expect(b"STORED\r\n")?;
            let head = String::from_utf8_lossy(&client.line()?).into_owned();
            if head != "END\r\n" {
                ensure(head.starts_with(&format!("VALUE own{number} 0 ")), format!("'{head}'"))?;
                let value = String::from_utf8_lossy(&client.line()?).into_owned();
                let mut words = value.trim_end().split('-');
                let is_mine = words.next() == Some(&number.to_string());
                let which = words.next().and_then(|word| word.parse::<u64>().ok());
                let is_past = which.is_some_and(|which| (1..=written + turn).contains(&which));
                ensure(is_mine && is_past && words.next() == Some(&large), "a value of somebody else")?;
                client.expect(b"END\r\n")?;
            }
            served.fetch_add(2, Ordering::Relaxed);
        }
        written += DEPTH;
    }
    Ok(())
}

#[test]
fn no_request_fails_while_a_name_moves() -> Outcome {
    in_namespace_with_hosts(|hosts| {
        hosts.are(HERE)?;
        let (here, there) = (Cache::start("127.0.0.2")?, Cache::start("127.0.0.3")?);
        let proxy = proxy("  resolve_interval: 100\n  server_connections: 2\n")?;
        let (must_stop, served) = (AtomicBool::new(false), AtomicU64::new(0));
        thread::scope(|scope| -> Outcome {
            let (address, must_stop, served) = (proxy.address(), &must_stop, &served);
            let clients: Vec<_> = (0..6)
                .map(|number| scope.spawn(move || use_own_key(address, number, must_stop, served)))
                .collect();
            let moves = || -> Outcome {
                let mut client = Conversation::open(address)?;
                wait_until("clients are served", || Ok(served.load(Ordering::Relaxed) > 1000))?;
                for round in 0..10 {
                    let (lines, to, from) =
                        if round % 2 == 0 { (THERE, &there, &here) } else { (HERE, &here, &there) };
                    hosts.are(lines)?;
                    wait_for(&mut client, "address_changes", round + 1)?;
                    wait_until_served_by(&mut client, to)?;
                    from.wait_until_left()?;
                    let before = served.load(Ordering::Relaxed);
                    wait_until("clients go on", || Ok(served.load(Ordering::Relaxed) > before + 1000))?;
                }
                for name in ["server_eof", "server_err", "server_timedout"] {
                    ensure(stat(&mut client, name)? == 0, format!("{name} is not 0"))?;
                }
                Ok(())
            };
            let done = moves();
            must_stop.store(true, Ordering::Relaxed);
            for client in clients {
                client.join().map_err(|_| Failure::new("a client has panicked"))??;
            }
            done
        })?;
        proxy.process.wait_for_log(
            "pool 'main': server 'cache:11411:1' has moved from 127.0.0.2:11411 to 127.0.0.3:11411",
        )
    })
}

#[test]
fn a_name_that_is_not_found_any_more_keeps_its_address() -> Outcome {
    in_namespace_with_hosts(|hosts| {
        hosts.are(HERE)?;
        let mut cache = Cache::start("127.0.0.2")?;
        let proxy = proxy("  resolve_interval: 100\n")?;
        let mut client = Conversation::open(proxy.address())?;
        client.ask(b"set a 0 0 1\r\nx\r\n", b"STORED\r\n")?;
        hosts.are("127.0.0.3 another")?;
        wait_until("a lookup fails", || Ok(stat(&mut client, "lookups_failed")? > 0))?;
        client.ask(b"get a\r\n", b"VALUE a 0 1\r\nx\r\nEND\r\n")?;
        for round in 1..4 {
            cache.process.kill()?;
            wait_for(&mut client, "server_eof", round)?;
            drop(cache);
            cache = Cache::start("127.0.0.2")?;
            client.ask(b"get a\r\n", b"END\r\n")?;
        }
        proxy.process.wait_for_log("the name 'cache' cannot be looked up: ")?;
        proxy.process.wait_for_log("; 127.0.0.2:11411 stays in use")?;
        let there = Cache::start("127.0.0.3")?;
        hosts.are(THERE)?;
        wait_for(&mut client, "address_changes", 1)?;
        wait_until_served_by(&mut client, &there)
    })
}

/// From now on there is a name server, which is asked and says nothing.
fn start_silent_name_server(folder: &Path) -> Outcome<UdpSocket> {
    let silent = UdpSocket::bind("127.0.0.9:53")?;
    let file = folder.join("resolv.conf");
    fs::write(&file, "nameserver 127.0.0.9\n")?;
    let done = Command::new("mount").arg("--bind").arg(file).arg("/etc/resolv.conf").status()?;
    ensure(done.success(), "/etc/resolv.conf stays")?;
    Ok(silent)
}

#[test]
fn name_servers_that_say_nothing_hold_up_no_connection_to_an_address_in_use() -> Outcome {
    in_namespace_with_hosts(|hosts| {
        let folder = TempDir::new()?;
        let _silent = start_silent_name_server(folder.path())?;
        hosts.are(HERE)?;
        let mut cache = Cache::start("127.0.0.2")?;
        let proxy = proxy("  resolve_interval: 0\n")?;
        let mut client = Conversation::open(proxy.address())?;
        client.ask(b"get a\r\n", b"END\r\n")?;
        hosts.are("")?;
        for round in 1..4 {
            cache.process.kill()?;
            wait_for(&mut client, "server_eof", round)?;
            drop(cache);
            cache = Cache::start("127.0.0.2")?;
            // A lookup takes longer than the pool's timeout.
            client.ask(b"get a\r\n", b"END\r\n")?;
        }
        ensure(stat(&mut client, "lookups_failed")? == 0, "the lookup was not slow")
    })
}

#[test]
fn the_address_in_use_is_kept_whatever_the_order_of_the_answer() -> Outcome {
    in_namespace_with_hosts(|hosts| {
        hosts.are(HERE)?;
        let (mut here, there) = (Cache::start("127.0.0.2")?, Cache::start("127.0.0.3")?);
        let proxy = proxy("  resolve_interval: 100\n")?;
        let mut client = Conversation::open(proxy.address())?;
        wait_until_served_by(&mut client, &here)?;
        for round in 1..4 {
            hosts.are(&format!("{THERE}\n{HERE}\n127.0.0.{} cache", 10 + round))?;
            // A new connection is a new lookup.
            here.process.kill()?;
            wait_for(&mut client, "server_eof", round)?;
            drop(here);
            here = Cache::start("127.0.0.2")?;
            wait_until_served_by(&mut client, &here)?;
        }
        there.wait_until_left()?;
        ensure(stat(&mut client, "address_changes")? == 0, "it has moved")
    })
}

#[test]
fn a_new_connection_goes_where_the_name_leads_now() -> Outcome {
    in_namespace_with_hosts(|hosts| {
        hosts.are(HERE)?;
        let (mut here, there) = (Cache::start("127.0.0.2")?, Cache::start("127.0.0.3")?);
        let proxy = proxy("  resolve_interval: 0\n")?;
        let mut client = Conversation::open(proxy.address())?;
        wait_until_served_by(&mut client, &here)?;
        hosts.are(THERE)?;
        here.process.kill()?;
        wait_for(&mut client, "server_eof", 1)?;
        client.ask(b"get round\r\n", b"END\r\n")?;
        wait_until_served_by(&mut client, &there)?;
        ensure(stat(&mut client, "address_changes")? == 1, "the move is not counted")
    })
}

#[test]
fn an_ejected_server_comes_back_where_its_name_leads_now() -> Outcome {
    in_namespace_with_hosts(|hosts| {
        hosts.are(HERE)?;
        let mut here = Cache::start("127.0.0.2")?;
        let proxy = proxy(
            "  resolve_interval: 0\n  auto_eject_hosts: true\n  server_failure_limit: 1\n  server_retry_timeout: 200\n",
        )?;
        let mut client = Conversation::open(proxy.address())?;
        wait_until_served_by(&mut client, &here)?;
        here.process.kill()?;
        wait_until("the server is ejected", || {
            client.send(b"get a\r\n")?;
            let line = client.line()?;
            ensure(line.starts_with(b"SERVER_ERROR"), format!("{}", line.escape_ascii()))?;
            Ok(stat(&mut client, "ejected")? == 1)
        })?;
        let there = Cache::start("127.0.0.3")?;
        hosts.are(THERE)?;
        wait_for(&mut client, "ejected", 0)?;
        wait_until("the client's worker has it back", || {
            client.send(b"get a\r\n")?;
            Ok(client.line()? == b"END\r\n")
        })?;
        wait_until_served_by(&mut client, &there)
    })
}

#[test]
fn a_name_that_is_not_known_fails_requests_until_it_is() -> Outcome {
    in_namespace_with_hosts(|hosts| {
        let here = Cache::start("127.0.0.2")?;
        let proxy = proxy("")?;
        let mut client = Conversation::open(proxy.address())?;
        client.ask(b"get a\r\n", b"SERVER_ERROR Host is down\r\n")?;
        hosts.are(HERE)?;
        client.ask_until(b"get a\r\n", b"END\r\n", b"SERVER_ERROR Host is down\r\n")?;
        wait_until_served_by(&mut client, &here)?;
        proxy.process.wait_for_log("the name 'cache' cannot be looked up: ")?;
        proxy.process.wait_for_log("the name 'cache' can be looked up again")
    })
}
