//! Limits on what all clients of one worker make it hold, and that nobody waits for ever for them.

use super::script::{Script, Who};

const NO_MEMORY: &str = "SERVER_ERROR out of memory: over worker_hard_limit\r\n";
const FAR: u64 = 1 << 40;

/// Two servers, patient ones, and a worker that may hold so much.
fn limited(soft: u64, hard: u64) -> Script {
    let mut script = Script::with(2, |settings| settings.timeout = None);
    script.stage.limit(soft, hard);
    script
}

fn value(key: &str, len: usize) -> String {
    format!("VALUE {key} 0 {len}\r\n{}\r\nEND\r\n", "x".repeat(len))
}

fn set(key: &str, len: usize) -> String {
    format!("set {key} 0 0 {len}\r\n{}\r\n", "x".repeat(len))
}

fn is_paused(script: &Script, who: Who) -> bool {
    script.stage.links[who.0].paused
}

#[test]
fn only_clients_above_their_share_are_not_read_while_the_worker_holds_too_much() {
    let mut script = limited(200_000, FAR);
    let key = script.key(0, 0);
    let [reader, heavy] = [script.client(), script.client_with((1 << 20, 1000))];
    // Its first replies tell what to expect of it.
    for _ in 0..20 {
        script.says(reader, format!("get {key}\r\n"));
        script.answers(0, "END\r\n");
        script.hears(reader);
    }
    script.says(heavy, format!("get {key}\r\n"));
    script.answers(0, value(&key, 250_000));
    script.asked(0);
    script.says(heavy, format!("get {key}\r\nget {key}\r\n"));
    assert!(is_paused(&script, heavy));
    assert_eq!(script.stage.pool_counter("clients_slowed"), 1);
    assert_eq!(script.asked(0).lines().count(), 1, "the second of its requests is held back");
    script.answers(0, "END\r\n");
    script.says(reader, format!("get {key}\r\nget {key}\r\n"));
    assert!(!is_paused(&script, reader));
    assert_eq!(script.asked(0).lines().count(), 2, "both of the other's are asked");
    script.answers(0, "END\r\n".repeat(2));
    assert_eq!(script.hears(reader), "END\r\n".repeat(2));
    let heard = script.hears_all(heavy);
    assert!(!is_paused(&script, heavy), "it holds little now");
    assert_eq!(script.asked(0).lines().count(), 1);
    script.answers(0, "END\r\n");
    let heard = heard + &script.hears_all(heavy);
    assert_eq!(heard, value(&key, 250_000) + &"END\r\n".repeat(2));
}

#[test]
fn a_client_that_sends_everything_before_it_reads_is_served_above_its_share_too() {
    let mut script = limited(50_000, FAR);
    let client = script.client_with((20_000, 500));
    let (mut left, mut rounds) = ("mn\r\n".repeat(100_000).into_bytes(), 0);
    while !left.is_empty() {
        let written = script.stage.links[client.0].inward.write(&left);
        left.drain(..written);
        rounds += 1;
        script.run();
        script.wait(100);
        assert!(rounds < 100, "the proxy waits for its client, and the client for the proxy");
    }
    assert!(script.stage.workers[0].engine.held() > 50_000);
    assert_eq!(script.hears_all(client), "MN\r\n".repeat(100_000));
}

#[test]
fn a_large_request_waits_for_room_and_loses_nothing() {
    let mut script = limited(400_000, FAR);
    let [first, second] = [script.client(), script.client()];
    let (long, other) = (set("a", 250_000), set("a", 200_000));
    script.says(first, &long[..100_000]);
    script.says(second, format!("mn\r\n{}", &other[..90_000]));
    assert_eq!(script.hears(second), "MN\r\n");
    assert!(is_paused(&script, second));
    assert_eq!(script.stage.pool_counter("uploads_waited"), 1);
    script.says(second, format!("{}mn\r\n", &other[90_000..]));
    let server = usize::from(script.conns(1) > 0);
    assert_eq!(script.hears(second), "");
    script.says(first, &long[100_000..]);
    let server = if script.conns(server) > 0 { server } else { 1 - server };
    assert_eq!(script.asked(server).len(), long.len() + other.len());
    script.answers(server, "STORED\r\n".repeat(2));
    assert_eq!([script.hears(first), script.hears(second)], ["STORED\r\n", "STORED\r\nMN\r\n"]);
    assert!(!is_paused(&script, second));
    assert_eq!(script.stage.workers[0].engine.held(), 0);
}

#[test]
fn a_large_request_waits_a_second_for_slow_clients_and_no_longer() {
    let mut script = limited(400_000, 1_000_000);
    let (slow, late, third) = (script.client(), script.client(), script.client());
    let long = set("a", 300_000);
    script.says(slow, &long[..100]);
    script.says(late, &long);
    script.wait(999);
    assert_eq!(script.conns(0) + script.conns(1), 0);
    script.wait(1);
    let server = usize::from(script.conns(1) > 0);
    assert_eq!(script.asked(server).len(), long.len());
    script.answers(server, "STORED\r\n");
    assert_eq!(script.hears(late), "STORED\r\n");
    // The hard limit is the end of patience.
    script.says(late, &long[..100]);
    script.wait(1000);
    script.says(third, set("b", 350_000) + "mn\r\n");
    assert_eq!(script.hears(third), "");
    script.wait(999);
    assert_eq!(script.hears(third), "");
    script.wait(1);
    assert_eq!(script.hears(third), format!("{NO_MEMORY}MN\r\n"));
    assert_eq!(script.stage.pool_counter("worker_over_limit"), 1);
    let held = script.stage.workers[0].engine.held();
    assert!((600_000..800_000).contains(&held), "{held} bytes of the two that are not through");
}

#[test]
fn a_request_larger_than_the_hard_limit_is_refused_at_once() {
    let mut script = limited(100_000, 200_000);
    let client = script.client();
    script.says(client, set("a", 300_000) + "mn\r\n");
    assert_eq!(script.hears(client), format!("{NO_MEMORY}MN\r\n"));
    // Larger than the soft one it has to itself what is free.
    let long = set("a", 150_000);
    script.says(client, &long);
    let server = usize::from(script.conns(1) > 0);
    assert_eq!(script.asked(server).len(), long.len());
}

#[test]
fn clients_that_wait_for_room_go_away_unharmed() {
    let mut script = limited(100_000, FAR);
    let long = set("a", 80_000);
    let holder = script.client();
    script.says(holder, &long[..100]);
    let [closes, finishes, stays] = [script.client(), script.client(), script.client()];
    for client in [closes, finishes, stays] {
        script.says(client, &long[..1000]);
        assert!(is_paused(&script, client));
    }
    script.client_resets(closes);
    script.client_finishes(finishes);
    script.wait(1000);
    assert!(script.stage.links[finishes.0].closed);
    script.says(stays, &long[1000..]);
    let server = usize::from(script.conns(1) > 0);
    assert_eq!(script.asked(server), long);
    script.answers(server, "STORED\r\n");
    assert_eq!(script.hears(stays), "STORED\r\n");
    script.stage.workers[0].engine.leave();
    script.wait(2000);
    assert!(script.is_empty());
    assert_eq!(script.stage.workers[0].engine.held(), 0);
}

/// Every client has replies that wait for an earlier one, half a body that it has sent, and a second body behind it: all
/// of that together is many times the soft limit.
#[test]
fn half_sent_bodies_and_replies_held_for_order_do_not_wait_for_each_other() {
    let mut script = limited(150_000, FAR);
    let (slow, quick) = (script.key(0, 0), script.key(1, 0));
    let clients: Vec<Who> = (0..30).map(|_| script.client()).collect();
    let long = set(&quick, 60_000);
    for &client in &clients {
        script.says(client, format!("get {slow}\r\nget {quick}\r\n"));
    }
    let asked = script.asked(1).lines().count();
    assert_eq!(asked, clients.len());
    script.answers(1, value(&quick, 20_000).repeat(asked));
    for &client in &clients {
        script.says(client, &long[..30_000]);
    }
    for (number, &client) in clients.iter().enumerate() {
        script.says(client, format!("{}{long}mn\r\n", &long[30_000..]));
        if number == 15 {
            script.answers(0, "END\r\n".repeat(clients.len()));
        }
    }
    let mut stored = 0;
    let mut heard = vec![String::new(); clients.len()];
    for _ in 0..400 {
        let asked = script.asked(1).matches("set ").count();
        script.answers(1, "STORED\r\n".repeat(asked));
        stored += asked;
        for (client, heard) in clients.iter().zip(&mut heard) {
            *heard += &script.hears(*client);
        }
        script.wait(10);
    }
    assert_eq!(stored, 2 * clients.len());
    let expected = format!("END\r\n{}STORED\r\nSTORED\r\nMN\r\n", value(&quick, 20_000));
    assert!(heard.iter().all(|heard| *heard == expected));
    assert!(script.stage.pool_counter("uploads_waited") > 20);
    assert_eq!(script.stage.pool_counter("worker_over_limit"), 0);
}

#[test]
fn above_the_hard_limit_the_heaviest_reply_fails() {
    let mut script = limited(100_000, 280_000);
    let (slow, quick) = (script.key(0, 0), script.key(1, 0));
    let [light, heavy] = [script.client(), script.client()];
    for client in [light, heavy] {
        script.says(client, format!("get {slow}\r\nget {quick}\r\n"));
    }
    script.answers(1, value(&quick, 15_000) + &value(&quick, 250_000));
    let small = script.client();
    script.says(small, format!("get {slow}\r\nget {quick}\r\n"));
    script.answers(1, value(&quick, 15_000));
    assert_eq!(script.stage.pool_counter("worker_over_limit"), 1);
    script.answers(0, "END\r\n".repeat(3));
    for client in [light, small] {
        assert_eq!(script.hears(client), format!("END\r\n{}", value(&quick, 15_000)));
    }
    assert_eq!(script.hears(heavy), format!("END\r\n{NO_MEMORY}"));
    // A value for which there can be no room is not even read.
    script.says(heavy, format!("get {quick}\r\n"));
    script.answers(1, &value(&quick, 400_000)[..50_000]);
    assert_eq!(script.hears(heavy), NO_MEMORY);
    assert_eq!(script.stage.workers[0].engine.held(), 0);
    script.answers(1, &value(&quick, 400_000)[50_000..]);
    assert!(script.is_up(1));
}

#[test]
fn above_the_hard_limit_the_client_that_reads_nothing_is_closed_and_the_others_are_served() {
    let mut script = limited(100_000, 400_000);
    let key = script.key(0, 0);
    let [stuck, sending] = [script.client_with((1000, 1000)), script.client()];
    script.says(stuck, format!("get {key}\r\n"));
    script.answers(0, value(&key, 200_000));
    script.asked(0);
    let long = set(&key, 200_000);
    script.says(sending, &long[..10]);
    script.says(sending, &long[10..]);
    // Both hold what they may; what comes now is too much.
    script.wait(1000);
    assert!(!script.stage.links[stuck.0].closed);
    assert_eq!(script.hears(sending), NO_MEMORY, "there is no room for what is larger than what is left");
    let more: Vec<Who> = (0..10).map(|_| script.client_with((1000, 100))).collect();
    for &client in &more {
        script.says(client, format!("get {key}\r\n"));
    }
    script.answers(0, value(&key, 12_000).repeat(10));
    assert!(script.stage.links[stuck.0].closed, "it holds the most");
    for client in more {
        assert_eq!(script.hears_all(client), value(&key, 12_000));
    }
}
