//! Limits on what waits for one server connection: it harms nobody who does not ask that server.

use super::script::{Script, Who};

const CROWDED: &str = "SERVER_ERROR Too many requests wait for a connection\r\n";

fn set(key: &str, len: usize) -> String {
    format!("set {key} 0 0 {len}\r\n{}\r\n", "x".repeat(len))
}

fn is_paused(script: &Script, who: Who) -> bool {
    script.stage.links[who.0].paused
}

#[test]
fn a_server_that_does_not_read_slows_its_clients_then_refuses_and_harms_nobody_else() {
    let mut script = Script::with(2, |settings| {
        settings.timeout = None;
        settings.server_connection_limit = 100_000;
    });
    script.stage.server_room = 1000;
    let (stuck, well) = (script.key(0, 0), script.key(1, 0));
    let small = set(&stuck, 10_000);
    let clients: Vec<Who> = (0..14).map(|_| script.client()).collect();
    for &client in &clients {
        script.says(client, format!("{small}get {well}\r\n"));
    }
    let slowed = clients.iter().filter(|client| is_paused(&script, **client)).count();
    assert_eq!(slowed, 6, "from half the limit on, until it is full");
    let asked = script.asked(1);
    script.answers(1, "END\r\n".repeat(asked.lines().count()));
    let refused = clients.iter().filter(|client| script.hears(**client).starts_with(CROWDED)).count();
    assert_eq!((refused as i64, refused), (script.counter(0, "requests_turned_away"), 3));
    // Others are served as ever.
    let other = script.client();
    script.says(other, format!("get {well}\r\n"));
    assert_eq!(script.asked(1).lines().count(), 1);
    script.answers(1, "END\r\n");
    assert_eq!(script.hears(other), "END\r\n");
    // A large request is not let in now: it would only wait.
    script.says(other, set(&stuck, 20_000));
    script.wait(1000);
    assert_eq!(script.hears(other), CROWDED);
    // The server reads again.
    let mut stored = 0;
    loop {
        let asked = script.asked(0);
        if asked.is_empty() {
            break;
        }
        let ends = asked.matches("set ").count();
        script.answers(0, "STORED\r\n".repeat(ends));
        stored += ends;
    }
    assert_eq!(stored, 11);
    let asked = script.asked(1);
    script.answers(1, "END\r\n".repeat(asked.lines().count()));
    let heard: String = clients.iter().map(|client| script.hears(*client)).collect();
    assert_eq!(heard.matches("STORED").count(), 11);
    assert!(clients.iter().all(|client| !is_paused(&script, *client)));
}

#[test]
fn a_large_request_waits_for_a_server_that_is_behind() {
    let mut script = Script::with(1, |settings| {
        settings.timeout = None;
        settings.server_connection_limit = 100_000;
    });
    script.stage.server_room = 30_000;
    let [first, second] = [script.client(), script.client()];
    script.says(first, set("a", 90_000));
    script.says(second, set("a", 80_000));
    assert!(is_paused(&script, second));
    assert_eq!(script.stage.pool_counter("uploads_waited"), 1);
    let mut asked = 0;
    while asked < 2 {
        let more = script.asked(0);
        assert!(!more.is_empty(), "it comes in once half of the other is written");
        asked += more.matches("set ").count();
    }
    script.answers(0, "STORED\r\n".repeat(2));
    assert_eq!([script.hears(first), script.hears(second)], ["STORED\r\n", "STORED\r\n"]);
}
