//! When a lost server connection is made again, and what requests are told before.

use super::script::{Script, Who};
use golem_config::MultigetFailure;
use golem_engine::Failure;

const REFUSED: &str = "SERVER_ERROR Connection refused\r\n";
const RESET: &str = "SERVER_ERROR Connection reset by peer\r\n";

/// Attempts to connect to server 0 so far, whatever came of them.
fn attempts(script: &Script) -> i64 {
    script.counter(0, "connections_total")
}

/// A server that has refused one connection, and a client.
fn refused() -> (Script, Who) {
    let mut script = Script::new(1);
    script.refuses = Some(Failure::ConnectionRefused);
    let client = script.client();
    script.says(client, "get a\r\n");
    assert_eq!(script.hears(client), REFUSED);
    (script, client)
}

#[test]
fn a_server_that_refuses_is_not_asked_again_at_once() {
    let (mut script, client) = refused();
    script.wait(9);
    let large = format!("set a 0 0 20000\r\n{}\r\n", "x".repeat(20_000));
    for (request, told) in [
        ("get a\r\n", REFUSED),
        ("mg a v q\r\nmn\r\n", "SERVER_ERROR Connection refused\r\nMN\r\n"),
        ("set a 0 0 1\r\nx\r\n", REFUSED),
        ("set a 0 0 1 noreply\r\nx\r\nmn\r\n", "MN\r\n"),
        (&large, REFUSED),
    ] {
        script.says(client, request);
        assert_eq!(script.hears(client), told, "{request:.30}");
    }
    assert_eq!(attempts(&script), 1, "nobody tried");
    assert_eq!(script.counter(0, "requests_held_off"), 5);
    assert_eq!(script.counter(0, "requests"), 1, "none of them was sent");
    script.refuses = None;
    script.wait(11);
    script.says(client, "get a\r\n");
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(client), "END\r\n");
    script.client_closes(client);
    assert!(script.is_empty());
}

#[test]
fn pauses_grow_up_to_a_second() {
    let (mut script, client) = refused();
    // A client that asks every millisecond, for ten seconds.
    let mut tries = Vec::new();
    for now in 0..10_000 {
        let before = attempts(&script);
        script.wait(1);
        script.says(client, "get a\r\n");
        assert_eq!(script.hears(client), REFUSED);
        if attempts(&script) > before {
            tries.push(now);
        }
    }
    let pauses: Vec<i32> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((14..=26).contains(&tries.len()), "{tries:?}");
    assert!(pauses[..4].iter().all(|pause| *pause < 330), "{pauses:?}");
    assert!(pauses[6..].iter().all(|pause| (500..=1001).contains(pause)), "{pauses:?}");
}

#[test]
fn a_connection_that_had_answered_is_made_again_at_once() {
    let mut script = Script::new(1);
    let client = script.client();
    for round in 1..5 {
        script.says(client, "set a 0 0 1\r\nx\r\n");
        assert_eq!(attempts(&script), round);
        script.answers(0, "STORED\r\n");
        script.says(client, "set a 0 0 1\r\nx\r\n");
        script.server_resets(0);
        assert_eq!(script.hears(client), format!("STORED\r\n{RESET}"));
    }
}

#[test]
fn a_connection_that_is_lost_before_it_has_answered_is_not_made_again_at_once() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "get a\r\n");
    script.server_resets(0);
    script.says(client, "get a\r\nget b\r\n");
    assert_eq!(script.hears(client), RESET.repeat(3), "with the last reason");
    assert_eq!(attempts(&script), 1);
    script.wait(20);
    script.says(client, "get a\r\n");
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(client), "END\r\n");
}

#[test]
fn a_server_with_too_many_connections_is_given_a_pause() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "get a\r\n");
    script.answers(0, "ERROR Too many open connections\r\n");
    script.says(client, "get a\r\n");
    assert_eq!(script.hears(client), REFUSED.repeat(2));
    assert_eq!((attempts(&script), script.counter(0, "server_full")), (1, 1));
    script.wait(20);
    script.says(client, "get a\r\n");
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(client), "END\r\n");
}

#[test]
fn each_connection_to_a_server_has_its_own_pause() {
    let mut script = Script::with(1, |settings| settings.server_connections = 2);
    let (first, second) = (script.client(), script.client());
    script.says(first, "get a\r\n");
    script.server_resets(0);
    script.says(second, "get a\r\n");
    script.answers(0, "END\r\n");
    assert_eq!((script.hears(first), script.hears(second)), (RESET.to_owned(), "END\r\n".to_owned()));
}

#[test]
fn a_retrieval_of_several_keys_loses_the_part_of_a_server_that_is_not_tried() {
    let policies = [MultigetFailure::Close, MultigetFailure::Keep, MultigetFailure::Miss];
    for policy in policies {
        let mut script = Script::with(2, |settings| {
            settings.multiget_failure = policy;
            settings.admin_commands.flush_all = true;
        });
        let client = script.client();
        let [up, down] = [0, 1].map(|server| [0, 1].map(|number| script.key(server, number)));
        script.says(client, format!("get {}\r\n", down[0]));
        script.server_resets(1);
        assert_eq!(script.hears(client), RESET);
        script.says(client, "flush_all\r\n");
        script.answers(0, "OK\r\n");
        assert_eq!(script.hears(client), RESET, "the server that answered does not count");
        script.says(client, format!("get {} {} {} {}\r\n", down[0], up[0], down[1], up[1]));
        assert_eq!(script.asked(0), format!("flush_all\r\nget {} {} \r\n", up[0], up[1]));
        let value = format!("VALUE {} 0 1\r\nx\r\n", up[1]);
        script.answers(0, format!("{value}END\r\n"));
        let told = if policy == MultigetFailure::Miss { format!("{value}END\r\n") } else { RESET.to_owned() };
        assert_eq!(script.hears(client), told);
        assert_eq!(script.is_closed(client), policy == MultigetFailure::Close);
        script.client_closes(client);
        assert!(script.is_empty());
    }
}

#[test]
fn gat_lines_for_a_server_that_is_not_tried_are_not_written() {
    let mut script = Script::with(1, |settings| settings.multiget_failure = MultigetFailure::Keep);
    let client = script.client();
    script.says(client, "get a\r\n");
    script.server_resets(0);
    let keys: String = (0..100).map(|number| format!(" {}{number}", "k".repeat(200))).collect();
    script.says(client, format!("gat 0{keys}\r\nmn\r\n"));
    assert_eq!(script.hears(client), format!("{RESET}{RESET}MN\r\n"));
    script.client_closes(client);
    assert!(script.is_empty());
}
