//! Large requests that come through pipes: whole and in order, refused as others are, and nothing of them left behind.

use super::script::Script;

/// A worker that has so many pipes with so much room each, for one server that takes so many bytes at once.
fn piped((pipes, room): (u16, usize), server_room: usize, timeout: Option<u64>) -> Script {
    let mut script = Script::with(1, |settings| {
        settings.timeout = timeout.map(std::time::Duration::from_millis);
    });
    script.stage.server_room = server_room;
    script.stage.use_pipes(pipes, room, 1000);
    script
}

/// A `set` of a value that is not like any other.
fn set(key: &str, len: usize) -> String {
    let data: String = key.chars().cycle().take(len).collect();
    format!("set {key} 0 0 {len}\r\n{data}\r\n")
}

const ROOM: usize = 16 << 20;

#[test]
fn requests_of_all_sizes_come_whole_and_in_order() {
    for (pipes, room) in [(0, 0), (1, 1 << 20), (8, 1 << 20), (8, 3000)] {
        let mut script = piped((pipes, room), ROOM, None);
        let (one, other) = (script.client(), script.client());
        let sizes = [200_000, 10, 70_000, 70_001, 17_000, 3];
        let all: String = sizes.iter().enumerate().map(|(at, size)| set(&format!("k{at}"), *size)).collect();
        script.says(one, &all);
        script.says(other, set("x", 100_000) + "get x\r\n");
        let asked = script.asked(0);
        assert!(asked == all + &set("x", 100_000) + "get x\r\n", "{pipes} pipes with room for {room}");
        assert_eq!(script.stage.in_pipes(0), 0);
        script.answers(0, "STORED\r\n".repeat(7) + "END\r\n");
        assert_eq!(script.hears(one), "STORED\r\n".repeat(6));
        assert_eq!(script.hears(other), "STORED\r\nEND\r\n");
    }
}

#[test]
fn what_is_not_forwarded_is_left_out_of_a_request_in_a_pipe() {
    let mut script = piped((1, 1 << 20), ROOM, None);
    let client = script.client();
    let data = "d".repeat(100_000);
    script.says(client, format!("ms k 100000 q Oabc\r\n{data}\r\nmn\r\n"));
    assert!(script.asked(0) == format!("ms k 100000 Oabc\r\n{data}\r\n"));
    script.answers(0, "HD Oabc\r\n");
    assert_eq!(script.hears(client), "MN\r\n");
}

#[test]
fn data_that_do_not_end_as_they_should_are_refused_as_in_memory() {
    for end in ["xx", "\rx", "x\n", "\n", "xx and more"] {
        let [in_memory, in_pipe] = [0, 1].map(|pipes| {
            let mut script = piped((pipes, 1 << 20), ROOM, None);
            let client = script.client();
            let data = "d".repeat(100_000);
            script.says(client, format!("set k 0 0 100000\r\n{data}{end}\r\nget a\r\n"));
            assert_eq!(script.stage.in_pipes(0), 0);
            (script.hears(client), script.asked(0))
        });
        assert_eq!(in_pipe, in_memory, "{end:?}");
        assert!(in_pipe.0.starts_with("CLIENT_ERROR bad data chunk\r\n"), "{end:?}: {}", in_pipe.0);
        assert_eq!(in_pipe.1, "get a\r\n", "{end:?}");
    }
}

#[test]
fn a_client_that_goes_within_a_request_leaves_nothing() {
    let mut script = piped((1, 1 << 20), ROOM, None);
    let (one, other) = (script.client(), script.client());
    script.says(one, &set("k", 200_000)[..150_000]);
    assert!(script.stage.in_pipes(0) > 0);
    script.client_resets(one);
    assert_eq!(script.stage.in_pipes(0), 0);
    script.says(other, set("x", 200_000));
    assert!(script.asked(0) == set("x", 200_000));
}

#[test]
fn a_server_that_goes_within_a_request_leaves_nothing() {
    let mut script = piped((2, 1 << 20), 1000, None);
    let (one, other) = (script.client(), script.client());
    script.says(one, set("k", 200_000));
    script.says(other, set("x", 200_000));
    let held = script.stage.in_pipes(0);
    assert!(held > 200_000, "the server reads nothing, {held} bytes wait");
    script.server_resets(0);
    for client in [one, other] {
        assert_eq!(script.hears(client), "SERVER_ERROR Connection reset by peer\r\n");
    }
    assert_eq!(script.stage.in_pipes(0), 0);
}

#[test]
fn a_request_in_a_pipe_can_be_withdrawn_between_others() {
    let mut script = piped((4, 1 << 20), 1000, Some(1000));
    let clients = [(); 4].map(|()| script.client());
    script.says(clients[0], set("a", 50_000));
    script.wait(600);
    script.says(clients[1], set("b", 60_000));
    script.says(clients[2], "get c\r\n");
    script.wait(500);
    // The first has timed out, half written; now those behind it do, of which nothing was written.
    script.wait(300);
    script.says(clients[3], set("d", 70_000));
    script.wait(300);
    for client in &clients[..3] {
        assert_eq!(script.hears(*client), "SERVER_ERROR Connection timed out\r\n");
    }
    let wanted = set("a", 50_000) + &set("d", 70_000);
    let mut asked = String::new();
    while asked.len() < wanted.len() {
        asked += &script.asked(0);
    }
    assert!(asked == wanted, "{} bytes", asked.len());
    assert_eq!(script.stage.in_pipes(0), 0);
    script.answers(0, "NOT_STORED\r\nSTORED\r\n");
    assert_eq!(script.hears(clients[3]), "STORED\r\n");
}

#[test]
fn what_comes_behind_a_request_in_a_pipe_can_be_withdrawn() {
    let mut script = piped((4, 1 << 20), 1000, Some(1000));
    let (client, other) = (script.client(), script.client());
    // Both are there when the first is written, as far as the server takes it.
    script.says(client, set("a", 100_000) + "get b\r\n");
    script.wait(1100);
    assert_eq!(script.hears(client), "SERVER_ERROR Connection timed out\r\n".repeat(2));
    script.says(other, "get c\r\n");
    let wanted = set("a", 100_000) + "get c\r\n";
    let mut asked = String::new();
    while asked.len() < wanted.len() {
        asked += &script.asked(0);
    }
    assert!(asked == wanted, "{} bytes end with {:?}", asked.len(), &asked[asked.len() - 20..]);
    script.answers(0, "STORED\r\nEND\r\n");
    assert_eq!(script.hears(other), "END\r\n");
}
