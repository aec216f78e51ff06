//! Every file of `testdata/config/bad` gives exactly the problems (or warnings) that its last lines promise, and every
//! key of the table has such a file.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at what it did not expect")]

use std::fs;
use std::path::PathBuf;

use golem_config::keys::{POOL_KEYS, PROCESS_KEYS};
use golem_config::{Problem, parse};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/config/bad")
}

/// The problems as the lines that an example holds, without the name of the file.
fn lines(mark: &str, problems: &[Problem]) -> Vec<String> {
    problems
        .iter()
        .map(|problem| format!("# {mark}: {}", problem.to_string().trim_start_matches("F:")))
        .collect()
}

#[test]
fn every_bad_example_gives_exactly_its_problems() {
    let mut examples = 0;
    for file in fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let found = match parse("F", &text) {
            Ok(loaded) => lines("warn", &loaded.warnings),
            Err(problems) => lines("expect", &problems),
        };
        let promised: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("# expect: ") || line.starts_with("# warn: "))
            .collect();
        assert!(!promised.is_empty(), "{} promises nothing", path.display());
        assert_eq!(found, promised, "{}", path.display());
        examples += 1;
    }
    assert!(examples > 0, "there are examples");
}

#[test]
fn every_key_has_a_bad_example_that_blames_it() {
    for key in POOL_KEYS.iter().chain(PROCESS_KEYS) {
        let path = folder().join(format!("{}.yml", key.name));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let problems = parse("F", &text).expect_err(key.name);
        assert!(problems.iter().any(|problem| problem.key.as_deref() == Some(key.name)), "{}", key.name);
    }
}
