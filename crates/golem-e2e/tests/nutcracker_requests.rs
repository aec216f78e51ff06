//! The recorded request rows, replayed: what a proxy forwards to its only server, and whether it closes the client. Run
//! against nutcracker itself it shows that the rows and the harness say the same.

use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Failure, Outcome, ensure, shown};
use golem_e2e::fake_server::FakeServer;
use golem_e2e::programs::{Pool, Program, Proxy};
use golem_e2e::test_data;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};

/// One row of the table: what a proxy does with a request.
struct Row {
    request: Vec<u8>,
    forwarded: Vec<u8>,
    is_closed: bool,
}

#[test]
fn nutcracker_does_what_its_recorded_rows_say() -> Outcome {
    let mut failures = Vec::new();
    for row in rows()? {
        let outcome = replay(&row, Program::Nutcracker);
        failures.extend(outcome.err().map(|failure| format!("{}: {failure}", shown(&row.request))));
    }
    ensure(failures.is_empty(), failures.join("\n"))
}

#[test]
fn golemproxy_does_the_same_but_for_the_listed_rows() -> Outcome {
    let mut failures = Vec::new();
    let rows = rows()?;
    let differences = differences()?;
    for row in &rows {
        let expected = differences.iter().find(|difference| difference.request == row.request);
        if expected.is_some_and(|other| other.forwarded == row.forwarded && other.is_closed == row.is_closed)
        {
            failures.push(format!("{}: listed as a difference, and is none", shown(&row.request)));
        }
        let outcome = replay(expected.unwrap_or(row), Program::Golemproxy);
        failures.extend(outcome.err().map(|failure| format!("{}: {failure}", shown(&row.request))));
    }
    for difference in &differences {
        let is_known = rows.iter().any(|row| row.request == difference.request);
        ensure(is_known, format!("{}: listed as a difference, and no row", shown(&difference.request)))?;
    }
    ensure(failures.is_empty(), failures.join("\n"))
}

/// What another client sends behind the row; when it has reached the server, so has all before it.
const MARK: &[u8] = b"get mark\r\n";

/// A proxy of its own for each row, so that a half-read request cannot spoil the next.
fn replay(row: &Row, program: Program) -> Outcome {
    let received = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&received);
    let server = FakeServer::start(move |_, proxy| answer(proxy, program, &record))?;
    // One worker and one server connection, so that what is sent later also comes later.
    let head = if program == Program::Golemproxy { "golemproxy:\n  threads: 1\n" } else { "" };
    let pool = Pool { name: "main", servers: &[server.address()], settings: &["server_connections: 1"] };
    let proxy = Proxy::start(program, &[pool], head)?;
    let mut client = Conversation::open(proxy.address())?;
    client.send(&row.request)?;
    if row.is_closed {
        client.rest().map_err(|failure| failure.during("should be closed"))?;
    }
    let mut other = Conversation::open(proxy.address())?;
    other.send(MARK)?;
    other.line()?;
    let mut received = received.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let at = received.windows(MARK.len()).position(|window| window == MARK);
    received.truncate(at.ok_or_else(|| Failure::new("the mark did not reach the server"))?);
    let is_like = received == row.forwarded;
    ensure(is_like, format!("forwarded {} instead of {}", shown(&received), shown(&row.forwarded)))?;
    // By now the proxy has dealt with the row, so a client that it keeps is one that it has not closed.
    ensure(row.is_closed || !client.has_ended()?, "is closed")
}

/// Answers every complete request at once with the shortest reply, and keeps what came.
fn answer(mut proxy: Conversation, program: Program, record: &Mutex<Vec<u8>>) -> Outcome {
    // What is missing of a body and its line end, and what to say then.
    let mut body: Option<(u64, &[u8])> = None;
    while let Ok(line) = whole_line(&mut proxy, program) {
        record.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&line);
        if line == MARK {
            return proxy.send(b"END\r\n").and_then(|()| proxy.rest().map(|_| ()));
        }
        let (missing, reply) = match body.take() {
            Some((left, reply)) => (left.saturating_sub(line.len() as u64), reply),
            None => wanted_by(&line),
        };
        if missing > 0 {
            body = Some((missing, reply));
        } else {
            proxy.send(reply)?;
        }
    }
    Ok(())
}

/// How many bytes follow the line of a request, and its reply. Lengths count modulo 2³², as the program that recorded the
/// rows counts them.
fn wanted_by(line: &[u8]) -> (u64, &'static [u8]) {
    let text = String::from_utf8_lossy(line);
    let words: Vec<&str> = text.split_whitespace().collect();
    let command = words.first().copied().unwrap_or_default();
    let is_quiet = !command.starts_with("get") && words.len() > 2 && words.last() == Some(&"noreply");
    let (length_at, reply): (usize, &[u8]) = match command {
        "get" | "gets" | "gat" | "gats" => (0, b"END\r\n"),
        "mg" | "me" => (0, b"EN\r\n"),
        "version" => (0, b"VERSION 1\r\n"),
        "delete" | "incr" | "decr" | "touch" => (0, b"NOT_FOUND\r\n"),
        "ms" => (2, b"HD\r\n"),
        _ => (4, b"STORED\r\n"),
    };
    let length: u64 = words.get(length_at).and_then(|word| word.parse().ok()).unwrap_or(0);
    let missing = if length_at == 0 { 0 } else { (length & 0xffff_ffff) + 2 };
    (missing, if is_quiet { b"" } else { reply })
}

/// A line as the program sees it: for nutcracker up to CR LF, an LF alone being a byte like any other.
fn whole_line(proxy: &mut Conversation, program: Program) -> Outcome<Vec<u8>> {
    let mut line = proxy.line()?;
    while program == Program::Nutcracker && !line.ends_with(b"\r\n") {
        line.extend(proxy.line()?);
    }
    Ok(line)
}

/// The recorded rows.
fn rows() -> Outcome<Vec<Row>> {
    let rows = read("memcached/nutcracker_requests.tsv")?;
    ensure(rows.len() > 100, "the table has lost its rows")?;
    Ok(rows)
}

/// What golemproxy does instead with some of the requests.
fn differences() -> Outcome<Vec<Row>> {
    read("memcached/nutcracker_requests_differences.tsv")
}

fn read(file: &str) -> Outcome<Vec<Row>> {
    let text = fs::read_to_string(test_data(file))?;
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let row = |line: &str| {
        let mut fields = line.split('\t');
        let mut next = || fields.next().unwrap_or_default();
        Ok(Row { request: hex(next())?, forwarded: hex(next())?, is_closed: next() == "1" })
    };
    lines.map(row).collect()
}

fn hex(text: &str) -> Outcome<Vec<u8>> {
    let byte = |at: usize| text.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    (0..text.len())
        .step_by(2)
        .map(|at| byte(at).ok_or_else(|| Failure::new(format!("'{text}' is no hex"))))
        .collect()
}
