//! Servers that move: connections to the old address are let go when nobody waits there, and no request fails by it.

use super::script::{Script, Who};
use golem_engine::Notice;

const LATE: &str = "SERVER_ERROR Connection timed out\r\n";

impl Script {
    /// All workers hear that a server has moved.
    pub(super) fn moves(&mut self, server: usize) {
        self.stage.move_server(server);
        self.run();
    }

    /// What arrived on a connection of before.
    pub(super) fn asked_there(&mut self, link: usize) -> String {
        let bytes = self.stage.links[link].outward.take(usize::MAX);
        self.run();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(super) fn answers_there(&mut self, link: usize, bytes: &str) {
        assert!(!self.stage.links[link].closed, "the connection is closed");
        self.stage.links[link].inward.set_room(usize::MAX / 2);
        self.stage.links[link].inward.write(bytes.as_bytes());
        self.run();
    }

    pub(super) fn is_closed_there(&self, link: usize) -> bool {
        self.stage.links[link].closed
    }

    /// Connections to server 0 that are open or being made, those of them that are up, and all there were.
    pub(super) fn connections(&self) -> [i64; 3] {
        ["connections_open", "server_connections", "connections_total"].map(|name| self.counter(0, name))
    }

    /// Whether nothing was said of a lost server, and none was counted.
    pub(super) fn is_calm(&self) -> bool {
        let lost = ["server_eof", "server_err", "server_timedout", "failures_in_row", "requests_held_off"];
        let said = self.stage.notices.iter().any(|notice| matches!(notice, Notice::ServerLost { .. }));
        lost.iter().all(|name| self.counter(0, name) == 0) && !said
    }
}

/// A server, one client, and the connection on which it waits for the replies to `requests`.
pub(super) fn waiting(requests: &str) -> (Script, Who, usize) {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, requests);
    let old = script.conn(0);
    script.asked(0);
    (script, client, old)
}

/// The client is served on the newest connection, and nothing is left when it has gone.
pub(super) fn ends(mut script: Script, client: Who) {
    script.asked(0);
    script.says(client, "get z\r\n");
    assert_eq!(script.asked(0), "get z\r\n");
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(client), "END\r\n");
    assert_eq!(script.connections()[..2], [1, 1]);
    script.client_closes(client);
    assert!(script.is_empty());
    assert!(script.stage.workers[0].engine.has_left());
}

#[test]
fn requests_on_their_way_are_answered_there_and_the_next_ones_elsewhere() {
    let (mut script, client, old) = waiting("get a\r\nget b\r\n");
    script.moves(0);
    assert_eq!(script.connections(), [1, 1, 1], "the old one waits for its replies");
    script.says(client, "get c\r\n");
    let new = script.conn(0);
    assert_ne!(new, old);
    assert_eq!((script.asked(0).as_str(), script.asked_there(old).as_str()), ("get c\r\n", ""));
    assert_eq!(script.connections(), [2, 2, 2]);
    script.answers(0, "VALUE c 0 1\r\n3\r\nEND\r\n");
    assert_eq!(script.hears(client), "", "it comes after the others");
    script.answers_there(old, "VALUE a 0 1\r\n1\r\nEND\r\n");
    assert!(!script.is_closed_there(old));
    script.answers_there(old, "VALUE b 0 1\r\n2\r\nEND\r\n");
    assert!(script.is_closed_there(old));
    let values: String =
        ["a 0 1\r\n1", "b 0 1\r\n2", "c 0 1\r\n3"].map(|value| format!("VALUE {value}\r\nEND\r\n")).concat();
    assert_eq!(script.hears(client), values);
    assert!(script.is_calm());
    ends(script, client);
}

#[test]
fn an_idle_connection_is_closed_at_once_and_none_is_made_in_its_place() {
    let (mut script, client, old) = waiting("get a\r\n");
    script.answers(0, "END\r\n");
    script.moves(0);
    assert!(script.is_closed_there(old));
    assert_eq!(script.connections(), [0, 0, 1]);
    assert!(script.is_calm());
    script.moves(0);
    assert_eq!(script.hears(client), "END\r\n");
    ends(script, client);
}

#[test]
fn all_connections_of_all_workers_go_and_other_servers_keep_theirs() {
    let mut script = Script::crew(2, 2, |settings| settings.server_connections = 2);
    let keys = [script.key(0, 0), script.key(1, 0)];
    let clients = [0, 0, 1, 1].map(|worker| script.client_of(worker));
    for client in clients {
        for (server, key) in keys.iter().enumerate() {
            script.says(client, format!("get {key}\r\n"));
            script.answers(server, "END\r\n");
        }
    }
    assert_eq!(script.connections()[..2], [4, 4]);
    script.moves(0);
    assert_eq!(script.connections()[..2], [0, 0]);
    assert_eq!(script.counter(1, "connections_open"), 4);
}

#[test]
fn a_large_value_half_way_comes_whole() {
    for first in ["VALUE a 0 100000\r\nx", "VALUE a 0 5\r\nx", "VALUE"] {
        let whole = if first.contains("100000") {
            format!("VALUE a 0 100000\r\n{}\r\nEND\r\n", "x".repeat(100_000))
        } else {
            "VALUE a 0 5\r\nxxxxx\r\nEND\r\n".to_owned()
        };
        let (mut script, client, old) = waiting("get a\r\n");
        script.answers(0, first);
        script.moves(0);
        let (before, rest) = whole.split_at(whole.len() - 9);
        script.answers_there(old, &before[first.len()..]);
        script.answers_there(old, rest);
        assert_eq!(script.hears(client), whole);
        assert!(script.is_closed_there(old) && script.is_calm());
        ends(script, client);
    }
}

#[test]
fn a_request_that_is_half_written_goes_on_where_it_began() {
    let mut script = Script::new(1);
    let client = script.client();
    script.stage.server_room = 1000;
    let line = format!("set a 0 0 5000\r\n{}\r\n", "x".repeat(5000));
    script.says(client, &line);
    let old = script.conn(0);
    let mut written = script.asked(0);
    script.moves(0);
    while written.len() < line.len() {
        let more = script.asked_there(old);
        assert!(!more.is_empty(), "nothing more comes after {} bytes", written.len());
        written += &more;
    }
    assert_eq!(written, line);
    script.answers_there(old, "STORED\r\n");
    assert_eq!(script.hears(client), "STORED\r\n");
    assert!(script.is_closed_there(old) && script.is_calm());
    ends(script, client);
}

#[test]
fn a_connection_that_is_being_made_is_made_anew_with_all_that_waits() {
    let mut script = Script::new(1);
    script.hangs = true;
    let (client, other) = (script.client(), script.client());
    script.says(client, "get a\r\nset b 0 0 1 noreply\r\nx\r\n");
    script.says(other, "mg c v\r\n");
    script.wait(50);
    assert_eq!(script.stage.arrivals.len(), 1);
    let old = script.stage.arrivals[0].link;
    script.moves(0);
    assert!(script.is_closed_there(old));
    script.stage.arrivals.retain(|arrival| arrival.link != old);
    assert_eq!(script.connections(), [1, 0, 2]);
    script.hangs = false;
    script.run();
    assert_eq!(script.asked(0), "get a\r\nset b 0 0 1\r\nx\r\nmg c v\r\n");
    script.answers(0, "END\r\nSTORED\r\nEN\r\n");
    assert_eq!((script.hears(client).as_str(), script.hears(other).as_str()), ("END\r\n", "EN\r\n"));
    assert!(script.is_calm());
    script.client_closes(other);
    ends(script, client);
}

#[test]
fn what_waits_for_a_connection_that_is_made_anew_times_out_no_later() {
    let mut script = Script::new(1);
    script.hangs = true;
    let client = script.client();
    script.says(client, "get a\r\n");
    script.wait(60);
    script.moves(0);
    script.says(client, "get b\r\n");
    script.wait(39);
    assert_eq!(script.hears(client), "");
    script.wait(1);
    assert_eq!(script.hears(client), LATE);
    script.wait(59);
    assert_eq!(script.hears(client), "");
    script.wait(1);
    assert_eq!(script.hears(client), LATE);
    assert_eq!(script.connections(), [0, 0, 2], "given up when connect_timeout has passed");
    script.stage.arrivals.clear();
    script.hangs = false;
    script.wait(20);
    ends(script, client);
}
