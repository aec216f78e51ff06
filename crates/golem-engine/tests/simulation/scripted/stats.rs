//! The `stats` command: what it says of a pool, its settings and its servers.

use super::script::{Script, Who};
use golem_config::MultigetFailure;
use std::time::Duration;

/// The rows of a topic, without `STAT`.
fn rows(script: &mut Script, client: Who, topic: &str) -> Vec<String> {
    script.says(client, format!("stats {topic}\r\n"));
    let heard = script.hears(client);
    let rows = heard.strip_suffix("END\r\n").expect("END stands last");
    rows.lines().map(|row| row.strip_prefix("STAT ").expect("each line is a row").to_owned()).collect()
}

fn value<'a>(rows: &'a [String], name: &str) -> &'a str {
    let found: Vec<&str> = rows.iter().filter_map(|row| row.strip_prefix(name)?.strip_prefix(' ')).collect();
    assert_eq!(found.len(), 1, "{name}");
    found[0]
}

#[test]
fn stats_sums_up_all_workers_and_servers() {
    let mut script = Script::crew(2, 2, |_| {});
    let clients = [script.client_of(0), script.client_of(1)];
    script.wait(3_500);
    let keys = [0, 1].map(|server| script.key(server, 0));
    for client in clients {
        for (server, key) in keys.iter().enumerate() {
            script.says(client, format!("get {key}\r\n"));
            script.answers(server, "END\r\n");
        }
        assert_eq!(script.hears(client), "END\r\nEND\r\n");
    }
    let rows = rows(&mut script, clients[0], "");
    let named = ["version", "uptime", "time", "threads", "client_connections", "requests", "responses"];
    assert_eq!(
        named.map(|name| value(&rows, name)),
        ["golemproxy/0.1.0", "3", "1700000003", "2", "2", "4", "4"]
    );
    assert_eq!(value(&rows, "response_bytes"), "20");
    assert!(!rows.iter().any(|row| row.starts_with("server_ejected_at")), "the sum of times means nothing");
    assert_eq!(value(&rows, "replies_local"), "1");
}

#[test]
fn stats_settings_says_what_holds() {
    for (policy, name) in
        [(MultigetFailure::Close, "close"), (MultigetFailure::Keep, "keep"), (MultigetFailure::Miss, "miss")]
    {
        let mut script = Script::with(2, |settings| {
            settings.multiget_failure = policy;
            settings.timeout = Some(Duration::from_millis(1500));
            settings.connect_timeout = Duration::from_millis(700);
        });
        let client = script.client();
        let expected = [
            "pool sim",
            "hash fnv1a_64",
            "distribution ketama",
            "timeout 1500",
            "connect_timeout 700",
            "resolve_interval 30000",
            "server_connections 1",
            "servers 2",
            "preconnect false",
            &format!("multiget_failure {name}"),
            "key_max 250",
            "line_max 2048",
            "keys_max 65536",
        ];
        assert_eq!(rows(&mut script, client, "settings")[..13], expected);
    }
}

#[test]
fn stats_servers_tells_servers_apart() {
    let mut script = Script::new(2);
    let client = script.client();
    let key = script.key(1, 0);
    script.says(client, format!("get {key}\r\n"));
    script.answers(1, "END\r\n");
    assert_eq!(script.hears(client), "END\r\n");
    script.says(client, "version\r\n");
    script.answers(1, "VERSION 1.6.21\r\n");
    script.hears(client);
    let rows = rows(&mut script, client, "servers");
    let named = ["s0:address", "s0:weight", "s1:version", "s0:requests", "s1:requests", "s1:responses"];
    assert_eq!(named.map(|name| value(&rows, name)), ["127.0.0.1:11211:1", "1", "1.6.21", "0", "2", "2"]);
    assert!(!rows.iter().any(|row| row.starts_with("s0:version")), "it was not asked");
}

#[test]
fn another_topic_is_an_error() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "stats items\r\nmn\r\n");
    assert_eq!(script.hears(client), "CLIENT_ERROR stats knows: settings, servers\r\nMN\r\n");
}
