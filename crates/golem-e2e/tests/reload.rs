//! Another configuration for the running process, as an operator puts it into use: the file is changed and SIGUSR1 sent.

use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Outcome, ensure};
use golem_e2e::instance::{Instance, signal};
use golem_e2e::port::Port;
use golem_e2e::process::Process;
use golem_e2e::programs::Memcached;
use golem_e2e::waiting::wait_until;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

/// A process that serves from a file that a test writes.
struct Served {
    instance: Instance,
    process: Process,
    reloads: usize,
}

/// One pool `name` at `listen` over `servers`, entries with names.
fn pool(name: &str, listen: &str, servers: &[String]) -> String {
    let servers: String = servers.iter().map(|server| format!("    - {server}\n")).collect();
    format!("{name}:\n  listen: {listen}\n  timeout: 5000\n  servers:\n{servers}")
}

fn head(workers: usize) -> String {
    format!("golemproxy:\n  threads: {workers}\n")
}

impl Served {
    fn start(workers: usize, pools: impl FnOnce(SocketAddr) -> String) -> Outcome<Self> {
        let instance = Instance::new("")?;
        fs::write(instance.path("proxy.yml"), head(workers) + &pools(instance.address()))?;
        let process = instance.start(&[])?;
        Ok(Self { instance, process, reloads: 0 })
    }

    /// Puts a file with these pools into use.
    fn reload(&mut self, text: &str) -> Outcome {
        fs::write(self.instance.path("proxy.yml"), text)?;
        signal(self.process.id(), "USR1")?;
        self.reloads += 1;
        wait_until("the file is in use", || {
            Ok(self.process.log().matches("configuration file 'proxy.yml' is in use, ").count()
                == self.reloads)
        })
    }

    /// A file with this text is refused with these words.
    fn is_refused(&self, text: &str, words: &[&str]) -> Outcome {
        let before = self.process.log().len();
        fs::write(self.instance.path("proxy.yml"), text)?;
        signal(self.process.id(), "USR1")?;
        let end = "the configuration stays as it was: 'proxy.yml' cannot be used";
        wait_until("the file is refused", || Ok(self.process.log()[before..].contains(end)))?;
        let log = self.process.log();
        words.iter().try_for_each(|words| ensure(log[before..].contains(words), format!("lacks '{words}'")))
    }

    fn client(&self) -> Outcome<Conversation> {
        Conversation::open(self.instance.address())
    }
}

fn named(server: &Memcached, name: &str) -> String {
    format!("{}:1 {name}", server.address())
}

#[test]
fn servers_come_and_go_under_clients_that_stay() -> Outcome {
    for workers in [1, 2] {
        let servers = [Memcached::start()?, Memcached::start()?];
        let (one, two) = (named(&servers[0], "one"), named(&servers[1], "two"));
        let mut served =
            Served::start(workers, |at| pool("main", &at.to_string(), std::slice::from_ref(&one)))?;
        let listen = served.instance.address().to_string();
        let mut client = served.client()?;
        for key in 0..20 {
            client.ask(format!("set k{key} 0 0 1\r\n1\r\n").as_bytes(), b"STORED\r\n")?;
        }
        served.reload(&(head(workers) + &pool("main", &listen, &[one.clone(), two.clone()])))?;
        let kept = (0..20).filter_map(|key| {
            client.send(format!("get k{key}\r\n").as_bytes()).ok()?;
            let line = client.line().ok()?;
            if line == b"END\r\n" {
                return None;
            }
            client.expect(b"1\r\nEND\r\n").ok()
        });
        let kept = kept.count();
        ensure((1..20).contains(&kept), format!("{kept} of 20 keys are where they were"))?;
        // Only the second one, in another pool as well.
        let port = Port::reserve()?;
        let text = pool("main", &listen, std::slice::from_ref(&two))
            + &pool("more", &port.address().to_string(), &[one]);
        served.reload(&(head(workers) + &text))?;
        client.ask(b"get k0\r\nmn\r\n", b"END\r\nMN\r\n")?;
        let mut other = Conversation::open(port.address())?;
        other.ask(b"get k0\r\n", b"VALUE k0 0 1\r\n1\r\nEND\r\n")?;
        served.reload(&(head(workers) + &pool("main", &listen, &[two])))?;
        other.expect_end()?;
        ensure(TcpStream::connect(port.address()).is_err(), "the pool that is gone still listens")?;
        served.client()?.ask(b"mn\r\n", b"MN\r\n")?;
        let log = served.process.log();
        for line in ["pool 'main': with server '", "new: pool 'more': 127.0.0.1:", "pool 'more' is gone\n"] {
            ensure(log.contains(line), format!("the log lacks '{line}'"))?;
        }
    }
    Ok(())
}

#[test]
fn a_pool_that_moves_or_is_renamed_keeps_its_clients() -> Outcome {
    let server = Memcached::start()?;
    let servers = [named(&server, "one")];
    let mut served = Served::start(2, |at| pool("main", &at.to_string(), &servers))?;
    let mut client = served.client()?;
    client.ask(b"set a 0 0 1\r\n1\r\n", b"STORED\r\n")?;
    let listen = served.instance.address().to_string();
    served.reload(&(head(2) + &pool("renamed", &listen, &servers)))?;
    client.ask(b"get a\r\n", b"VALUE a 0 1\r\n1\r\nEND\r\n")?;
    let port = Port::reserve()?;
    served.reload(&(head(2) + &pool("renamed", &port.address().to_string(), &servers)))?;
    client.ask(b"get a\r\n", b"VALUE a 0 1\r\n1\r\nEND\r\n")?;
    ensure(TcpStream::connect(served.instance.address()).is_err(), "the old address is still open")?;
    Conversation::open(port.address())?.ask(b"get a\r\n", b"VALUE a 0 1\r\n1\r\nEND\r\n")?;
    let mut stats = Conversation::open(served.instance.stats())?;
    let document = String::from_utf8_lossy(&stats.rest()?).into_owned();
    ensure(document.contains("\"renamed\": {") && !document.contains("\"main\""), document)
}

#[test]
fn who_waits_at_an_address_that_is_given_up_comes_in() -> Outcome {
    let server = Memcached::start()?;
    let servers = [named(&server, "one")];
    for workers in [1, 2] {
        let served = Served::start(workers, |at| pool("main", &at.to_string(), &servers))?;
        let mut seen = served.client()?;
        seen.ask(b"set a 0 0 1\r\n1\r\n", b"STORED\r\n")?;
        // More than are accepted in one turn wait when the signal comes.
        signal(served.process.id(), "STOP")?;
        let clients: Outcome<Vec<_>> = (0..400).map(|_| served.client()).collect();
        let mut clients = clients?;
        clients.iter_mut().try_for_each(|client| client.send(b"get a\r\n"))?;
        let port = Port::reserve()?;
        let text = head(workers) + &pool("main", &port.address().to_string(), &servers);
        fs::write(served.instance.path("proxy.yml"), text)?;
        signal(served.process.id(), "USR1")?;
        signal(served.process.id(), "CONT")?;
        for client in &mut clients {
            client.expect(b"VALUE a 0 1\r\n1\r\nEND\r\n")?;
        }
        wait_until("the old address is closed", || {
            Ok(TcpStream::connect(served.instance.address()).is_err())
        })?;
        served.process.wait_for_log("configuration file 'proxy.yml' is in use, ")?;
        clients.push(seen);
        clients.iter_mut().try_for_each(|client| client.ask(b"mn\r\n", b"MN\r\n"))?;
    }
    Ok(())
}

#[test]
fn a_file_that_cannot_be_used_changes_nothing_and_every_reason_is_logged() -> Outcome {
    let server = Memcached::start()?;
    let servers = [named(&server, "one")];
    let mut served = Served::start(2, |at| pool("main", &at.to_string(), &servers))?;
    let mut client = served.client()?;
    let listen = served.instance.address().to_string();
    let good = pool("main", &listen, &servers);
    served.is_refused(
        &good.replace("timeout", "tiemout").replace("servers:", "sevrers:"),
        &[
            "pool 'main': key 'tiemout': there is no such key; did you mean 'timeout'?",
            "pool 'main': key 'sevrers': there is no such key",
        ],
    )?;
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let place = taken.local_addr()?.to_string();
    let text =
        head(3) + &good + &pool("other", &place, &servers) + &pool("third", "/nowhere/at/all", &servers);
    served.is_refused(
        &text,
        &[
            "key 'threads': it cannot change while the process works",
            &format!("pool 'other': cannot listen on '{place}': Address already in use"),
            "pool 'third': cannot listen on '/nowhere/at/all': No such file",
        ],
    )?;
    served.is_refused("", &["proxy.yml:1:1: "])?;
    client.ask(b"set a 0 0 1\r\n1\r\n", b"STORED\r\n")?;
    served.reload(&(head(2) + &good))?;
    ensure(served.process.log().contains("is in use, which changes nothing\n"), "nothing has changed")
}

#[test]
fn socket_files_and_the_statistics_go_with_the_configuration() -> Outcome {
    let server = Memcached::start()?;
    let servers = [named(&server, "one")];
    let mut served = Served::start(1, |at| pool("main", &at.to_string(), &servers))?;
    let [first, second] = ["first", "second"].map(|name| served.instance.path(name));
    let listen = served.instance.address().to_string();
    let with = |place: String| head(1) + &pool("main", &listen, &servers) + &pool("unix", &place, &servers);
    served.reload(&with(first.display().to_string()))?;
    let mut client = UnixStream::connect(&first)?;
    served.reload(&with(format!("{} 0600", first.display())))?;
    ensure(fs::metadata(&first)?.permissions().mode() & 0o777 == 0o600, "another mode")?;
    std::io::Write::write_all(&mut client, b"mn\r\n")?;
    let mut reply = [0; 4];
    std::io::Read::read_exact(&mut client, &mut reply)?;
    served.reload(&with(second.display().to_string()))?;
    ensure(!first.exists() && second.exists(), "files go with their sockets")?;
    std::io::Write::write_all(&mut client, b"mn\r\n")?;
    std::io::Read::read_exact(&mut client, &mut reply)?;
    ensure(reply == *b"MN\r\n", "the client stays")?;
    signal(served.process.id(), "TERM")?;
    served.process.wait_for_end()?;
    ensure(!second.exists(), "no file is left")
}

#[test]
fn sighup_reads_the_file_only_where_it_says_so() -> Outcome {
    let server = Memcached::start()?;
    let servers = [named(&server, "one")];
    let mut served = Served::start(2, |at| pool("main", &at.to_string(), &servers))?;
    let listen = served.instance.address().to_string();
    let text = |timeout: &str| {
        let head = head(2) + "  reload_on_hup: true\n";
        head + &pool("main", &listen, &servers).replace("5000", timeout)
    };
    fs::write(served.instance.path("proxy.yml"), text("4000"))?;
    signal(served.process.id(), "HUP")?;
    wait_until("the signal is seen", || Ok(served.process.log().contains("(SIGHUP) received")))?;
    served.reload(&text("4000"))?;
    ensure(served.process.log().contains("timeout: 5000 -> 4000"), "SIGHUP has read the file already")?;
    fs::write(served.instance.path("proxy.yml"), text("3000"))?;
    signal(served.process.id(), "HUP")?;
    wait_until("the file is read", || Ok(served.process.log().contains("timeout: 4000 -> 3000")))
}
