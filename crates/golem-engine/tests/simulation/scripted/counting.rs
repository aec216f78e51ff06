//! Every kind of failure has a counter of its own, and one of nutcracker's.

use super::script::{Script, Who};
use golem_config::MultigetFailure;
use golem_engine::Failure;

/// Those that tell failures apart.
const OURS: [&str; 9] = [
    "connections_refused",
    "connections_reset",
    "connections_closed",
    "connections_silent",
    "connections_failed",
    "connect_timeouts",
    "protocol_errors",
    "server_full",
    "requests_late",
];
const NUTCRACKERS: [&str; 3] = ["server_eof", "server_err", "server_timedout"];

/// What happens to the first request, and the counters that say so, with how much.
type Case = (&'static str, fn(&mut Script, Who), &'static [(&'static str, i64)]);

fn refused(script: &mut Script, client: Who, failure: Failure) {
    script.refuses = Some(failure);
    script.says(client, "get a\r\n");
}

const CASES: &[Case] = &[
    (
        "refused",
        |script, client| refused(script, client, Failure::ConnectionRefused),
        &[("connections_refused", 1), ("server_err", 1)],
    ),
    (
        "no socket",
        |script, client| refused(script, client, Failure::NoSuchFile),
        &[("connections_refused", 1), ("server_err", 1)],
    ),
    (
        "no name",
        |script, client| refused(script, client, Failure::HostDown),
        &[("connections_failed", 1), ("server_err", 1)],
    ),
    (
        "no way",
        |script, client| refused(script, client, Failure::Os(113)),
        &[("connections_failed", 1), ("server_err", 1)],
    ),
    (
        "not accepted",
        |script, client| {
            script.hangs = true;
            script.says(client, "get a\r\n");
            script.wait(100);
        },
        &[("connect_timeouts", 1), ("server_timedout", 1)],
    ),
    (
        "given up by the system",
        |script, client| refused(script, client, Failure::TimedOut),
        &[("connect_timeouts", 1), ("server_timedout", 1)],
    ),
    (
        "reset",
        |script, client| {
            script.says(client, "get a\r\n");
            script.server_resets(0);
        },
        &[("connections_reset", 1), ("server_err", 1)],
    ),
    (
        "closed",
        |script, client| {
            script.says(client, "get a\r\n");
            script.server_closes(0);
        },
        &[("connections_closed", 1), ("server_eof", 1)],
    ),
    (
        "full",
        |script, client| {
            script.says(client, "get a\r\n");
            script.answers(0, "ERROR Too many open connections\r\n");
        },
        &[("server_full", 1), ("server_err", 1)],
    ),
    (
        "nonsense",
        |script, client| {
            script.says(client, "get a\r\n");
            script.answers(0, "STORED\r\n");
        },
        &[("protocol_errors", 1), ("server_err", 1)],
    ),
    (
        "late",
        |script, client| {
            script.says(client, "get a\r\nget b\r\nget c\r\n");
            script.wait(100);
            script.answers(0, "END\r\nEND\r\nEND\r\n");
        },
        &[("requests_late", 3), ("server_timedout", 1)],
    ),
    (
        "silent",
        |script, client| {
            script.says(client, "get a\r\n");
            script.wait(300);
        },
        &[("requests_late", 1), ("connections_silent", 1), ("server_timedout", 2)],
    ),
];

#[test]
fn every_failure_has_its_own_counter() {
    for (what, happens, counted) in CASES {
        let mut script = Script::new(1);
        let client = script.client();
        happens(&mut script, client);
        script.hears(client);
        for name in OURS.iter().chain(&NUTCRACKERS) {
            let wanted = counted.iter().find(|(counter, _)| counter == name).map_or(0, |(_, count)| *count);
            assert_eq!(script.counter(0, name), wanted, "{name}: {what}");
        }
    }
}

#[test]
fn a_reply_counts_where_its_client_sees_it() {
    let mut script = Script::new(2);
    let [first, second] = [0, 1].map(|server| script.key(server, 0));
    let client = script.client();
    let counted = |script: &Script| {
        [0, 1].map(|server| {
            ["responses", "response_bytes", "replies_discarded"].map(|name| script.counter(server, name))
        })
    };
    script.says(client, format!("get {first}\r\n"));
    script.answers(0, "END\r\n");
    assert_eq!(counted(&script), [[1, 5, 0], [0, 0, 0]]);
    script.says(client, format!("set {first} 0 0 1 noreply\r\nx\r\n"));
    script.answers(0, "STORED\r\n");
    assert_eq!(counted(&script), [[1, 5, 1], [0, 0, 0]]);
    // Those that wait for an earlier one, and those that others wait for.
    script.says(client, format!("get {first}\r\nget {second}\r\nset {second} 0 0 1 noreply\r\nx\r\n"));
    script.answers(1, "END\r\nSTORED\r\n");
    assert_eq!(counted(&script), [[1, 5, 1], [1, 5, 1]]);
    script.answers(0, "END\r\n");
    assert_eq!(counted(&script), [[2, 10, 1], [1, 5, 1]]);
    script.says(client, format!("set {first} 0 0 1 noreply\r\nx\r\nget {second}\r\n"));
    script.answers(1, "END\r\n");
    script.answers(0, "STORED\r\n");
    assert_eq!(counted(&script), [[2, 10, 2], [2, 10, 1]]);
    assert_eq!(script.hears(client), "END\r\n".repeat(4));
    // Parts, large values and those that come in pieces.
    let value = |key: &str, len: usize| format!("VALUE {key} 0 {len}\r\n{}\r\n", "x".repeat(len));
    let (small, large) = (value(&first, 3), value(&second, 40_000));
    script.says(client, format!("get {first} {second}\r\nget {first} {first}\r\n"));
    script.answers(0, format!("{small}END\r\n"));
    script.answers(1, format!("{large}END\r\n"));
    script.answers(0, &small);
    script.answers(0, format!("{small}END\r\n"));
    let sums = [[4, 10 + 3 * small.len() as i64 + 10, 2], [3, 10 + large.len() as i64 + 5, 1]];
    assert_eq!(counted(&script), sums);
    assert_eq!(script.hears(client), format!("{small}{large}END\r\n{small}{small}END\r\n"));
    // Nobody sees these.
    script.says(client, format!("get {first}\r\nget {first} {second}\r\n"));
    script.client_resets(client);
    script.answers(0, format!("END\r\n{small}END\r\n"));
    script.answers(1, format!("{large}END\r\n"));
    assert_eq!(counted(&script), [[sums[0][0], sums[0][1], 4], [sums[1][0], sums[1][1], 2]]);
}

#[test]
fn a_request_that_got_an_error_of_ours_is_counted_once() {
    for (policy, request, count) in [
        (MultigetFailure::Keep, "get {0}\r\n", 1),
        (MultigetFailure::Keep, "set {0} 0 0 1\r\nx\r\nset {0} 0 0 1 noreply\r\nx\r\n", 1),
        (MultigetFailure::Keep, "get {0} {1} {0}\r\n", 1),
        (MultigetFailure::Miss, "get {0} {1} {0}\r\n", 1),
        (MultigetFailure::Close, "get {0} {1} {0}\r\n", 1),
        (MultigetFailure::Close, "get {1}\r\n", 0),
    ] {
        let mut script = Script::with(2, |settings| settings.multiget_failure = policy);
        let client = script.client();
        let [first, second] = [0, 1].map(|server| script.key(server, 0));
        script.down = vec![0];
        script.says(client, request.replace("{0}", &first).replace("{1}", &second));
        if script.conns(1) > 0 {
            script.answers(1, "END\r\n");
        }
        assert_eq!(script.stage.pool_counter("forward_error"), count, "{request}");
    }
}

#[test]
fn gauges_say_what_is_on_its_way() {
    let gauges = ["in_queue", "in_queue_bytes", "out_queue", "out_queue_bytes"];
    let now = |script: &Script| gauges.map(|name| script.counter(0, name));
    let mut script = Script::new(1);
    script.stage.server_room = 10;
    let client = script.client();
    script.hangs = true;
    script.says(client, "get a\r\nget bb\r\nget ccc\r\n");
    assert_eq!(now(&script), [3, 24, 0, 0]);
    script.hangs = false;
    script.run();
    assert_eq!(now(&script), [2, 17, 1, 7], "ten bytes were written");
    script.answers(0, "END\r\nEND\r\n");
    assert_eq!(now(&script), [1, 9, 0, 0], "answered before it was written");
    script.asked(0);
    assert_eq!(now(&script), [1, 9, 0, 0], "five bytes belonged to the one before");
    script.asked(0);
    assert_eq!(now(&script), [0, 0, 1, 9]);
    script.answers(0, "END\r\n");
    assert_eq!(now(&script), [0; 4]);
    assert_eq!(["requests", "request_bytes", "responses"].map(|name| script.counter(0, name)), [3, 24, 3]);
    assert_eq!(script.hears(client), "END\r\n".repeat(3));
}
