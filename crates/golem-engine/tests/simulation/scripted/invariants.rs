//! The invariants of the architecture, each in its plainest history. (The ninth, one clock value per turn, is the shape of
//! the interface; the tenth, ejection, has a page of its own.)

use super::script::Script;

#[test]
fn replies_leave_in_the_order_of_their_requests() {
    let mut script = Script::new(2);
    let (first, second) = (script.key(0, 0), script.key(1, 0));
    let client = script.client();
    script.says(client, format!("get {first}\r\nincr {second} 1\r\nget {second} {first}\r\nmn\r\n"));
    script.answers(1, format!("7\r\nVALUE {second} 0 1\r\nb\r\nEND\r\n"));
    assert_eq!(script.hears(client), "");
    script.answers(0, format!("END\r\nVALUE {first} 0 1\r\na\r\nEND\r\n"));
    let both = format!("VALUE {second} 0 1\r\nb\r\nVALUE {first} 0 1\r\na\r\nEND\r\n");
    assert_eq!(script.hears(client), format!("END\r\n7\r\n{both}MN\r\n"));
}

#[test]
fn a_key_asked_twice_is_answered_twice_and_each_server_asked_once() {
    let mut script = Script::new(2);
    let (first, second) = (script.key(0, 0), script.key(1, 0));
    let client = script.client();
    script.says(client, format!("gets {first} {second} {first} {second}\r\n"));
    assert_eq!(script.asked(0), format!("gets {first} {first} \r\n"));
    assert_eq!(script.asked(1), format!("gets {second} {second} \r\n"));
    let (a, b) = (format!("VALUE {first} 0 1 5\r\na\r\n"), format!("VALUE {second} 0 1 6\r\nb\r\n"));
    script.answers(1, format!("{b}{b}END\r\n"));
    script.answers(0, format!("{a}{a}END\r\n"));
    assert_eq!(script.hears(client), format!("{a}{b}{a}{b}END\r\n"));
}

#[test]
fn no_client_gets_the_reply_of_one_that_left() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "get a\r\n");
    script.client_resets(client);
    // The newcomer takes the place of the one that left, in every table.
    let newcomer = script.client();
    script.says(newcomer, "get b\r\n");
    script.answers(0, "VALUE a 0 1\r\nx\r\nEND\r\n");
    assert_eq!(script.hears(newcomer), "");
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(newcomer), "END\r\n");
    assert_eq!(script.conns(0), 1);
}

#[test]
fn a_client_that_dies_in_the_middle_of_a_body_costs_nobody_anything() {
    for len in [100, 30_000] {
        let mut script = Script::new(1);
        let (dying, other) = (script.client(), script.client());
        script.says(dying, format!("get a\r\nset a 0 0 {len}\r\nhalf of it"));
        script.says(other, "get b\r\n");
        script.client_resets(dying);
        assert_eq!(script.asked(0), "get a\r\nget b\r\n");
        script.answers(0, "END\r\nVALUE b 0 1\r\nx\r\nEND\r\n");
        assert_eq!(script.hears(other), "VALUE b 0 1\r\nx\r\nEND\r\n");
        script.client_closes(other);
        assert!(script.is_empty());
        assert!(script.is_up(0));
    }
}

#[test]
fn a_late_reply_is_dropped_and_not_paired_with_the_next_request() {
    for len in [1, 50_000] {
        let mut script = Script::new(1);
        let client = script.client();
        script.says(client, "get a\r\n");
        script.wait(100);
        assert_eq!(script.hears(client), "SERVER_ERROR Connection timed out\r\n");
        script.says(client, "get a\r\n");
        let (old, new) = ("o".repeat(len), "n".repeat(len));
        script.answers(0, format!("VALUE a 0 {len}\r\n{old}\r\nEND\r\nVALUE a 0 {len}\r\n{new}\r\nEND\r\n"));
        assert_eq!(script.hears(client), format!("VALUE a 0 {len}\r\n{new}\r\nEND\r\n"));
    }
}

#[test]
fn a_large_reply_that_becomes_late_half_way_is_dropped_to_its_end() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "get a\r\nget b\r\n");
    let data = "x".repeat(50_000);
    script.answers(0, format!("VALUE a 0 50000\r\n{}", &data[..20_000]));
    script.wait(100);
    script.says(client, "get c\r\n");
    script.answers(0, format!("{}\r\nEND\r\nEND\r\nVALUE c 0 1\r\ny\r\nEND\r\n", &data[20_000..]));
    let late = "SERVER_ERROR Connection timed out\r\n";
    assert_eq!(script.hears(client), format!("{late}{late}VALUE c 0 1\r\ny\r\nEND\r\n"));
}

#[test]
fn a_request_behind_late_ones_times_out_in_its_own_time() {
    let mut script = Script::new(1);
    let (first, second) = (script.client(), script.client());
    script.says(first, "get a\r\n");
    script.wait(110);
    assert_eq!(script.hears(first), "SERVER_ERROR Connection timed out\r\n");
    // The connection waits for the late reply, and looks again much later if nothing comes.
    script.says(second, "get b\r\n");
    script.wait(99);
    assert_eq!(script.hears(second), "");
    script.wait(1);
    assert_eq!(script.hears(second), "SERVER_ERROR Connection timed out\r\n");
}

#[test]
fn a_request_that_expires_before_its_first_byte_was_written_is_never_sent() {
    let mut script = Script::new(1);
    script.stage.server_room = 1000;
    let (first, second, third) = (script.client(), script.client(), script.client());
    script.says(first, format!("set a 0 0 5000\r\n{}\r\n", "x".repeat(5000)));
    script.says(second, "set b 0 0 1\r\ny\r\n");
    script.says(second, "get c d\r\n");
    script.wait(60);
    script.says(third, "get e\r\n");
    script.wait(40);
    let late = "SERVER_ERROR Connection timed out\r\n";
    assert_eq!(script.hears(first), late);
    assert_eq!(script.hears(second), format!("{late}{late}"));
    let counters = ["server_timedout", "requests_late", "in_queue", "in_queue_bytes"];
    assert_eq!(counters.map(|name| script.counter(0, name)), [1, 3, 2, 5018 + 7]);
    let mut asked = String::new();
    while !asked.ends_with("get e\r\n") {
        asked += &script.asked(0);
    }
    assert_eq!(asked, format!("set a 0 0 5000\r\n{}\r\nget e\r\n", "x".repeat(5000)));
    script.answers(0, "STORED\r\nVALUE e 0 1\r\nz\r\nEND\r\n");
    assert_eq!(script.hears(third), "VALUE e 0 1\r\nz\r\nEND\r\n");
    for client in [first, second, third] {
        script.client_closes(client);
    }
    assert!(script.is_empty());
}

#[test]
fn a_request_that_may_have_reached_a_server_is_not_repeated() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "incr a 1\r\nset b 0 0 1\r\nx\r\n");
    assert_eq!(script.asked(0), "incr a 1\r\nset b 0 0 1\r\nx\r\n");
    script.server_resets(0);
    script.wait(20);
    script.says(client, "get c\r\n");
    assert_eq!(script.asked(0), "get c\r\n");
}

#[test]
fn a_silent_server_connection_is_given_up_in_the_end() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "get a\r\n");
    script.wait(299);
    assert!(script.is_up(0), "a late reply may still come");
    script.wait(1);
    assert!(!script.is_up(0));
}

#[test]
fn nothing_is_left_of_a_batch_whose_client_has_gone() {
    let mut script = Script::new(3);
    let keys: Vec<String> = (0..3).map(|server| script.key(server, 0)).collect();
    let client = script.client();
    script.says(
        client,
        format!("get {}\r\nset {} 0 0 1 noreply\r\nx\r\nmg {} v\r\n", keys.join(" "), keys[0], keys[1]),
    );
    script.client_closes(client);
    script.answers(0, format!("VALUE {} 0 3\r\nabc\r\nEND\r\nSTORED\r\n", keys[0]));
    script.answers(1, "END\r\nEN\r\n");
    assert!(!script.is_empty());
    script.answers(2, "END\r\n");
    assert!(script.is_empty());
    assert!((0..3).all(|server| script.is_up(server)));
}
