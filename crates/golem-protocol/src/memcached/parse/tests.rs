//! What lines are taken for, case by case.

use std::string::String;
use std::vec::Vec;
use std::{format, vec};

use super::super::command::Command;
use super::super::request::{Limits, Parsed, Refusal, Request, Then, keys_of};
use super::super::texts;
use super::parse_line;

mod meta;

const LIMITS: Limits = Limits { key: 250, line: 2048, keys: 10, item: 1000 };

pub(super) fn request(line: &str) -> Request {
    match parse_line(line.as_bytes(), &LIMITS) {
        Parsed::Request(request) => request,
        Parsed::Refused(refusal) => panic!("{line:?} is refused: {refusal:?}"),
    }
}

fn refusal(line: &str) -> Refusal {
    match parse_line(line.as_bytes(), &LIMITS) {
        Parsed::Request(request) => panic!("{line:?} is taken: {request:?}"),
        Parsed::Refused(refusal) => refusal,
    }
}

pub(super) fn keys(line: &str) -> Vec<&str> {
    keys_of(&request(line), line.as_bytes()).map(|key| &line[key.start as usize..key.end as usize]).collect()
}

/// The line as it is forwarded.
pub(super) fn forwarded(line: &str) -> String {
    let request = request(line);
    assert!(request.quiet);
    format!("{}{}", &line[..request.cut.start as usize], &line[request.cut.end as usize..])
}

/// Reply and what follows.
pub(super) fn answer(line: &str) -> (&'static [u8], Then) {
    let refusal = refusal(line);
    (refusal.reply, refusal.then)
}

#[test]
fn every_command_of_the_table_is_found_by_its_name() {
    for &command in Command::ALL {
        assert_eq!(Command::from_word(command.name().as_bytes()), Some(command));
        assert_eq!(Command::from_word(command.name().to_uppercase().as_bytes()), None);
        assert_eq!(Command::from_word(format!("{}x", command.name()).as_bytes()), None);
        assert_eq!(Command::from_word(&command.name().as_bytes()[1..]), None);
        let with_nul = format!("{}\0", command.name());
        assert_eq!(Command::from_word(with_nul.as_bytes()), None);
    }
    assert_eq!(Command::from_word(b"verbosite"), None);
    assert_eq!(Command::from_word(b""), None);
}

#[test]
fn numbers_of_a_storage_line_have_their_bounds() {
    let set = |numbers: &str| answer(&format!("set k {numbers}\r\n"));
    assert_eq!(set("0 0 2147483645"), (texts::TOO_LARGE, Then::SwallowData(2_147_483_645)));
    assert_eq!(set("0 0 2147483646"), (texts::BAD_FORMAT, Then::Close));
    for exptime in ["9223372036854775807", "-9223372036854775808", "+1"] {
        assert_eq!(request(&format!("set k 18446744073709551615 {exptime} 5\r\n")).data, Some(5));
    }
    for numbers in ["0 9223372036854775808 5", "0 -9223372036854775809 5", "18446744073709551616 0 5"] {
        assert_eq!(set(numbers), (texts::BAD_FORMAT, Then::SwallowData(5)), "{numbers}");
    }
}

#[test]
fn a_refusal_has_a_name_for_the_log() {
    for (line, name) in [
        ("mg k v v\r\n", "duplicate flag"),
        ("mg k Z v v q q\r\n", "bad flag"),
        ("mg Y b\r\n", "bad base64 key"),
        ("mg k O\0\r\n", "nul"),
        ("ms k 1 C D E F I J L M N O P R S T b c f\r\n", "too many flags"),
    ] {
        assert_eq!(refusal(line).name, name, "{line}");
    }
}

#[test]
fn blanks_anywhere_and_lf_alone_change_nothing() {
    for line in ["get a b c\r\n", "get a b c\n", "  get   a  b c  \r\n", "get a b c \n"] {
        assert_eq!(keys(line), ["a", "b", "c"]);
    }
    assert_eq!(keys("get a\r\n"), ["a"]);
    assert_eq!(keys("get a\r\r\n"), ["a\r"]);
}

#[test]
fn a_key_asked_twice_is_there_twice() {
    assert_eq!(keys("gets a b a\r\n"), ["a", "b", "a"]);
    assert_eq!(request("gets a b a\r\n").keys, 3);
}

#[test]
fn gat_has_its_exptime_before_the_keys() {
    let line = "gat -5 a b\r\n";
    assert_eq!(keys(line), ["a", "b"]);
    assert_eq!(request(line).argument.of(line.as_bytes()), b"-5");
    assert_eq!(answer("gat 10\r\n"), (texts::END, Then::Continue));
}

#[test]
fn more_keys_than_the_limit_are_refused_together() {
    let line = format!("get{}\r\n", " k".repeat(10));
    assert_eq!(keys(&line).len(), 10);
    let line = format!("get{}\r\n", " k".repeat(11));
    assert_eq!(answer(&line), (texts::TOO_MANY_KEYS, Then::Continue));
}

#[test]
fn a_key_has_at_most_250_bytes_wherever_it_stands() {
    let (fits, long) = ("k".repeat(250), "k".repeat(251));
    for (front, back) in [
        ("get ", ""),
        ("get a ", ""),
        ("gat 1 ", ""),
        ("delete ", ""),
        ("incr ", " 1"),
        ("touch ", " 1"),
        ("mg ", " v"),
        ("md ", ""),
        ("ma ", ""),
        ("me ", ""),
    ] {
        request(&format!("{front}{fits}{back}\r\n"));
        assert_eq!(answer(&format!("{front}{long}{back}\r\n")), (texts::BAD_FORMAT, Then::Continue));
    }
    for (front, back) in [("set ", " 0 0 7"), ("cas ", " 0 0 7 1"), ("ms ", " 7")] {
        request(&format!("{front}{fits}{back}\r\n"));
        assert_eq!(answer(&format!("{front}{long}{back}\r\n")), (texts::BAD_FORMAT, Then::SwallowData(7)));
    }
}

#[test]
fn storage_lines_announce_their_data() {
    for (line, data) in [
        ("set k 0 0 32\r\n", 32),
        ("add k 4294967296 -1 0\r\n", 0),
        ("replace k 0 0 007\n", 7),
        ("append k 0 0 +7 \r\n", 7),
        ("prepend  k  0  0  7\r\n", 7),
        ("cas k 0 0 7 18446744073709551615\r\n", 7),
        ("ms k 7\r\n", 7),
        ("ms k 1000 T0 F5\r\n", 1000),
    ] {
        assert_eq!(request(line).data, Some(data), "{line}");
    }
    assert_eq!(request("get k\r\n").data, None);
}

#[test]
fn data_of_a_malformed_line_is_dropped_where_its_length_is_certain() {
    for line in
        ["set k x 0 7\r\n", "set k -1 0 7\r\n", "set k 0 x 7\r\n", "cas k 0 0 7 x\r\n", "cas k 0 0 7 -1\r\n"]
    {
        assert_eq!(answer(line), (texts::BAD_FORMAT, Then::SwallowData(7)), "{line}");
    }
    for line in ["set k x 0 7 noreply\r\n", "cas k 0 0 7 noreply\r\n"] {
        assert_eq!(answer(line), (&b""[..], Then::SwallowData(7)), "{line}");
    }
}

#[test]
fn a_length_that_is_absurd_or_in_doubt_closes() {
    for line in [
        "set k 0 0 x\r\n",
        "set k 0 0 -1\r\n",
        "set k 0 0 7x\r\n",
        "set k 0 0 2147483646\r\n",
        "set k 0 0 4294967303\r\n",
        "set k 0 0 99999999999999999999\r\n",
        "set my key 0 0 7\r\n",
        "set k 0 0 7 x\r\n",
        "ms k\r\n",
        "ms k x\r\n",
        "ms k -1\r\n",
    ] {
        assert_eq!(answer(line), (texts::BAD_FORMAT, Then::Close), "{line}");
    }
    for line in ["set\r\n", "set k 0 0\r\n", "set k 0 0 7 noreply x\r\n", "cas k 0 0 7\r\n", "ms\r\n"] {
        assert_eq!(answer(line), (texts::ERROR, Then::Close), "{line}");
    }
    assert_eq!(answer("ms my 0 7\r\n"), (texts::INVALID_FLAG, Then::Close));
    assert_eq!(answer("set k 0 0 noreply\r\n"), (&b""[..], Then::Close));
}

#[test]
fn too_large_data_is_dropped_and_a_set_takes_the_old_value_away() {
    for (line, unlinks) in [
        ("set key 0 0 1001\r\n", true),
        ("ms key 1001 ME\r\n", true),
        ("add key 0 0 1001\r\n", false),
        ("append key 0 0 1001\r\n", false),
        ("cas key 0 0 1001 1\r\n", false),
    ] {
        let refusal = refusal(line);
        assert_eq!((refusal.reply, refusal.then), (texts::TOO_LARGE, Then::SwallowData(1001)));
        assert_eq!(
            refusal.unlink.map(|key| key.of(line.as_bytes())),
            unlinks.then_some(&b"key"[..]),
            "{line}"
        );
    }
    let silent = refusal("set key 0 0 1001 noreply\r\n");
    assert!(silent.reply.is_empty() && silent.unlink.is_some());
    assert!(refusal("ms a2V5 1001 b\r\n").base64_key);
}

#[test]
fn noreply_is_cut_with_one_blank() {
    assert_eq!(forwarded("set k 0 0 7 noreply\r\n"), "set k 0 0 7\r\n");
    assert_eq!(forwarded("set k 0 0 7  noreply \n"), "set k 0 0 7  \n");
    assert_eq!(forwarded("delete k noreply\r\n"), "delete k\r\n");
    assert_eq!(forwarded("delete k 0 noreply\r\n"), "delete k 0\r\n");
    assert_eq!(forwarded("incr k 1 noreply\r\n"), "incr k 1\r\n");
    assert_eq!(forwarded("touch k 1 noreply\r\n"), "touch k 1\r\n");
    assert_eq!(forwarded("flush_all noreply\r\n"), "flush_all\r\n");
    assert_eq!(forwarded("flush_all 9 noreply\r\n"), "flush_all 9\r\n");
    assert_eq!(forwarded("verbosity 1 noreply\r\n"), "verbosity 1\r\n");
    for words in ["", " 1 2 3", " 1 2 noreply"] {
        assert_eq!(answer(&format!("verbosity{words}\r\n")), (texts::ERROR, Then::Continue));
    }
    assert_eq!(answer("verbosity 1 a\0b\r\n"), (texts::BAD_FORMAT, Then::Continue));
    assert!(!request("verbosity 1 2\r\n").quiet);
    let set = request("set key 0 0 5\r\n");
    assert_eq!((set.key.len(), set.keys, set.cut.len()), (3, 1, 0));
}

#[test]
fn a_cut_never_makes_a_cr_of_a_key_part_of_the_line_end() {
    assert_eq!(forwarded("delete k\r noreply\n"), "delete k\r \n");
    assert_eq!(forwarded("mg k\r q\n"), "mg k\r \n");
}

#[test]
fn noreply_is_a_key_where_a_key_stands() {
    assert_eq!(keys("get noreply\r\n"), ["noreply"]);
    assert_eq!(keys("delete noreply\r\n"), ["noreply"]);
    assert!(!request("delete noreply\r\n").quiet);
    assert_eq!(keys("delete noreply noreply\r\n"), ["noreply"]);
}

#[test]
fn a_recognised_noreply_keeps_errors_silent() {
    for line in [
        "delete k 10 noreply\r\n",
        "incr k x noreply\r\n",
        "incr k noreply\r\n",
        "touch k x noreply\r\n",
        "flush_all x noreply\r\n",
        "verbosity noreply\r\n",
    ] {
        assert_eq!(answer(line), (&b""[..], Then::Continue), "{line}");
    }
}

#[test]
fn delete_takes_a_zero_and_nothing_else() {
    assert_eq!(keys("delete k 0\r\n"), ["k"]);
    for line in ["delete k 1\r\n", "delete k 00\r\n", "delete k 0 0\r\n", "delete k x\r\n"] {
        assert_eq!(answer(line), (texts::BAD_DELETE, Then::Continue), "{line}");
    }
}

#[test]
fn a_nul_is_refused_in_whatever_is_forwarded() {
    for line in
        ["get a\0\r\n", "get a b\0c\r\n", "delete a\0\r\n", "mg a v\0 q\r\n", "mg \0\r\n", "me a \0b\r\n"]
    {
        assert_eq!(answer(line), (texts::BAD_FORMAT, Then::Continue), "{line}");
    }
    assert_eq!(answer("set a\0 0 0 7\r\n"), (texts::BAD_FORMAT, Then::SwallowData(7)));
    assert_eq!(answer("ms a 7 P\0\r\n"), (texts::BAD_FORMAT, Then::SwallowData(7)));
    assert_eq!(answer("incr a 1 \0\r\n"), (texts::BAD_FORMAT, Then::Continue));
}

#[test]
fn local_commands_overlook_what_follows() {
    for line in ["version\r\n", "version x y\r\n", "quit now\r\n", "mn a b c\r\n", "  mn  \r\n"] {
        assert_eq!(request(line).keys, 0);
    }
    let line = "stats  settings  all \r\n";
    assert_eq!(request(line).argument.of(line.as_bytes()), b"settings  all");
    assert!(request("stats\r\n").argument.is_empty());
}

#[test]
fn other_commands_are_answered_error_and_kept() {
    for line in [
        "\r\n",
        "\n",
        " \r\n",
        "x\r\n",
        "GET a\r\n",
        "slabs\r\n",
        "lru_crawler crawl all\r\n",
        "shutdown\r\n",
        "watch\r\n",
    ] {
        assert_eq!(answer(line), (texts::ERROR, Then::Continue), "{line}");
    }
}

#[test]
fn a_web_request_is_cut_off_without_an_answer() {
    for line in ["GET / HTTP/1.1\r\n", "POST /x HTTP/1.0 \r\n", "PU HTTP/\r\n"] {
        assert_eq!(answer(line), (&b""[..], Then::Close));
    }
    for line in ["GET / HTTP/1.1 x\r\n", "P / HTTP/1.1\r\n", "post / http/1.1\r\n"] {
        assert_eq!(answer(line), (texts::ERROR, Then::Continue));
    }
    assert_eq!(keys("get HTTP/1.1\r\n"), vec!["HTTP/1.1"]);
}
