//! Any text and any bytes: no panic, problems with places inside the text, and an accepted model that keeps its word.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at what it did not expect")]

use std::fs;
use std::path::PathBuf;

use golem_config::keys::{POOL_KEYS, PROCESS_KEYS};
use golem_config::{parse, parse_bytes};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop};
use proptest::{prop_oneof, proptest};

#[path = "promises/model.rs"]
mod model;

use model::check;

const WHOLE: &str = "\u{feff}golemproxy:\n  threads: 4\n  log: /tmp/a.log # here\n  stats_port: 0\n\"on\":\r\n  listen: \
    '[::1]:22121'\n  hash_tag: \"{}\"\n  timeout: 400\n  admin_commands: [flush_all, verbosity]\n  servers:\n   - \
    ::1:11211:1\n   - /tmp/é.sock:2 näme\n   - >-\n     10.0.0.1:11212:3\n     folded\nbeta: {listen: \"/tmp/b 0660\", \
    servers: [h:1:1], line_max: 4K}\n";

/// Pieces from which near-miss files are made.
fn piece() -> impl Strategy<Value = String> {
    let words: Vec<String> = POOL_KEYS
        .iter()
        .chain(PROCESS_KEYS)
        .map(|key| key.name.to_owned())
        .chain(
            "golemproxy alpha 127.0.0.1:22121 ::1:1 [::1]:1 /tmp/a /tmp/a:1 h:1:1 h:1:1_n true false 400 0 4m md5 { } [ ] , - : \
             --- ... % & * ! | > ' \" # ? @ ` ~ << \t {} [] é 4294967300 none required"
                .split(' ')
                .map(|word| word.replace('_', " ")),
        )
        .collect();
    prop_oneof![
        4 => prop::sample::select(words),
        2 => Just("\n".to_owned()),
        2 => Just(": ".to_owned()),
        2 => Just("  ".to_owned()),
        1 => Just("\n  ".to_owned()),
        1 => Just("\n   - ".to_owned()),
        1 => any::<char>().prop_map(String::from),
    ]
}

#[test]
fn every_cut_of_a_file_is_judged_without_a_panic() {
    let loaded = parse("F", WHOLE).unwrap();
    assert_eq!(loaded.config.pools.iter().map(|pool| pool.name.as_str()).collect::<Vec<_>>(), ["on", "beta"]);
    for cut in 0..=WHOLE.len() {
        let bytes = &WHOLE.as_bytes()[..cut];
        check(&String::from_utf8_lossy(bytes), &parse_bytes("F", bytes));
    }
}

#[test]
fn every_file_with_one_byte_changed_is_judged_without_a_panic() {
    for (offset, byte) in
        (0..WHOLE.len()).flat_map(|offset| b"\t\n :-{[#&*!|'\"%@x0\xff".map(|byte| (offset, byte)))
    {
        let mut bytes = WHOLE.as_bytes().to_vec();
        bytes[offset] = byte;
        check(&String::from_utf8_lossy(&bytes), &parse_bytes("F", &bytes));
    }
}

#[test]
fn deep_nesting_ends_without_a_panic() {
    for unit in ["[", "{a: ", "- ", "? ", "a:\n ", "- - ", "[{", "!a ", "&a "] {
        let text = unit.repeat(10_000);
        check(&text, &parse("F", &text));
    }
    let indented: String = (0..500).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    check(&indented, &parse("F", &indented));
}

#[test]
fn recorded_files_stay_judged_without_a_panic_when_cut() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/config/config.jsonl");
    for line in fs::read_to_string(path).unwrap().lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = row["yaml"].as_str().unwrap();
        for (cut, _) in text.char_indices() {
            check(&text[..cut], &parse("F", &text[..cut]));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_judged_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&String::from_utf8_lossy(&bytes), &parse_bytes("F", &bytes));
    }

    #[test]
    fn any_pieces_are_judged_without_a_panic(pieces in prop::collection::vec(piece(), 0..60)) {
        let text = pieces.concat();
        check(&text, &parse("F", &text));
    }

    #[test]
    fn the_order_of_servers_in_the_file_has_no_influence(
        order in Just((1..=9_u32).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let file = |order: &[u32]| {
            let entries: String = order.iter().map(|n| format!("   - h{}:{n}:1\n", "x".repeat(*n as usize % 3))).collect();
            format!("a:\n  listen: h:1\n  timeout: 1\n  servers:\n{entries}")
        };
        let labels = |text: String| {
            let pools = parse("F", &text).unwrap().config.pools;
            pools[0].servers.iter().map(|server| server.label.clone()).collect::<Vec<_>>()
        };
        assert_eq!(labels(file(&order)), labels(file(&(1..=9).collect::<Vec<_>>())));
    }
}
