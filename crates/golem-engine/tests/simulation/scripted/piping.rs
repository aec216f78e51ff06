//! Large values that come through pipes: in order, whole, and never somebody else's.

use super::script::Script;

/// Two servers, and a worker that has so many pipes with so much room each.
fn piped(pipes: u16, room: usize) -> Script {
    let mut script = Script::with(2, |settings| settings.timeout = None);
    script.stage.use_pipes(pipes, room, 1000);
    script
}

/// The value that lies under a key, every one different.
fn value(key: &str, len: usize) -> String {
    let data: String = key.chars().cycle().take(len).collect();
    format!("VALUE {key} 0 {len}\r\n{data}\r\n")
}

#[test]
fn values_of_all_sizes_come_in_order() {
    for (pipes, room) in [(0, 0), (1, 1 << 20), (8, 1 << 20), (8, 3000)] {
        let mut script = piped(pipes, room);
        let client = script.client_with((1000, 5000));
        let keys: Vec<String> = (0..6).map(|number| script.key(0, number)).collect();
        let sizes = [200_000, 10, 70_000, 70_001, 17_000, 3];
        let (mut asked, mut reply) = (String::new(), String::new());
        for (key, size) in keys.iter().zip(sizes) {
            asked += &format!("get {key}\r\n");
            reply += &(value(key, size) + "END\r\n");
        }
        script.says(client, &asked);
        assert_eq!(script.asked(0), asked);
        script.answers(0, &reply);
        assert_eq!(script.stage.in_pipes(0) > 0, pipes > 0, "{pipes} pipes with room for {room}");
        assert!(script.hears_all(client) == reply, "{pipes} pipes with room for {room}");
        assert_eq!(script.stage.in_pipes(0), 0);
    }
}

#[test]
fn nothing_is_left_in_the_pipe_of_a_client_that_goes() {
    let mut script = piped(1, 1 << 20);
    let (one, other) = (script.client_with((1000, 5000)), script.client());
    let (mine, yours) = (script.key(0, 0), script.key(0, 1));
    script.says(one, format!("get {mine}\r\n"));
    script.says(other, format!("get {yours}\r\n"));
    script.asked(0);
    script.answers(0, value(&mine, 200_000) + "END\r\n");
    assert!(script.stage.in_pipes(0) > 100_000, "its client reads nothing");
    script.client_resets(one);
    assert_eq!(script.stage.in_pipes(0), 0);
    let reply = value(&yours, 200_000) + "END\r\n";
    script.answers(0, &reply);
    assert!(script.hears_all(other) == reply);
}

#[test]
fn a_value_that_nobody_waits_for_any_more_goes_into_no_pipe() {
    let mut script = piped(1, 1 << 20);
    let (one, other) = (script.client(), script.client());
    let (mine, yours) = (script.key(0, 0), script.key(0, 1));
    script.says(one, format!("get {mine}\r\n"));
    script.says(other, format!("get {yours}\r\n"));
    script.asked(0);
    let reply = value(&mine, 200_000) + "END\r\n";
    script.answers(0, &reply[..100_000]);
    assert!(script.stage.in_pipes(0) > 0);
    script.client_resets(one);
    script.answers(0, &reply[100_000..]);
    assert_eq!((script.stage.in_pipes(0), script.hears(other)), (0, String::new()));
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(other), "END\r\n");
}

#[test]
fn a_server_that_goes_within_a_value_is_a_clear_error_and_leaves_nothing() {
    let mut script = piped(1, 1 << 20);
    let client = script.client();
    let key = script.key(0, 0);
    script.hits(client, &key, 0);
    script.says(client, format!("get {key}\r\n"));
    script.asked(0);
    let reply = value(&key, 200_000) + "END\r\n";
    script.answers(0, &reply[..150_000]);
    assert!(script.stage.in_pipes(0) > 0);
    assert_eq!(script.hears(client), "");
    script.server_resets(0);
    assert_eq!(script.hears(client), "SERVER_ERROR Connection reset by peer\r\n");
    assert_eq!(script.stage.in_pipes(0), 0);
    script.wait(2000);
    script.says(client, format!("get {key}\r\n"));
    script.asked(0);
    script.answers(0, &reply);
    assert!(script.hears_all(client) == reply);
}

#[test]
fn a_value_without_its_end_is_nobodys() {
    let mut script = piped(1, 1 << 20);
    let client = script.client();
    let key = script.key(0, 0);
    script.says(client, format!("get {key}\r\n"));
    script.asked(0);
    script.answers(0, value(&key, 200_000).trim_end().to_owned() + "xxEND\r\n");
    assert!(script.hears(client).starts_with("SERVER_ERROR "));
    assert_eq!((script.stage.in_pipes(0), script.counter(0, "protocol_errors")), (0, 1));
}

#[test]
fn values_of_several_servers_are_put_together_as_they_were_asked_for() {
    for pipes in [1, 8] {
        let mut script = piped(pipes, 1 << 20);
        let client = script.client_with((1000, 5000));
        let keys = [script.key(1, 0), script.key(0, 0), script.key(1, 1), script.key(0, 1)];
        script.says(client, format!("get {}\r\n", keys.join(" ")));
        let values = keys.each_ref().map(|key| value(key, 100_000));
        script.asked(0);
        script.asked(1);
        script.answers(0, format!("{}{}END\r\n", values[1], values[3]));
        script.answers(1, format!("{}{}END\r\n", values[0], values[2]));
        assert!(script.hears_all(client) == values.concat() + "END\r\n");
        assert_eq!(script.stage.in_pipes(0), 0);
    }
}

#[test]
fn pipes_are_closed_when_nothing_is_in_flight_for_a_while() {
    let mut script = piped(8, 1 << 20);
    let client = script.client_with((1000, 5000));
    let key = script.key(0, 0);
    let (asked, reply) = (format!("get {key}\r\n"), value(&key, 200_000) + "END\r\n");
    for _ in 0..3 {
        script.says(client, &asked);
        script.asked(0);
        script.answers(0, &reply);
        assert!(script.stage.has_pipes());
        script.wait(1500);
        assert!(script.stage.has_pipes(), "the client has not read it all yet");
        assert!(script.hears_all(client) == reply);
        script.wait(1500);
        assert!(!script.stage.has_pipes());
    }
}
