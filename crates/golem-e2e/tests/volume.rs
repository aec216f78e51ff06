//! Much at once: thousands of keys in a request, hundreds of thousands of requests in flight, hundreds of megabytes for a
//! client that hardly reads, and input in crumbs. Replies stay right, and the proxy's memory stays within its limits.

use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Failure, Outcome, ensure};
use golem_e2e::programs::{Memcached, Pool, Program, Proxy};
use golem_e2e::resident::{peak_memory, resident_memory};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// One worker, so that the other clients share it with the greedy one.
fn proxy(servers: &[Memcached], settings: &[&str]) -> Outcome<Proxy> {
    let addresses: Vec<SocketAddr> = servers.iter().map(Memcached::address).collect();
    let settings = [&["timeout: 20000"], settings].concat();
    let pool = Pool { name: "main", servers: &addresses, settings: &settings };
    Proxy::start(Program::Golemproxy, &[pool], "golemproxy:\n  threads: 1\n")
}

fn three_servers() -> Outcome<Vec<Memcached>> {
    (0..3).map(|_| Memcached::start()).collect()
}

#[test]
fn ten_thousand_keys_in_one_request_are_answered_in_their_order() -> Outcome {
    let servers = three_servers()?;
    let proxy = proxy(&servers, &[])?;
    let mut client = Conversation::open(proxy.address())?;
    let keys: Vec<String> = (0..10_000).map(|number| format!("key-{number}-of-ten-thousand")).collect();
    // Every third is missing.
    let stored = || keys.iter().enumerate().filter(|(at, _)| at % 3 != 0).map(|(_, key)| key);
    let sets: String =
        stored().map(|key| format!("set {key} 7 0 {} noreply\r\n{key}\r\n", key.len())).collect();
    client.send(sets.as_bytes())?;
    let values: String = stored().map(|key| format!("VALUE {key} 7 {}\r\n{key}\r\n", key.len())).collect();
    let wanted = format!("{values}END\r\n");
    for command in ["get", "gat 0"] {
        client.ask(format!("{command} {}\r\n", keys.join(" ")).as_bytes(), wanted.as_bytes())?;
    }
    // Twice the keys, each one twice, behind it another request.
    let request = format!("get {0} {0}\r\nget {1}\r\n", keys.join(" "), keys[1]);
    client.send(request.as_bytes())?;
    client.expect(format!("{values}{values}END\r\n").as_bytes())?;
    client.expect(format!("VALUE {0} 7 {1}\r\n{0}\r\nEND\r\n", keys[1], keys[1].len()).as_bytes())
}

#[test]
fn two_hundred_thousand_requests_in_one_go_are_all_answered() -> Outcome {
    let servers = three_servers()?;
    let proxy = proxy(&servers, &[])?;
    let mut client = Conversation::open(proxy.address())?;
    let (mut requests, mut replies) = (String::new(), String::new());
    for number in 0..100_000 {
        let key = number % 5000;
        requests.push_str(&format!("set k{key} {number} 0 6\r\n{number:06}\r\nget k{key}\r\n"));
        replies.push_str(&format!("STORED\r\nVALUE k{key} {number} 6\r\n{number:06}\r\nEND\r\n"));
    }
    // Nothing is read before all is sent.
    client.send(requests.as_bytes())?;
    client.expect(replies.as_bytes())
}

#[test]
fn requests_that_come_in_crumbs_are_answered_like_others() -> Outcome {
    let servers = three_servers()?;
    let proxy = proxy(&servers, &[])?;
    let mut stream = TcpStream::connect(proxy.address())?;
    stream.set_nodelay(true)?;
    let (mut requests, mut replies) = (Vec::new(), Vec::new());
    for (number, size) in [0, 1, 15, 16, 17, 1000, 16_383, 16_384, 70_000, 150_000].into_iter().enumerate() {
        let value: Vec<u8> = (0..size).map(|at| b'a' + (at % 26) as u8).collect();
        let block = [value.as_slice(), b"\r\n"].concat();
        for (line, then) in [
            (format!("set crumb:{number} 1 0 {size}\r\n"), "STORED\r\n".to_owned()),
            (format!("ms crumb:{number} {size} F2 q\r\n"), String::new()),
            (format!("append crumb:{number} 1 0 {size} noreply\r\n"), String::new()),
        ] {
            requests.extend_from_slice(line.as_bytes());
            requests.extend_from_slice(&block);
            replies.extend_from_slice(then.as_bytes());
        }
        requests.extend_from_slice(format!("get none crumb:{number} nothing\r\nmn\r\n").as_bytes());
        replies.extend_from_slice(format!("VALUE crumb:{number} 2 {}\r\n", 2 * size).as_bytes());
        replies.extend_from_slice(&[value.as_slice(), &block, b"END\r\nMN\r\n"].concat());
    }
    let mut client = Conversation::over(stream.try_clone()?)?;
    let sender = thread::spawn(move || requests.chunks(16).try_for_each(|crumb| stream.write_all(crumb)));
    let outcome = client.expect(&replies);
    sender.join().map_err(|_| Failure::new("the sender panicked"))??;
    outcome
}

#[test]
fn slow_reader_of_many_values_gets_them_all_and_the_proxy_stays_small() -> Outcome {
    read_slowly(20_000, 20_000, &format!("get large{}\r\n", " none".repeat(40)))
}

/// All requests arrive in one read, when nobody knows how long the replies are.
#[test]
fn slow_reader_of_large_values_gets_them_all_and_the_proxy_stays_small() -> Outcome {
    read_slowly(400, 1_000_000, "get large\r\n")
}

/// A client sends `count` requests in one go, each one answered by a value of `size` bytes, and reads slowly: after every
/// 256 KiB others ask through the same worker.
fn read_slowly(count: usize, size: usize, request: &str) -> Outcome {
    let servers = three_servers()?;
    let proxy = proxy(&servers, &["client_hard_limit: 67108864"])?;
    let mut other = Conversation::open(proxy.address())?;
    let reply = large_value(&mut other, size)?;
    let before = resident_memory(proxy.process.id())?;
    let mut reader = TcpStream::connect(proxy.address())?;
    reader.set_read_timeout(Some(Duration::from_secs(20)))?;
    let (mut writer, requests) = (reader.try_clone()?, request.repeat(count));
    let sender = thread::spawn(move || writer.write_all(requests.as_bytes()));
    let mut chunk = vec![0; 256 << 10];
    let wanted: Vec<u8> = reply.iter().copied().cycle().take(reply.len() + chunk.len()).collect();
    let mut read = 0;
    while read < count * reply.len() {
        let length = chunk.len().min(count * reply.len() - read);
        reader.read_exact(&mut chunk[..length])?;
        let from = read % reply.len();
        ensure(
            chunk[..length] == wanted[from..from + length],
            format!("other bytes than asked for after {read}"),
        )?;
        read += length;
        for _ in 0..3 {
            other.ask(b"get none\r\n", b"END\r\n")?;
        }
    }
    sender.join().map_err(|_| Failure::new("the sender panicked"))??;
    let grown = peak_memory(proxy.process.id())?.saturating_sub(before);
    println!("{} MB read slowly, the proxy grew by {} MB", read >> 20, grown >> 20);
    ensure(grown < 80 << 20, format!("the proxy grew by {} MB", grown >> 20))
}

#[test]
fn client_that_reads_nothing_for_long_costs_little_and_then_gets_all() -> Outcome {
    let servers = three_servers()?;
    let proxy = proxy(&servers, &["client_hard_limit: 33554432"])?;
    let mut other = Conversation::open(proxy.address())?;
    let reply = large_value(&mut other, 400_000)?;
    let before = resident_memory(proxy.process.id())?;
    let mut lazy = Conversation::open(proxy.address())?;
    lazy.send("get large\r\n".repeat(500).as_bytes())?;
    for _ in 0..5000 {
        other.ask(b"get none\r\n", b"END\r\n")?;
    }
    for _ in 0..500 {
        lazy.expect(&reply)?;
    }
    let grown = peak_memory(proxy.process.id())?.saturating_sub(before);
    println!("the proxy grew by {} MB", grown >> 20);
    ensure(grown < 48 << 20, format!("the proxy grew by {} MB", grown >> 20))
}

/// Nothing tells beforehand that these replies are so much longer than those before them.
#[test]
fn client_whose_replies_pass_its_limit_is_closed_and_nobody_else_notices() -> Outcome {
    let servers = three_servers()?;
    let proxy = proxy(&servers, &["client_hard_limit: 33554432"])?;
    let mut other = Conversation::open(proxy.address())?;
    large_value(&mut other, 400_000)?;
    let before = resident_memory(proxy.process.id())?;
    let mut greedy = Conversation::open(proxy.address())?;
    greedy.ask(b"get none\r\n".repeat(200).as_slice(), &b"END\r\n".repeat(200))?;
    greedy.send("get large\r\n".repeat(1000).as_bytes())?;
    let start = Instant::now();
    while statistic(&mut other, "client_over_limit")? == 0 {
        ensure(start.elapsed() < Duration::from_secs(20), "the limit does not act")?;
    }
    let grown = peak_memory(proxy.process.id())?.saturating_sub(before);
    println!("the proxy grew by {} MB", grown >> 20);
    ensure(grown < 64 << 20, format!("the proxy grew by {} MB", grown >> 20))?;
    let mut next = Conversation::open(proxy.address())?;
    next.ask(b"set next 0 0 1\r\nx\r\nget next\r\n", b"STORED\r\nVALUE next 0 1\r\nx\r\nEND\r\n")
}

/// A number of the pool's `stats`.
fn statistic(client: &mut Conversation, name: &str) -> Outcome<u64> {
    client.send(b"stats\r\n")?;
    let mut found = None;
    loop {
        let line = String::from_utf8_lossy(&client.line()?).into_owned();
        if line == "END\r\n" {
            return found.ok_or_else(|| Failure::new(format!("stats does not know {name}")));
        }
        let number = line.strip_prefix(&format!("STAT {name} ")).map(|rest| rest.trim_end().parse().ok());
        found = number.unwrap_or(found);
    }
}

/// Stores the key `large` and gives the reply to a `get` of it.
fn large_value(client: &mut Conversation, size: usize) -> Outcome<Vec<u8>> {
    let value: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
    let header = format!(" 0 {size}\r\n");
    client.ask(
        &[b"set large 0 0 ", size.to_string().as_bytes(), b"\r\n", &value, b"\r\n"].concat(),
        b"STORED\r\n",
    )?;
    let reply = [b"VALUE large", header.as_bytes(), &value, b"\r\nEND\r\n"].concat();
    client.ask(b"get large\r\n", &reply)?;
    Ok(reply)
}
