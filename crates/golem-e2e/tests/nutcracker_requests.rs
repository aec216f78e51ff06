//! The recorded request rows, replayed: what a proxy forwards to its only server, and whether it closes the client. Run
//! against nutcracker itself it shows that the rows and the harness say the same.

use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Failure, Outcome, ensure, shown};
use golem_e2e::fake_server::FakeServer;
use golem_e2e::programs::{Program, Proxy};
use golem_e2e::test_data;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};

/// One row of the table.
struct Row {
    request: Vec<u8>,
    forwarded: Vec<u8>,
    is_closed: bool,
}

#[test]
fn nutcracker_does_what_its_recorded_rows_say() -> Outcome {
    let mut failures = Vec::new();
    let rows = rows()?;
    for row in &rows {
        let outcome = replay(row, Program::Nutcracker);
        failures.extend(outcome.err().map(|failure| format!("{}: {failure}", shown(&row.request))));
    }
    ensure(rows.len() > 100, "the table has lost its rows")?;
    ensure(failures.is_empty(), failures.join("\n"))
}

/// What another client sends behind the row; when it has reached the server, so has all before it.
const MARK: &[u8] = b"get mark\r\n";

/// A proxy of its own for each row, so that a half-read request cannot spoil the next.
fn replay(row: &Row, program: Program) -> Outcome {
    let received = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&received);
    let server = FakeServer::start(move |_, proxy| answer(proxy, &record))?;
    let proxy = Proxy::over(program, &[server.address()], &["server_connections: 1"])?;
    let mut client = Conversation::open(proxy.address())?;
    client.send(&row.request)?;
    if row.is_closed {
        client.rest()?;
    }
    let mut other = Conversation::open(proxy.address())?;
    other.send(MARK)?;
    other.line()?;
    let mut received = received.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let at = received.windows(MARK.len()).position(|window| window == MARK);
    received.truncate(at.ok_or_else(|| Failure::new("the mark did not reach the server"))?);
    let is_like = received == row.forwarded;
    ensure(is_like, format!("forwarded {} instead of {}", shown(&received), shown(&row.forwarded)))?;
    if !row.is_closed {
        client.end_sending()?;
        client.rest()?;
    }
    Ok(())
}

/// Answers every complete request at once with the shortest reply, and keeps what came. Lengths count modulo 2³², as the
/// proxy that recorded the rows counts them; a body without its end is left behind when the mark comes.
fn answer(mut proxy: Conversation, record: &Mutex<Vec<u8>>) -> Outcome {
    // What is missing of a body and its line end, and whether its request wants no reply.
    let mut body: Option<(u64, bool)> = None;
    while let Ok(line) = whole_line(&mut proxy) {
        record.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&line);
        if line == MARK {
            return proxy.send(b"END\r\n").and_then(|()| proxy.rest().map(|_| ()));
        }
        let reply: &[u8];
        let is_quiet;
        if let Some((left, is_body_quiet)) = body.take() {
            let left = left.saturating_sub(line.len() as u64);
            if left > 0 {
                body = Some((left, is_body_quiet));
                continue;
            }
            (reply, is_quiet) = (b"STORED\r\n", is_body_quiet);
        } else {
            let text = String::from_utf8_lossy(&line).into_owned();
            let words: Vec<&str> = text.split_whitespace().collect();
            let command = words.first().copied().unwrap_or_default();
            is_quiet = !command.starts_with("get") && words.len() > 2 && words.last() == Some(&"noreply");
            reply = match command {
                "get" | "gets" => b"END\r\n",
                "version" => b"VERSION 1\r\n",
                "delete" | "incr" | "decr" | "touch" => b"NOT_FOUND\r\n",
                _ => {
                    let length: u64 = words.get(4).and_then(|word| word.parse().ok()).unwrap_or(0);
                    body = Some(((length & 0xffff_ffff) + 2, is_quiet));
                    continue;
                }
            };
        }
        if !is_quiet {
            proxy.send(reply)?;
        }
    }
    Ok(())
}

/// A line as nutcracker sees it: up to CR LF; an LF alone is a byte like any other.
fn whole_line(proxy: &mut Conversation) -> Outcome<Vec<u8>> {
    let mut line = proxy.line()?;
    while !line.ends_with(b"\r\n") {
        line.extend(proxy.line()?);
    }
    Ok(line)
}

fn rows() -> Outcome<Vec<Row>> {
    let text = fs::read_to_string(test_data("nutcracker/memcache_requests.tsv"))?;
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
