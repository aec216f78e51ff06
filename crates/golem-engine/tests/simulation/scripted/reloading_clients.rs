//! What another configuration means for clients: they stay with their pool, or get what they are owed.

use super::reloading::{asked, pool};
use super::script::Script;
use crate::stage::Settings;
use std::sync::Arc;

#[test]
fn clients_of_a_pool_that_is_gone_get_what_they_are_owed_and_are_closed() {
    let (mut script, client, conns) = asked(2);
    let idle = script.client();
    let other = |pool: &mut Settings| {
        pool.name = "other".to_owned();
        pool.listen.target = golem_config::ListenTarget::Unix { path: "/run/other".to_owned(), mode: None };
    };
    script.reloads(&[0, 1], other);
    assert!(script.is_closed(idle));
    assert!(!script.is_closed(client));
    // The new pool has connections of its own.
    let fresh = script.client();
    let key = script.key(0, 1);
    script.hits(fresh, &key, 0);
    assert_eq!(script.conns(0), 2);
    conns.iter().for_each(|&conn| script.answers_there(conn, "END\r\n"));
    assert_eq!(script.hears(client), "END\r\n".repeat(2));
    assert!(script.is_closed(client));
    script.client_closes(client);
    assert!(conns.iter().all(|&conn| !script.is_open(conn)), "nobody needs them any more");
    script.reloads(&[0, 1], other);
    script.hits(fresh, &key, 0);
    assert_eq!(script.conns(0), 2);
}

#[test]
fn requests_held_back_for_a_pool_that_is_gone_are_answered_before_it_goes() {
    let mut script = Script::with(1, |pool| pool.client_soft_limit = 2000);
    let client = script.client();
    script.says(client, "get a\r\n".repeat(50));
    let first = script.asked(0).matches("get").count();
    assert!(first < 50, "the rest is held back");
    let old = script.conn(0);
    script.reloads(&[0], |pool| {
        pool.name = "other".to_owned();
        pool.listen.target = golem_config::ListenTarget::Unix { path: "/run/other".to_owned(), mode: None };
    });
    let (mut left, mut heard) = (first, String::new());
    while left > 0 {
        script.answers_there(old, &"END\r\n".repeat(left));
        heard.push_str(&script.hears(client));
        left = script.asked_there(old).matches("get").count();
    }
    assert_eq!(heard, "END\r\n".repeat(50));
    assert!(script.is_closed(client));
}

#[test]
fn a_pool_with_another_name_at_the_same_address_keeps_its_clients() {
    let (mut script, client, conns) = asked(1);
    script.reloads(&[0], |pool| pool.name = "renamed".to_owned());
    script.answers_there(conns[0], "END\r\n");
    assert_eq!(script.hears(client), "END\r\n");
    let key = script.key(0, 1);
    script.hits(client, &key, 0);
    assert_eq!(script.conns(0), 1);
}

#[test]
fn a_large_value_goes_to_the_server_that_has_its_key_when_it_is_there() {
    let mut script = Script::new(2);
    let client = script.client();
    let key = (0..).map(|n| format!("m{n}")).find(|key| {
        let after = pool(&[0, 1], |pool| pool.servers[0].weight = 50);
        let mut later = Script::new(2);
        later.stage.settings = Arc::new(after);
        script.lives_on(&[], 1, key) && later.lives_on(&[], 0, key)
    });
    let key = key.expect("some key moves");
    let data = "x".repeat(100_000);
    script.says(client, format!("set {key} 0 0 100000\r\n{}", &data[..60_000]));
    script.reloads(&[0, 1], |pool| pool.servers[0].weight = 50);
    script.says(client, format!("{}\r\n", &data[60_000..]));
    assert_eq!(script.asked(0), format!("set {key} 0 0 100000\r\n{data}\r\n"));
    script.answers(0, "STORED\r\n");
    assert_eq!(script.hears(client), "STORED\r\n");
    assert_eq!(script.conns(1), 0);
}

#[test]
fn a_client_leaves_a_lane_that_is_gone_when_nothing_of_it_is_there() {
    let mut script = Script::with(1, |pool| pool.server_connections = 2);
    let clients = [script.client(), script.client()];
    let mut conns = Vec::new();
    for client in clients {
        script.says(client, "get a\r\n");
        script.asked(0);
        conns.push(script.conn(0));
    }
    assert_ne!(conns[0], conns[1]);
    script.reloads(&[0], |pool| pool.server_connections = 1);
    // The second client has a question open there: what it asks now stays in order behind it.
    script.says(clients[1], "get b\r\n");
    assert_eq!(script.asked_there(conns[1]), "get b\r\n");
    script.answers_there(conns[1], "END\r\nEND\r\n");
    script.says(clients[1], "get c\r\n");
    assert_eq!(script.asked_there(conns[0]), "get c\r\n");
    assert!(!script.is_open(conns[1]));
    script.answers_there(conns[0], "END\r\nEND\r\n");
    assert_eq!(script.hears(clients[1]), "END\r\n".repeat(3));
    // And back to two: the next client gets the second one.
    script.reloads(&[0], |pool| pool.server_connections = 2);
    let third = script.client();
    script.says(third, "get d\r\n");
    assert_eq!(script.conns(0), 3);
}

#[test]
fn limits_and_idle_times_of_clients_are_those_of_the_new_configuration() {
    let mut script = Script::new(1);
    let client = script.client();
    script.wait(1000);
    script.reloads(&[0], |pool| pool.client_idle_timeout = Some(std::time::Duration::from_secs(3)));
    script.wait(1999);
    assert!(!script.is_closed(client));
    script.wait(1);
    assert!(script.is_closed(client));
    let client = script.client();
    script.reloads(&[0], |pool| pool.key_max = 3);
    script.wait(10_000);
    script.says(client, "get abcd\r\n");
    assert!(
        script.hears(client).starts_with("CLIENT_ERROR"),
        "and it may be idle again for as long as it likes"
    );
}
