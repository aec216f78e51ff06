//! What becomes of a connection after its server has moved: its end, good or bad, changes nothing for its successor.

use super::moving::{ends, waiting};
use super::script::Script;
use golem_config::MultigetFailure;
use std::time::Duration;

const RESET: &str = "SERVER_ERROR Connection reset by peer\r\n";
const LATE: &str = "SERVER_ERROR Connection timed out\r\n";

#[test]
fn a_server_that_dies_after_it_moved_fails_what_waits_there_and_nothing_else() {
    let (mut script, client, old) = waiting("get a\r\nset b 0 0 1\r\nx\r\n");
    script.moves(0);
    let other = script.client();
    script.says(other, "get c\r\n");
    let new = script.conn(0);
    script.stage.links[old].peer_resets();
    script.run();
    assert_eq!(script.hears(client), RESET.repeat(2));
    assert_eq!(script.conn(0), new);
    assert_eq!(script.counter(0, "connections_reset"), 1, "the requests' loss is told");
    script.says(other, "get d\r\n");
    assert_eq!(script.asked(0), "get c\r\nget d\r\n", "no pause, and no other connection");
    script.answers(0, "END\r\nEND\r\n");
    assert_eq!(script.hears(other), "END\r\nEND\r\n");
    assert_eq!(script.connections(), [1, 1, 2]);
    script.client_closes(other);
    ends(script, client);
}

#[test]
fn a_server_that_dies_after_it_moved_causes_no_pause_where_there_is_no_successor() {
    let (mut script, client, old) = waiting("set a 0 0 1\r\nx\r\n");
    script.moves(0);
    script.stage.links[old].peer_resets();
    script.run();
    assert_eq!(script.hears(client), RESET);
    ends(script, client);
}

#[test]
fn the_record_of_a_server_starts_anew_where_it_is_now() {
    let mut script = Script::with(1, |settings| {
        settings.auto_eject_hosts = true;
        settings.server_failure_limit = 2;
        settings.server_retry_timeout = Duration::from_secs(1);
    });
    let client = script.client();
    script.says(client, "get a\r\n");
    script.server_resets(0);
    script.says(client, "get a\r\n");
    let old = script.conn(0);
    script.asked(0);
    assert_eq!(script.hears(client), RESET);
    assert_eq!(script.counter(0, "failures_in_row"), 1);
    script.moves(0);
    assert_eq!(script.counter(0, "failures_in_row"), 0);
    script.says(client, "get b\r\n");
    script.server_resets(0);
    assert_eq!(script.counter(0, "failures_in_row"), 1);
    // What is heard of the old place, good or bad, is no word on the new one.
    script.answers_there(old, "END\r\n");
    assert_eq!(script.counter(0, "failures_in_row"), 1);
    assert_eq!(script.hears(client), format!("END\r\n{RESET}"));
    script.says(client, "get c\r\n");
    let old = script.conn(0);
    script.moves(0);
    script.wait(100);
    assert_eq!(script.hears(client), LATE);
    assert!(script.is_closed_there(old), "nobody waits there");
    assert_eq!(script.counter(0, "failures_in_row"), 0);
    script.says(client, "get d\r\n");
    let old = script.conn(0);
    script.moves(0);
    script.stage.links[old].peer_resets();
    script.run();
    assert_eq!(script.hears(client), RESET);
    assert_eq!((script.counter(0, "failures_in_row"), script.out().len()), (0, 0));
    ends(script, client);
}

#[test]
fn late_requests_are_told_in_time_and_their_replies_dropped() {
    let (mut script, client, old) = waiting("get a\r\n");
    script.wait(40);
    script.says(client, "get b\r\n");
    script.moves(0);
    script.wait(60);
    assert_eq!(script.hears(client), LATE);
    assert!(!script.is_closed_there(old), "another one waits there");
    script.answers_there(old, "END\r\n");
    assert_eq!(script.hears(client), "", "it is too late");
    script.answers_there(old, "VALUE b 0 1\r\nx\r\nEND\r\n");
    assert_eq!(script.hears(client), "VALUE b 0 1\r\nx\r\nEND\r\n");
    assert!(script.is_closed_there(old));
    assert_eq!(script.counter(0, "replies_discarded"), 1);
    ends(script, client);
}

#[test]
fn a_connection_on_which_all_are_late_is_let_go_when_its_server_moves() {
    let (mut script, client, old) = waiting("get a\r\n");
    script.wait(100);
    assert_eq!(script.hears(client), LATE);
    script.moves(0);
    assert!(script.is_closed_there(old));
    assert_eq!(script.connections()[..2], [0, 0]);
    ends(script, client);
}

#[test]
fn replies_that_nobody_waits_for_any_more_are_still_waited_for() {
    // A write whose client has gone shall be carried out.
    let (mut script, client, old) = waiting("set a 0 0 1 noreply\r\nx\r\n");
    script.client_closes(client);
    script.moves(0);
    assert!(!script.is_closed_there(old) && !script.stage.workers[0].engine.has_left());
    script.answers_there(old, "STORED\r\n");
    assert!(script.is_closed_there(old) && script.stage.workers[0].engine.has_left());
    assert!(script.is_empty() && script.is_calm());
}

#[test]
fn a_read_on_a_connection_that_leaves_is_not_repeated() {
    // The write behind it went to the new connection: asked there, the read would see it.
    for read in ["get a\r\n", "mg a v\r\n"] {
        let (mut script, client, old) = waiting("touch a 0\r\n");
        script.answers(0, "TOUCHED\r\n");
        script.says(client, read);
        script.moves(0);
        script.says(client, "set a 0 0 1\r\nx\r\n");
        assert_eq!(script.asked(0), "set a 0 0 1\r\nx\r\n");
        script.stage.links[old].peer_closes();
        script.run();
        script.answers(0, "STORED\r\n");
        let closed = "SERVER_ERROR Connection closed by server\r\n";
        assert_eq!(script.hears(client), format!("TOUCHED\r\n{closed}STORED\r\n"));
        assert_eq!(script.counter(0, "requests_repeated"), 0);
        ends(script, client);
    }
}

#[test]
fn parts_on_both_sides_of_a_move_make_one_reply() {
    let mut script = Script::with(2, |settings| settings.multiget_failure = MultigetFailure::Keep);
    let [first, second] = [0, 1].map(|server| script.key(server, 0));
    let client = script.client();
    script.says(client, format!("get {second} {first}\r\n"));
    let old = script.conn(0);
    script.moves(0);
    script.moves(1);
    script.says(client, format!("get {first} {second}\r\n"));
    let value = |key: &str| format!("VALUE {key} 0 1\r\nx\r\n");
    for server in [1, 0] {
        script.answers(server, "END\r\n");
    }
    script.answers_there(old, &format!("{}END\r\n", value(&first)));
    assert_eq!(script.hears(client), "", "the other part of the first one is on its way");
    script.wait(100);
    assert_eq!(script.hears(client), format!("{LATE}END\r\n"));
    assert_eq!(script.connections()[..2], [1, 1]);
    assert_eq!(script.counter(1, "connections_open"), 1);
    script.client_closes(client);
    assert!(script.is_empty());
}

#[test]
fn the_version_of_before_is_forgotten_and_not_learnt_again() {
    let (mut script, client, old) = waiting("get a\r\n");
    script.answers(0, "END\r\n");
    script.says(client, "version\r\n");
    script.moves(0);
    script.says(client, "get b\r\n");
    script.answers_there(old, "VERSION 1.4.5\r\n");
    script.answers(0, "END\r\n");
    script.hears(client);
    script.says(client, "version\r\n");
    script.answers(0, "VERSION 1.6.40\r\n");
    assert!(script.hears(client).starts_with("VERSION 1.6.40 "));
    ends(script, client);
}

#[test]
fn what_a_server_says_that_it_should_not_ends_only_the_old_connection() {
    let (mut script, client, old) = waiting("get a\r\n");
    script.moves(0);
    script.says(client, "get b\r\n");
    script.answers_there(old, "STORED\r\n");
    assert!(script.is_closed_there(old));
    assert_eq!(script.hears(client), "SERVER_ERROR Invalid argument\r\n");
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(client), "END\r\n");
    assert_eq!(script.connections(), [1, 1, 2]);
    ends(script, client);
}
