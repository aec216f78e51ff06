//! The memory of an idle client: at most 1 KiB of the worker's heap, and of the whole process, when it has just come and
//! when it has moved 100 KB. The clients live in a process of their own, since both ends of 10,000 connections are more
//! descriptors than one process may have in many places.

use crate::running::{self, Waiting};
use golem_e2e::failure::Outcome;
use golem_e2e::port::Port;
use golem_e2e::process::{PATIENCE, Process};
use golem_net::machine::{descriptor_limit, set_descriptor_limit};
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Instant;

/// Where the clients' process finds the address to connect to, and their number.
const ADDRESS: &str = "GOLEMPROXY_TEST_ADDRESS";
const NUMBER: &str = "GOLEMPROXY_TEST_CLIENTS";

const CLIENTS: u64 = 10_000;
/// Descriptors of the process besides those of the clients.
const OTHERS: u64 = 200;
/// Each client sends a value of this size, and then reads it.
const LARGE: usize = 50_000;
/// Then it reads so many values of this size, with all requests in flight.
const SMALL: usize = 2_000;
const IN_FLIGHT: usize = 25;
/// So many clients move their data at the same time.
const AT_ONCE: usize = 500;
const MOST: i64 = 1024;

#[test]
fn an_idle_client_costs_at_most_1_kib_of_heap() {
    let clients = raise_descriptor_limit();
    let waiting = Waiting::new(2);
    let address = waiting.address;
    let running = waiting.start();
    let mut first = introduce(address);
    let before = running.heap.bytes();
    let mut crowd = Crowd::start(address, clients);
    for done in ["connected", "moved"] {
        crowd.wait_for(done);
        running.wait_until("all clients' arrival", |pool| pool.pool.client_connections.get() == clients + 1);
        // All that it has to write has been read, and its turn is over when this is answered.
        first.write_all(b"mn\r\n").unwrap();
        first.read_exact(&mut [0; 4]).unwrap();
        let bytes = (running.heap.bytes() - before) / clients;
        println!("{clients} clients {done}: {bytes} bytes of heap for each");
        assert!(bytes <= MOST, "{bytes} bytes for each client that has {done}");
        crowd.go_on();
    }
    drop(crowd);
    running.stop();
}

#[test]
fn an_idle_client_costs_at_most_1_kib_of_the_process() -> Outcome {
    let clients = raise_descriptor_limit();
    let (folder, port) = (tempfile::tempdir()?, Port::reserve()?);
    let (_turn, servers) = running::servers(2);
    let text = running::configuration(&port.address().to_string(), &servers);
    let file = folder.path().join("main.yml");
    fs::write(&file, format!("golemproxy: {{ threads: 1 }}\n{text}"))?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_golemproxy"));
    let mut process = Process::start(command.arg("-c").arg(&file).args(["-s", "0"]))?;
    process.wait_until_ready(&[port.address()])?;
    let first = introduce(port.address());
    let before = resident(process.id());
    let mut crowd = Crowd::start(port.address(), clients);
    for done in ["connected", "moved"] {
        crowd.wait_for(done);
        // What was free in between goes back to the system a second or two later.
        let deadline = Instant::now() + PATIENCE;
        let bytes = loop {
            let bytes = (resident(process.id()) - before) / clients;
            if bytes <= MOST || Instant::now() > deadline {
                break bytes;
            }
            thread::yield_now();
        };
        println!("{clients} clients {done}: {bytes} bytes resident for each");
        assert!(bytes <= MOST, "{bytes} bytes for each client that has {done}");
        crowd.go_on();
    }
    drop((crowd, first));
    Ok(())
}

/// A client whose requests have made the connections to all servers.
fn introduce(address: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(address).unwrap();
    let keys = ["a", "b", "c", "d", "e", "f", "g", "h"];
    client.write_all(keys.map(|key| format!("mg {key}\r\n")).concat().as_bytes()).unwrap();
    client.read_exact(&mut [0; 8 * 4]).unwrap();
    client
}

/// Raises the limit as far as it goes and says for how many clients there is room.
fn raise_descriptor_limit() -> i64 {
    let hard = descriptor_limit().unwrap().hard;
    set_descriptor_limit(hard).unwrap();
    let clients = i64::try_from(hard.saturating_sub(OTHERS).min(CLIENTS)).unwrap();
    assert!(clients >= 500, "the descriptor limit leaves room for {clients} clients only");
    clients
}

/// Resident memory of a process in bytes, what it shares with others counted in proportion.
fn resident(process: u32) -> i64 {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
    line.trim_end_matches("kB").trim().parse::<i64>().unwrap() * 1024
}

/// The process of the clients: this program again, with `the_clients` as its only test.
struct Crowd {
    process: Child,
    orders: Option<ChildStdin>,
    said: BufReader<ChildStdout>,
}

impl Crowd {
    fn start(address: SocketAddr, number: i64) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", "idle::the_clients", "--nocapture"])
            .env(ADDRESS, address.to_string())
            .env(NUMBER, number.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        Self { orders: process.stdin.take(), process, said }
    }

    fn wait_for(&mut self, word: &str) {
        let mut line = String::new();
        while line.trim_end() != word {
            line.clear();
            assert_ne!(
                self.said.read_line(&mut line).unwrap(),
                0,
                "the clients have ended before they have {word}"
            );
        }
    }

    fn go_on(&mut self) {
        self.orders.as_mut().unwrap().write_all(b"go on\n").unwrap();
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "the other side of the tests of idle clients, which start it"]
fn the_clients() {
    raise_descriptor_limit();
    let address = env::var(ADDRESS).unwrap();
    let number: usize = env::var(NUMBER).unwrap().parse().unwrap();
    let mut clients: Vec<_> = (0..number).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let mut orders = std::io::stdin().lines();
    println!("connected");
    orders.next().unwrap().unwrap();
    let values = |key: &str, length: usize, number: usize| {
        let value = "v".repeat(length);
        let set = format!("set {key} 0 0 {length}\r\n{value}\r\n");
        let gets = format!("get {key}\r\n").repeat(number);
        let got = format!("VALUE {key} 0 {length}\r\n{value}\r\nEND\r\n").repeat(number);
        [(set, "STORED\r\n".to_owned()), (gets, got)]
    };
    let mut reply = Vec::new();
    for some in clients.chunks_mut(AT_ONCE) {
        for (request, answer) in [values("large", LARGE, 1), values("small", SMALL, IN_FLIGHT)].as_flattened()
        {
            some.iter_mut().for_each(|client| client.write_all(request.as_bytes()).unwrap());
            for client in &mut *some {
                reply.resize(answer.len(), 0);
                client.read_exact(&mut reply).unwrap();
                assert!(reply == answer.as_bytes(), "another reply than it should be");
            }
        }
    }
    println!("moved");
    orders.next().unwrap().unwrap();
}
