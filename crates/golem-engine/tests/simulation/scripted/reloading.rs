//! Another configuration takes the place of the one in use, while requests are on their way.

use super::ejection::ejecting;
use super::script::{Script, Who};
use crate::stage::{Settings, settings};
use golem_engine::coordinator::Report;
use golem_engine::{PoolIndex, ServerOf};
use golem_ring::ServerIndex;

impl Script {
    /// The only pool has these servers of many from now on, and what else `change` says.
    pub(super) fn reloads(&mut self, servers: &[usize], change: impl FnOnce(&mut Settings)) {
        let pool = pool(servers, change);
        self.stage.reload(vec![pool]);
        self.run();
    }

    fn waits_for_a_probe(&mut self) {
        while self.stage.office.probes.is_empty() {
            self.wait(100);
        }
    }

    pub(super) fn is_open(&self, link: usize) -> bool {
        !self.stage.links[link].closed
    }
}

/// A pool with these servers of many.
pub(super) fn pool(servers: &[usize], change: impl FnOnce(&mut Settings)) -> Settings {
    let most = servers.iter().max().map_or(0, |most| most + 1);
    let mut pool = settings(most);
    pool.servers.retain(|server| servers.iter().any(|number| server.label == format!("s{number}")));
    change(&mut pool);
    pool
}

pub(super) fn nothing(_: &mut Settings) {}

/// A script with so many servers, and a client that has asked each of them for a key that it has not answered yet.
pub(super) fn asked(servers: usize) -> (Script, Who, Vec<usize>) {
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

#[test]
fn a_connection_that_nobody_uses_any_more_goes_with_its_lane() {
    for is_answered in [true, false] {
        let mut script = Script::with(1, |settings| settings.server_connections = 2);
        let (first, second) = (script.client(), script.client());
        script.says(first, "get a\r\n");
        script.answers(0, "END\r\n");
        script.says(second, "get b\r\n");
        let conn = script.conn(0);
        if is_answered {
            script.answers(0, "END\r\n");
        }
        script.client_resets(second);
        assert_eq!((script.conns(0), script.is_open(conn)), (2, true));
        script.reloads(&[0], |settings| settings.server_connections = 1);
        assert_eq!(script.is_open(conn), !is_answered, "what is on its way there is waited for");
        if !is_answered {
            script.answers(0, "END\r\n");
        }
        assert!(!script.is_open(conn));
        assert_eq!(script.counter(0, "server_connections"), 1);
    }
}
