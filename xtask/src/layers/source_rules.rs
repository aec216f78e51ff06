//! The rules that every source file keeps, whatever its crate: header, length, names, `unsafe`, globs, sleeping.

use super::edges::WITHOUT_STD;
use super::source::{Token, code_lines, positions, test_module, tokens};

/// Lines of code in a file, and again in the test module that it holds.
const LONGEST: usize = 300;

/// How a file of tables says why it may be longer.
const TABLE_MARK: &str = "//! Table: ";

/// File and folder names that say nothing.
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "helpers", "helper", "misc"];

/// A word of code that may stand in few places.
struct Word {
    text: &'static str,
    reason: &'static str,
    /// Paths that may hold it, each with its own reason.
    places: &'static [(&'static str, &'static str)],
}

const WORDS: &[Word] = &[
    Word {
        text: "unsafe",
        reason: "belongs to golem-net",
        places: &[
            ("crates/golem-net/", "all system calls are here, each block argued"),
            (
                "crates/golemproxy/tests/worker/heap.rs",
                "an allocator that counts can only be written with it",
            ),
        ],
    },
    Word {
        text: "sleep",
        reason: "wait for the thing itself, not for time",
        places: &[("crates/golem-net/src/driver/turn.rs", "letting events gather is waiting for time")],
    },
];

/// Every breach in one file, each with its place.
pub(super) fn check(file: &str, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    check_name(file, &mut breaches);
    if !text.starts_with("//!") {
        breaches.push(format!("{file}: does not open with //! lines that say what it owns"));
    }
    match tokens(text) {
        Ok(tokens) => {
            check_length(file, text, &tokens, &mut breaches);
            check_words(file, &tokens, &mut breaches);
            check_globs(file, &tokens, &mut breaches);
            check_std(file, &tokens, &mut breaches);
        }
        Err(problem) => breaches.push(format!("{file}: {problem}")),
    }
    breaches
}

fn check_name(file: &str, breaches: &mut Vec<String>) {
    let parts = file.trim_end_matches(".rs").split('/');
    for part in parts.filter(|part| EMPTY_NAMES.contains(part)) {
        breaches.push(format!("{file}: '{part}' says nothing about what lies there"));
    }
    if file.ends_with("/mod.rs") {
        breaches.push(format!("{file}: name it after its folder and put it beside (foo.rs beside foo/)"));
    }
}

fn check_length(file: &str, text: &str, tokens: &[Token], breaches: &mut Vec<String>) {
    let is_table = text
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .any(|line| line.strip_prefix(TABLE_MARK).is_some_and(|reason| !reason.trim().is_empty()));
    if is_table {
        return;
    }
    let tests = test_module(tokens).map_or(0, |range| code_lines(&tokens[range]));
    let code = code_lines(tokens) - tests;
    for (lines, what) in [(code, "lines of code"), (tests, "lines of tests")] {
        if lines > LONGEST {
            breaches
                .push(format!("{file}: {lines} {what}, at most {LONGEST} ('{TABLE_MARK}REASON' for tables)"));
        }
    }
}

fn check_words(file: &str, tokens: &[Token], breaches: &mut Vec<String>) {
    for word in WORDS {
        if word.places.iter().any(|(place, _)| file.starts_with(place)) {
            continue;
        }
        for at in positions(tokens, &[word.text]) {
            breaches.push(format!("{file}:{}: '{}': {}", tokens[at].line(), word.text, word.reason));
        }
    }
}

/// Finds `*` in a `use`; `use<'a>` in a type is something else.
fn check_globs(file: &str, tokens: &[Token], breaches: &mut Vec<String>) {
    for at in positions(tokens, &["use"]) {
        let import = tokens[at + 1..].iter().take_while(|token| token.text != ";");
        let is_type = tokens.get(at + 1).is_some_and(|token| token.text == "<");
        if !is_type && import.into_iter().any(|token| token.text == "*") {
            breaches.push(format!("{file}:{}: glob import: name what is used", tokens[at].line()));
        }
    }
}

fn check_std(file: &str, tokens: &[Token], breaches: &mut Vec<String>) {
    let Some(package) =
        WITHOUT_STD.iter().find(|package| file.starts_with(&format!("crates/{package}/src/")))
    else {
        return;
    };
    if file == format!("crates/{package}/src/lib.rs")
        && positions(tokens, &["#", "!", "[", "no_std", "]"]).is_empty()
    {
        breaches.push(format!("{file}: lacks #![no_std]"));
    }
    let for_tests = positions(tokens, &["#", "[", "cfg", "(", "test", ")", "]", "extern", "crate", "std"]);
    for at in positions(tokens, &["extern", "crate", "std"]) {
        if !for_tests.contains(&at.saturating_sub(7)) {
            breaches.push(format!("{file}:{}: brings std back", tokens[at].line()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    fn breaches(file: &str, text: &str) -> String {
        check(file, text).join("\n")
    }

    #[test]
    fn a_clean_file_has_no_breach() {
        assert_eq!(breaches("crates/x/src/lib.rs", "//! Owns x.\nuse a::b;\nfn f() {}\n"), "");
    }

    #[test]
    fn words_in_comments_and_texts_are_not_code() {
        let text =
            "//! No unsafe.\n/// unsafe, sleep\nfn f() -> &'static str { \"unsafe sleep use x::*;\" }\n";
        assert_eq!(breaches("crates/x/src/lib.rs", text), "");
    }

    #[test]
    fn each_rule_is_reported_with_its_place() {
        let text = "use a::{b, c::*};\nfn f() { unsafe { g() } }\nfn h() { std::thread::sleep(D); }\n";
        let found = breaches("crates/x/src/utils/mod.rs", text);
        for expected in
            ["'utils'", "foo.rs beside foo/", "//! lines", ":1: glob", ":2: 'unsafe'", ":3: 'sleep'"]
        {
            assert!(found.contains(expected), "{expected} in\n{found}");
        }
        assert_eq!(breaches("crates/golem-net/src/a.rs", "//! A.\nunsafe fn f() {}\n"), "");
    }

    #[test]
    fn length_counts_code_and_tests_apart() {
        let code = format!("//! A.\n{}", "const A: u8 = 0;\n\n// comment\n".repeat(300));
        assert_eq!(breaches("a.rs", &code), "");
        assert!(breaches("a.rs", &format!("{code}const B: u8 = 0;\n")).contains("301 lines of code"));
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "const A: u8 = 0;\n".repeat(290));
        assert_eq!(breaches("a.rs", &format!("{code}{tests}")), "");
        let table = code.replace("//! A.\n", "//! A.\n//! Table: one row per thing.\n");
        assert_eq!(breaches("a.rs", &format!("{table}{}", "const A: u8 = 0;\n".repeat(90))), "");
    }

    #[test]
    fn the_engine_stays_without_std() {
        assert!(breaches("crates/golem-engine/src/lib.rs", "//! A.\n").contains("lacks #![no_std]"));
        let text = "//! A.\n#![no_std]\n#[cfg(test)]\nextern crate std;\n";
        assert_eq!(breaches("crates/golem-engine/src/lib.rs", text), "");
        let text = "//! A.\n#![no_std]\nextern crate std;\n";
        assert!(breaches("crates/golem-engine/src/lib.rs", text).contains(":3: brings std back"));
    }
}
