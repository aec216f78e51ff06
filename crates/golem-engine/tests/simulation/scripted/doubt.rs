//! In a pool that ejects, a failure on the way to ejection costs one request: the others wait for what comes of it.

use super::ejection::{REFUSED, ejecting};
use super::script::{Script, Who};

const RESET: &str = "SERVER_ERROR Connection reset by peer\r\n";

/// Five clients of one worker over three servers; what one of them had asked server 0 has just failed, and attempts to connect
/// to it hang.
fn failed_once() -> (Script, Vec<Who>, String) {
    let mut script = Script::crew(1, 3, ejecting);
    let clients: Vec<Who> = (0..5).map(|_| script.client()).collect();
    let key = script.key(0, 0);
    for server in 0..3 {
        let key = script.key(server, 0);
        script.hits(clients[0], &key, server);
        script.asked(server);
    }
    script.says(clients[0], format!("touch {key} 0\r\n"));
    script.server_resets(0);
    assert_eq!(script.hears(clients[0]), RESET);
    script.down = vec![0];
    script.hangs = true;
    (script, clients, key)
}

/// What each client heard.
fn heard(script: &mut Script, clients: &[Who]) -> Vec<String> {
    clients.iter().map(|client| script.hears(*client)).collect()
}

#[test]
fn a_failure_on_the_way_to_ejection_costs_one_request() {
    let (mut script, clients, key) = failed_once();
    for client in &clients {
        script.says(*client, format!("get {key}\r\n"));
    }
    script.hangs = false;
    script.run();
    assert_eq!(script.out(), [0]);
    let heir = if script.lives_on(&[0], 1, &key) { 1 } else { 2 };
    assert_eq!(script.asked(heir), format!("get {key}\r\n").repeat(4));
    script.answers(heir, "END\r\n".repeat(4));
    let heard = heard(&mut script, &clients);
    assert_eq!(heard[0], REFUSED, "the first tried the server");
    assert_eq!(heard[1..], ["END\r\n"; 4]);
    assert_eq!([script.counter(0, "connections_refused"), script.counter(0, "server_err")], [1, 2]);
}

#[test]
fn requests_of_every_kind_wait_with_what_their_clients_send_behind_them() {
    let (mut script, clients, key) = failed_once();
    let other = script.key(1, 0);
    let requests = [
        format!("get {key}\r\nget {other}\r\n"),
        format!("get {other} {key}\r\n"),
        format!("set {key} 0 0 1 noreply\r\nx\r\nmn\r\n"),
        format!("mg {key} v\r\nget {other}\r\n"),
        format!("get {other}\r\ntouch {key} 0\r\n"),
    ];
    for (client, request) in clients.iter().zip(&requests) {
        script.says(*client, request);
    }
    // The first waits for its connection, and what it sent behind that is asked; so is what the last sent before.
    assert_eq!(script.asked(1), format!("get {other}\r\n").repeat(2));
    assert_eq!(heard(&mut script, &clients), [""; 5]);
    script.answers(1, "END\r\n".repeat(2));
    assert_eq!(heard(&mut script, &clients), ["", "", "", "", "END\r\n"]);
    // It is there again.
    (script.hangs, script.down) = (false, Vec::new());
    script.run();
    let asked = format!("get {key}\r\nget {key} \r\nset {key} 0 0 1\r\nx\r\nmg {key} v\r\ntouch {key} 0\r\n");
    assert_eq!(script.asked(0), asked);
    script.answers(0, "END\r\nEND\r\nSTORED\r\nEN\r\nNOT_FOUND\r\n");
    assert_eq!(script.asked(1), format!("get {other} \r\nget {other}\r\n"));
    script.answers(1, "END\r\n".repeat(2));
    let all = ["END\r\nEND\r\n", "END\r\n", "MN\r\n", "EN\r\nEND\r\n", "NOT_FOUND\r\n"];
    assert_eq!(heard(&mut script, &clients), all);
    assert_eq!(script.counter(0, "failures_in_row"), 0);
}

#[test]
fn nobody_waits_for_long() {
    let (mut script, clients, key) = failed_once();
    for client in &clients {
        script.says(*client, format!("get {key}\r\n"));
    }
    // An eighth of the timeout.
    script.wait(12);
    script.says(clients[1], "mn\r\n");
    script.wait(1);
    // They wait for the connection itself now, and those who come wait with them.
    script.says(clients[1], format!("get {key}\r\n"));
    script.hangs = false;
    script.run();
    let heard = heard(&mut script, &clients);
    assert_eq!(heard[1], format!("{REFUSED}MN\r\n{REFUSED}"));
    assert!(heard[2..].iter().all(|heard| heard == REFUSED), "{heard:?}");
    assert_eq!(script.out(), [0]);
}

#[test]
fn clients_that_wait_may_leave() {
    let (mut script, clients, key) = failed_once();
    for client in &clients {
        script.says(*client, format!("get {key}\r\n"));
    }
    script.client_closes(clients[1]);
    script.client_resets(clients[2]);
    script.client_finishes(clients[3]);
    script.hangs = false;
    script.run();
    let heir = if script.lives_on(&[0], 1, &key) { 1 } else { 2 };
    let asked = script.asked(heir).matches("get").count();
    script.answers(heir, "END\r\n".repeat(asked));
    assert_eq!([script.hears(clients[3]), script.hears(clients[4])], ["END\r\n"; 2]);
    for client in clients {
        script.client_closes(client);
    }
    script.wait(5_000);
    assert!(script.is_empty());
}

#[test]
fn without_ejection_nobody_waits() {
    let mut script = Script::new(1);
    let clients: Vec<Who> = (0..3).map(|_| script.client()).collect();
    script.hits(clients[0], "a", 0);
    script.says(clients[0], "touch a 0\r\n");
    script.server_resets(0);
    assert_eq!(script.hears(clients[0]), RESET);
    (script.hangs, script.down) = (true, vec![0]);
    for client in &clients {
        script.says(*client, "get a\r\n");
    }
    script.hangs = false;
    script.run();
    assert_eq!(heard(&mut script, &clients), [REFUSED; 3]);
}
