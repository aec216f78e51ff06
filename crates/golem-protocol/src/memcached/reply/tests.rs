//! Which replies are taken for which requests.

use std::format;

use super::super::command::{Command, Group, Shape};
use super::super::span::Span;
use super::{ErrorKind, LINE_MAX, ReplyScan, Status, is_hidden, scan_reply};

fn last(shape: Shape, line: &str) -> Status {
    match scan_reply(shape, line.as_bytes(), 0) {
        ReplyScan::Last { len, status } if len as usize == line.len() => status,
        scan => panic!("{shape:?}: {line:?} is {scan:?}"),
    }
}

fn is_broken(shape: Shape, line: &str) -> bool {
    matches!(scan_reply(shape, line.as_bytes(), 0), ReplyScan::Broken(_))
}

#[test]
fn a_value_tells_key_and_length_and_takes_flags_of_64_bits() {
    for (line, data) in [
        ("VALUE key 0 5\r\n", 5),
        ("VALUE key 18446744073709551615 0\r\n", 0),
        ("VALUE key 0 5 99\r\n", 5),
        ("VALUE key 0 5 \r\n", 5),
        ("VALUE key 0 2147483647\r\n", 2_147_483_647),
    ] {
        let value = ReplyScan::Value { key: Span { start: 6, end: 9 }, header: line.len() as u32, data };
        assert_eq!(scan_reply(Shape::Values, line.as_bytes(), 0), value, "{line}");
    }
}

#[test]
fn a_value_that_is_not_exact_breaks_the_connection() {
    for line in [
        "VALUE key 0\r\n",
        "VALUE key 0 x\r\n",
        "VALUE key x 5\r\n",
        "VALUE key 0 -5\r\n",
        "VALUE  0 5\r\n",
        "VALUE key  0 5\r\n",
        "VALUE key 0 2147483648\r\n",
        "VALUE key 0 5 x\r\n",
        "VALUE key 0 5 9 9\r\n",
        "VALUE key 18446744073709551616 5\r\n",
        "VALUE key 0 5\n",
        "VALUE\r\n",
        "value key 0 5\r\n",
    ] {
        assert!(is_broken(Shape::Values, line), "{line}");
    }
}

#[test]
fn each_shape_has_its_final_lines() {
    for (shape, line, status) in [
        (Shape::Values, "END\r\n", Status::End),
        (Shape::StoreLine, "STORED\r\n", Status::Stored),
        (Shape::StoreLine, "NOT_STORED\r\n", Status::NotStored),
        (Shape::StoreLine, "EXISTS\r\n", Status::Exists),
        (Shape::StoreLine, "NOT_FOUND\r\n", Status::NotFound),
        (Shape::DeleteLine, "DELETED\r\n", Status::Deleted),
        (Shape::DeleteLine, "NOT_FOUND\r\n", Status::NotFound),
        (Shape::NumberLine, "18446744073709551615\r\n", Status::Number),
        (Shape::NumberLine, "5  \r\n", Status::Number),
        (Shape::NumberLine, "NOT_FOUND\r\n", Status::NotFound),
        (Shape::TouchLine, "TOUCHED\r\n", Status::Touched),
        (Shape::OkLine, "OK\r\n", Status::Ok),
        (Shape::VersionLine, "VERSION 1.6.18\r\n", Status::Version),
        (Shape::MetaGet, "HD\r\n", Status::MetaHit),
        (Shape::MetaGet, "HD f0 O1 \r\n", Status::MetaHit),
        (Shape::MetaGet, "EN\r\n", Status::MetaMiss),
        (Shape::MetaGet, "EN O1 kkey\r\n", Status::MetaMiss),
        (Shape::MetaSet, "HD \r\n", Status::MetaHit),
        (Shape::MetaSet, "NS\r\n", Status::NotStored),
        (Shape::MetaSet, "EX\r\n", Status::Exists),
        (Shape::MetaSet, "NF O1\r\n", Status::NotFound),
        (Shape::MetaDelete, "NF\r\n", Status::NotFound),
        (Shape::MetaArithmetic, "NS\r\n", Status::NotStored),
        (Shape::MetaDebug, "ME key exp=-1 la=0\r\n", Status::MetaHit),
        (Shape::MetaDebug, "EN\r\n", Status::MetaMiss),
    ] {
        assert_eq!(last(shape, line), status);
    }
}

#[test]
fn a_reply_of_another_shape_breaks_the_connection() {
    for (shape, line) in [
        (Shape::Values, "STORED\r\n"),
        (Shape::StoreLine, "END\r\n"),
        (Shape::StoreLine, "DELETED\r\n"),
        (Shape::DeleteLine, "STORED\r\n"),
        (Shape::DeleteLine, "EXISTS\r\n"),
        (Shape::TouchLine, "OK\r\n"),
        (Shape::NumberLine, "-1\r\n"),
        (Shape::NumberLine, "\r\n"),
        (Shape::NumberLine, "1x\r\n"),
        (Shape::MetaGet, "NF\r\n"),
        (Shape::MetaGet, "HDx\r\n"),
        (Shape::MetaGet, "VA\r\n"),
        (Shape::MetaGet, "VA x\r\n"),
        (Shape::MetaGet, "VA 5x\r\n"),
        (Shape::MetaSet, "VA 5\r\n"),
        (Shape::MetaDelete, "NS\r\n"),
        (Shape::MetaDebug, "HD\r\n"),
        (Shape::StoreLine, "\r\n"),
        (Shape::StoreLine, "STORED\n"),
        (Shape::StoreLine, "STOREDx\r\n"),
        (Shape::StoreLine, "ERRORx\r\n"),
    ] {
        assert!(is_broken(shape, line), "{shape:?} {line:?}");
    }
}

#[test]
fn va_brings_data_to_mg_and_ma() {
    for shape in [Shape::MetaGet, Shape::MetaArithmetic] {
        let line = "VA 5 f0 O1\r\nhello\r\n";
        let expected = ReplyScan::LastWithData { header: 12, data: 5, status: Status::MetaHit };
        assert_eq!(scan_reply(shape, line.as_bytes(), 0), expected);
    }
}

#[test]
fn any_request_may_be_answered_by_an_error_line() {
    for &command in Command::ALL {
        let shape = command.shape();
        assert_eq!(last(shape, "ERROR\r\n"), Status::Error(ErrorKind::Error));
        assert_eq!(last(shape, "CLIENT_ERROR bad\r\n"), Status::Error(ErrorKind::Client));
        assert_eq!(last(shape, "SERVER_ERROR out of memory\r\n"), Status::Error(ErrorKind::Server));
        let refused = "ERROR Too many open connections\r\n";
        assert_eq!(last(shape, refused), Status::Error(ErrorKind::TooManyConnections));
    }
}

#[test]
fn a_line_without_end_is_given_up() {
    let line = "x".repeat(LINE_MAX);
    assert_eq!(
        scan_reply(Shape::Values, &line.as_bytes()[1..], 0),
        ReplyScan::Incomplete { scanned: LINE_MAX - 1 }
    );
    assert!(is_broken(Shape::Values, &line));
    assert!(is_broken(Shape::Values, &format!("{line}\r\n")));
}

#[test]
fn noreply_hides_all_and_q_what_its_command_says() {
    let all = [
        Status::Stored,
        Status::MetaHit,
        Status::MetaMiss,
        Status::NotFound,
        Status::NotStored,
        Status::Exists,
        Status::Error(ErrorKind::Server),
    ];
    for &command in Command::ALL {
        for status in all {
            let hidden = match command {
                Command::MetaGet => status == Status::MetaMiss,
                Command::MetaSet | Command::MetaDelete | Command::MetaArithmetic => status == Status::MetaHit,
                Command::FlushAll | Command::Verbosity => true,
                _ => matches!(command.group(), Group::Storage | Group::Single),
            };
            assert_eq!(is_hidden(command, status), hidden, "{command:?} {status:?}");
        }
    }
}
