//! What the report says of a run that is made up.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::Report;
use crate::account::Usage;
use crate::mix::Operation;
use crate::protocol::{ErrorKind, Reply};
use crate::session::{Pattern, Rules};
use crate::tally::Tally;
use std::time::Duration;

fn report(pattern: Pattern) -> Report {
    let mut tally = Tally::default();
    tally.begin();
    for number in 0..1000 {
        let (operation, reply) = match number % 10 {
            0 => (Operation::Set, Reply::Stored),
            _ => (Operation::Get, Reply::Values { found: u32::from(number % 10 != 1), cas: 0 }),
        };
        tally.record(operation, reply, 1, 50_000);
    }
    tally.error(ErrorKind::Server, b"SERVER_ERROR no");
    let used = Usage { cpu: Duration::from_millis(4), user_ticks: 1, system_ticks: 3, runs: 9 };
    Report {
        connections: 50,
        idle: 0,
        rules: Rules { depth: 16, pattern, verify: false, against_echo: false, requests_per_connection: 0 },
        offered: None,
        tally,
        rate: 500.0,
        window: Duration::from_secs(2),
        own: Usage::default(),
        watched: Some(used),
        peak: Some(3 << 20),
        idle_bytes: None,
        foreign: Duration::from_millis(500),
    }
}

#[test]
fn cpu_time_is_told_per_reply() {
    let json = report(Pattern::TopUp).json();
    assert_eq!(json["watched"]["cpu_us_per_reply"], 4.0);
    assert_eq!(json["watched"]["user_part"], 0.25);
    assert_eq!(json["replies"], 1000);
    let p50 = json["time_us"]["p50"].as_f64().unwrap();
    assert!((p50 - 50.0).abs() < 0.1, "{p50}");
}

#[test]
fn operations_errors_and_hits_are_told_apart() {
    let json = report(Pattern::TopUp).json();
    assert_eq!((&json["operations"]["get"]["replies"], &json["get_hits"]), (&900.into(), &800.into()));
    assert_eq!(json["operations"]["set"]["rate"], 50.0);
    assert!((json["hit_ratio"].as_f64().unwrap() - 0.8889).abs() < 1e-3);
    assert_eq!(json["errors"]["said"]["SERVER_ERROR no"], 1);
    assert!(json["operations"].get("delete").is_none());
}

#[test]
fn text_names_both_processes() {
    let text = report(Pattern::TopUp).to_string();
    assert!(text.contains("watched    4.000 us of CPU per reply (about 1.00 user, 3.00 system)"), "{text}");
    for line in ["generator  0.000 us", "foreign    0.25 cores", "memory     3.0 MiB", "1 x SERVER_ERROR no"]
    {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[test]
fn pattern_and_rate_are_told() {
    for (pattern, name, words) in [
        (Pattern::TopUp, "top-up", "load       50 connections, 16 in flight on each\n"),
        (Pattern::Burst, "burst", "load       50 connections, bursts of 16 on each\n"),
    ] {
        assert_eq!(report(pattern).json()["pattern"], name);
        assert!(report(pattern).to_string().starts_with(words), "{}", report(pattern));
    }
    let offered = Report { offered: Some(700.0), ..report(Pattern::TopUp) };
    assert!(offered.to_string().contains("700 requests per second offered"), "{offered}");
}

#[test]
fn distribution_ends_with_all_replies() {
    let text = report(Pattern::TopUp).hdr();
    let last = text.lines().rfind(|line| !line.starts_with('#')).unwrap();
    let words: Vec<&str> = last.split_whitespace().collect();
    assert_eq!(words[1..], ["1.000000000000", "1000"], "{text}");
    assert!(text.contains("Total count    =         1000]"), "{text}");
}
