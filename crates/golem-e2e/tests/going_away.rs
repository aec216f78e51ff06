//! How the process ends: what is in flight is answered, a successor has the addresses at once, and nothing waits for ever.

use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Failure, Outcome, ensure};
use golem_e2e::fake_server::FakeServer;
use golem_e2e::instance::{Instance, signal};
use golem_e2e::waiting::wait_until;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

/// A server that says when it was asked, and answers when it is let.
struct Slow {
    server: FakeServer,
    asked: Receiver<()>,
    answer: Sender<()>,
}

impl Slow {
    fn start() -> Outcome<Self> {
        let (tell, asked) = channel();
        let (answer, may_answer) = channel();
        let may_answer = Mutex::new(may_answer);
        let server = FakeServer::start(move |_, mut proxy| {
            proxy.expect(b"get a\r\n")?;
            tell.send(()).map_err(|_| Failure::new("nobody is interested"))?;
            if may_answer.lock().is_ok_and(|may_answer| may_answer.recv().is_ok()) {
                proxy.send(b"END\r\n")?;
            }
            proxy.expect_end()
        })?;
        Ok(Self { server, asked, answer })
    }

    /// A client that has asked it.
    fn client(&self, instance: &Instance) -> Outcome<Conversation> {
        let mut client = Conversation::open(instance.address())?;
        client.send(b"get a\r\n")?;
        self.asked.recv().map_err(|_| Failure::new("the server was not asked"))?;
        Ok(client)
    }

    fn instance(&self, settings: &str) -> Outcome<Instance> {
        let instance = Instance::new(&format!("golemproxy:\n{settings}"))?;
        let file = instance.path("proxy.yml");
        let text =
            fs::read_to_string(&file)?.replace("127.0.0.1:1:1", &format!("{}:1", self.server.address()));
        fs::write(&file, text)?;
        Ok(instance)
    }
}

#[test]
fn what_is_in_flight_is_answered_while_a_successor_has_the_addresses() -> Outcome {
    for workers in [1, 2] {
        let slow = Slow::start()?;
        let instance = slow.instance(&format!("  threads: {workers}\n"))?;
        let unix = instance.path("socket");
        let file = instance.path("proxy.yml");
        let more = format!("local:\n  listen: {}\n  servers:\n    - 127.0.0.1:1:1\n", unix.display());
        fs::write(&file, fs::read_to_string(&file)? + &more)?;
        let mut process = instance.start(&["-p", "pid"])?;
        let mut idle = Conversation::open(instance.address())?;
        idle.ask(b"mn\r\n", b"MN\r\n")?;
        let mut asking = slow.client(&instance)?;
        let _local = UnixStream::connect(&unix)?;
        signal(process.id(), "TERM")?;
        idle.expect_end()?;
        // All are let go: the port, that of the statistics, the path and the pid file. The path is put to use at once.
        let _successors = [TcpListener::bind(instance.address())?, TcpListener::bind(instance.stats())?];
        let _successor = UnixListener::bind(&unix)?;
        wait_until("the pid file is gone", || Ok(!instance.path("pid").exists()))?;
        slow.answer.send(()).map_err(|_| Failure::new("the server is gone"))?;
        asking.expect(b"END\r\n")?;
        asking.expect_end()?;
        drop(asking);
        ensure(process.wait_for_end()?.code() == Some(0), "no clean end")?;
        ensure(unix.exists(), "the file of another process is gone")?;
        slow.server.finish()?;
    }
    Ok(())
}

#[test]
fn who_waits_to_be_accepted_when_the_end_begins_is_served() -> Outcome {
    for workers in [1, 2] {
        let instance = Instance::new(&format!("golemproxy:\n  threads: {workers}\n"))?;
        let mut process = instance.start(&[])?;
        signal(process.id(), "STOP")?;
        let state = format!("/proc/{}/stat", process.id());
        wait_until("the process is stopped", || Ok(fs::read_to_string(&state)?.contains(") T ")))?;
        let mut clients = Vec::new();
        for _ in 0..40 {
            let mut client = Conversation::open(instance.address())?;
            client.send(b"mn\r\n")?;
            clients.push(client);
        }
        signal(process.id(), "TERM")?;
        signal(process.id(), "CONT")?;
        for mut client in clients {
            client.expect(b"MN\r\n")?;
            client.expect_end()?;
        }
        ensure(process.wait_for_end()?.code() == Some(0), "no clean end")?;
    }
    Ok(())
}

#[test]
fn the_end_comes_after_shutdown_timeout_at_the_latest() -> Outcome {
    let slow = Slow::start()?;
    let instance = slow.instance("  shutdown_timeout: 100\n")?;
    let mut process = instance.start(&[])?;
    let mut client = slow.client(&instance)?;
    signal(process.id(), "INT")?;
    client.expect_end()?;
    ensure(process.wait_for_end()?.code() == Some(0), "no clean end")?;
    process.wait_for_log("] WARN shutdown_timeout is over with 1 clients")?;
    drop(slow.answer);
    slow.server.finish()
}

#[test]
fn everything_goes_on_during_shutdown_delay() -> Outcome {
    let instance = Instance::new("golemproxy:\n  shutdown_delay: 300\n")?;
    let mut process = instance.start(&[])?;
    signal(process.id(), "TERM")?;
    process.wait_for_log("received, ending")?;
    let mut client = Conversation::open(instance.address())?;
    client.ask(b"mn\r\n", b"MN\r\n")?;
    client.expect_end()?;
    ensure(TcpStream::connect(instance.address()).is_err(), "somebody listens")?;
    ensure(process.wait_for_end()?.code() == Some(0), "no clean end")
}

#[test]
fn a_second_signal_ends_the_process_at_once() -> Outcome {
    let slow = Slow::start()?;
    let instance = slow.instance("  shutdown_timeout: 100000\n")?;
    let mut process = instance.start(&["-p", "pid"])?;
    let mut client = slow.client(&instance)?;
    signal(process.id(), "TERM")?;
    wait_until("the pid file is gone", || Ok(!instance.path("pid").exists()))?;
    signal(process.id(), "TERM")?;
    ensure(process.wait_for_end()?.code() == Some(1), "it is not ended by the second signal")?;
    client.expect_end()?;
    drop(slow.answer);
    slow.server.finish()
}
