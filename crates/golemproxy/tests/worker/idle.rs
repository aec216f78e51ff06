//! The memory of an idle client: at most 1 KiB of the worker's heap, when it has just come and when it has moved 100 KB.
//! The clients live in a process of their own, since both ends of 10,000 connections are more descriptors than one
//! process may have in many places.

use crate::running::Waiting;
use golem_net::machine::{descriptor_limit, set_descriptor_limit};
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

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
fn an_idle_client_costs_at_most_1_kib() {
    let clients = raise_descriptor_limit();
    assert!(clients >= 500, "the descriptor limit leaves room for {clients} clients only");
    let waiting = Waiting::new(2);
    let address = waiting.address;
    let running = waiting.start();
    let mut first = TcpStream::connect(address).unwrap();
    let mut reply = [0; 3];
    for key in ["a", "b", "c", "d"] {
        write!(first, "mg {key}\r\n").unwrap();
        first.read_exact(&mut reply).unwrap();
    }
    let (heap, resident) = (running.heap.bytes(), resident());
    let per_client = |now: i64, before: i64| (now - before) / i64::try_from(clients).unwrap();
    let mut crowd = Crowd::start(&address.to_string(), clients);
    for done in ["connected", "moved"] {
        crowd.wait_for(done);
        running.wait_until("all clients' arrival", |pool| {
            pool.pool.client_connections.get() == i64::try_from(clients).unwrap() + 1
        });
        // All that it has to write has been read, and its turn is over when this is answered.
        first.write_all(b"mn\r\n").unwrap();
        first.read_exact(&mut [0; 4]).unwrap();
        let on_heap = per_client(running.heap.bytes(), heap);
        let in_process = per_client(self::resident(), resident);
        println!("{clients} clients {done}: {on_heap} bytes of heap, {in_process} bytes resident for each");
        assert!(on_heap <= MOST, "{on_heap} bytes for each client once it has {done}");
        crowd.go_on();
    }
    drop(crowd);
    running.stop();
}

/// Raises the limit as far as it goes and says for how many clients there is room.
fn raise_descriptor_limit() -> u64 {
    let hard = descriptor_limit().unwrap().hard;
    set_descriptor_limit(hard).unwrap();
    hard.saturating_sub(OTHERS).min(CLIENTS)
}

/// Resident memory of this process in bytes, what it shares with others counted in proportion.
fn resident() -> i64 {
    let text = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
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
    fn start(address: &str, number: u64) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", "idle::the_clients", "--nocapture"])
            .env(ADDRESS, address)
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
#[ignore = "the other side of an_idle_client_costs_at_most_1_kib, which starts it"]
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
