//! Another configuration takes the place of the one in use, while requests are on their way.

use super::ejection::ejecting;
use super::script::{Script, Who};
use crate::stage::{Settings, settings};
use golem_engine::coordinator::Report;
use golem_engine::{PoolIndex, ServerOf};
use golem_ring::ServerIndex;
use std::sync::Arc;

impl Script {
    /// The only pool has these servers of many from now on, and what else `change` says.
    fn reloads(&mut self, servers: &[usize], change: impl FnOnce(&mut Settings)) {
        let pool = pool(servers, change);
        self.stage.reload(vec![pool]);
        self.run();
    }

    fn waits_for_a_probe(&mut self) {
        while self.stage.office.probes.is_empty() {
            self.wait(100);
        }
    }

    fn is_open(&self, link: usize) -> bool {
        !self.stage.links[link].closed
    }
}

/// A pool with these servers of many.
fn pool(servers: &[usize], change: impl FnOnce(&mut Settings)) -> Settings {
    let most = servers.iter().max().map_or(0, |most| most + 1);
    let mut pool = settings(most);
    pool.servers.retain(|server| servers.iter().any(|number| server.label == format!("s{number}")));
    change(&mut pool);
    pool
}

fn nothing(_: &mut Settings) {}

/// A script with so many servers, and a client that has asked each of them for a key that it has not answered yet.
fn asked(servers: usize) -> (Script, Who, Vec<usize>) {
    let mut script = Script::new(servers);
    let client = script.client();
    let mut conns = Vec::new();
    for server in 0..servers {
        let key = script.key(server, 0);
        script.says(client, format!("get {key}\r\n"));
        assert_eq!(script.asked(server), format!("get {key} \r\n").replace(" \r", "\r"));
        conns.push(script.conn(server));
    }
    (script, client, conns)
}

#[test]
fn what_is_on_its_way_to_a_server_that_is_gone_is_answered_and_what_comes_next_goes_elsewhere() {
    let (mut script, client, conns) = asked(3);
    let key = script.key(1, 0);
    script.reloads(&[0, 2], nothing);
    assert!(conns.iter().all(|&conn| script.is_open(conn)));
    let heir = [0, 2].into_iter().find(|&server| script.lives_on(&[], server, &key)).expect("one has it");
    script.says(client, format!("get {key}\r\n"));
    assert_eq!(script.asked(heir), format!("get {key}\r\n"), "on the connection that was there");
    assert_eq!(script.conns(heir), 1);
    for conn in &conns {
        script.answers_there(*conn, "END\r\n");
    }
    script.answers(heir, "END\r\n");
    assert_eq!(script.hears(client), "END\r\n".repeat(4));
    assert_eq!(conns.iter().map(|&conn| script.is_open(conn)).collect::<Vec<_>>(), [true, false, true]);
    script.client_closes(client);
    assert!(script.is_empty());
}

#[test]
fn an_idle_connection_to_a_server_that_is_gone_is_closed_at_once_and_counts_as_no_loss() {
    let (mut script, client, conns) = asked(2);
    conns.iter().for_each(|&conn| script.answers_there(conn, "END\r\n"));
    assert_eq!(script.hears(client), "END\r\n".repeat(2));
    script.reloads(&[1], nothing);
    assert!(!script.is_open(conns[0]) && script.is_open(conns[1]));
    assert!(script.stage.notices.is_empty(), "{:?}", script.stage.notices);
    // It comes back as a new one: with a connection and counters of its own.
    script.reloads(&[0, 1], nothing);
    assert_eq!(script.counter(0, "requests"), 0);
    assert_eq!(script.counter(1, "requests"), 1);
    let key = script.key(0, 0);
    script.hits(client, &key, 0);
    assert_eq!([script.conns(0), script.conns(1)], [2, 1]);
}

#[test]
fn a_server_that_is_gone_and_dies_fails_what_waits_there_and_nothing_else() {
    let (mut script, client, conns) = asked(2);
    script.reloads(&[0], nothing);
    script.stage.links[conns[1]].peer_resets();
    script.run();
    script.answers_there(conns[0], "END\r\n");
    assert_eq!(script.hears(client), "END\r\nSERVER_ERROR Connection reset by peer\r\n");
    let key = script.key(0, 1);
    script.hits(client, &key, 0);
    assert!(script.is_open(conns[0]));
}

#[test]
fn another_weight_moves_keys_and_no_connections() {
    let (mut script, client, conns) = asked(2);
    script.reloads(&[0, 1], |pool| pool.servers[0].weight = 9);
    conns.iter().for_each(|&conn| script.answers_there(conn, "END\r\n"));
    assert_eq!(script.hears(client), "END\r\n".repeat(2));
    let moved = (0..).map(|n| format!("m{n}")).find(|key| {
        let before = Script::new(2).lives_on(&[], 1, key);
        before && script.lives_on(&[], 0, key)
    });
    script.hits(client, &moved.expect("some key moves"), 0);
    assert_eq!([script.conns(0), script.conns(1)], [1, 1]);
    assert_eq!(script.counter(0, "requests"), 2, "counted on");
}

#[test]
fn a_server_at_another_address_is_another_server() {
    let (mut script, client, conns) = asked(1);
    script.reloads(&[0], |pool| {
        pool.servers[0].address = golem_config::ServerAddress::Unix("/run/other".to_owned());
    });
    let key = script.key(0, 1);
    script.says(client, format!("get {key}\r\n"));
    assert_eq!((script.conns(0), script.asked(0)), (2, format!("get {key}\r\n")));
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(client), "", "the first question is still open");
    script.answers_there(conns[0], "END\r\n");
    assert_eq!(script.hears(client), "END\r\n".repeat(2));
    assert!(!script.is_open(conns[0]));
}

#[test]
fn servers_with_other_indexes_keep_their_connections_and_replies() {
    let (mut script, client, conns) = asked(3);
    // What was server 2 has the index 0 now.
    script.reloads(&[2, 5], nothing);
    script.answers_there(conns[2], "END\r\n");
    let key = script.key(2, 3);
    script.says(client, format!("get {key}\r\n"));
    assert_eq!(script.asked_there(conns[2]), format!("get {key}\r\n"));
    script.wait(90);
    assert_eq!(script.hears(client), "");
    script.wait(10);
    let late = "SERVER_ERROR Connection timed out\r\n";
    assert_eq!(script.hears(client), format!("{late}{late}END\r\n{late}"));
    assert_eq!(script.counter(2, "requests_late"), 1);
}

#[test]
fn another_timeout_holds_for_what_is_waiting() {
    let (mut script, client, _) = asked(1);
    script.reloads(&[0], |pool| pool.timeout = Some(std::time::Duration::from_millis(5000)));
    script.wait(4999);
    assert_eq!(script.hears(client), "");
    script.wait(1);
    assert_eq!(script.hears(client), "SERVER_ERROR Connection timed out\r\n");
}

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
fn an_ejected_server_stays_out_and_returns_by_its_probe() {
    let mut script = Script::crew(2, 3, ejecting);
    let client = script.client();
    script.eject(client);
    script.reloads(&[0, 2, 7], ejecting);
    assert_eq!(script.out(), [0]);
    assert_eq!(script.counter(0, "ejected"), 1);
    script.waits_for_a_probe();
    assert!(script.stage.answer_probe(0, b"VERSION 1.6.18\r\n"), "it is being probed");
    script.run();
    assert_eq!(script.out(), []);
    script.down.clear();
    let key = script.key(0, 0);
    script.hits(client, &key, 0);
}

#[test]
fn a_probe_of_a_server_that_is_gone_ends() {
    let mut script = Script::crew(1, 3, ejecting);
    let client = script.client();
    script.eject(client);
    script.waits_for_a_probe();
    assert_eq!(script.stage.office.probes.len(), 1);
    script.reloads(&[1, 2], ejecting);
    assert_eq!(script.stage.office.probes.len(), 0);
    assert_eq!(script.out(), []);
}

#[test]
fn a_pool_that_ejects_no_more_has_all_servers_in() {
    let mut script = Script::crew(1, 3, ejecting);
    let client = script.client();
    script.eject(client);
    script.reloads(&[0, 1, 2], nothing);
    assert_eq!((script.out(), script.counter(0, "ejected")), (vec![], 0));
    let key = script.key(0, 0);
    script.down.clear();
    script.hits(client, &key, 0);
}

#[test]
fn a_report_from_before_ejects_nobody() {
    let mut script = Script::crew(1, 3, ejecting);
    let seen = script.stage.workers[0].engine.followed(PoolIndex::new(0));
    script.reloads(&[0, 1, 2], ejecting);
    let report = Report { pool: PoolIndex::new(0), server: ServerIndex::new(1), seen };
    script.stage.office.reports.push(report);
    script.run();
    assert_eq!(script.out(), []);
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

#[test]
fn servers_are_named_by_the_configuration_that_they_belong_to() {
    let (mut script, _client, conns) = asked(2);
    script.reloads(&[0], nothing);
    script.stage.links[conns[1]].peer_resets();
    script.run();
    let lost = script.stage.notices.iter().find_map(|notice| match notice {
        golem_engine::Notice::ServerLost { of, .. } => Some(of),
        _ => None,
    });
    let label = lost.and_then(ServerOf::settings).map(|server| server.label.clone());
    assert_eq!(label.as_deref(), Some("s1"));
}
