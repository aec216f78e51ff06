//! Servers that refuse, break off, say nothing, or say what answers no request.

use super::script::Script;
use golem_config::MultigetFailure;
use golem_engine::Failure;

type End = fn(&mut Script);

#[test]
fn each_failure_has_nutcrackers_wording_and_the_client_stays() {
    let ends: [(&str, End); 3] = [
        ("Connection reset by peer", |script| script.server_resets(0)),
        ("Connection closed by server", |script| script.server_closes(0)),
        ("Connection timed out", |script| script.wait(100)),
    ];
    for (wording, happens) in ends {
        let mut script = Script::new(1);
        let client = script.client();
        script.says(client, "get a\r\nset a 0 0 1\r\nx\r\n");
        happens(&mut script);
        let line = format!("SERVER_ERROR {wording}\r\n");
        assert_eq!(script.hears(client), format!("{line}{line}"));
        script.says(client, "mn\r\n");
        assert_eq!(script.hears(client), "MN\r\n");
    }
    let mut script = Script::new(1);
    script.refuses = Some(Failure::ConnectionRefused);
    let client = script.client();
    script.says(client, "get a\r\n");
    assert_eq!(script.hears(client), "SERVER_ERROR Connection refused\r\n");
    script.refuses = None;
    script.wait(20);
    script.says(client, "get a\r\n");
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(client), "END\r\n", "the next need makes a new connection");
}

#[test]
fn an_attempt_that_hangs_fails_its_requests_in_time() {
    let mut script = Script::new(1);
    script.hangs = true;
    let client = script.client();
    script.says(client, "get a\r\n");
    script.wait(99);
    assert_eq!(script.hears(client), "");
    script.wait(1);
    assert_eq!(script.hears(client), "SERVER_ERROR Connection timed out\r\n");
    assert_eq!(script.stage.workers[0].engine.server_connections(), 0);
}

#[test]
fn too_many_open_connections_is_a_refusal_and_not_an_answer() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "set a 0 0 1\r\nx\r\n");
    script.answers(0, "ERROR Too many open connections\r\n");
    assert_eq!(script.hears(client), "SERVER_ERROR Connection refused\r\n");
    assert!(!script.is_up(0));
    assert_eq!(["server_full", "protocol_errors"].map(|name| script.counter(0, name)), [1, 0]);
}

#[test]
fn a_server_that_loses_step_loses_its_connection() {
    let key = |script: &Script, n| script.key(0, n);
    let value = |key: &str| format!("VALUE {key} 0 1\r\nx\r\n");
    let mut wrong: Vec<String> =
        ["STORED\r\n", "MN\r\n", "\r\n", "END\n", "VALUE\r\n", "\0"].map(String::from).into();
    let probe = Script::new(1);
    wrong[5] = "\0\r\n".to_owned();
    wrong.push(value("other") + "END\r\n");
    wrong.push(value(&key(&probe, 0)) + &value(&key(&probe, 0)) + "END\r\n");
    wrong.push(value(&key(&probe, 0)) + "STORED\r\n");
    wrong.push(format!("VALUE {} 0 1\r\nxyz\r\nEND\r\n", key(&probe, 0)));
    for reply in wrong {
        let mut script = Script::new(1);
        let (client, other) = (script.client(), script.client());
        script.says(client, format!("get {}\r\n", key(&script, 0)));
        script.says(other, "touch b 0\r\n");
        script.answers(0, &reply);
        assert!(!script.is_up(0), "{reply:?}");
        assert_eq!(script.hears(client), "SERVER_ERROR Invalid argument\r\n", "{reply:?}");
        assert_eq!(script.hears(other), "SERVER_ERROR Invalid argument\r\n", "{reply:?}");
        assert_eq!(script.counter(0, "protocol_errors"), 1);
    }
}

#[test]
fn a_dropped_value_must_end_where_it_should() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "mg a v\r\n");
    script.wait(100);
    script.says(client, "incr n 1\r\n");
    // A byte short: the first digit of the next reply would be taken for the last byte of this one.
    script.answers(0, format!("VA 20000\r\n{}\r\n12\r\n", "x".repeat(19_999)));
    let heard = script.hears(client);
    assert_eq!(heard, "SERVER_ERROR Connection timed out\r\nSERVER_ERROR Invalid argument\r\n");
}

#[test]
fn bytes_that_no_request_waits_for_end_the_connection() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "get a\r\n");
    script.answers(0, "END\r\nEND\r\n");
    assert_eq!(script.hears(client), "END\r\n");
    assert!(!script.is_up(0));
    script.says(client, "get a\r\n");
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(client), "END\r\n");
}

/// A multi-key get of which server 0 answers and server 1 fails.
fn half_failed(policy: MultigetFailure) -> (Script, super::script::Who, String) {
    let mut script = Script::with(2, |settings| settings.multiget_failure = policy);
    let (first, second) = (script.key(0, 0), script.key(1, 0));
    let client = script.client();
    script.says(client, format!("mn\r\nget {second} {first} {second}\r\nmn\r\n"));
    let value = format!("VALUE {first} 0 1\r\nx\r\n");
    script.answers(0, format!("{value}END\r\n"));
    assert_eq!(script.hears(client), "MN\r\n");
    script.server_resets(1);
    (script, client, value)
}

#[test]
fn a_failed_part_closes_the_client_behind_one_error_line() {
    let (mut script, client, _) = half_failed(MultigetFailure::Close);
    assert_eq!(script.hears(client), "SERVER_ERROR Connection reset by peer\r\n");
    assert!(script.is_closed(client));
}

#[test]
fn a_failed_part_is_one_error_line_and_the_client_is_kept() {
    let (mut script, client, _) = half_failed(MultigetFailure::Keep);
    assert_eq!(script.hears(client), "SERVER_ERROR Connection reset by peer\r\nMN\r\n");
    assert!(!script.is_closed(client));
}

#[test]
fn a_failed_part_counts_as_misses() {
    let (mut script, client, value) = half_failed(MultigetFailure::Miss);
    assert_eq!(script.hears(client), format!("{value}END\r\nMN\r\n"));
    assert!(!script.is_closed(client));
}

#[test]
fn what_waits_behind_a_failed_multi_get_finds_nobody() {
    let mut script = Script::with(2, |settings| settings.multiget_failure = MultigetFailure::Close);
    let (first, second) = (script.key(0, 0), script.key(1, 0));
    let (client, other) = (script.client(), script.client());
    script.says(client, format!("get {first} {second}\r\nget {first}\r\n"));
    script.says(other, format!("get {first}\r\n"));
    script.server_resets(1);
    script.answers(0, format!("END\r\nEND\r\nVALUE {first} 0 1\r\nx\r\nEND\r\n"));
    assert_eq!(script.hears(client), "SERVER_ERROR Connection reset by peer\r\n");
    assert_eq!(script.hears(other), format!("VALUE {first} 0 1\r\nx\r\nEND\r\n"));
    script.client_closes(client);
    script.client_closes(other);
    assert!(script.is_empty());
}
