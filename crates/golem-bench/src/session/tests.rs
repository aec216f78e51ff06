//! A connection without its socket: how much is in flight, and what is an error.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::{Pattern, Rules, Session};
use crate::mix::{Mix, Operation};
use crate::names::Names;
use crate::null::first_hit;
use crate::popularity::Popularity;
use crate::protocol::Protocol;
use crate::sizes::Sizes;
use crate::tally::{Tally, percentile_us};
use crate::workload::{Outline, Source, Workload};

const RULES: Rules = Rules {
    depth: 4,
    pattern: Pattern::TopUp,
    verify: true,
    against_echo: false,
    requests_per_connection: 0,
};

fn workload(keys: u32, private_percent: u8) -> Workload {
    let outline = Outline {
        protocol: Protocol::Text,
        mix: Mix::of_gets(100),
        private_percent,
        sizes: Sizes::Fixed(30),
        keys,
        popularity: Popularity::Uniform,
        many: 3,
        ttl: 0,
        names: Names::new("golem:").unwrap(),
        seed: 5,
    };
    Workload::new(&outline, 1, 7).unwrap()
}

fn hits(workload: &Workload, count: usize) -> Vec<u8> {
    [first_hit(workload, 0, 30), b"END\r\n".to_vec()].concat().repeat(count)
}

fn load() -> Source {
    Source::Load { thread: 0, next: 0 }
}

#[test]
fn depth_bounds_what_is_in_flight() {
    let workload = workload(1, 0);
    let (mut source, mut session, mut tally) = (load(), Session::default(), Tally::default());
    tally.begin();
    assert!(session.fill(RULES, &workload, &mut source, 0));
    assert_eq!((session.in_flight(), session.output().len()), (4, 4 * 22));
    session.stamp(1000);
    session.sent(4 * 22);
    assert!(!session.fill(RULES, &workload, &mut source, 0));
    session.received(RULES, &workload, &mut tally, 5000, &hits(&workload, 2)).unwrap();
    assert_eq!((session.in_flight(), tally.replies(), tally.hits), (2, 2, 2));
    assert!((percentile_us(tally.times(Operation::Get), 50.0) - 4.0).abs() < 0.01);
    assert!(session.fill(RULES, &workload, &mut source, 0));
    assert_eq!((session.in_flight(), session.output().len()), (4, 2 * 22));
}

#[test]
fn next_burst_waits_for_the_last_reply() {
    let rules = Rules { pattern: Pattern::Burst, ..RULES };
    let workload = workload(1, 0);
    let (mut source, mut session, mut tally) = (load(), Session::default(), Tally::default());
    assert!(session.fill(rules, &workload, &mut source, 0));
    session.sent(4 * 22);
    for lacking in [3, 2, 1] {
        session.received(rules, &workload, &mut tally, 0, &hits(&workload, 1)).unwrap();
        assert!(!session.fill(rules, &workload, &mut source, 0));
        assert_eq!((session.in_flight(), session.output().len()), (lacking, 0));
    }
    session.received(rules, &workload, &mut tally, 0, &hits(&workload, 1)).unwrap();
    assert!(session.fill(rules, &workload, &mut source, 0));
    assert_eq!((session.in_flight(), session.output().len()), (4, 4 * 22));
}

#[test]
fn connection_that_has_had_its_requests_is_finished_when_they_are_answered() {
    let rules = Rules { requests_per_connection: 5, ..RULES };
    let workload = workload(1, 0);
    let (mut source, mut session, mut tally) = (load(), Session::default(), Tally::default());
    session.fill(rules, &workload, &mut source, 0);
    session.sent(4 * 22);
    session.received(rules, &workload, &mut tally, 0, &hits(&workload, 3)).unwrap();
    session.fill(rules, &workload, &mut source, 0);
    assert_eq!((session.in_flight(), session.is_finished(rules)), (2, false));
    session.received(rules, &workload, &mut tally, 0, &hits(&workload, 2)).unwrap();
    assert!(session.is_finished(rules) && !session.has_room(rules));
    session.start_anew();
    assert!(session.fill(rules, &workload, &mut source, 0) && !session.is_finished(rules));
}

#[test]
fn partial_writes_leave_the_rest() {
    let mut session = Session::default();
    session.fill(RULES, &workload(1, 0), &mut load(), 0);
    let all = session.output().to_vec();
    session.sent(30);
    assert_eq!(session.output(), &all[30..]);
    session.sent(all.len() - 30);
    assert!(session.output().is_empty());
}

#[test]
fn unasked_and_wrong_replies_are_errors() {
    let workload = workload(2, 0);
    let (mut session, mut tally) = (Session::default(), Tally::default());
    let unasked = session.received(RULES, &workload, &mut tally, 0, b"END\r\n").unwrap_err();
    assert!(unasked.contains("nobody asked"), "{unasked}");
    session.fill(RULES, &workload, &mut Source::First { next: 0, step: 1 }, 0);
    let wrong = session.received(RULES, &workload, &mut tally, 0, b"END\r\n").unwrap_err();
    assert!(wrong.contains("END\\r\\n") && wrong.contains("set"), "{wrong}");
}

#[test]
fn every_hit_of_the_floor_carries_the_first_key() {
    let rules = Rules { against_echo: true, ..RULES };
    let workload = workload(1000, 0);
    let (mut session, mut tally) = (Session::default(), Tally::default());
    session.fill(rules, &workload, &mut load(), 0);
    session.received(rules, &workload, &mut tally, 0, &hits(&workload, 4)).unwrap();
    assert_eq!(session.in_flight(), 0);
}

/// Answers each request for private keys as a server with a single key would, but the last one with `last`.
fn answered_wrongly(wrong: &[u8]) -> String {
    let workload = workload(1, 100);
    let (mut session, mut tally) = (Session::new(3), Tally::default());
    let rules = Rules { depth: 1, ..RULES };
    let mut source = load();
    session.fill(rules, &workload, &mut source, 0);
    // The first request always sets.
    assert!(session.output().starts_with(b"set golem:200000000"), "{}", session.output().escape_ascii());
    session.received(rules, &workload, &mut tally, 0, wrong).map_or_else(|what| what, |()| String::new())
}

#[test]
fn private_key_has_one_right_status() {
    assert_eq!(answered_wrongly(b"STORED\r\n"), "");
    assert!(answered_wrongly(b"NOT_STORED\r\n").contains("expected Reply(Stored), not NotStored"));
}

#[test]
fn nothing_is_expected_of_a_private_key_after_an_error() {
    let workload = workload(1, 100);
    let (mut session, mut tally) = (Session::new(0), Tally::default());
    let rules = Rules { depth: 40, ..RULES };
    let mut source = load();
    session.fill(rules, &workload, &mut source, 0);
    // The requests that are in flight behind an error may have any status of theirs.
    session.received(rules, &workload, &mut tally, 0, b"SERVER_ERROR no\r\n").unwrap();
    assert_eq!((tally.server_errors, session.in_flight()), (1, 39));
    let sent = String::from_utf8(session.output().to_vec()).unwrap();
    for line in sent.split("\r\n").skip(1).filter(|line| line.contains("golem:200000000")) {
        let reply: &[u8] = match line.split(' ').next().unwrap() {
            "set" | "add" | "replace" | "cas" => b"NOT_FOUND\r\n",
            "delete" => b"DELETED\r\n",
            "incr" | "decr" => b"4711\r\n",
            "get" | "gets" => b"END\r\n",
            _ => continue,
        };
        if session.in_flight() > 0 && !line.contains(" 0 ") {
            session.received(rules, &workload, &mut tally, 0, reply).unwrap();
        } else if session.in_flight() > 0 {
            session.received(rules, &workload, &mut tally, 0, b"NOT_STORED\r\n").unwrap();
        }
    }
    session.fill(rules, &workload, &mut source, 0);
    assert!(session.in_flight() > 0);
}
