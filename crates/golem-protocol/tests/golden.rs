//! Recorded behaviour of other programs: what nutcracker takes from a client (141 cases), and which key memcached makes
//! of a base64 text.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use golem_protocol::memcached::invariants::{Frame, walk};
use golem_protocol::memcached::{Command, Group, Limits, decode_key, keys_of, texts};

const NUTCRACKER: &str = include_str!("../../../testdata/memcached/nutcracker_requests.tsv");
const DIFFERENCES: &str = include_str!("../../../testdata/memcached/nutcracker_differences.tsv");
const BASE64: &str = include_str!("../../../testdata/memcached/base64_keys.tsv");

fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter(|row| !row.starts_with('#')).map(|row| row.split('\t').collect())
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a server gets, what the client is told at once, and whether the proxy then closes. Forwarded lines are written
/// as nutcracker writes them, which leaves `noreply` where it is and ends every key of a multi-get with a blank.
fn outcome(input: &[u8]) -> (String, String, bool) {
    let mut forwarded = Vec::new();
    let mut told = Vec::new();
    let mut quit = false;
    let walked = walk(
        input,
        &Limits::default(),
        || usize::MAX / 2,
        |frame| match frame {
            _ if quit => {}
            Frame::Request { line, request, .. } if request.keys > 1 => {
                forwarded.extend_from_slice(request.command.name().as_bytes());
                forwarded.push(b' ');
                forwarded.extend_from_slice(request.argument.of(line));
                for key in keys_of(&request, line) {
                    forwarded.extend_from_slice(key.of(line));
                    forwarded.push(b' ');
                }
                forwarded.extend_from_slice(b"\r\n");
            }
            Frame::Request { request, .. } if request.command == Command::Quit => quit = true,
            Frame::Request { request, .. } if request.command.group() == Group::Local => {
                told.extend_from_slice(request.command.name().as_bytes());
                told.extend_from_slice(b" answered\r\n");
            }
            Frame::Request { line, request, data } => {
                forwarded.extend_from_slice(line);
                if request.data.is_some() {
                    forwarded.extend_from_slice(data);
                    forwarded.extend_from_slice(b"\r\n");
                }
            }
            Frame::BadChunk { .. } => told.extend_from_slice(texts::BAD_CHUNK),
            Frame::Refused(refusal) => told.extend_from_slice(refusal.reply),
        },
    );
    (hex(&forwarded), told.escape_ascii().to_string(), quit || walked.closed)
}

#[test]
fn requests_are_taken_as_by_nutcracker_or_the_difference_is_listed() {
    let mut found = BTreeMap::new();
    let mut count = 0;
    for row in rows(NUTCRACKER) {
        let [request, forwarded, closed] = row[..] else { panic!("{row:?}") };
        count += 1;
        let ours = outcome(&unhex(request));
        if (ours.0.as_str(), ours.2) != (forwarded, closed == "1") {
            found.insert(unhex(request).escape_ascii().to_string(), (ours.0, ours.1, ours.2.to_string()));
        }
    }
    assert_eq!(count, 141);
    let mut listed = BTreeMap::new();
    for row in rows(DIFFERENCES) {
        let [request, forwarded, told, closed, reason] = row[..] else { panic!("{row:?}") };
        assert!(!reason.is_empty());
        listed.insert(request.to_string(), (forwarded.to_string(), told.to_string(), closed.to_string()));
    }
    for (request, (forwarded, told, closed)) in &found {
        println!("{request}\t{forwarded}\t{told}\t{closed}");
    }
    assert_eq!(found, listed, "left: what was found; right: testdata/memcached/nutcracker_differences.tsv");
}

#[test]
fn base64_keys_decode_as_in_the_server() {
    for row in rows(BASE64) {
        let [text, key] = row[..] else { panic!("{row:?}") };
        let mut out = [0; 256];
        let decoded = decode_key(&unhex(text), &mut out).map(|len| hex(&out[..len]));
        assert_eq!(decoded.as_deref().unwrap_or("refused"), key, "{}", unhex(text).escape_ascii());
    }
}
