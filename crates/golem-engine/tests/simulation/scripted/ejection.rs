//! Servers that fail are taken out of the ring for all workers at once: what counts as a failure, and what does not.

use super::script::{Script, Who};
use crate::stage::Settings;
use golem_engine::{Failure, PoolIndex};

pub(super) const REFUSED: &str = "SERVER_ERROR Connection refused\r\n";
pub(super) const LATE: &str = "SERVER_ERROR Connection timed out\r\n";

pub(super) const fn ejecting(settings: &mut Settings) {
    settings.auto_eject_hosts = true;
}

/// Several workers over three servers.
pub(super) fn crew(workers: usize) -> Script {
    Script::crew(workers, 3, ejecting)
}

impl Script {
    /// Asks for a key; what is heard at once.
    pub(super) fn get(&mut self, who: Who, key: &str) -> String {
        self.says(who, format!("get {key}\r\n"));
        self.hears(who)
    }

    /// Asks for a key that `server` has, and answers it.
    pub(super) fn hits(&mut self, who: Who, key: &str, server: usize) {
        assert_eq!(self.get(who, key), "");
        self.answers(server, "END\r\n");
        assert_eq!(self.hears(who), "END\r\n", "{key} of server {server}");
    }

    /// Which servers are out; all workers agree.
    pub(super) fn out(&self) -> Vec<usize> {
        let snapshot = self.stage.office.coordinator.snapshots().next().expect("the only pool");
        for worker in &self.stage.workers {
            assert_eq!(worker.engine.followed(PoolIndex::new(0)), snapshot.number());
        }
        let servers = 0..self.stage.settings.servers.len();
        servers.filter(|&server| snapshot.is_ejected(golem_ring::ServerIndex::new(server as u32))).collect()
    }

    /// Server 0 goes down and is ejected.
    pub(super) fn eject(&mut self, client: Who) {
        self.down = vec![0];
        while self.out().is_empty() {
            let key = self.key(0, 0);
            assert_eq!(self.get(client, &key), REFUSED);
            self.wait(1000);
        }
    }
}

#[test]
fn the_worker_that_reaches_the_limit_ejects_for_all() {
    let mut script = crew(3);
    let (first, second) = (script.client_of(0), script.client_of(1));
    script.down = vec![0];
    let key = script.key(0, 0);
    assert_eq!(script.get(first, &key), REFUSED);
    script.wait(1000);
    assert_eq!(script.get(second, &key), REFUSED);
    assert_eq!(script.out(), [], "one failure each is below the limit");
    script.wait(1000);
    assert_eq!(script.get(first, &key), REFUSED);
    assert_eq!(script.out(), [0]);
    // Its keys go where nutcracker sends them; the keys of others stay.
    let client = script.client_of(2);
    let heir = if script.lives_on(&[0], 1, &key) { 1 } else { 2 };
    script.hits(client, &key, heir);
    for server in [1, 2] {
        script.hits(client, &script.key(server, 3), server);
    }
    assert_eq!([script.stage.pool_counter("server_ejects"), script.counter(0, "ejected")], [1, 1]);
}

#[test]
fn there_is_no_pause_on_the_way_to_the_limit_and_one_behind_it() {
    let mut script = Script::crew(1, 1, |settings| {
        ejecting(settings);
        settings.server_failure_limit = 5;
        settings.eject_max_percent = 99;
        settings.timeout = None;
    });
    let client = script.client();
    script.down = vec![0];
    for _ in 0..5 {
        assert_eq!(script.get(client, "a"), REFUSED);
    }
    assert_eq!([script.counter(0, "connections_total"), script.stage.pool_counter("server_kept")], [5, 1]);
    // The next one waits for a moment for the word that it goes, which does not come.
    assert_eq!(script.get(client, "a"), "");
    script.wait(50);
    assert_eq!(script.hears(client), REFUSED);
    assert_eq!([script.counter(0, "connections_total"), script.counter(0, "requests_held_off")], [6, 0]);
    assert_eq!(script.get(client, "a"), REFUSED);
    assert_eq!([script.counter(0, "connections_total"), script.counter(0, "requests_held_off")], [6, 1]);
}

#[test]
fn failures_are_those_of_connections_and_not_of_requests() {
    let mut script = crew(1);
    let client = script.client();
    let key = script.key(0, 0);
    script.says(client, format!("get {key}\r\n").repeat(9));
    script.server_resets(0);
    assert_eq!(script.hears(client), "SERVER_ERROR Connection reset by peer\r\n".repeat(9));
    assert_eq!(script.counter(0, "failures_in_row"), 1);
    assert_eq!(script.out(), []);
}

#[test]
fn a_good_reply_clears_the_record() {
    let mut script = crew(1);
    let client = script.client();
    let key = script.key(0, 0);
    let (touch, set) = (format!("touch {key} 0\r\n"), format!("set {key} 0 0 1\r\nx\r\n"));
    for _ in 0..3 {
        // Not asked once more, unlike a read.
        for (request, reply) in [(format!("get {key}\r\n"), "END\r\n"), (set.clone(), "STORED\r\n")] {
            script.says(client, &touch);
            script.server_closes(0);
            assert_eq!(script.hears(client), "SERVER_ERROR Connection closed by server\r\n");
            assert_eq!(script.counter(0, "failures_in_row"), 1);
            script.says(client, request);
            script.answers(0, reply);
            assert_eq!(script.hears(client), reply);
            assert_eq!(script.counter(0, "failures_in_row"), 0);
        }
    }
    assert_eq!(script.out(), []);
}

#[test]
fn the_end_of_an_idle_connection_is_no_failure() {
    let mut script = crew(1);
    let client = script.client();
    let key = script.key(0, 0);
    for end in
        [Script::server_closes as fn(&mut Script, usize), Script::server_resets].into_iter().cycle().take(6)
    {
        script.hits(client, &key, 0);
        end(&mut script, 0);
        assert_eq!(script.counter(0, "failures_in_row"), 0);
    }
}

#[test]
fn what_this_machine_lacks_is_no_failure_of_the_server() {
    let mut script = crew(1);
    let client = script.client();
    let key = script.key(0, 0);
    for number in [12, 23, 24, 98, 99, 105] {
        script.refuses = Some(Failure::Os(number));
        script.get(client, &key);
        script.wait(2000);
    }
    assert_eq!(script.counter(0, "failures_in_row"), 0);
    script.refuses = Some(Failure::Os(113));
    script.get(client, &key);
    assert_eq!(script.counter(0, "failures_in_row"), 1);
}

#[test]
fn a_server_that_has_too_many_connections_is_not_ejected() {
    let mut script = crew(1);
    let client = script.client();
    let key = script.key(0, 0);
    for _ in 0..4 {
        script.get(client, &key);
        script.answers(0, "ERROR Too many open connections\r\n");
        script.hears(client);
        script.wait(2000);
    }
    assert_eq!([script.counter(0, "server_full"), script.counter(0, "failures_in_row")], [4, 0]);
    assert_eq!(script.out(), []);
}

#[test]
fn a_server_that_hangs_fails_once_in_a_timeout() {
    let mut script = crew(1);
    let (client, other) = (script.client(), script.client());
    let key = script.key(0, 0);
    script.hits(client, &key, 0);
    script.wait(5000);
    script.says(client, format!("get {key}\r\n").repeat(9));
    script.wait(50);
    script.says(other, format!("get {key}\r\n"));
    script.wait(49);
    assert_eq!(script.counter(0, "failures_in_row"), 0);
    script.wait(1);
    assert_eq!(script.hears(client), LATE.repeat(9));
    assert_eq!(script.counter(0, "failures_in_row"), 1);
    script.wait(99);
    assert_eq!(script.out(), []);
    script.wait(1);
    assert_eq!(script.out(), [0], "after two timeouts, whoever asks");
    assert!(script.is_up(0), "its late replies may still come");
    assert_eq!(script.hears(other), LATE);
}

#[test]
fn a_server_that_is_slow_with_one_reply_is_not_ejected() {
    let mut script = crew(1);
    let client = script.client();
    let key = script.key(0, 0);
    for _ in 0..4 {
        script.says(client, format!("get {key}\r\nget {key}\r\n"));
        script.wait(90);
        script.answers(0, "END\r\n");
        script.wait(90);
        script.answers(0, "END\r\n");
        assert_eq!(script.hears(client), format!("END\r\n{LATE}"));
    }
    assert_eq!([script.counter(0, "failures_in_row"), script.counter(0, "server_timedout")], [0, 4]);
}

#[test]
fn nothing_is_ejected_unless_the_pool_says_so() {
    let mut script = Script::new(2);
    let client = script.client();
    script.down = vec![0];
    let key = script.key(0, 0);
    for _ in 0..10 {
        assert_eq!(script.get(client, &key), REFUSED);
        script.wait(2000);
    }
    assert_eq!(script.out(), []);
}

#[test]
fn a_late_reply_clears_nothing() {
    let mut script = crew(1);
    let client = script.client();
    let key = script.key(0, 0);
    assert_eq!(script.get(client, &key), "");
    script.wait(100);
    assert_eq!((script.hears(client), script.counter(0, "failures_in_row")), (LATE.to_owned(), 1));
    script.answers(0, "END\r\n");
    assert_eq!(script.counter(0, "failures_in_row"), 1);
    assert_eq!(script.get(client, &key), "");
    script.wait(100);
    assert_eq!((script.hears(client), script.out()), (LATE.to_owned(), vec![0]));
}

#[test]
fn a_large_value_that_finds_no_server_is_dropped_as_it_comes() {
    let mut script = Script::crew(1, 1, ejecting);
    let client = script.client();
    script.down = vec![0];
    while script.out().is_empty() {
        assert_eq!(script.get(client, "a"), REFUSED);
    }
    for first in [0, 1, 20_000, 39_999, 40_000, 40_001] {
        let frame = format!("set a 0 0 40000\r\n{}\r\n", "mn\r\n".repeat(10_000));
        let (front, back) = frame.split_at("set a 0 0 40000\r\n".len() + first);
        script.says(client, front);
        script.says(client, back);
        script.says(client, "mn\r\n");
        assert_eq!(script.hears(client), format!("{REFUSED}MN\r\n"), "{first} bytes came with the line");
    }
}
