//! What other proxies get wrong: each is a test.

use super::script::Script;

#[test]
fn an_error_line_of_a_server_hangs_nobody() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "get a b\r\nget c\r\n");
    script.answers(0, "SERVER_ERROR temporary failure\r\nEND\r\n");
    assert_eq!(script.hears(client), "SERVER_ERROR temporary failure\r\nEND\r\n");
    assert!(!script.is_closed(client));
}

#[test]
fn noreply_shifts_no_reply_to_another_client() {
    let mut script = Script::new(1);
    let (writer, reader) = (script.client(), script.client());
    for n in 0..10 {
        script.says(writer, format!("set w 0 0 1 noreply\r\n{}\r\n", n % 10));
        script.says(reader, format!("incr r{n} 1\r\n"));
    }
    script.asked(0);
    for n in 0..10 {
        script.answers(
            0,
            if n % 3 == 0 { "SERVER_ERROR out of memory storing object\r\n" } else { "STORED\r\n" },
        );
        script.answers(0, format!("{n}\r\n"));
    }
    let expected: String = (0..10).map(|n| format!("{n}\r\n")).collect();
    assert_eq!(script.hears(reader), expected);
    assert_eq!(script.hears(writer), "");
}

#[test]
fn values_that_span_reads_stay_whole() {
    for len in [10, 2000, 16_374, 16_384, 70_000] {
        let data: String = (0..len).map(|n| char::from(b'a' + (n % 26) as u8)).collect();
        let reply = format!("VALUE a 0 {len}\r\n{data}\r\nEND\r\n");
        for step in [1, 7, 1000, 16_384, 65_536] {
            if step == 1 && len > 20_000 {
                continue;
            }
            let mut script = Script::new(1);
            let client = script.client();
            script.says(client, "get a\r\n");
            for part in reply.as_bytes().chunks(step) {
                script.answers(0, part);
            }
            assert_eq!(script.hears(client), reply, "{len} bytes in steps of {step}");
        }
    }
}

#[test]
fn a_parse_error_never_closes_without_a_word() {
    for line in
        ["set a 0 0 abc\r\n", "set a\r\n", "set\r\n", "cas a 0 0 1\r\n", "ms a\r\n", "incr\r\n", "gat\r\n"]
    {
        let mut script = Script::new(1);
        let client = script.client();
        script.says(client, line);
        assert!(script.hears(client).contains("ERROR"), "{line:?}");
    }
}

#[test]
fn an_overlong_key_costs_the_shared_connection_nothing() {
    let mut script = Script::new(1);
    let (bad, good) = (script.client(), script.client());
    script.says(good, "get a\r\n");
    script.says(bad, format!("get {}\r\nset {} 0 0 3\r\nabc\r\n", "x".repeat(300), "y".repeat(300)));
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(good), "END\r\n");
    assert_eq!(script.asked(0), "get a\r\n");
    assert_eq!(script.conns(0), 1);
}

#[test]
fn the_body_of_a_malformed_set_is_never_read_as_commands() {
    let mut script = Script::with(1, |settings| settings.admin_commands.flush_all = true);
    let client = script.client();
    script.says(client, "set a 0 0 11 extra words\r\n");
    script.says(client, "flush_all\r\n\r\n");
    let long = "k".repeat(251);
    let other = script.client();
    script.says(other, format!("set {long} 0 0 11\r\nflush_all\r\n\r\nset a 0 0 1\r\nflush_all\r\n"));
    assert_eq!(script.asked(0), "");
    assert_eq!(script.hears(client), "ERROR\r\n");
    assert!(script.is_closed(client), "where the body ends cannot be told");
    assert!(!script.is_closed(other));
}

#[test]
fn an_error_line_in_the_middle_of_a_multi_get_answers_it_and_what_follows_is_lost_with_the_connection() {
    let mut script = Script::new(1);
    let (client, other) = (script.client(), script.client());
    script.says(client, "get a b\r\n");
    script.says(other, "get c\r\n");
    script.answers(0, "VALUE a 0 1\r\nx\r\nSERVER_ERROR out of memory writing get response\r\nEND\r\n");
    assert_eq!(script.hears(client), "SERVER_ERROR out of memory writing get response\r\n");
    assert_eq!(
        script.hears(other),
        "SERVER_ERROR Invalid argument\r\n",
        "END may not become the answer for c"
    );
    assert!(!script.is_up(0));
}

#[test]
fn one_late_request_does_not_fail_the_queue_behind_it() {
    let mut script = Script::new(1);
    let (slow, quick) = (script.client(), script.client());
    script.says(slow, "get a\r\n");
    script.wait(60);
    script.says(quick, "get b\r\n");
    script.wait(40);
    assert_eq!(script.hears(slow), "SERVER_ERROR Connection timed out\r\n");
    assert_eq!(script.hears(quick), "");
    script.answers(0, "VALUE a 0 1\r\nx\r\nEND\r\nVALUE b 0 1\r\ny\r\nEND\r\n");
    assert_eq!(script.hears(slow), "");
    assert_eq!(script.hears(quick), "VALUE b 0 1\r\ny\r\nEND\r\n");
    assert_eq!(script.conns(0), 1);
}

#[test]
fn a_large_value_of_mg_stays_whole_and_must_end_where_it_should() {
    for len in [16_374, 16_384, 70_000] {
        let (data, header) = ("m".repeat(len), format!("VA {len} O7\r\n"));
        for step in [1000, 16_384, 100_000] {
            let mut script = Script::new(1);
            let client = script.client();
            script.says(client, "mg a v O7\r\nmg b v\r\n");
            let reply = format!("{header}{data}\r\n");
            for part in format!("{reply}EN\r\n").as_bytes().chunks(step) {
                script.answers(0, part);
            }
            assert_eq!(script.hears(client), format!("{reply}EN\r\n"), "{len} bytes in steps of {step}");
            script.says(client, "mg a v O7\r\nmg b v\r\n");
            script.answers(0, format!("{header}{data}\rx"));
            assert_eq!(script.hears(client), "SERVER_ERROR Invalid argument\r\n".repeat(2));
            assert!(!script.is_up(0));
        }
    }
}

#[test]
fn an_error_line_behind_the_value_of_a_get_ends_the_connection_too() {
    for cut in [0, 20] {
        let mut script = Script::new(1);
        let (client, other) = (script.client(), script.client());
        script.says(client, "get a\r\n");
        script.says(other, "get c\r\n");
        let reply = "VALUE a 0 1\r\nx\r\nSERVER_ERROR out of memory writing get response\r\nEND\r\n";
        script.answers(0, &reply[..cut]);
        script.answers(0, &reply[cut..]);
        assert_eq!(script.hears(client), "SERVER_ERROR out of memory writing get response\r\n");
        assert_eq!(script.hears(other), "SERVER_ERROR Invalid argument\r\n", "cut at {cut}");
        assert!(!script.is_up(0));
    }
}

#[test]
fn a_value_in_an_unusual_spelling_stays_whole() {
    for header in ["VALUE a 0 1 ", "VALUE a 00 01", "VALUE a 0 1"] {
        let mut script = Script::new(1);
        let client = script.client();
        script.says(client, "get a\r\nget a\r\n");
        let reply = format!("{header}\r\nx\r\nEND \r\n").repeat(2);
        script.answers(0, &reply);
        assert_eq!(script.hears(client), reply);
    }
}

#[test]
fn a_large_reply_that_nobody_wants_any_more_is_dropped_however_it_comes() {
    for (request, reply) in [("get a\r\n", "VALUE a 0 40000\r\n"), ("mg a v\r\n", "VA 40000\r\n")] {
        let end = if request.starts_with("get") { "\r\nEND\r\n" } else { "\r\n" };
        let reply = format!("{reply}{}{end}", "x".repeat(40_000));
        for step in [1000, 20_000, 40_000, reply.len() - 1, reply.len() - 6] {
            let mut script = Script::new(1);
            let client = script.client();
            script.says(client, request);
            script.wait(100);
            script.says(client, "incr n 1\r\n");
            for part in reply.as_bytes().chunks(step) {
                script.answers(0, part);
            }
            script.answers(0, "12\r\n");
            assert_eq!(
                script.hears(client),
                "SERVER_ERROR Connection timed out\r\n12\r\n",
                "steps of {step}"
            );
            assert_eq!(script.counter(0, "replies_discarded"), 1);
        }
    }
}

#[test]
fn an_error_line_behind_a_large_value_that_nobody_wants_ends_the_connection() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "get a\r\n");
    script.wait(100);
    script.says(client, "incr n 1\r\n");
    script.answers(0, "VALUE a 0 40000\r\nx");
    script.answers(0, "x".repeat(39_999) + "\r\nSERVER_ERROR out of memory writing get response\r\n");
    assert!(!script.is_up(0));
    let told = "SERVER_ERROR Connection timed out\r\nSERVER_ERROR Invalid argument\r\n";
    assert_eq!(script.hears(client), told);
}
