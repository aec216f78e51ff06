//! `golemproxy bench` as it is started, against a server inside the test.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use golem_memserver::{Faults, Garbage, MemServer, Options};
use golem_net::Target;
use std::process::{Command, Output};

fn server() -> MemServer {
    MemServer::start(&Target::Tcp("127.0.0.1:0".parse().unwrap()), Options::default()).unwrap()
}

fn bench(server: &MemServer, line: &str) -> Output {
    let address = server.address().to_string();
    let words = line.split_whitespace().map(|word| word.replace("ADDRESS", &address));
    Command::new(env!("CARGO_BIN_EXE_golemproxy")).arg("bench").args(words).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_old_tools_command_line_just_works() {
    let server = server();
    for line in [
        "-server ADDRESS -workers 10 -count 2000 -warmup 0",
        "-server=ADDRESS -workers=10 -count=2000 -warmup=0 -verify=true",
        "--server ADDRESS --workers 10 --count 2000 --warmup 0 --verify",
    ] {
        let output = bench(&server, line);
        assert!(output.status.success(), "{output:?}");
        let text = out(&output);
        assert!(text.starts_with("load       10 connections, 1 in flight on each\n"), "{text}");
        assert!(text.contains("\nget  ") && text.contains("p99.99"), "{text}");
    }
}

#[test]
fn report_goes_to_standard_output_as_json_and_the_distribution_to_its_file() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("times");
    let line = format!("--server ADDRESS --count 2000 --warmup 0 --json --hdr {}", file.display());
    let output = bench(&server, &line);
    assert!(output.status.success(), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["replies"].as_u64().unwrap() >= 2000);
    assert!(std::fs::read_to_string(file).unwrap().contains("Total count"));
}

#[test]
fn errors_and_mismatches_make_it_fail() {
    let server = server();
    let get = "--server ADDRESS --count 100 --warmup 0 --get-percent 100 --no-preload --duration 1";
    assert!(String::from_utf8_lossy(&bench(&server, get).stderr).contains("cannot be used with"));
    let garbage = Garbage::Instead(b"VALUE golem:0999999999 0 32\r\n".to_vec());
    server.set_faults(Faults { garbage: Some(garbage), ..Faults::default() }).unwrap();
    let output = bench(&server, "--server ADDRESS --count 100 --warmup 0 --get-percent 100 --no-preload");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("golemproxy: connection "), "{said}");
}

#[test]
fn load_that_a_floor_cannot_answer_is_refused() {
    let output = bench(&server(), "--server ADDRESS --against-echo --mix get=1,delete=1");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("the floor knows"), "{output:?}");
}
