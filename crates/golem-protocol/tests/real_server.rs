//! The protocol crate against a real memcached: what is refused here is refused there with the same words, and what is
//! passed on never brings the stream of a server connection out of step.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "near/lines.rs"]
mod lines;
#[path = "near/server.rs"]
mod server;

use std::collections::BTreeMap;

use golem_protocol::memcached::{
    Command, ErrorKind, Group, Limits, Parsed, ReplyScan, Request, Status, Then, decode_key, is_hidden,
    parse_line, scan_reply,
};
use lines::near_line;
use proptest::collection::vec;
use proptest::sample::select;
use proptest::strategy::{Just, Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use server::{Connection, Server};

const LINES: &str = include_str!("../../../testdata/memcached/lines.txt");
const DIFFERENCES: &str = include_str!("../../../testdata/memcached/server_differences.tsv");

/// The server refuses more than a megabyte.
const LIMITS: Limits = Limits { key: 250, line: 2048, keys: 100, item: 1_000_000 };

/// The lines of the corpus: as written there, and as bytes with CR LF.
fn corpus() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    LINES.lines().filter(|line| !line.starts_with('#')).map(|line| (line, unescape(line)))
}

fn unescape(line: &str) -> Vec<u8> {
    let line = line.replace("%K", &"k".repeat(251)).replace("%k", &"k".repeat(250));
    let mut bytes = Vec::new();
    let mut rest = line.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let (byte, taken) = match (byte, after) {
            (b'\\', [b't', ..]) => (b'\t', 1),
            (b'\\', [b'r', ..]) => (b'\r', 1),
            (b'\\', [b'x', high, low, ..]) => {
                (u8::from_str_radix(str::from_utf8(&[*high, *low]).unwrap(), 16).unwrap(), 3)
            }
            _ => (byte, 0),
        };
        bytes.push(byte);
        rest = &rest[taken..];
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// What goes to the server: the line without what is cut, a data block, and `mn`, which shows where the reply ends.
fn forwarded(request: &Request, line: &[u8]) -> Vec<u8> {
    let (front, back) = (&line[..request.cut.start as usize], &line[request.cut.end as usize..]);
    let mut bytes = [front, back].concat();
    if let Some(length) = request.data {
        bytes.extend(std::iter::repeat_n(b'5', length as usize));
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"mn\r\n");
    bytes
}

/// The status of the one complete reply in `answer`, which `MN` must follow at once.
fn status_in_step(request: &Request, line: &[u8], answer: &[u8]) -> Status {
    let context = || format!("{} answered {}", line.escape_ascii(), answer.escape_ascii());
    let mut at = 0;
    let status = loop {
        match scan_reply(request.command.shape(), &answer[at..], 0) {
            ReplyScan::Value { header, data, .. } => at += header as usize + data as usize + 2,
            ReplyScan::Last { len, status } => {
                at += len as usize;
                break status;
            }
            ReplyScan::LastWithData { header, data, status } => {
                at += header as usize + data as usize + 2;
                break status;
            }
            scan @ (ReplyScan::Incomplete { .. } | ReplyScan::Broken(_)) => panic!("{}: {scan:?}", context()),
        }
    };
    assert_eq!(&answer[at..], b"MN\r\n", "{}", context());
    // To a request with a data block this would say that the block was read as commands.
    let unread = request.data.is_some() && status == Status::Error(ErrorKind::Error);
    assert!(!unread, "{}", context());
    status
}

fn is_forwarded(request: &Request) -> bool {
    request.command.group() != Group::Local
}

fn check_in_step(connection: &mut Connection, line: &[u8]) {
    if let Parsed::Request(request) = parse_line(line, &LIMITS)
        && is_forwarded(&request)
    {
        let answer = connection.ask(&forwarded(&request, line));
        status_in_step(&request, line, &answer);
    }
}

#[test]
fn what_passes_keeps_the_server_in_step() {
    let server = Server::start(&[]);
    let mut connection = server.connect();
    for (_, line) in corpus() {
        check_in_step(&mut connection, &line);
    }
}

#[test]
fn random_lines_that_pass_keep_the_server_in_step() {
    let server = Server::start(&[]);
    let mut connection = server.connect();
    let mut runner = TestRunner::deterministic();
    for _ in 0..20_000 {
        let line = near_line().new_tree(&mut runner).unwrap().current();
        check_in_step(&mut connection, &line);
    }
}

/// What the proxy does with a line: the reply, and whether the connection is kept.
fn ours(line: &[u8]) -> Option<String> {
    match parse_line(line, &LIMITS) {
        Parsed::Request(_) => None,
        Parsed::Refused(refusal) => {
            let end = if refusal.then == Then::Close && refusal.reply.is_empty() { "closes" } else { "" };
            Some(format!("{}{end}", refusal.reply.escape_ascii()))
        }
    }
}

/// Every line of the corpus that is refused, and what the server says to it, where that is something else.
#[test]
fn refusals_have_the_words_of_the_server() {
    let server = Server::start(&[]);
    let mut found = BTreeMap::new();
    for (text, line) in corpus() {
        let Some(ours) = ours(&line) else { continue };
        let answer = server.ask_once(&[&line, &b"mn\r\n"[..]].concat());
        // The first line counts: what the server does with a data block, or with `mn` in the place of one, is no matter.
        let theirs = match answer.split_inclusive(|&byte| byte == b'\n').next() {
            None => "closes".to_string(),
            Some(b"MN\r\n") => String::new(),
            Some(reply) => reply.escape_ascii().to_string(),
        };
        if ours != theirs {
            found.insert(text.to_string(), (ours, theirs));
        }
    }
    let mut listed = BTreeMap::new();
    for row in DIFFERENCES.lines().filter(|row| !row.starts_with('#')) {
        let [text, ours, theirs, reason] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("a row has four fields: {row}");
        };
        assert!(!reason.is_empty());
        listed.insert(text.to_string(), (ours.to_string(), theirs.to_string()));
    }
    for (text, difference) in &found {
        println!("{text}\t{}\t{}", difference.0, difference.1);
    }
    assert_eq!(found, listed, "left: what was found; right: testdata/memcached/server_differences.tsv");
}

/// A meta line with more than one error gets the answer to the one that the server sees first.
#[test]
fn refusals_of_random_meta_lines_have_the_words_of_the_server() {
    let server = Server::start(&[]);
    let mut connection = server.connect();
    let mut runner = TestRunner::deterministic();
    let long = "k".repeat(251);
    let start = select(vec!["mg", "md", "ma"]).prop_flat_map(move |command| {
        (Just(command), select(vec!["a".to_owned(), "Y".to_owned(), "YQ==".to_owned(), long.clone()]))
    });
    // Tokens that the server can read: what is wrong with one, the proxy leaves to it.
    let flags = vec(select("CDEFIJLMNOPRSTQZbbbcfhjklqstuvx1-".chars().collect::<Vec<_>>()), 0..20);
    let lines = (start, flags).prop_map(|((command, key), flags)| {
        let token = |flag: char| {
            if "CDFJNRT".contains(flag) {
                "1"
            } else if flag == 'M' {
                "I"
            } else {
                ""
            }
        };
        let flags: String = flags.iter().map(|flag| format!(" {flag}{}", token(*flag))).collect();
        format!("{command} {key}{flags}\r\n").into_bytes()
    });
    let mut refused = 0;
    for _ in 0..20_000 {
        let line = lines.new_tree(&mut runner).unwrap().current();
        let Some(ours) = ours(&line) else { continue };
        let theirs = connection.ask(&[&line, &b"mn\r\n"[..]].concat());
        assert_eq!(format!("{ours}MN\\r\\n"), theirs.escape_ascii().to_string(), "{}", line.escape_ascii());
        refused += 1;
    }
    assert!(refused > 5_000, "{refused} lines say little");
}

#[test]
fn a_key_passes_with_exactly_the_bytes_that_the_server_takes() {
    let server = Server::start(&[]);
    for byte in (0..=255).filter(|&byte| byte != b'\n') {
        for key in [vec![b'a', byte, b'b'], vec![b'a', byte], vec![byte, b'a']] {
            let line = [b"set ", &key[..], b" 0 0 1\r\n"].concat();
            let passes = match parse_line(&line, &LIMITS) {
                Parsed::Request(request) => request.key.of(&line) == key,
                Parsed::Refused(_) => false,
            };
            let get = [b"get ", &key[..], b"\r\n"].concat();
            let answer = server.ask_once(&[&line, &b"z\r\n"[..], &get].concat());
            let expected = [b"STORED\r\nVALUE ", &key[..], b" 0 1\r\nz\r\nEND\r\n"].concat();
            assert_eq!(passes, answer == expected, "{}: {}", line.escape_ascii(), answer.escape_ascii());
        }
    }
}

#[test]
fn a_quiet_request_hides_what_the_server_hides() {
    let server = Server::start(&[]);
    let setup = b"set s 0 0 1\r\nx\r\nset n 0 0 1\r\n5\r\ndelete none\r\nmn\r\n";
    let lines = [
        "mg s v",
        "mg s",
        "mg none",
        "mg none k O1",
        "ms s 1",
        "ms s 1 MA",
        "ms none 1 MA",
        "ms s 1 C1",
        "ms none 1 C1",
        "ms s 1 ME",
        "ms s 1 Z",
        "md s",
        "md none",
        "md s C1",
        "md s Z",
        "ma n",
        "ma n v",
        "ma none",
        "ma s",
        "ma n C1",
        "ma none N0 v",
        "ma none N0",
        "ma n Z",
        "me s",
        "me none",
    ];
    for line in lines {
        let mut connection = server.connect();
        let loud = format!("{line}\r\n").into_bytes();
        let quiet = format!("{line} q\r\n").into_bytes();
        connection.ask(setup);
        let Parsed::Request(request) = parse_line(&loud, &LIMITS) else { panic!("{line}") };
        let status = status_in_step(&request, &loud, &connection.ask(&forwarded(&request, &loud)));
        connection.ask(setup);
        let data = if request.data.is_some() { &b"5\r\n"[..] } else { b"" };
        let is_silent = connection.ask(&[&quiet, data, b"mn\r\n"].concat()) == b"MN\r\n";
        // A number that `N` has just made is shown even so; the proxy cannot tell it from one that was there.
        let is_made = line.starts_with("ma none N");
        assert_eq!(is_hidden(request.command, status), is_silent || is_made, "{line}: {status:?}");
        let Parsed::Request(request) = parse_line(&quiet, &LIMITS) else { panic!("{line} q") };
        assert_eq!(request.quiet, request.command != Command::MetaDebug);
    }
}

#[test]
fn a_refusal_for_size_says_and_unlinks_what_the_server_does() {
    let server = Server::start(&[]);
    let mut connection = server.connect();
    let data = [&vec![b'x'; 2_000_000][..], b"\r\nmg a\r\nmn\r\n"].concat();
    for line in [
        "set a 0 0 2000000",
        "set a 0 0 2000000 noreply",
        "add a 0 0 2000000",
        "replace a 0 0 2000000",
        "append a 0 0 2000000",
        "prepend a 0 0 2000000",
        "cas a 0 0 2000000 1",
        "ms a 2000000",
        "ms a 2000000 q",
        "ms a 2000000 ME",
        "ms a 2000000 C1",
        "ms YQ== 2000000 b k O1",
    ] {
        connection.ask(b"set a 0 0 1\r\nx\r\nmn\r\n");
        let line = format!("{line}\r\n").into_bytes();
        let answer = connection.ask(&[&line, &data[..]].concat());
        let Parsed::Refused(refusal) = parse_line(&line, &LIMITS) else { panic!("{}", line.escape_ascii()) };
        assert_eq!(refusal.then, Then::SwallowData(2_000_000));
        let left = if refusal.unlink.is_some() { "EN\r\n" } else { "HD\r\n" };
        let expected = [refusal.reply, left.as_bytes(), b"MN\r\n"].concat();
        assert_eq!(answer, expected, "{}: {}", line.escape_ascii(), answer.escape_ascii());
        if let Some(key) = refusal.unlink {
            let mut decoded = [0; 256];
            let len = if refusal.base64_key { decode_key(key.of(&line), &mut decoded).unwrap() } else { 0 };
            assert_eq!(if refusal.base64_key { &decoded[..len] } else { key.of(&line) }, b"a");
        }
    }
}
