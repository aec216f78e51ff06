//! How long, and by how many, a connection may be waited for.

use super::script::{Script, Who};
use std::time::Duration;

const LATE: &str = "SERVER_ERROR Connection timed out\r\n";

/// A server to which attempts to connect stay undecided, and a client.
fn hanging(timeout: Option<u64>, connect_timeout: u64) -> (Script, Who) {
    let mut script = Script::with(1, |settings| {
        settings.timeout = timeout.map(Duration::from_millis);
        settings.connect_timeout = Duration::from_millis(connect_timeout);
    });
    script.hangs = true;
    let client = script.client();
    (script, client)
}

/// The attempt that hangs is made, or fails as it should have.
fn decide(script: &mut Script) {
    script.hangs = false;
    script.run();
}

#[test]
fn an_attempt_ends_also_where_replies_are_waited_for_without_end() {
    let (mut script, client) = hanging(None, 500);
    script.says(client, "get a\r\n");
    script.wait(400);
    script.says(client, "get b\r\n");
    script.wait(99);
    assert_eq!(script.hears(client), "");
    script.wait(1);
    assert_eq!(script.hears(client), LATE.repeat(2));
    assert_eq!(script.stage.workers[0].engine.server_connections(), 0);
    // Also when nobody waits any more.
    script.wait(20);
    script.says(client, "get a\r\n");
    script.client_closes(client);
    script.wait(500);
    assert_eq!(script.stage.workers[0].engine.server_connections(), 0);
    assert_eq!(script.stage.next_deadline(), None, "nothing is left to look at");
}

#[test]
fn an_attempt_that_is_made_in_time_is_not_given_up() {
    let (mut script, client) = hanging(None, 500);
    script.says(client, "get a\r\n");
    script.wait(499);
    decide(&mut script);
    script.wait(60_000);
    assert_eq!(script.asked(0), "get a\r\n");
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(client), "END\r\n");
    assert_eq!(script.counter(0, "connections_total"), 1);
}

#[test]
fn requests_time_out_while_the_attempt_goes_on() {
    let (mut script, client) = hanging(Some(100), 1000);
    script.says(client, "get a\r\n");
    script.wait(50);
    script.says(client, "get b\r\n");
    script.wait(50);
    assert_eq!(script.hears(client), LATE);
    script.wait(50);
    assert_eq!(script.hears(client), LATE);
    script.wait(500);
    script.says(client, "get c\r\n");
    decide(&mut script);
    assert_eq!(script.asked(0), "get c\r\n", "what was late is never sent");
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(client), "END\r\n");
}

#[test]
fn an_attempt_may_end_before_its_requests_are_late() {
    let (mut script, client) = hanging(Some(1000), 100);
    script.says(client, "get a\r\n");
    script.wait(100);
    assert_eq!(script.hears(client), LATE);
    script.says(client, "get a\r\n");
    assert_eq!(script.hears(client), LATE, "too early to try again");
    assert_eq!(script.counter(0, "connections_total"), 1);
}

#[test]
fn a_connection_made_beforehand_is_given_up_too() {
    let mut script = Script::with(1, |settings| {
        settings.preconnect = true;
        settings.connect_timeout = Duration::from_millis(200);
    });
    script.hangs = true;
    script.stage.preconnect();
    script.wait(200);
    assert_eq!(script.stage.workers[0].engine.server_connections(), 0);
}

#[test]
fn a_request_is_late_in_time_on_a_connection_just_made() {
    let (mut script, client) = hanging(Some(100), 3000);
    script.hangs = false;
    script.says(client, "get a\r\n");
    script.wait(99);
    assert_eq!(script.hears(client), "");
    script.wait(1);
    assert_eq!(script.hears(client), LATE);
    script.wait(200);
    assert!(!script.is_up(0), "silent for three timeouts");
}

const CROWDED: &str = "SERVER_ERROR Too many requests wait for a connection\r\n";

#[test]
fn only_so_many_requests_wait_for_a_connection() {
    let mut script = Script::with(2, |settings| {
        // Enough for 256 requests of which no reply has come.
        (settings.client_soft_limit, settings.client_hard_limit) = (1 << 40, 1 << 40);
        settings.multiget_failure = golem_config::MultigetFailure::Keep;
    });
    let (key, other) = (script.key(0, 0), script.key(1, 0));
    script.hangs = true;
    let crowd: Vec<Who> = (0..64).map(|_| script.client()).collect();
    for &client in &crowd {
        script.says(client, format!("get {key}\r\n").repeat(256));
        assert_eq!(script.hears(client), "");
    }
    let late = script.client();
    script.says(late, format!("get {key}\r\nset {key} 0 0 1 noreply\r\nx\r\nget {key} {other}\r\n"));
    assert_eq!(script.hears(late), CROWDED, "the last request waits for the other server");
    assert_eq!(script.counter(0, "requests_turned_away"), 3);
    decide(&mut script);
    script.answers(1, "END\r\n");
    assert_eq!(script.hears(late), CROWDED);
    assert_eq!(script.asked(0).len(), 16_384 * format!("get {key}\r\n").len());
    script.says(late, format!("get {key}\r\n"));
    assert_eq!(script.asked(0), format!("get {key}\r\n"), "the connection is made");
    script.answers(0, "END\r\n".repeat(16_385));
    assert_eq!(script.hears(late), "END\r\n");
    for client in crowd.into_iter().chain([late]) {
        script.client_closes(client);
    }
    assert!(script.is_empty());
}

#[test]
fn only_so_many_bytes_wait_for_a_connection() {
    const HALF: usize = 33 << 20;
    let (mut script, client) = hanging(None, 3000);
    let set = format!("set a 0 0 {HALF}\r\n{}\r\n", "x".repeat(HALF));
    for _ in 0..2 {
        let sender = script.client_with((set.len(), 100));
        script.says(sender, &set);
        assert_eq!(script.hears(sender), "");
    }
    // The second one waited for room.
    script.wait(1000);
    script.says(client, "get a\r\n");
    assert_eq!(script.hears(client), CROWDED);
}

#[test]
fn a_driver_can_ask_whether_and_where_a_connection_is_wanted() {
    let (mut script, client) = hanging(Some(100), 500);
    script.says(client, "get a\r\n");
    let link = script.stage.arrivals[0].link;
    let golem_engine::id::Connection::Server(conn) = script.stage.links[link].connection else {
        panic!("a client arrived");
    };
    let state = |script: &Script| {
        let engine = &script.stage.workers[0].engine;
        let server = engine.server_of(conn).map(|of| of.index.index());
        (engine.is_connecting(conn), server, engine.server_connections())
    };
    assert_eq!(state(&script), (true, Some(0), 1));
    decide(&mut script);
    assert_eq!(state(&script), (false, Some(0), 1));
    script.server_closes(0);
    assert_eq!(state(&script), (false, None, 0));
}

#[test]
fn only_pools_that_say_so_are_connected_beforehand() {
    for preconnect in [false, true] {
        let mut script = Script::with(3, |settings| settings.preconnect = preconnect);
        script.stage.preconnect();
        script.run();
        assert_eq!([0, 1, 2].map(|server| script.conns(server)), [usize::from(preconnect); 3]);
    }
}

#[test]
fn clients_share_the_connections_to_a_server_evenly() {
    let mut script = Script::with(1, |settings| settings.server_connections = 2);
    let [first, second, third] = [0; 3].map(|_| script.client());
    for (client, conns) in [(first, 1), (second, 2), (third, 2)] {
        script.says(client, "touch a 0\r\n");
        assert_eq!(script.conns(0), conns);
    }
    assert_eq!(script.asked(0), "touch a 0\r\n", "the second client alone uses the second connection");
    script.client_resets(first);
    script.client_resets(third);
    let newcomers = [0; 5].map(|_| {
        let client = script.client();
        script.says(client, "touch b 0\r\n");
        usize::from(!script.asked(0).is_empty())
    });
    assert_eq!(newcomers, [0, 0, 1, 0, 1]);
    assert_eq!(script.conns(0), 2);
}
