//! Clients that have to go: one too many, idle for too long, the end of the process.

use super::script::{ROOM, Script, Who};
use std::time::Duration;

fn leave(script: &mut Script) {
    script.stage.workers[0].engine.leave();
    script.run();
}

fn has_left(script: &Script) -> bool {
    script.stage.workers[0].engine.has_left()
}

fn is_gone(script: &Script, who: Who) -> bool {
    script.stage.links[who.0].closed
}

#[test]
fn one_client_too_many_is_told_so_and_closed() {
    let mut script = Script::new(1);
    let other = script.client();
    let client = Who(script.stage.turn_away(0, ROOM));
    script.says(client, "get a\r\n");
    assert_eq!(script.hears(client), "ERROR Too many open connections\r\n");
    assert!(script.is_closed(client) && !is_gone(&script, client), "it is given time to read that");
    let counters = ["client_total", "client_connections", "clients_refused"];
    assert_eq!(counters.map(|name| script.stage.pool_counter(name)), [2, 1, 1]);
    script.wait(1000);
    assert!(is_gone(&script, client));
    script.says(other, "mn\r\n");
    assert_eq!(script.hears(other), "MN\r\n");
    let counters = ["client_connections", "client_eof", "client_err"];
    assert_eq!(counters.map(|name| script.stage.pool_counter(name)), [1, 0, 0]);
    assert_eq!(script.conns(0), 0, "what it asked is not read");
    script.client_closes(other);
    assert!(script.is_empty());
}

fn with_idle_timeout() -> Script {
    Script::with(1, |settings| settings.client_idle_timeout = Some(Duration::from_secs(10)))
}

#[test]
fn a_client_that_sends_nothing_is_closed() {
    let mut script = with_idle_timeout();
    let (silent, half) = (script.client(), script.client());
    script.wait(5000);
    script.says(half, "get");
    script.wait(4999);
    assert!(!script.is_closed(silent));
    script.wait(1);
    assert!(script.is_closed(silent) && !script.is_closed(half));
    assert_eq!(script.stage.pool_counter("clients_idle"), 1);
    script.wait(4999);
    assert!(!script.is_closed(half), "counted from its last byte");
    script.wait(1);
    assert!(script.is_closed(half));
    script.wait(1000);
    assert!(is_gone(&script, silent) && is_gone(&script, half) && script.is_empty());
    let counters = ["clients_idle", "client_eof", "client_err"];
    assert_eq!(counters.map(|name| script.stage.pool_counter(name)), [2, 2, 0]);
    assert_eq!(script.stage.next_deadline(), None, "no timer is left");
}

#[test]
fn a_client_that_waits_for_a_reply_is_not_idle() {
    let mut script = Script::with(1, |settings| {
        settings.client_idle_timeout = Some(Duration::from_secs(10));
        settings.timeout = None;
    });
    let client = script.client();
    script.says(client, "get a\r\n");
    script.wait(35_000);
    assert!(!script.is_closed(client));
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(client), "END\r\n");
    script.wait(9_999);
    assert!(!script.is_closed(client), "counted from the end of its last reply");
    script.wait(1);
    assert!(script.is_closed(client));
}

#[test]
fn a_client_that_is_owed_replies_is_not_idle() {
    let mut script = Script::with(1, |settings| {
        (settings.client_soft_limit, settings.client_hard_limit) = (1000, 4000);
        settings.client_idle_timeout = Some(Duration::from_millis(50));
    });
    let client = script.client_with((1 << 20, 500));
    script.says(client, "mn\r\n".repeat(10_000));
    assert!(script.stage.links[client.0].paused);
    script.wait(30_000);
    assert!(!is_gone(&script, client), "a client may be stopped for a while");
    script.wait(40_000);
    assert!(is_gone(&script, client), "its other timer runs as without an idle timeout");
    let counters = ["clients_idle", "client_over_limit"];
    assert_eq!(counters.map(|name| script.stage.pool_counter(name)), [0, 1]);
}

#[test]
fn clients_that_come_and_go_leave_no_timers() {
    let mut script = with_idle_timeout();
    for _ in 0..1000 {
        let client = script.client();
        script.client_closes(client);
        script.wait(1);
    }
    assert!(
        script.stage.next_deadline().is_some_and(|next| next > 10_001_000),
        "those of the first are gone"
    );
}

#[test]
fn at_the_end_what_is_in_flight_is_answered_and_idle_clients_are_closed_at_once() {
    let mut script = Script::new(2);
    let [idle, asking, pipelining, storing, silent] = [0; 5].map(|_| script.client());
    let (first, second) = (script.key(0, 0), script.key(1, 0));
    script.says(asking, format!("get {first}\r\nget"));
    script.says(pipelining, format!("get {second}\r\nmn\r\nget {first} {second}\r\n"));
    script.says(storing, format!("set {second} 0 0 100000\r\nhalf"));
    script.says(silent, format!("set {first} 0 0 1 noreply\r\nx\r\n"));
    script.client_resets(silent);
    leave(&mut script);
    assert!(is_gone(&script, idle) && is_gone(&script, silent));
    assert!(script.is_closed(storing), "half a request is no request");
    assert!(!script.is_closed(asking) && !has_left(&script));
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(asking), "END\r\n");
    assert!(script.is_closed(asking));
    // The replies of server 0 come in the order of its requests.
    script.answers(0, "END\r\n");
    script.answers(1, "END\r\nEND\r\n");
    assert_eq!(script.hears(pipelining), "END\r\nMN\r\nEND\r\n");
    assert!(script.is_closed(pipelining) && !has_left(&script));
    for client in [asking, pipelining, storing] {
        script.client_closes(client);
        assert!(is_gone(&script, client));
    }
    assert!(!has_left(&script), "the request without a reply is on its way");
    script.answers(0, "STORED\r\n");
    assert!(has_left(&script) && script.is_empty());
}

#[test]
fn at_the_end_requests_that_were_read_and_held_back_are_answered() {
    let mut script = Script::with(1, |settings| {
        (settings.client_soft_limit, settings.client_hard_limit) = (2000, 100_000);
    });
    let client = script.client();
    script.says(client, "get a\r\n".repeat(20));
    assert!(script.stage.links[client.0].paused);
    leave(&mut script);
    let mut asked = 0;
    while asked < 20 {
        let more = script.asked(0).lines().count();
        assert!(more > 0, "it is read on");
        script.answers(0, "END\r\n".repeat(more));
        asked += more;
    }
    assert_eq!(script.hears(client), "END\r\n".repeat(20));
    assert!(script.is_closed(client));
    script.wait(1000);
    assert!(has_left(&script));
}

#[test]
fn at_the_end_a_client_whose_requests_were_held_back_is_read_until_it_has_read() {
    // The last of them may fill the client, or not.
    for requests in 15..40 {
        let mut script = Script::with(1, |settings| {
            (settings.client_soft_limit, settings.client_hard_limit) = (2000, 100_000);
        });
        let client = script.client();
        script.says(client, "get a\r\n".repeat(requests));
        assert!(script.stage.links[client.0].paused);
        leave(&mut script);
        let mut asked = 0;
        while asked < requests {
            let more = script.asked(0).lines().count();
            script.answers(0, "END\r\n".repeat(more));
            asked += more;
        }
        assert!(!script.stage.links[client.0].paused, "it may read nothing before it has sent everything");
        script.client_resets(client);
        assert!(is_gone(&script, client) && has_left(&script));
    }
}

#[test]
fn at_the_end_a_client_that_does_not_close_is_waited_for_a_second() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "get a\r\n");
    leave(&mut script);
    script.answers(0, "END\r\n");
    script.wait(999);
    assert!(!has_left(&script));
    script.wait(1);
    assert!(has_left(&script) && is_gone(&script, client));
}

#[test]
fn timers_are_tidied_with_more_servers_than_clients() {
    let mut script = Script::with(3, |settings| {
        settings.client_idle_timeout = Some(Duration::from_secs(10));
        settings.timeout = None;
    });
    let client = script.client();
    let keys = [0, 1, 2].map(|server| script.key(server, 0)).join(" ");
    script.says(client, format!("get {keys}\r\n"));
    (0..3).for_each(|server| script.answers(server, "END\r\n"));
    assert_eq!(script.hears(client), "END\r\n");
    let other = script.client();
    script.wait(10_000);
    assert!(script.is_closed(client) && script.is_closed(other));
}
