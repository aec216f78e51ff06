//! Limits on what a client makes the proxy hold, and that none of them makes two parties wait for each other.

use super::script::Script;

const OVER: &str = "SERVER_ERROR reply too large: over client_hard_limit\r\n";

fn limited(soft: u64, hard: u64) -> Script {
    Script::with(2, |settings| (settings.client_soft_limit, settings.client_hard_limit) = (soft, hard))
}

#[test]
fn a_client_that_holds_too_much_is_not_read_until_it_holds_less() {
    let mut script = limited(2000, 100_000);
    let client = script.client();
    script.says(client, "get a\r\n".repeat(20));
    assert!(script.stage.links[client.0].paused);
    let server = usize::from(script.conns(1) > 0);
    let (mut asked, mut rounds) = (0, 0);
    while asked < 20 {
        let more = script.asked(server).lines().count();
        assert!(more > 0, "it is read again");
        script.answers(server, "END\r\n".repeat(more));
        (asked, rounds) = (asked + more, rounds + 1);
    }
    assert!(rounds > 1, "not all at once");
    assert!(!script.stage.links[client.0].paused);
    assert_eq!(script.hears(client), "END\r\n".repeat(20));
}

#[test]
fn the_request_at_the_head_of_the_queue_fails_when_it_holds_too_much() {
    let mut script = limited(5000, 10_000);
    let (first, second) = (script.key(0, 0), script.key(1, 0));
    let client = script.client();
    script.says(client, format!("get {first} {second}\r\nmn\r\n"));
    script.answers(0, format!("VALUE {first} 0 12000\r\n{}\r\nEND\r\n", "x".repeat(12_000)));
    assert_eq!(script.hears(client), format!("{OVER}MN\r\n"), "at once, not when the other server answers");
    script.answers(1, "END\r\n");
    assert_eq!(script.hears(client), "");
}

#[test]
fn what_comes_for_a_request_that_has_failed_is_dropped() {
    let mut script = limited(5000, 10_000);
    let (first, second) = (script.key(0, 0), script.key(1, 0));
    let client = script.client();
    let (long, data) = (format!("VALUE {second} 0 6000\r\n"), "x".repeat(6000));
    script.says(client, format!("get {first}\r\nget {second}\r\nget {second}\r\n"));
    // Both wait for the first; together they are too much, and the one that is not complete fails.
    script.answers(1, format!("VALUE {second} 0 5\r\nabcde\r\nEND\r\n{long}{data}\r\n"));
    script.answers(1, "END\r\n");
    script.answers(0, "END\r\n");
    assert_eq!(
        script.hears(client),
        format!("END\r\nVALUE {second} 0 5\r\nabcde\r\nEND\r\n{long}{data}\r\nEND\r\n")
    );
    script.says(client, format!("get {first}\r\nget {second}\r\n"));
    script.answers(1, format!("VALUE {second} 0 12000\r\n{}\r\n", "x".repeat(12_000)));
    script.answers(1, "END\r\n");
    script.answers(0, "END\r\n");
    assert_eq!(
        script.hears(client),
        format!("END\r\n{OVER}"),
        "one answer, and nothing of the reply behind it"
    );
}

#[test]
fn a_large_value_on_its_way_to_a_request_that_fails_is_dropped() {
    let mut script = limited(20_000, 40_000);
    let first = script.key(0, 0);
    let [a, b, c] = [0, 1, 2].map(|number| script.key(1, number));
    let client = script.client();
    script.says(client, format!("get {first}\r\nget {a} {b} {c}\r\n"));
    let value = |key: &str, len: usize| format!("VALUE {key} 0 {len}\r\n{}\r\n", "x".repeat(len));
    let large = value(&c, 17_000);
    script.answers(1, value(&a, 15_000) + &value(&b, 15_000) + &large[..100]);
    // Both requests together hold too much now.
    script.answers(0, value(&first, 12_000));
    script.answers(1, large[100..].to_owned() + "END\r\n");
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(client), format!("{}END\r\n{OVER}", value(&first, 12_000)));
    assert!(script.is_up(1));
}

#[test]
fn a_client_that_sends_everything_before_it_reads_is_served() {
    let mut script = limited(1000, 1_000_000);
    let client = script.client_with((20_000, 500));
    let (mut left, mut asked) = ("mn\r\n".repeat(10_000).into_bytes(), 0);
    while !left.is_empty() {
        let written = script.stage.links[client.0].inward.write(&left);
        left.drain(..written);
        asked += 1;
        script.run();
        script.wait(100);
        assert!(asked < 100, "the proxy waits for its client, and the client for the proxy");
    }
    let mut heard = String::new();
    for _ in 0..1000 {
        heard += &script.hears(client);
        script.wait(1);
    }
    assert_eq!(heard, "MN\r\n".repeat(10_000));
}

#[test]
fn a_client_that_reads_nothing_is_closed_at_the_hard_limit() {
    let mut script = limited(1000, 4000);
    let client = script.client_with((1 << 20, 500));
    script.says(client, "mn\r\n".repeat(10_000));
    script.wait(30_000);
    assert!(!script.stage.links[client.0].closed, "a client may be stopped for a while");
    script.wait(40_000);
    assert!(script.stage.links[client.0].closed);
    assert_eq!(script.stage.workers[0].engine.clients(), 0);
}

#[test]
fn a_client_between_half_and_all_of_the_hard_limit_is_read_on() {
    let mut script = limited(4000, 4000);
    let client = script.client_with((1 << 20, 100));
    let key = script.key(0, 0);
    script.says(client, format!("get {key}\r\n").repeat(20) + &"mn\r\n".repeat(2));
    assert!(script.stage.links[client.0].paused);
    // What it holds now lies between: too much to be read again by itself, too little to be closed.
    script.answers(
        0,
        format!("VALUE {key} 0 150\r\n{}\r\nEND\r\n", "x".repeat(150)).repeat(16) + &"END\r\n".repeat(4),
    );
    assert!(script.stage.links[client.0].paused);
    script.says(client, "mn\r\n");
    script.wait(1000);
    assert!(!script.stage.links[client.0].paused);
}

#[test]
fn a_client_that_was_paused_lingers_as_long_as_any_other() {
    let mut script = limited(1000, 100_000);
    let client = script.client_with((1 << 20, 500));
    script.says(client, "version\r\n".repeat(40));
    script.wait(50);
    assert!(script.stage.links[client.0].paused);
    let mut heard = String::new();
    while script.stage.links[client.0].paused {
        heard += &script.hears(client);
    }
    script.says(client, "quit\r\n");
    while !script.is_closed(client) {
        heard += &script.hears(client);
    }
    assert_eq!(heard.lines().count(), 40);
    script.wait(900);
    assert!(!script.stage.links[client.0].closed, "its pause must not shorten this");
    script.wait(200);
    assert!(script.stage.links[client.0].closed);
}

#[test]
fn a_client_that_is_full_with_its_last_request_and_sends_no_more_is_closed() {
    for requests in 1..40 {
        let mut script = limited(2000, 100_000);
        let client = script.client();
        script.says(client, "get a\r\n".repeat(requests));
        script.client_finishes(client);
        let server = usize::from(script.conns(1) > 0);
        let mut asked = 0;
        while asked < requests {
            let more = script.asked(server).lines().count();
            assert!(more > 0, "it is read again");
            script.answers(server, "END\r\n".repeat(more));
            asked += more;
        }
        assert_eq!(script.hears(client), "END\r\n".repeat(requests));
        assert!(script.stage.links[client.0].closed, "{requests} requests");
    }
}

#[test]
fn replies_that_wait_for_an_earlier_one_are_limited_while_they_come() {
    let mut script = limited(20_000, 20_000);
    let (first, second) = (script.key(0, 0), script.key(1, 0));
    let client = script.client();
    script.says(client, format!("get {first}\r\n") + &format!("get {second}\r\n").repeat(10));
    let reply = format!("VALUE {second} 0 3000\r\n{}\r\nEND\r\n", "x".repeat(3000));
    for _ in 0..10 {
        script.answers(1, &reply);
    }
    assert_eq!(
        script.stage.pool_counter("client_over_limit"),
        4,
        "six of 3 kB have room, whoever came first"
    );
    script.answers(0, "END\r\n");
    let heard = script.hears(client);
    assert_eq!(heard.matches(OVER).count(), 4);
    assert_eq!(heard.len(), 5 + 6 * reply.len() + 4 * OVER.len());
    assert!(!script.is_closed(client));
}

#[test]
fn a_client_whose_server_is_slow_is_not_taken_for_one_that_does_not_read() {
    let mut script = Script::with(1, |settings| {
        (settings.client_soft_limit, settings.client_hard_limit) = (2000, 4000);
        settings.timeout = None;
    });
    let client = script.client();
    script.says(client, "get a\r\n".repeat(20));
    let asked = script.asked(0).lines().count();
    assert!(asked < 20 && script.stage.links[client.0].paused);
    // What came for the first of them is not read either.
    script.stage.links[client.0].outward.set_room(0);
    script.answers(0, "END\r\n");
    let more = script.asked(0).lines().count();
    script.wait(200_000);
    assert!(script.stage.links[client.0].paused && !script.stage.links[client.0].closed);
    assert_eq!(script.asked(0), "", "no more is asked for it");
    assert_eq!(script.stage.pool_counter("client_over_limit"), 0);
    script.stage.links[client.0].outward.set_room(1000);
    let (mut asked, mut heard) = (asked + more, script.hears(client));
    let mut answered = 1;
    while answered < 20 {
        script.answers(0, "END\r\n".repeat(asked - answered));
        answered = asked;
        heard += &script.hears(client);
        asked += script.asked(0).lines().count();
    }
    assert_eq!(heard + &script.hears(client), "END\r\n".repeat(20));
}

#[test]
fn a_paused_client_is_read_again_when_it_holds_half_of_what_paused_it() {
    let mut script = limited(1000, 100_000);
    let client = script.client_with((1000, 1000));
    script.says(client, "get a\r\n");
    let server = usize::from(script.conns(1) > 0);
    script.answers(server, format!("VALUE a 0 3000\r\n{}\r\nEND\r\n", "x".repeat(3000)));
    script.says(client, "mn\r\n");
    // 3,027 bytes in all, of which 1,000 have left.
    for (taken, paused) in [(1000, true), (526, true), (1, false)] {
        script.stage.links[client.0].outward.take(taken);
        script.run();
        assert_eq!(script.stage.links[client.0].paused, paused, "{taken} more");
    }
}

#[test]
fn a_client_that_reads_slowly_is_not_closed() {
    let mut script = limited(1000, 4000);
    let client = script.client_with((1 << 20, 500));
    script.says(client, "mn\r\n".repeat(10_000));
    for _ in 0..40 {
        assert_eq!(script.hears(client).len(), 500);
        script.wait(5000);
        assert!(!script.stage.links[client.0].closed);
    }
    script.wait(70_000);
    assert!(script.stage.links[client.0].closed, "it reads no more");
    assert_eq!(script.stage.pool_counter("client_over_limit"), 1);
}

#[test]
fn of_two_that_hold_the_same_the_older_request_fails() {
    let mut script = limited(20_000, 10_000);
    let (first, second) = (script.key(0, 0), script.key(1, 0));
    let client = script.client();
    script.says(client, format!("get {first}\r\nget {second}\r\nget {second}\r\n"));
    let reply = format!("VALUE {second} 0 6000\r\n{}\r\nEND\r\n", "x".repeat(6000));
    script.answers(1, reply.repeat(2));
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(client), format!("END\r\n{OVER}{reply}"));
}

#[test]
fn the_hard_limit_may_be_reached_and_not_passed() {
    for (len, fails) in [(10_000, 0), (10_001, 1)] {
        let mut script = limited(20_000, 10_000);
        let (first, second) = (script.key(0, 0), script.key(1, 0));
        let client = script.client();
        script.says(client, format!("get {first}\r\nget {second}\r\n"));
        let data = len - format!("VALUE {second} 0 9000\r\n\r\nEND\r\n").len();
        script.answers(1, format!("VALUE {second} 0 {data}\r\n{}\r\nEND\r\n", "x".repeat(data)));
        assert_eq!(script.stage.pool_counter("client_over_limit"), fails, "{len} bytes");
    }
}
