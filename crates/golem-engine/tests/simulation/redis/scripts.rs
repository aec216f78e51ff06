//! Each case by itself.

use crate::model::{NIL, array, bulk, command};
use crate::script::{Script, Who};
use golem_engine::Failure;

fn redis(servers: usize) -> Script {
    let mut script = Script::new(servers);
    script.stage.workers[0].engine.speak_resp();
    script
}

fn get(key: &str) -> String {
    command(&["GET", key])
}

impl Script {
    fn link(&self, server: usize, number: usize) -> usize {
        let mut links = self.conns.iter().filter(|(of, _)| *of == server);
        links.nth(number).expect("so many connections").1
    }

    /// Bytes of a server on one of its connections, the first of which is number 0.
    fn tells(&mut self, server: usize, number: usize, bytes: &str) {
        let link = self.link(server, number);
        self.stage.links[link].inward.write(bytes.as_bytes());
        self.run();
    }

    fn told(&mut self, server: usize, number: usize) -> String {
        let link = self.link(server, number);
        String::from_utf8(self.stage.links[link].outward.take(usize::MAX)).unwrap()
    }

    fn is_gone(&self, who: Who) -> bool {
        self.stage.links[who.0].closed
    }
}

#[test]
fn clients_share_a_connection_and_each_gets_its_frames() {
    let mut script = redis(1);
    let (first, second) = (script.client(), script.client());
    script.says(first, get("a") + &get("b"));
    script.says(second, get("c"));
    assert_eq!(script.conns(0), 1);
    assert_eq!(script.asked(0), get("a") + &get("b") + &get("c"));
    let nested = array(&[bulk("x"), array(&[":1\r\n".to_owned(), NIL.to_owned()]), "*0\r\n".to_owned()]);
    script.answers(0, format!("{nested}{}-ERR of the server\r\n", bulk("two\r\n+lines")));
    assert_eq!(script.hears(first), nested + &bulk("two\r\n+lines"));
    assert_eq!(script.hears(second), "-ERR of the server\r\n");
}

#[test]
fn a_late_frame_is_dropped_and_a_lost_server_is_an_error() {
    let mut script = redis(1);
    let client = script.client();
    script.says(client, get("a"));
    script.wait(100);
    assert_eq!(script.hears(client), "-ERR Connection timed out\r\n");
    script.says(client, get("b"));
    script.answers(0, bulk("late") + &bulk("in time"));
    assert_eq!(script.hears(client), bulk("in time"));
    script.says(client, command(&["SET", "a", "1"]));
    script.server_resets(0);
    assert_eq!(script.hears(client), "-ERR Connection reset by peer\r\n");
    script.refuses = Some(Failure::ConnectionRefused);
}

#[test]
fn a_blocking_command_holds_nobody_up_and_has_a_time_of_its_own() {
    let mut script = redis(1);
    let (blocking, other) = (script.client(), script.client());
    script.says(other, get("a"));
    script.says(blocking, command(&["BLPOP", "list", "2"]));
    assert_eq!((script.conns(0), script.told(0, 1)), (2, command(&["BLPOP", "list", "2"])));
    script.tells(0, 0, &bulk("x"));
    assert_eq!(script.hears(other), bulk("x"));
    script.wait(2050);
    assert_eq!(script.hears(blocking), "", "two seconds, and the timeout");
    script.says(other, get("a"));
    script.tells(0, 0, &bulk("y"));
    assert_eq!(script.hears(other), bulk("y"));
    script.tells(0, 1, &array(&[bulk("list"), bulk("v")]));
    assert_eq!(script.hears(blocking), array(&[bulk("list"), bulk("v")]));
    script.says(blocking, command(&["BLPOP", "list", "2"]));
    script.wait(2100);
    assert_eq!(script.hears(blocking), "-ERR Connection timed out\r\n");
}

#[test]
fn a_client_changes_its_lane_only_when_nothing_of_it_is_outstanding() {
    let mut script = redis(1);
    let client = script.client();
    script.says(client, get("a") + &command(&["BLPOP", "list", "0"]) + &get("b"));
    assert_eq!((script.conns(0), script.asked(0)), (1, get("a")));
    assert!(script.stage.links[client.0].paused, "what comes meanwhile is not read");
    script.tells(0, 0, NIL);
    assert_eq!((script.conns(0), script.told(0, 1)), (2, command(&["BLPOP", "list", "0"])));
    assert_eq!(script.told(0, 0), "");
    script.tells(0, 1, &bulk("v"));
    assert_eq!(script.told(0, 0), get("b"), "on the shared connection again");
    assert!(!script.is_up(0), "its own is closed");
    script.tells(0, 0, &bulk("w"));
    assert_eq!(script.hears(client), NIL.to_owned() + &bulk("v") + &bulk("w"));
    assert!(!script.stage.links[client.0].paused);
}

#[test]
fn what_a_client_blocks_on_is_given_up_with_it() {
    let mut script = redis(1);
    let (blocking, next) = (script.client(), script.client());
    script.says(blocking, command(&["BLPOP", "list", "0"]));
    script.client_resets(blocking);
    assert!(!script.is_up(0));
    script.says(next, command(&["BLPOP", "list", "0"]));
    assert_eq!(script.conns(0), 2);
    script.answers(0, bulk("v"));
    assert_eq!(script.hears(next), bulk("v"));
    script.client_closes(next);
    assert!(script.is_empty());
}

#[test]
fn a_transaction_is_on_the_server_of_its_first_key_and_on_a_connection_of_its_own() {
    let mut script = redis(2);
    let (here, there) = (script.key(1, 0), script.key(0, 0));
    let (client, other) = (script.client(), script.client());
    script.says(other, get(&here));
    script.says(client, command(&["MULTI"]));
    assert_eq!(script.hears(client), "+OK\r\n", "no server is asked for that");
    script.says(client, get(&here) + &get(&there) + &command(&["EXEC"]));
    assert_eq!(script.conns(0), 0);
    assert_eq!(script.told(1, 1), command(&["MULTI"]) + &get(&here) + &command(&["EXEC"]));
    script.tells(1, 1, "+OK\r\n+QUEUED\r\n");
    script.tells(1, 1, &array(&[bulk("v")]));
    let crossed = "-CROSSSLOT Keys in request don't hash to the same server\r\n";
    assert_eq!(script.hears(client), format!("+QUEUED\r\n{crossed}{}", array(&[bulk("v")])));
    script.says(client, get(&here));
    assert_eq!(script.told(1, 0), get(&here).repeat(2));
    script.tells(1, 0, &(bulk("1") + &bulk("2")));
    assert_eq!([script.hears(other), script.hears(client)], [bulk("1"), bulk("2")]);
}

fn message(text: &str) -> String {
    array(&[bulk("message"), bulk("news"), bulk(text)])
}

fn confirmed(word: &str, channel: &str, count: usize) -> String {
    format!("*3\r\n{}{}:{count}\r\n", bulk(word), bulk(channel))
}

#[test]
fn messages_go_past_the_queue_and_answers_stay_in_order() {
    let mut script = redis(1);
    let client = script.client();
    script.says(client, get("a") + &command(&["SUBSCRIBE", "news", "other"]));
    script.tells(0, 0, NIL);
    let two = confirmed("subscribe", "news", 1) + &confirmed("subscribe", "other", 2);
    let (start, end) = two.split_at(50);
    script.tells(0, 1, start);
    assert_eq!(script.hears(client), NIL, "one answer of two frames");
    script.tells(0, 1, &(end.to_owned() + &message("1")));
    assert_eq!(script.hears(client), two + &message("1"));
    script.says(client, get("a"));
    assert!(script.hears(client).starts_with("-ERR only"));
    script.says(client, command(&["UNSUBSCRIBE", "news", "other"]));
    let two = confirmed("unsubscribe", "news", 1) + &confirmed("unsubscribe", "other", 0);
    script.tells(0, 1, &(message("2") + &two));
    assert_eq!(script.hears(client), message("2") + &two, "a message before the answer is none");
    script.says(client, get("a"));
    assert_eq!(script.told(0, 0), get("a").repeat(2));
}

#[test]
fn a_subscription_ends_with_its_connection_and_its_client_knows() {
    let ends: [fn(&mut Script, usize); 3] = [
        |script, _| script.server_closes(0),
        |script, _| script.server_resets(0),
        |script, link| script.stage.links[link].peer_closes(),
    ];
    for end in ends {
        let mut script = redis(1);
        let client = script.client();
        script.says(client, command(&["SUBSCRIBE", "news"]));
        script.answers(0, confirmed("subscribe", "news", 1) + &message("1"));
        let link = script.conn(0);
        end(&mut script, link);
        script.run();
        assert_eq!(script.hears(client), confirmed("subscribe", "news", 1) + &message("1"));
        assert!(script.is_closed(client));
        script.client_closes(client);
        assert!(script.is_gone(client) && script.is_empty());
    }
}

#[test]
fn a_subscription_ends_when_its_server_is_ejected() {
    let mut script = Script::with(2, |settings| settings.auto_eject_hosts = true);
    script.stage.workers[0].engine.speak_resp();
    let channel = script.key(0, 0);
    let (client, other) = (script.client(), script.client());
    script.says(client, command(&["SUBSCRIBE", &channel]));
    script.answers(0, confirmed("subscribe", &channel, 1));
    assert_eq!(script.hears(client), confirmed("subscribe", &channel, 1));
    script.down = vec![0];
    while !script.is_closed(client) {
        script.says(other, get(&channel));
        assert_eq!(script.hears(other), "-ERR Connection refused\r\n", "it is not ejected yet");
    }
    script.says(other, get(&channel));
    script.answers(1, NIL);
    assert_eq!(script.hears(other), NIL);
}

#[test]
fn what_is_no_frame_ends_the_connection_and_nothing_else() {
    let mut script = redis(1);
    let (client, wrong) = (script.client(), script.client());
    script.says(wrong, "HELLO\r\n");
    assert_eq!(script.hears(wrong), "-ERR Protocol error\r\n");
    assert!(script.is_closed(wrong));
    script.says(client, get("a"));
    script.answers(0, "VALUE a 0 1\r\n");
    assert_eq!(script.hears(client), "-ERR Invalid argument\r\n");
    script.wait(20);
    script.says(client, get("a"));
    script.answers(0, "$3\r\nabcde");
    assert_eq!(script.hears(client), "-ERR Invalid argument\r\n");
}
