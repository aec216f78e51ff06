//! Every kind of failure has a counter of its own, and one of nutcracker's.

use super::script::{Script, Who};
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
