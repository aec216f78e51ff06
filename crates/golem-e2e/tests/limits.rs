//! What the limits of a worker and of a server connection are for: a server that does not read, and many who write to it.

use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Failure, Outcome, ensure};
use golem_e2e::programs::{Memcached, Pool, Program, Proxy};
use golem_e2e::resident::peak_memory;
use std::net::TcpListener;
use std::thread;

const WRITERS: usize = 150;
const LIMITS: &str = "golemproxy:\n  threads: 1\n  worker_soft_limit: 32m\n  worker_hard_limit: 64m\n";

#[test]
fn a_server_that_does_not_read_takes_no_more_memory_than_it_may_and_harms_nobody_else() -> Outcome {
    // Its connections are made by the system, and nobody ever reads them.
    let stuck = TcpListener::bind("127.0.0.1:0")?;
    let well = Memcached::start()?;
    let servers = [stuck.local_addr()?, well.address()];
    let settings = ["timeout: 2000", "server_connection_limit: 16m"];
    let pool = Pool { name: "main", servers: &servers, settings: &settings };
    let proxy = Proxy::start(Program::Golemproxy, &[pool], LIMITS)?;
    let address = proxy.address();
    let (lost, kept) = (proxy.keys_of(servers[0], 1)?.remove(0), proxy.keys_of(servers[1], 1)?.remove(0));
    let request = format!("set {lost} 0 0 {}\r\n{}\r\nmn\r\n", 1 << 20, "x".repeat(1 << 20));
    let write = move |request: String| -> Outcome<Vec<u8>> {
        let mut client = Conversation::open(address)?;
        client.send(request.as_bytes())?;
        let line = client.line()?;
        client.expect(b"MN\r\n")?;
        Ok(line)
    };
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let request = request.clone();
            thread::spawn(move || write(request))
        })
        .collect();
    let mut other = Conversation::open(address)?;
    while !writers.iter().all(thread::JoinHandle::is_finished) {
        other.ask(format!("set {kept} 0 0 1\r\ny\r\n").as_bytes(), b"STORED\r\n")?;
    }
    for writer in writers {
        let line = writer.join().map_err(|_| Failure::new("a writer panicked"))??;
        let line = String::from_utf8_lossy(&line).into_owned();
        ensure(line.starts_with("SERVER_ERROR "), format!("it was told {line:?}"))?;
    }
    let peak = peak_memory(proxy.process.id())?;
    println!("{WRITERS} MB were written, the proxy had at most {} MB", peak >> 20);
    ensure(peak < 110 << 20, format!("the proxy had {} MB", peak >> 20))
}
