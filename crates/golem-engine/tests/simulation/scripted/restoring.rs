//! What becomes of an ejected server: it comes back by a probe that it answers, and no request is spent on finding out.

use super::ejection::{LATE, REFUSED, crew, ejecting};
use super::script::Script;
use golem_engine::coordinator::Change;
use std::time::Duration;

/// Milliseconds between ejection and probe.
const RETRY: u64 = 30_000;

#[test]
fn requests_on_their_way_to_an_ejected_server_may_still_be_answered() {
    let mut script = crew(2);
    let (asking, other) = (script.client_of(0), script.client_of(1));
    let key = script.key(0, 0);
    assert_eq!(script.get(asking, &key), "");
    let link = script.conn(0);
    script.down = vec![0];
    for _ in 0..2 {
        assert_eq!(script.get(other, &key), REFUSED);
        script.wait(20);
    }
    while script.out().is_empty() {
        script.get(other, &key);
        script.wait(5);
    }
    script.stage.links[link].inward.write(b"END\r\n");
    script.run();
    assert_eq!(script.hears(asking), "END\r\n");
}

#[test]
fn idle_connections_to_an_ejected_server_are_let_go() {
    let mut script = crew(2);
    let (idle, other) = (script.client_of(0), script.client_of(1));
    script.hits(idle, &script.key(0, 0), 0);
    script.eject(other);
    assert!(!script.is_up(0), "it may be dead without anybody's knowing");
    assert_eq!(
        ["connections_open", "server_connections", "server_eof"].map(|name| script.counter(0, name)),
        [0; 3]
    );
}

#[test]
fn a_server_returns_by_its_probe_and_no_request_is_spent_on_it() {
    let mut script = crew(2);
    let (first, second) = (script.client_of(0), script.client_of(1));
    script.eject(first);
    let tried = script.counter(0, "connections_total");
    script.wait(RETRY - 1000);
    assert_eq!(script.stage.office.probes.len(), 1, "one for the process");
    script.wait(1000);
    assert!(script.stage.office.probes.is_empty(), "it waits a second");
    script.wait(RETRY);
    assert_eq!(script.counter(0, "probes_failed"), 2);
    script.down.clear();
    script.wait(RETRY - 1000);
    assert_eq!(script.counter(0, "connections_total"), tried);
    assert!(script.stage.answer_probe(0, b"VERSION 1.6.18\r\n"));
    script.run();
    assert_eq!(script.out(), []);
    let key = script.key(0, 0);
    script.hits(first, &key, 0);
    script.hits(second, &key, 0);
    let [Change::Ejected { left: 2, .. }, Change::Restored { .. }] = script.stage.office.changes[..] else {
        panic!("{:?}", script.stage.office.changes)
    };
}

#[test]
fn a_connection_that_is_stuck_is_made_anew_when_its_server_is_back() {
    for hangs in [false, true] {
        let mut script = Script::crew(1, 3, |settings| {
            ejecting(settings);
            settings.server_retry_timeout = Duration::from_millis(150);
            settings.connect_timeout = Duration::from_secs(60);
        });
        script.hangs = hangs;
        let other = script.client();
        let key = script.key(0, 0);
        for _ in 0..2 {
            assert_eq!(script.get(other, &key), "");
            script.wait(100);
            assert_eq!(script.hears(other), LATE);
        }
        assert_eq!(script.out(), [0]);
        script.wait(150);
        // An attempt of before stays undecided.
        script.stage.arrivals.clear();
        script.hangs = false;
        assert!(script.stage.answer_probe(0, b"VERSION 1.6.18\r\n"));
        script.run();
        script.hits(other, &key, 0);
        assert_eq!(script.conns(0), if hangs { 1 } else { 2 });
        let gauges = ["in_queue", "out_queue", "in_queue_bytes", "out_queue_bytes", "failures_in_row"];
        assert_eq!(gauges.map(|name| script.counter(0, name)), [0; 5]);
        assert_eq!(["connections_open", "server_connections"].map(|name| script.counter(0, name)), [1, 1]);
    }
}

#[test]
fn a_server_that_fails_at_once_after_its_return_is_held_out_longer() {
    let mut script = crew(2);
    let client = script.client();
    for times in [1, 2, 4, 4] {
        script.eject(client);
        let last = script.stage.office.changes.last().cloned();
        let Some(Change::Ejected { hold, .. }) = last else { panic!("{last:?}") };
        assert_eq!(hold, Duration::from_millis(times * RETRY));
        while !script.stage.answer_probe(0, b"VERSION 1.6.18\r\n") {
            script.wait(1000);
        }
        script.run();
        assert_eq!(script.out(), []);
    }
}

#[test]
fn more_servers_than_allowed_stay_in_and_fail() {
    let mut script = Script::crew(1, 3, |settings| {
        ejecting(settings);
        settings.eject_max_percent = 34;
    });
    let client = script.client();
    script.eject(client);
    script.down = vec![0, 1];
    let key = script.key(1, 0);
    for _ in 0..6 {
        assert_eq!(script.get(client, &key), REFUSED);
        script.wait(2000);
    }
    assert_eq!(script.out(), [0]);
    assert!(script.stage.pool_counter("server_kept") >= 2);
}

#[test]
fn when_all_are_out_a_value_that_is_too_large_is_refused_as_quietly_as_it_was_sent() {
    let mut script = Script::crew(1, 2, |settings| {
        ejecting(settings);
        settings.item_size_max = 10;
    });
    let client = script.client();
    script.down = vec![0, 1];
    while script.out().len() < 2 {
        for server in 0..2 {
            let key = script.key(server, 0);
            assert_eq!(script.get(client, &key), REFUSED);
        }
        script.wait(1000);
    }
    let data = "x".repeat(11);
    script.says(client, format!("set a 0 0 11 noreply\r\n{data}\r\nmn\r\nset a 0 0 11\r\n{data}\r\nmn\r\n"));
    assert_eq!(script.hears(client), format!("MN\r\n{REFUSED}MN\r\n"));
}

#[test]
fn when_all_are_out_requests_fail_at_once_and_none_is_tried() {
    let mut script = crew(2);
    let clients = [script.client_of(0), script.client_of(1)];
    script.down = vec![0, 1, 2];
    while script.out().len() < 3 {
        for server in 0..3 {
            let key = script.key(server, 0);
            assert_eq!(script.get(clients[0], &key), REFUSED);
        }
        script.wait(1000);
    }
    let tried: i64 = (0..3).map(|server| script.counter(server, "connections_total")).sum();
    for client in clients {
        script.says(client, "set a 0 0 1\r\nx\r\nget a\r\nmn\r\nset a 0 0 1 noreply\r\nx\r\nget a b\r\n");
        assert_eq!(script.hears(client), format!("{REFUSED}{REFUSED}MN\r\n{REFUSED}"));
    }
    assert_eq!((0..3).map(|server| script.counter(server, "connections_total")).sum::<i64>(), tried);
    assert!(clients.iter().all(|client| script.is_closed(*client)), "as it is when one server fails");
}
