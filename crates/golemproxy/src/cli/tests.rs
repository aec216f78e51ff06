//! Every spelling of every flag, nutcracker's and those of golemproxy in Go.
//! Table: lists of spellings, one word each.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at what it did not expect")]

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use clap::CommandFactory;

use super::arguments::{Arguments, Subcommand};
use super::{Action, ServeOptions, read};

/// What the words of a line, separated by blanks, ask for.
fn action(line: &str) -> Result<Action, String> {
    read(["golemproxy"].into_iter().chain(line.split_whitespace()).map(OsString::from))
        .map_err(|e| e.to_string())
}

fn serve(line: &str) -> ServeOptions {
    match action(line) {
        Ok(Action::Serve(options)) => options,
        other => panic!("{line}: {other:?}"),
    }
}

fn plain() -> ServeOptions {
    serve("-c F")
}

#[test]
fn the_definition_holds_together() {
    Arguments::command().debug_assert();
}

#[test]
fn nothing_given_leaves_everything_to_the_file() {
    let options = ServeOptions {
        config_file: PathBuf::from("F"),
        daemonise: false,
        log_file: None,
        log_level: None,
        stats_addr: None,
        stats_port: None,
        pid_file: None,
        without_effect: Vec::new(),
    };
    assert_eq!(plain(), options);
    assert_eq!(serve("").config_file, PathBuf::from("conf/nutcracker.yml"));
}

#[test]
fn the_configuration_file_has_many_spellings() {
    for line in [
        "-c F",
        "-cF",
        "-c=F",
        "--conf-file F",
        "--conf-file=F",
        "--conf F",
        "--conf=F",
        "--c F",
        "--c=F",
        "--co F",
        "-conf-file F",
        "-conf-file=F",
        "-config F",
        "-config=F",
        "--config F",
        "--config=F",
        "-c E -c F",
    ] {
        assert_eq!(serve(line), plain(), "{line}");
    }
}

#[test]
fn the_log_level_has_many_spellings() {
    let expected = ServeOptions { log_level: Some(7), ..plain() };
    for line in [
        "-v 7",
        "-v7",
        "-v=7",
        "--verbose 7",
        "--verbose=7",
        "--verb=7",
        "--verb 7",
        "--v 7",
        "--v=7",
        "-verbose 7",
        "-verbose=7",
        "-v 3 -v 7",
        "-v 007",
    ] {
        assert_eq!(serve(&format!("-c F {line}")), expected, "{line}");
        assert_eq!(serve(&format!("{line} -c F")), expected, "{line}");
    }
    for line in ["-v 12", "-v 99999999999", "-v 99999999999999999999999"] {
        assert_eq!(serve(line).log_level, Some(11), "{line}");
    }
}

#[test]
fn the_log_file_has_many_spellings() {
    let expected = ServeOptions { log_file: Some("L".into()), ..plain() };
    for line in [
        "-o L",
        "-oL",
        "-o=L",
        "--output L",
        "--output=L",
        "--out L",
        "--o L",
        "--o=L",
        "-output L",
        "-output=L",
    ] {
        assert_eq!(serve(&format!("-c F {line}")), expected, "{line}");
    }
}

#[test]
fn the_statistics_port_has_many_spellings_and_0_turns_it_off() {
    for port in [0, 1, 22222, 65535] {
        let expected = ServeOptions { stats_port: Some(port), ..plain() };
        for flag in [
            "-s ",
            "-s",
            "-s=",
            "--stats-port ",
            "--stats-port=",
            "--stats-p=",
            "--s ",
            "--s=",
            "-stats-port ",
            "-stats-port=",
        ] {
            assert_eq!(serve(&format!("-c F {flag}{port}")), expected, "{flag}{port}");
        }
    }
}

#[test]
fn the_statistics_address_has_many_spellings() {
    let expected = ServeOptions { stats_addr: Some("::1".into()), ..plain() };
    for flag in ["-a ", "-a", "-a=", "--stats-addr ", "--stats-addr=", "--stats-a=", "--a ", "-stats-addr "] {
        assert_eq!(serve(&format!("-c F {flag}::1")), expected, "{flag}");
    }
}

#[test]
fn the_pid_file_has_many_spellings() {
    let expected = ServeOptions { pid_file: Some("P".into()), ..plain() };
    for flag in
        ["-p ", "-p", "-p=", "--pid-file ", "--pid-file=", "--p=", "--pid ", "-pid-file ", "-pid-file="]
    {
        assert_eq!(serve(&format!("-c F {flag}P")), expected, "{flag}");
    }
}

#[test]
fn the_background_has_many_spellings() {
    let expected = ServeOptions { daemonise: true, ..plain() };
    for line in [
        "-d",
        "--daemonize",
        "--daemon",
        "--da",
        "--d",
        "-daemonize",
        "-d=true",
        "--daemonize=true",
        "-daemonize=1",
        "-d -d",
    ] {
        assert_eq!(serve(&format!("-c F {line}")), expected, "{line}");
    }
    for line in ["-d=false", "-daemonize=false", "--daemonize=0", "--d=F"] {
        assert_eq!(serve(&format!("-c F {line}")), plain(), "{line}");
    }
}

#[test]
fn options_without_effect_are_accepted_and_said_to_have_none() {
    for (line, letter) in [
        ("-m 512", "-m"),
        ("-m16384", "-m"),
        ("--mbuf-size=16777216", "-m"),
        ("--mbuf 512", "-m"),
        ("-mbuf-size 512", "-m"),
        ("--m=512", "-m"),
        ("-i 30000", "-i"),
        ("-i0", "-i"),
        ("--stats-interval=0", "-i"),
        ("-stats-interval 1", "-i"),
        ("--stats-i 1", "-i"),
        ("--i 1", "-i"),
        ("-i 99999999999999999999999", "-i"),
    ] {
        let options = serve(&format!("-c F {line}"));
        let [note] = &options.without_effect[..] else { panic!("{line}: {options:?}") };
        assert!(note.contains(&format!("option {letter} has no effect")), "{line}: {note}");
        assert_eq!(ServeOptions { without_effect: Vec::new(), ..options }, plain(), "{line}");
    }
}

#[test]
fn letters_bundle_and_the_last_takes_a_value() {
    assert_eq!(serve("-dv5 -cF"), ServeOptions { daemonise: true, log_level: Some(5), ..plain() });
    assert_eq!(serve("-dcF"), ServeOptions { daemonise: true, ..plain() });
    assert_eq!(serve("-dc F"), ServeOptions { daemonise: true, ..plain() });
    assert!(matches!(action("-tV"), Ok(Action::Version)));
    assert!(matches!(action("-hVdDt"), Ok(Action::Help)));
}

#[test]
fn the_next_word_is_the_value_whatever_it_begins_with() {
    assert_eq!(serve("-c F -o -d").log_file, Some("-d".into()));
    assert_eq!(serve("-c F -o --").log_file, Some("--".into()));
    assert_eq!(serve("-c F --output --help").log_file, Some("--help".into()));
    assert_eq!(serve("-c -c").config_file, PathBuf::from("-c"));
    assert_eq!(serve("-c check").config_file, PathBuf::from("check"));
}

#[test]
fn a_path_need_not_be_utf8() {
    let path = OsString::from_vec(b"/tmp/\xff".to_vec());
    let words = ["golemproxy".into(), "-c".into(), path.clone()];
    assert!(matches!(read(words), Ok(Action::Serve(options)) if options.config_file == path));
}

#[test]
fn help_version_and_description_win_over_testing_and_running() {
    for line in ["-h", "--help", "--h", "--he", "-help", "-h -V -D -t", "-t -d -h", "-c F -h"] {
        assert!(matches!(action(line), Ok(Action::Help)), "{line}");
    }
    for line in ["-V", "--version", "--vers", "-version", "-t -V", "-V -c F"] {
        assert!(matches!(action(line), Ok(Action::Version)), "{line}");
    }
    for line in ["-D", "--describe-stats", "--desc", "-describe-stats", "-t -D"] {
        assert!(matches!(action(line), Ok(Action::DescribeStatistics)), "{line}");
    }
    for line in [
        "-t -c F",
        "-tc F",
        "--test-conf -c F",
        "--test --conf F",
        "-c F -t",
        "-test-conf -config F",
        "--t -c F",
    ] {
        assert!(
            matches!(action(line), Ok(Action::TestConfiguration(options)) if options.config_file.as_os_str() == "F"),
            "{line}"
        );
    }
}

const WRONG: &[&str] = &[
    "-x",
    "-?",
    "--nothing",
    "-dx",
    "--stats",
    "--stats 4",
    "--ver",
    "--=x",
    "-",
    "foo",
    "-c F foo",
    "-- foo",
    "-c",
    "-v",
    "-s",
    "-i",
    "-m",
    "-a",
    "-o",
    "-p",
    "--conf-file",
    "-v abc",
    "-v -1",
    "-v +1",
    "-v 1.5",
    "-v 0x5",
    "-s 65536",
    "-s -1",
    "-s abc",
    "-i -1",
    "-i x",
    "-m 0",
    "-m 511",
    "-m 16777217",
    "-m x",
    "--help=x",
    "--daemonize=maybe",
    "-d=2",
    "-c=",
    "--conf-file=",
    "-o=",
    "-p=",
    "-a=",
    "-h -x",
    "-V --nothing",
    "-t -s abc",
    "-c F check",
    "-h check",
    "check foo",
    "check -x",
    "route --json=x",
    "ring --keys 0",
    "demo --servers 0",
    "demo --servers 65",
    "demo -c F",
    "check -d",
];

#[test]
fn what_is_wrong_is_refused_also_behind_help() {
    for line in WRONG {
        let refused = action(line);
        assert!(refused.is_err(), "{line}: {refused:?}");
    }
}

#[test]
fn a_name_cut_too_short_is_refused_with_all_it_may_be() {
    for (line, wanted) in [
        ("--st=1", "'--st' is ambiguous: it may be '--stats-port' or '--stats-addr' or '--stats-interval'"),
        ("-d --ver 5", "'--ver' is ambiguous: it may be '--version' or '--verbose'"),
        ("ring --pool P --k 5 --co F --", ""),
    ] {
        let said = action(line).err().unwrap_or_default();
        let is_said = said.starts_with(&format!("error: {wanted}"));
        assert!(if wanted.is_empty() { said.is_empty() } else { is_said }, "{line}: {said}");
    }
}

#[test]
fn commands_take_the_same_spellings() {
    for line in [
        "check -c F",
        "check -cF",
        "check -config F",
        "check --conf=F",
        "check -conf-file=F",
        "check -c E --c F",
    ] {
        let Ok(Action::Command(Subcommand::Check(arguments))) = action(line) else { panic!("{line}") };
        assert_eq!(arguments.conf_file.path(), PathBuf::from("F"), "{line}");
    }
    for line in [
        "route -c F --pool P a b",
        "route a -c F b --pool=P",
        "route -pool P -config F -- a b",
        "route --po P a b",
    ] {
        assert!(matches!(action(line), Ok(Action::Command(Subcommand::Route(_)))), "{line}");
    }
    for line in
        ["ring", "ring -c F --vs G", "ring --vs=G --json", "ring -vs G -json", "ring --keys 10 --pool P"]
    {
        assert!(matches!(action(line), Ok(Action::Command(Subcommand::Ring(_)))), "{line}");
    }
    for line in ["demo", "demo --servers 5 --listen 127.0.0.1:0", "demo -servers=5"] {
        assert!(matches!(action(line), Ok(Action::Command(Subcommand::Demo(_)))), "{line}");
    }
    for line in [
        "bench",
        "bench --server 127.0.0.1:21211 --workers 10",
        "bench -server 127.0.0.1:21211 -workers=10",
        "bench --serv /tmp/socket --verify --mix get=1,set=1",
    ] {
        assert!(matches!(action(line), Ok(Action::Command(Subcommand::Bench(_)))), "{line}");
    }
}
