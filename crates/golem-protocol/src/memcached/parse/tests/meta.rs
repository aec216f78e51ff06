//! What the flags of meta commands are taken for.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::super::super::request::Then;
use super::super::super::texts;
use super::{answer, forwarded, keys, request};

#[test]
fn meta_flags_come_in_any_order_and_unknown_ones_pass() {
    for line in
        ["mg k v t f\r\n", "mg k Z9 P L x7 v\r\n", "ma k N0 J5 MI\r\n", "md k I T30\r\n", "ms k 7 Sx Z\r\n"]
    {
        assert_eq!(keys(line), ["k"], "{line}");
        assert!(!request(line).quiet, "{line}");
    }
}

#[test]
fn q_is_cut_and_remembered() {
    assert_eq!(forwarded("mg k v q O1\r\n"), "mg k v O1\r\n");
    assert_eq!(forwarded("ms k 7 q\r\n"), "ms k 7\r\n");
    assert_eq!(forwarded("md k qx\r\n"), "md k\r\n");
    assert!(!request("me k q\r\n").quiet);
    assert!(!request("mg q v\r\n").quiet);
}

#[test]
fn a_flag_given_twice_is_refused_as_by_the_server() {
    assert_eq!(answer("mg k v v\r\n"), (texts::DUPLICATE_FLAG, Then::Continue));
    assert_eq!(answer("mg k Z q q\r\n"), (texts::INVALID_FLAG, Then::Continue));
    assert_eq!(answer("md k q q\r\n"), (texts::INVALID_OR_DUPLICATE_FLAG, Then::Continue));
    assert_eq!(answer("ma k P P\r\n"), (texts::INVALID_OR_DUPLICATE_FLAG, Then::Continue));
    assert_eq!(answer("ms k 7 T1 T2\r\n"), (texts::DUPLICATE_FLAG, Then::SwallowData(7)));
}

#[test]
fn base64_keys_are_known_by_flag_b() {
    assert!(request("mg YWJj v b\r\n").base64_key);
    assert!(request("ms YWJj 7 b\r\n").base64_key);
    assert!(request("me YWJj b\r\n").base64_key);
    assert!(!request("me YWJj k b\r\n").base64_key);
    assert!(!request("mg YWJj v\r\n").base64_key);
    assert_eq!(answer("mg YW b\r\n"), (texts::BAD_BASE64, Then::Continue));
    assert_eq!(answer("md YW b\r\n"), (texts::INVALID_OR_DUPLICATE_FLAG, Then::Continue));
    assert_eq!(answer("ms YW 7 b\r\n"), (texts::BAD_BASE64, Then::SwallowData(7)));
    assert_eq!(answer("me YW b\r\n"), (texts::BAD_FORMAT, Then::Continue));
}

#[test]
fn of_two_errors_the_one_counts_that_the_server_sees_first() {
    assert_eq!(answer("mg Y Q== b v k\r\n"), (texts::INVALID_FLAG, Then::Continue));
    assert_eq!(answer("mg Y b v v Z\r\n"), (texts::DUPLICATE_FLAG, Then::Continue));
    assert_eq!(answer("ms Y 7 b Z\r\n"), (texts::INVALID_FLAG, Then::SwallowData(7)));
    let many = |command: &str| answer(&format!("{command} v{}\r\n", " v".repeat(17)));
    assert_eq!(many("mg Y b"), (texts::TOO_MANY_FLAGS_OF_GET, Then::Continue));
    assert_eq!(many("md Y b"), (texts::TOO_MANY_FLAGS, Then::Continue));
    let flags = |count: usize| " v".repeat(count);
    assert_eq!(answer(&format!("mg Y{}\r\n", flags(17))), (texts::DUPLICATE_FLAG, Then::Continue));
    assert_eq!(answer(&format!("mg Y{}\r\n", flags(18))), (texts::TOO_MANY_FLAGS_OF_GET, Then::Continue));
    assert_eq!(answer(&format!("ms Y 7{}\r\n", flags(16))), (texts::DUPLICATE_FLAG, Then::SwallowData(7)));
    assert_eq!(answer(&format!("ms Y 7{}\r\n", flags(17))), (texts::TOO_MANY_FLAGS, Then::SwallowData(7)));
    assert_eq!(many("ms Y 7 b"), (texts::TOO_MANY_FLAGS, Then::SwallowData(7)));
    assert_eq!(many(&format!("mg {}", "k".repeat(251))), (texts::BAD_FORMAT, Then::Continue));
}

#[test]
fn an_ms_with_more_flags_than_servers_take_is_refused() {
    let line = |count: usize| {
        let flags: Vec<String> =
            b"CDEFIJLMNOPRSTbcfhklqstuvx"[..count].iter().map(|&b| (b as char).to_string()).collect();
        format!("ms YWJj 7 {}\r\n", flags.join(" "))
    };
    request(&line(16));
    assert_eq!(answer(&line(17)), (texts::TOO_MANY_FLAGS, Then::SwallowData(7)));
}
