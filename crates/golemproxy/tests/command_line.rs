//! The program as it is started: where it prints, and its exit codes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at what it did not expect")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

const GOOD: &str = "alpha:\n  listen: 127.0.0.1:22121\n  timeout: 400\n  servers:\n    - 127.0.0.1:11211:1\n    - \
    127.0.0.1:11212:1 second\n";

/// What one run printed, and its exit code.
#[derive(Debug)]
struct Run {
    code: i32,
    out: String,
    err: String,
}

/// Runs the program in `folder` with the words of `line`, and `input` as its standard input.
fn run_with(folder: &Path, line: &str, input: &[u8]) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_golemproxy"))
        .args(line.split_whitespace())
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let done = child.wait_with_output().unwrap();
    Run {
        code: done.status.code().unwrap(),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}

fn run(folder: &Path, line: &str) -> Run {
    run_with(folder, line, b"")
}

/// A folder with the files `good`, `bad` and `warned`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("good"), GOOD).unwrap();
    fs::write(folder.path().join("bad"), GOOD.replace("400", "soon").replace("11212", "0")).unwrap();
    fs::write(folder.path().join("warned"), GOOD.replace("400", "0")).unwrap();
    folder
}

#[test]
fn help_version_and_description_go_to_standard_error() {
    let folder = folder();
    let version = run(folder.path(), "-V");
    assert_eq!((version.code, version.out.as_str()), (0, ""));
    assert!(
        version.err.starts_with("This is golemproxy-")
            && version.err.ends_with("\nasync event backend: epoll\n\n")
    );
    for (flag, held) in [("-h", "--stats-port"), ("--help", "Commands:"), ("-D", "server_ejected_at")] {
        let shown = run(folder.path(), flag);
        assert_eq!((shown.code, shown.out.as_str()), (0, ""), "{flag}");
        assert!(shown.err.starts_with(&version.err) && shown.err.contains(held), "{flag}: {}", shown.err);
    }
}

#[test]
fn a_bad_command_line_ends_with_1_and_a_reason_on_standard_error() {
    let folder = folder();
    for line in
        ["-x", "-v abc", "-c", "foo", "-h --nothing", "check --nothing", "route -c good --pool none a"]
    {
        let refused = run(folder.path(), line);
        assert_eq!((refused.code, refused.out.as_str()), (1, ""), "{line}");
        assert!(!refused.err.is_empty(), "{line}");
    }
    // Also where a command of that name exists: its flags stand behind it.
    for word in ["foo", "check"] {
        let refused = run(folder.path(), &format!("-c good {word}"));
        let wanted = format!("error: '{word}' is no flag; the flags of a command stand behind its name\n");
        assert_eq!((refused.code, refused.err), (1, wanted));
    }
}

#[test]
fn the_test_of_a_file_speaks_as_nutcracker_does_and_says_what_is_wrong() {
    let folder = folder();
    let good = run(folder.path(), "-t -c good");
    assert_eq!((good.code, good.out.as_str()), (0, ""));
    assert_eq!(good.err, "golemproxy: configuration file 'good' syntax is ok\n");
    let warned = run(folder.path(), "-t -c warned");
    assert_eq!(warned.code, 0);
    assert!(warned.err.starts_with("warning: warned:3:3: pool 'alpha': key 'timeout': "), "{}", warned.err);
    let noted = run(folder.path(), "-t -c good -m 512 -i 1");
    assert!(noted.err.starts_with("golemproxy: option -i has no effect: "), "{}", noted.err);
    assert!(noted.err.contains("\ngolemproxy: option -m has no effect: "), "{}", noted.err);
    let bad = run(folder.path(), "-t -c bad");
    assert_eq!((bad.code, bad.out.as_str()), (1, ""));
    let lines: Vec<&str> = bad.err.lines().collect();
    assert!(lines[0].starts_with("bad:3:12: pool 'alpha': key 'timeout': 'soon' "), "{lines:?}");
    assert!(lines[1].starts_with("bad:6:7: pool 'alpha': key 'servers': '0' is no port"), "{lines:?}");
    assert_eq!(lines[2..], ["golemproxy: configuration file 'bad' syntax is invalid"]);
    let none = run(folder.path(), "-t -c none");
    assert_eq!(none.code, 1);
    assert!(none.err.contains("cannot read 'none'"), "{}", none.err);
}

#[test]
fn check_prints_what_it_found_on_standard_output() {
    let folder = folder();
    let good = run(folder.path(), "check -c good");
    assert_eq!((good.code, good.err.as_str()), (0, ""));
    assert!(
        good.out.starts_with("good: ok\npool 'alpha': 127.0.0.1:22121, 2 servers, ketama over fnv1a_64; ")
    );
    assert!(good.out.ends_with(" to each server\n"), "{}", good.out);
    let bad = run(folder.path(), "check -c bad");
    assert_eq!((bad.code, bad.out.lines().count(), bad.err.as_str()), (1, 2, ""));
    let warned = run(folder.path(), "check -config warned");
    assert_eq!(warned.code, 0);
    assert!(warned.out.contains("\nwarning: warned:3:3: "), "{}", warned.out);
    let none = run(folder.path(), "check -c none");
    assert_eq!((none.code, none.out.as_str()), (1, ""));
}

#[test]
fn without_a_name_golemproxys_file_comes_before_nutcrackers() {
    let folder = folder();
    fs::create_dir(folder.path().join("conf")).unwrap();
    fs::write(folder.path().join("conf/nutcracker.yml"), GOOD).unwrap();
    assert!(run(folder.path(), "-t").err.contains("'conf/nutcracker.yml' syntax is ok"));
    assert!(run(folder.path(), "check").out.starts_with("conf/nutcracker.yml: ok"));
    fs::write(folder.path().join("conf/golemproxy.yml"), GOOD).unwrap();
    assert!(run(folder.path(), "-t").err.contains("'conf/golemproxy.yml' syntax is ok"));
}

#[test]
fn route_prints_the_server_of_each_key() {
    let folder = folder();
    let given = run(folder.path(), "route -c good key:0 key:1 key:2 -- -x");
    assert_eq!((given.code, given.err.as_str()), (0, ""));
    let read = run_with(folder.path(), "route -c good --pool alpha", b"key:0\nkey:1\r\nkey:2\n-x");
    assert_eq!(read.out, given.out);
    for line in given.out.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [_, label, entry] = fields[..] else { panic!("{line}") };
        assert!(
            [("second", "127.0.0.1:11212:1"), ("127.0.0.1", "127.0.0.1:11211:1")].contains(&(label, entry)),
            "{line}"
        );
    }
    let json = run(folder.path(), "route -c good --json key:0");
    assert!(
        json.out.starts_with("{\"entry\":\"127.0.0.1:1121") && json.out.contains("\"key\":\"key:0\""),
        "{}",
        json.out
    );
}

#[test]
fn route_names_the_keys_that_the_pool_refuses_and_goes_on() {
    let folder = folder();
    fs::write(folder.path().join("short"), format!("{GOOD}  key_max: 5\n")).unwrap();
    let mixed = run_with(folder.path(), "route -c short", b"a b\n12345\n123456\n\na\0\n\xc3\xa9\t\n");
    assert_eq!((mixed.code, mixed.out.lines().count()), (1, 2), "{mixed:?}");
    assert!(mixed.out.starts_with("12345\t"), "{mixed:?}");
    let wanted = [
        "'a b': a blank ends a key",
        "'123456': it has 6 bytes, and key_max allows 5",
        "'': it is empty",
        "'a\\x00': it holds a NUL",
    ];
    let wanted: String =
        wanted.iter().map(|line| format!("golemproxy: the pool refuses the key {line}\n")).collect();
    assert_eq!(mixed.err, wanted);
    let longest = run(folder.path(), &format!("route -c good {}", "k".repeat(250)));
    assert_eq!((longest.code, longest.err.as_str()), (0, ""));
    let bytes = run_with(folder.path(), "route -c good --json", b"a\xff\n");
    assert!(bytes.out.contains("\"key\":\"a\u{fffd}\",\"key_hex\":\"61ff\""), "{bytes:?}");
}

#[test]
fn a_reader_that_has_had_enough_is_no_reason_for_a_message() {
    let folder = folder();
    let mut child = Command::new(env!("CARGO_BIN_EXE_golemproxy"))
        .args(["route", "-c", "good"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(b"key\n").unwrap();
    let done = child.wait_with_output().unwrap();
    assert_eq!((done.status.code(), done.stderr), (Some(1), Vec::new()));
}

#[test]
fn ring_prints_shares_and_what_a_change_moves() {
    let folder = folder();
    let shares = run(folder.path(), "ring -c good");
    assert_eq!((shares.code, shares.out.lines().count()), (0, 3), "{}", shares.out);
    fs::write(folder.path().join("narrow"), GOOD.replace("  timeout", "  hash: crc32\n  timeout")).unwrap();
    let narrow = run(folder.path(), "ring -c narrow");
    assert!(narrow.out.contains(" 100.0000 %  "), "crc32 makes 15 bits: {}", narrow.out);
    let same = run(folder.path(), "ring -c good --vs warned");
    assert_eq!(same.out, "pool 'alpha': 0 of 100000 sample keys move (0.00 %)\n");
    fs::write(folder.path().join("grown"), format!("{GOOD}    - 127.0.0.1:11213:1 third\n")).unwrap();
    let grown = run(folder.path(), "ring -c good --vs grown --keys 1000");
    assert_eq!(grown.out.lines().count(), 3, "keys move to the new server only: {}", grown.out);
    assert!(grown.out.lines().skip(1).all(|line| line.ends_with(" -> third")), "{}", grown.out);
    let json = run(folder.path(), "ring -c good --vs grown --keys 1000 --json");
    assert!(json.out.starts_with("{\"moved\":"), "{}", json.out);
}

#[test]
fn a_random_distribution_has_no_placement() {
    let folder = folder();
    fs::write(folder.path().join("random"), GOOD.replace("  timeout", "  distribution: random\n  timeout"))
        .unwrap();
    for command in ["route -c random a", "ring -c random"] {
        let refused = run(folder.path(), command);
        assert_eq!((refused.code, refused.out.as_str()), (1, ""));
        assert!(refused.err.contains("has the distribution random"), "{}", refused.err);
    }
}

#[test]
fn a_bad_file_ends_the_start_with_all_its_problems() {
    let folder = folder();
    let refused = run(folder.path(), "-c bad");
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert!(refused.err.contains("bad:3:12: ") && refused.err.contains("bad:6:7: "), "{}", refused.err);
}
