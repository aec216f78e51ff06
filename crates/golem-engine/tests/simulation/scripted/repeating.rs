//! Which requests are asked once more when their connection ends, and which are not.

use super::script::{Script, Who};
use golem_config::MultigetFailure;

const CLOSED: &str = "SERVER_ERROR Connection closed by server\r\n";
const RESET: &str = "SERVER_ERROR Connection reset by peer\r\n";

/// A server whose connection is idle and has answered, and a client.
fn idle() -> (Script, Who) {
    let mut script = Script::with(1, |settings| settings.multiget_failure = MultigetFailure::Keep);
    let client = script.client();
    answer_once(&mut script, client);
    (script, client)
}

fn answer_once(script: &mut Script, client: Who) {
    script.says(client, "touch x 0\r\n");
    script.asked(0);
    script.answers(0, "TOUCHED\r\n");
    assert_eq!(script.hears(client), "TOUCHED\r\n");
}

fn repeated(script: &Script) -> i64 {
    script.counter(0, "requests_repeated")
}

fn end(mut script: Script, client: Who) {
    script.client_closes(client);
    assert!(script.is_empty());
}

#[test]
fn a_read_on_an_idle_connection_that_ends_is_asked_once_more() {
    for (request, again, reply) in [
        ("get a\r\n", "get a\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n"),
        ("  gets   a \n", "gets a\r\n", "VALUE a 0 1 7\r\nx\r\nEND\r\n"),
        ("get a b a\r\n", "get a b a\r\n", "VALUE a 0 1\r\nx\r\nVALUE a 0 1\r\nx\r\nEND\r\n"),
        ("mg a v k O1\r\n", "mg a v k O1\r\n", "VA 1 ka O1\r\nx\r\n"),
        ("mg a\r\n", "mg a\r\n", "HD\r\n"),
    ] {
        for resets in [false, true] {
            let (mut script, client) = idle();
            script.says(client, request);
            assert_eq!(script.asked(0).trim(), request.trim());
            if resets {
                script.server_resets(0)
            } else {
                script.server_closes(0)
            }
            assert_eq!(script.hears(client), "");
            assert_eq!(script.asked(0), again);
            script.answers(0, reply);
            assert_eq!(script.hears(client), reply);
            assert_eq!((repeated(&script), script.conns(0)), (1, 2));
            answer_once(&mut script, client);
            end(script, client);
        }
    }
}

#[test]
fn a_quiet_read_stays_quiet_when_it_is_repeated() {
    let (mut script, client) = idle();
    script.says(client, "mg a q v\r\nmn\r\n");
    script.server_closes(0);
    assert_eq!(script.asked(0), "mg a v\r\n");
    script.answers(0, "EN\r\n");
    assert_eq!(script.hears(client), "MN\r\n");
    end(script, client);
}

#[test]
fn what_may_change_something_is_not_repeated() {
    for request in [
        "set a 0 0 1\r\nx\r\n",
        "delete a\r\n",
        "incr a 1\r\n",
        "touch a 0\r\n",
        "gat 0 a\r\n",
        "gat 0 a b\r\n",
        "mg a v N30\r\n",
        "mg a R30 v\r\n",
        "mg a v T0\r\n",
        "mg a E5 v\r\n",
        "me a\r\n",
        "md a\r\n",
        "ms a 1\r\nx\r\n",
    ] {
        let (mut script, client) = idle();
        script.says(client, request);
        script.server_closes(0);
        assert_eq!(script.hears(client), CLOSED, "{request}");
        assert_eq!((repeated(&script), script.conns(0)), (0, 1));
        end(script, client);
    }
}

#[test]
fn a_read_beside_another_request_is_not_repeated() {
    // The write behind it may have been carried out: asked once more, the read would see what was written after it.
    let (mut script, client) = idle();
    script.says(client, "get a\r\nset a 0 0 1\r\nx\r\n");
    script.server_closes(0);
    assert_eq!(script.hears(client), format!("{CLOSED}{CLOSED}"));
    assert_eq!((repeated(&script), script.conns(0)), (0, 1));
    end(script, client);
    let (mut script, client) = idle();
    let other = script.client();
    script.says(client, "get a\r\n");
    script.says(other, "mg c v\r\n");
    script.server_closes(0);
    assert_eq!((script.hears(client), script.hears(other)), (CLOSED.to_owned(), CLOSED.to_owned()));
    assert_eq!(repeated(&script), 0);
    // Nor behind one that has been answered meanwhile.
    script.says(client, "get a\r\nget b\r\n");
    script.answers(0, "END\r\n");
    script.server_closes(0);
    assert_eq!(script.hears(client), format!("END\r\n{CLOSED}"));
    script.client_closes(other);
    end(script, client);
}

#[test]
fn a_read_on_a_fresh_connection_is_not_repeated() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "get a\r\n");
    script.server_closes(0);
    assert_eq!(script.hears(client), CLOSED);
    assert_eq!(repeated(&script), 0);
    end(script, client);
}

#[test]
fn a_read_of_whose_reply_a_byte_has_come_is_not_repeated() {
    for (request, part) in [
        ("get a\r\n", "V"),
        ("get a b\r\n", "VALUE a 0 1\r\nx\r\n"),
        ("get a\r\n", "VALUE a 0 100000\r\nx"),
        ("mg a v\r\n", "VA 1"),
    ] {
        let (mut script, client) = idle();
        script.says(client, request);
        script.answers(0, part);
        script.server_resets(0);
        assert_eq!(script.hears(client), RESET, "{part}");
        assert_eq!(repeated(&script), 0);
        end(script, client);
    }
}

#[test]
fn nothing_is_repeated_twice() {
    let (mut script, client) = idle();
    script.says(client, "get a\r\n");
    script.server_closes(0);
    assert_eq!(script.asked(0), "get a\r\n");
    script.server_resets(0);
    assert_eq!(script.hears(client), RESET);
    assert_eq!((repeated(&script), script.conns(0)), (1, 2));
    end(script, client);
}

#[test]
fn a_repeated_request_has_no_more_time_than_before() {
    let (mut script, client) = idle();
    script.says(client, "get a\r\n");
    script.wait(60);
    script.server_closes(0);
    script.wait(39);
    assert_eq!(script.hears(client), "");
    script.wait(1);
    assert_eq!(script.hears(client), "SERVER_ERROR Connection timed out\r\n");
    script.answers(0, "VALUE a 0 1\r\nx\r\nEND\r\n");
    assert_eq!(script.hears(client), "", "late");
    end(script, client);
}

#[test]
fn a_request_that_is_late_is_not_repeated() {
    let (mut script, client) = idle();
    for request in ["get a\r\n", "mg a\r\n"] {
        script.says(client, request);
        script.wait(100);
        assert_eq!(script.hears(client), "SERVER_ERROR Connection timed out\r\n");
        script.server_closes(0);
        answer_once(&mut script, client);
    }
    assert_eq!(repeated(&script), 0);
    end(script, client);
}

#[test]
fn a_server_that_is_gone_is_asked_in_vain() {
    let (mut script, client) = idle();
    script.says(client, "get a\r\n");
    script.refuses = Some(golem_engine::Failure::ConnectionRefused);
    script.server_resets(0);
    assert_eq!(script.hears(client), "SERVER_ERROR Connection refused\r\n");
    end(script, client);
}

#[test]
fn nothing_is_repeated_for_a_client_that_has_gone() {
    for request in ["get a\r\n", "mg a v\r\n"] {
        let (mut script, client) = idle();
        script.says(client, request);
        script.client_resets(client);
        script.server_closes(0);
        assert_eq!((repeated(&script), script.conns(0)), (0, 1));
        assert!(script.is_empty());
    }
}

#[test]
fn the_part_of_one_server_is_repeated() {
    let mut script = Script::new(2);
    let client = script.client();
    let [up, down] = [0, 1].map(|server| [0, 1].map(|number| script.key(server, number)));
    script.says(client, format!("touch {} 0\r\n", down[0]));
    script.answers(1, "TOUCHED\r\n");
    script.says(client, format!("gets {} {} {} {}\r\n", down[0], up[0], down[1], up[1]));
    script.answers(0, format!("VALUE {} 0 1 7\r\nx\r\nEND\r\n", up[1]));
    script.server_closes(1);
    assert_eq!(script.asked(1), format!("gets {} {}\r\n", down[0], down[1]));
    script.answers(1, format!("VALUE {} 0 1 8\r\ny\r\nEND\r\n", down[1]));
    let told = format!("TOUCHED\r\nVALUE {} 0 1 8\r\ny\r\nVALUE {} 0 1 7\r\nx\r\nEND\r\n", down[1], up[1]);
    assert_eq!(script.hears(client), told);
    end(script, client);
}

#[test]
fn no_more_than_one_in_ten_requests_is_repeated() {
    let (mut script, client) = idle();
    let mut failed = 0;
    for _ in 0..100 {
        script.says(client, "get a\r\n");
        script.server_closes(0);
        if script.hears(client) == CLOSED {
            failed += 1;
        } else {
            script.answers(0, "END\r\n");
            assert_eq!(script.hears(client), "END\r\n");
        }
        answer_once(&mut script, client);
    }
    // Ten at the start, then a tenth of the 201 requests and of those that were repeated.
    assert_eq!((repeated(&script), failed), (33, 67));
    end(script, client);
}

#[test]
fn a_look_that_finds_nothing_late_changes_nothing() {
    let (mut script, client) = idle();
    // The timer of the request before comes while this one has not been written.
    script.wait(90);
    let link = script.conn(0);
    script.stage.links[link].outward.set_room(0);
    script.says(client, "mg a v\r\n");
    script.wait(20);
    script.server_closes(0);
    assert_eq!(script.asked(0), "mg a v\r\n");
    script.answers(0, "EN\r\n");
    assert_eq!((script.hears(client), repeated(&script)), ("EN\r\n".to_owned(), 1));
    end(script, client);
}

#[test]
fn the_longest_line_that_is_read_is_repeated() {
    let (mut script, client) = idle();
    let flags = format!(" O1{}", " ".repeat(2048 - "mg a O1\r\n".len()));
    script.says(client, format!("mg a{flags}\r\n"));
    assert_eq!(script.asked(0).len(), 2048);
    script.server_closes(0);
    assert_eq!(script.asked(0), format!("mg a{flags}\r\n"));
    script.answers(0, "HD O1\r\n");
    assert_eq!(script.hears(client), "HD O1\r\n");
    end(script, client);
}

#[test]
fn nothing_is_repeated_for_a_request_that_was_given_up() {
    let mut script = Script::with(3, |settings| {
        (settings.client_soft_limit, settings.client_hard_limit) = (20_000, 10_000);
    });
    let client = script.client();
    let [head, large, idle] = [0, 1, 2].map(|server| script.key(server, 0));
    script.says(client, format!("touch {idle} 0\r\n"));
    script.answers(2, "TOUCHED\r\n");
    script.says(client, format!("get {head}\r\nget {large} {idle}\r\n"));
    script.answers(1, format!("VALUE {large} 0 12000\r\n{}\r\nEND\r\n", "x".repeat(12_000)));
    script.server_closes(2);
    assert_eq!((script.conns(2), script.counter(2, "requests_repeated")), (1, 0));
    script.answers(0, "END\r\n");
    let told = "TOUCHED\r\nEND\r\nSERVER_ERROR reply too large: over client_hard_limit\r\n";
    assert_eq!(script.hears(client), told);
    end(script, client);
}

#[test]
fn nothing_is_kept_of_a_request_that_was_never_sent() {
    let (mut script, client) = idle();
    let link = script.conn(0);
    script.stage.links[link].outward.set_room(0);
    script.says(client, "mg a v\r\n");
    script.wait(100);
    assert_eq!(script.hears(client), "SERVER_ERROR Connection timed out\r\n");
    script.stage.links[link].outward.set_room(1000);
    answer_once(&mut script, client);
    assert_eq!((repeated(&script), script.conns(0)), (0, 1));
    end(script, client);
}
