//! Where lines end, and which are too long.

use std::format;
use std::vec::Vec;

use super::super::request::{Limits, Then};
use super::super::texts;
use super::{LineScan, scan_line};

const LIMITS: Limits = Limits { key: 10, line: 32, keys: 4, item: 100 };

/// What comes out when the line arrives byte by byte.
fn scan(input: &[u8]) -> LineScan {
    let mut scanned = 0;
    for there in 0..=input.len() {
        match scan_line(&input[..there], scanned, &LIMITS) {
            LineScan::Incomplete { scanned: now } => scanned = now,
            scan => return scan,
        }
    }
    LineScan::Incomplete { scanned }
}

fn padded(front: &str, len: usize) -> Vec<u8> {
    let mut line = front.as_bytes().to_vec();
    line.resize(len - 1, b'x');
    line.push(b'\n');
    line
}

#[test]
fn a_line_of_exactly_the_limit_is_complete() {
    assert_eq!(scan(&padded("delete ", 32)), LineScan::Complete { len: 32 });
}

#[test]
fn a_line_over_the_limit_is_refused_before_its_end_comes() {
    for (front, then) in [
        ("delete ", Then::Close),
        ("set k 0 0 5 ", Then::Close),
        ("ms k ", Then::Close),
        ("flush_all ", Then::Close),
        ("unknown ", Then::Close),
        ("unknownandlong", Then::Close),
        ("getx ", Then::Close),
        ("mg k ", Then::SwallowLine),
        ("stats ", Then::SwallowLine),
    ] {
        let line = padded(front, 33);
        for input in [&line[..], &line[..32]] {
            let LineScan::Refused(refusal) = scan(input) else { panic!("{front}: {:?}", scan(input)) };
            assert_eq!((refusal.reply, refusal.then), (texts::LINE_TOO_LONG, then), "{front}");
        }
    }
}

#[test]
fn a_retrieval_may_be_as_long_as_its_keys() {
    assert_eq!(LIMITS.retrieval_line(), 4 * 11 + 64);
    for front in ["get ", "  gets ", "gat 0 ", "gats 0 "] {
        assert_eq!(scan(&padded(front, 108)), LineScan::Complete { len: 108 });
        for len in [108, 109] {
            let LineScan::Refused(refusal) = scan(&padded(front, 109)[..len]) else { panic!("{front}") };
            assert_eq!(refusal.then, Then::SwallowLine);
        }
        assert_eq!(scan(&padded(front, 109)[..107]), LineScan::Incomplete { scanned: 107 });
    }
}

#[test]
fn the_first_line_counts_when_several_are_there() {
    assert_eq!(scan(b"get a\r\nget b\r\n"), LineScan::Complete { len: 7 });
}

#[test]
fn what_is_no_text_is_told_from_its_first_byte() {
    for byte in 0..=u8::MAX {
        let reply = match scan(&[byte, 0, b'\n']) {
            LineScan::Refused(refusal) if refusal.then == Then::Close => refusal.reply,
            LineScan::Refused(_) | LineScan::Complete { .. } | LineScan::Incomplete { .. } => b"",
        };
        let expected = match byte {
            b'\t' | b'\n' | b'\r' | b' '..=b'~' => b"",
            0x16 => texts::TLS,
            0x80 => texts::BINARY,
            _ => texts::NO_TEXT,
        };
        assert_eq!(reply, expected, "{byte:#x}");
    }
}

#[test]
fn ten_thousand_keys_of_full_length_fit_by_default() {
    let limits = Limits::default();
    let line = format!("get {}\r\n", format!("{} ", "k".repeat(250)).repeat(10_000));
    assert_eq!(scan_line(line.as_bytes(), 0, &limits), LineScan::Complete { len: line.len() });
}
