//! The table of wanted behaviour, row by row: what a client sends and gets.

use super::script::Script;

const LONG: usize = 251;

/// What a client hears after `input`, with one server that is asked nothing.
fn refused(input: &str) -> String {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, input);
    assert_eq!(script.asked(0), "", "{input:?} reached the server");
    // The stream is still in step.
    script.says(client, "mn\r\n");
    script.hears(client)
}

#[test]
fn an_unknown_command_is_an_error_and_the_client_stays() {
    for line in
        ["bogus\r\n", "\r\n", "GET a\r\n", "slabs x\r\n", "watch\r\n", "shutdown\r\n", "lru_crawler x\r\n"]
    {
        assert_eq!(refused(line), "ERROR\r\nMN\r\n");
    }
}

#[test]
fn a_malformed_command_without_a_body_is_told_so_and_the_client_stays() {
    for line in
        ["incr a b\r\n", "touch a b\r\n", "gat x a\r\n", "delete a 5\r\n", "mg a v v\r\n", "decr a -1\r\n"]
    {
        let heard = refused(line);
        assert!(heard.starts_with("CLIENT_ERROR ") && heard.ends_with("\r\nMN\r\n"), "{heard:?}");
        assert_eq!(heard.lines().count(), 2);
    }
}

#[test]
fn the_body_of_a_malformed_storage_command_is_swallowed() {
    for line in
        ["set a x 0 9", "set a 0 x 9", "cas a 0 0 9 x", "ms a 9 T0 T0", "add a 99999999999999999999 0 9"]
    {
        let heard = refused(&format!("{line}\r\nflush_all\r\n"));
        assert!(heard.starts_with("CLIENT_ERROR ") && heard.ends_with("\r\nMN\r\n"), "{heard:?}");
        assert_eq!(heard.lines().count(), 2, "{heard:?}");
    }
}

#[test]
fn an_unreadable_length_closes_behind_earlier_replies() {
    for line in ["set a 0 0 abc\r\n", "set a 0 0 -1\r\n", "set a 0 0 99999999999\r\n", "ms a x\r\n"] {
        let mut script = Script::new(1);
        let client = script.client();
        script.says(client, format!("get a\r\n{line}get b\r\n"));
        assert_eq!(script.asked(0), "get a\r\n");
        assert_eq!(script.hears(client), "");
        script.answers(0, "END\r\n");
        let heard = script.hears(client);
        assert!(heard.starts_with("END\r\nCLIENT_ERROR ") && heard.lines().count() == 2, "{heard:?}");
        assert!(script.is_closed(client));
        assert_eq!(script.asked(0), "", "nothing is read behind it");
    }
}

#[test]
fn a_key_that_the_server_would_refuse_is_never_forwarded() {
    let long = "x".repeat(LONG);
    for key in [long.as_str(), "a\0b"] {
        for line in [format!("get {key}\r\n"), format!("get a {key} b\r\n"), format!("delete {key}\r\n")] {
            assert_eq!(refused(&line), "CLIENT_ERROR bad command line format\r\nMN\r\n");
        }
        for line in [format!("set {key} 0 0 5\r\nget b\r\n"), format!("ms {key} 5\r\nget b\r\n")] {
            assert_eq!(refused(&line), "CLIENT_ERROR bad command line format\r\nMN\r\n");
        }
    }
    let mut script = Script::new(1);
    let client = script.client();
    let odd = "a\tb\u{ff}'\\{}";
    script.says(client, format!("get {odd}\r\n"));
    assert_eq!(script.asked(0), format!("get {odd}\r\n"));
}

#[test]
fn data_not_followed_by_cr_lf_are_refused_and_dropped_up_to_the_line_end() {
    for tail in ["xx\r\n", "get b\r\n", "\n", "\rget b\n"] {
        assert_eq!(refused(&format!("set a 0 0 3\r\nabc{tail}")), "CLIENT_ERROR bad data chunk\r\nMN\r\n");
        assert_eq!(refused(&format!("set a 0 0 3 noreply\r\nabc{tail}")), "MN\r\n");
        let large = "a".repeat(20_000);
        assert_eq!(refused(&format!("ms a 20000\r\n{large}{tail}")), "CLIENT_ERROR bad data chunk\r\nMN\r\n");
    }
}

#[test]
fn odd_spellings_are_accepted() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "get a\nget  a \r\nset a 4294967295 -1 1 \r\nx\r\n");
    assert_eq!(script.asked(0), "get a\nget  a \r\nset a 4294967295 -1 1 \r\nx\r\n");
    let value = "VALUE a 18446744073709551615 1\r\nx\r\nEND\r\n";
    script.answers(0, format!("{value}{value}STORED\r\n"));
    assert_eq!(script.hears(client), format!("{value}{value}STORED\r\n"));
}

#[test]
fn noreply_is_taken_off_and_no_line_comes_back_for_it() {
    let mut script = Script::new(1);
    let (client, other) = (script.client(), script.client());
    script.says(client, "set a 0 0 1 noreply\r\nx\r\ndelete a noreply\r\nget a\r\n");
    script.says(other, "get b\r\n");
    assert_eq!(script.asked(0), "set a 0 0 1\r\nx\r\ndelete a\r\nget a\r\nget b\r\n");
    script.answers(
        0,
        "SERVER_ERROR out of memory storing object\r\nNOT_FOUND\r\nEND\r\nVALUE b 0 1\r\ny\r\nEND\r\n",
    );
    assert_eq!(script.hears(client), "END\r\n");
    assert_eq!(script.hears(other), "VALUE b 0 1\r\ny\r\nEND\r\n");
    script.says(client, "incr a x noreply\r\ndelete a 5 noreply\r\nflush_all noreply\r\nmn\r\n");
    assert_eq!(script.hears(client), "MN\r\n");
    script.says(client, "set a 0 0 1 noreply\r\nx\r\nmn\r\n");
    script.server_resets(0);
    assert_eq!(script.hears(client), "MN\r\n");
}

#[test]
fn too_large_a_value_is_swallowed_and_its_key_deleted_first() {
    let mut script = Script::with(1, |settings| settings.item_size_max = 10);
    let client = script.client();
    script.says(client, "set a 0 0 11\r\nhello world\r\nget b\r\n");
    assert_eq!(script.asked(0), "delete a\r\nget b\r\n");
    assert_eq!(script.hears(client), "");
    script.answers(0, "DELETED\r\nEND\r\n");
    assert_eq!(script.hears(client), "SERVER_ERROR object too large for cache\r\nEND\r\n");
    script.says(client, "ms YWJj 11 b\r\nhello world\r\n");
    assert_eq!(script.asked(0), "md YWJj b\r\n");
    script.answers(0, "NF\r\n");
    assert_eq!(script.hears(client), "SERVER_ERROR object too large for cache\r\n");
    script.says(client, "add a 0 0 11\r\nhello world\r\nmn\r\n");
    assert_eq!(script.hears(client), "SERVER_ERROR object too large for cache\r\nMN\r\n");
    assert_eq!(script.asked(0), "");
}

#[test]
fn an_error_line_of_a_server_answers_that_one_request() {
    let mut script = Script::new(1);
    let (client, other) = (script.client(), script.client());
    script.says(client, "set a 0 0 1\r\nx\r\nget a\r\n");
    script.says(other, "incr b 1\r\n");
    script.asked(0);
    for line in ["SERVER_ERROR out of memory\r\n", "CLIENT_ERROR line format\r\n", "ERROR\r\n"] {
        script.answers(0, line);
        script.says(client, "get c\r\n");
    }
    assert_eq!(script.hears(client), "SERVER_ERROR out of memory\r\nCLIENT_ERROR line format\r\n");
    assert_eq!(script.hears(other), "ERROR\r\n");
    assert!(script.is_up(0), "the stream is still in step");
}

#[test]
fn a_server_may_answer_before_it_has_read_the_request() {
    let mut script = Script::new(1);
    script.stage.server_room = 1000;
    let client = script.client();
    script.says(client, format!("set a 0 0 100000\r\n{}\r\nget b\r\n", "x".repeat(100_000)));
    script.answers(0, "SERVER_ERROR object too large for cache\r\n");
    assert_eq!(script.hears(client), "SERVER_ERROR object too large for cache\r\n");
    let mut asked = String::new();
    while !asked.ends_with("\r\nget b\r\n") {
        asked += &script.asked(0);
    }
    assert_eq!(asked.len(), 100_000 + "set a 0 0 100000\r\n\r\nget b\r\n".len());
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(client), "END\r\n");
    assert_eq!(script.conns(0), 1);
}

#[test]
fn whole_pool_commands_need_permission() {
    let refusal =
        "CLIENT_ERROR this command concerns every server of the pool and is not in its admin_commands\r\n";
    assert_eq!(refused("flush_all\r\nverbosity 1\r\n"), format!("{refusal}{refusal}MN\r\n"));
    let mut script = Script::with(2, |settings| settings.admin_commands.flush_all = true);
    let client = script.client();
    script.says(client, "flush_all 5\r\nflush_all noreply\r\nmn\r\n");
    for server in 0..2 {
        assert_eq!(script.asked(server), "flush_all 5\r\nflush_all\r\n");
        assert_eq!(script.hears(client), "", "not before the last server has answered");
        script.answers(server, "OK\r\nOK\r\n");
    }
    assert_eq!(script.hears(client), "OK\r\nMN\r\n");
}

#[test]
fn quit_lets_pending_replies_leave_and_reads_nothing_behind_it() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "get a\r\nquit\r\nget b\r\nset c 0 0 1\r\n");
    assert_eq!(script.asked(0), "get a\r\n");
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(client), "END\r\n");
    assert!(script.is_closed(client));
    assert!(!script.stage.links[client.0].closed, "closing with unread input could destroy the reply");
    script.client_closes(client);
    assert!(script.is_empty());
}

#[test]
fn a_client_that_sends_no_more_still_gets_its_replies() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "get a\r\nset b 0 0 5\r\nhal");
    script.client_finishes(client);
    assert_eq!(script.asked(0), "get a\r\n");
    assert!(!script.is_closed(client));
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(client), "END\r\n");
    assert!(script.is_closed(client));
    assert!(script.is_empty());
}

#[test]
fn version_is_the_lowest_that_a_server_has_said_and_never_fails() {
    let mut script = Script::new(2);
    let client = script.client();
    script.says(client, "version\r\n");
    assert_eq!(script.hears(client), "VERSION 1.6.0 golemproxy/0.1.0\r\n");
    let keys = format!("get {} {}\r\n", script.key(0, 0), script.key(1, 0));
    script.says(client, keys);
    (0..2).for_each(|server| script.answers(server, "END\r\n"));
    assert_eq!(script.hears(client), "END\r\n");
    script.says(client, "version\r\n");
    script.answers(0, "VERSION 1.6.21\r\n");
    script.answers(1, "VERSION 1.5.9-beta\r\n");
    assert_eq!(script.hears(client), "VERSION 1.5.9 golemproxy/0.1.0\r\n");
}

#[test]
fn a_long_get_is_one_line_and_a_long_gat_is_as_many_as_servers_take() {
    let keys: Vec<String> =
        (0..9).map(|n| format!("{n}{}", "k".repeat(if n < 8 { 249 } else { 29 }))).collect();
    for (last, lines) in [(30, 1), (31, 2)] {
        let mut keys = keys.clone();
        keys[8] = "k".repeat(last);
        let mut script = Script::new(1);
        let client = script.client();
        let (line, long) = (keys.join(" "), vec![keys.join(" "); 9].join(" "));
        script.says(client, format!("gat 0 {line}\r\nget {long}\r\n"));
        let asked = script.asked(0);
        assert_eq!(asked.lines().count(), lines + 1, "a last key of {last} bytes");
        assert_eq!(asked.lines().last().map(str::len), Some("get ".len() + long.len() + 1));
        assert_eq!(asked.lines().next().map(str::len), Some(if lines == 1 { 2045 } else { 2014 }));
        let value = |key: &String| format!("VALUE {key} 0 1\r\nx\r\n");
        script.answers(0, keys[..10 - lines].iter().map(value).collect::<String>() + "END\r\n");
        if lines == 2 {
            script.answers(0, value(&keys[8]) + "END\r\n");
        }
        script.answers(0, "END\r\n");
        assert_eq!(script.hears(client), keys.iter().map(value).collect::<String>() + "END\r\nEND\r\n");
    }
}

const CULLED: &str = "SERVER_ERROR out of memory writing get response\r\n";

#[test]
fn a_server_that_has_dropped_replies_for_lack_of_memory_is_not_believed_any_further() {
    let mut script = Script::new(1);
    let [first, second, third] = [script.client(), script.client(), script.client()];
    script.says(first, "set a 0 0 1\r\nx\r\n");
    script.says(second, "get b c\r\n");
    script.says(third, "get d\r\n");
    // It dropped STORED, too; what comes next answers the third.
    script.answers(0, format!("{CULLED}END\r\n"));
    assert_eq!(script.hears(first), CULLED);
    assert_eq!(script.hears(second), "SERVER_ERROR Invalid argument\r\n");
    assert_eq!(script.hears(third), "SERVER_ERROR Invalid argument\r\n", "no miss that is not its own");
    assert!(!script.is_up(0));
    // Alone it is an error like any other.
    script.says(third, "get d\r\n");
    script.answers(0, CULLED);
    assert_eq!(script.hears(third), CULLED);
    assert!(script.is_up(0));
    script.says(third, "get d\r\n");
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(third), "END\r\n");
}
