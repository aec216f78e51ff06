//! `docs/config.md` shows exactly the table of keys, and every default of the table is a value that its key takes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at what it did not expect")]

use std::fs;
use std::path::PathBuf;

use std::time::Duration;

use golem_config::keys::{Key, NONE, POOL_KEYS, PROCESS_KEYS, REQUIRED};
use golem_config::{AsWritten, Process, Threads, parse};

fn row(key: &Key) -> String {
    let default = match key.default {
        NONE | REQUIRED => key.default.to_owned(),
        value => format!("`{value}`"),
    };
    let unit = if key.unit.is_empty() { "" } else { key.unit };
    format!(
        "| `{}` | {} | {default} | {unit} | {} | {} |",
        key.name,
        key.kind.described(),
        key.since.text(),
        key.meaning
    )
}

#[test]
fn the_document_has_a_row_for_every_key_and_no_other() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/config.md");
    let document = fs::read_to_string(path).unwrap();
    for (heading, table) in [("## Keys of a pool", POOL_KEYS), ("## Process-wide keys", PROCESS_KEYS)] {
        let section = document.split(heading).nth(1).expect(heading).split("\n## ").next().unwrap();
        let shown: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
        let wanted: Vec<String> = table.iter().map(row).collect();
        assert_eq!(shown, wanted, "the section should be:\n{}", wanted.join("\n"));
    }
}

#[test]
fn no_key_stands_twice_in_the_table() {
    let mut names: Vec<&str> = POOL_KEYS.iter().chain(PROCESS_KEYS).map(|key| key.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}

/// A file with one pool and one more line.
fn with(line: &str) -> String {
    format!("alpha:\n  listen: 127.0.0.1:22121\n{line}  servers:\n    - 127.0.0.1:11211:1\n")
}

#[test]
fn a_default_written_out_changes_nothing() {
    let plain = parse("F", &with("")).unwrap().config;
    for key in POOL_KEYS.iter().filter(|key| !matches!(key.default, NONE | REQUIRED)) {
        let written = parse("F", &with(&format!("  {}: {}\n", key.name, key.default)));
        assert_eq!(written.expect(key.name).config, plain, "{}", key.name);
    }
    for key in PROCESS_KEYS.iter().filter(|key| key.default != NONE) {
        let written = parse("F", &format!("golemproxy:\n  {}: {}\n{}", key.name, key.default, with("")));
        assert!(written.is_ok(), "{}", key.name);
    }
    let unset = Process {
        threads: Threads::Auto,
        log: None,
        log_level: None,
        stats_addr: None,
        stats_port: None,
        pid_file: None,
        shutdown_delay: Duration::ZERO,
        shutdown_timeout: Duration::from_secs(20),
        reload_on_hup: false,
        given: AsWritten::default(),
        worker_soft_limit: 512 << 20,
        worker_hard_limit: 1 << 30,
    };
    assert_eq!(plain.process, unset);
}
