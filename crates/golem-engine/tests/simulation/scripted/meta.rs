//! The meta commands: quiet modes, barriers, echoes, base64 keys.

use super::script::Script;

#[test]
fn quiet_flags_are_taken_off_and_hide_what_the_table_says() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "mg a v q O1\r\nmg a q v O2\r\nms a 1 q O3\r\nx\r\nmd a q O4\r\nmd a O5 q\r\nma n q v O6\r\nma n q O7\r\nmn\r\n");
    assert_eq!(
        script.asked(0),
        "mg a v O1\r\nmg a v O2\r\nms a 1 O3\r\nx\r\nmd a O4\r\nmd a O5\r\nma n v O6\r\nma n O7\r\n"
    );
    script.answers(0, "EN\r\nVA 1 O2\r\nx\r\nHD O3\r\nHD O4\r\nNF O5\r\nVA 1 O6\r\n5\r\nNF O7\r\n");
    assert_eq!(script.hears(client), "VA 1 O2\r\nx\r\nNF O5\r\nNF O7\r\nMN\r\n");
}

#[test]
fn a_quiet_request_shows_its_failure() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "ms a 1 q\r\nx\r\nmg a q\r\nmn\r\n");
    script.server_closes(0);
    let line = "SERVER_ERROR Connection closed by server\r\n";
    assert_eq!(script.hears(client), format!("{line}{line}MN\r\n"));
}

#[test]
fn mn_waits_for_everything_before_it_and_is_never_forwarded() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "get a\r\nmn\r\nmn\r\n");
    assert_eq!(script.asked(0), "get a\r\n");
    assert_eq!(script.hears(client), "");
    script.answers(0, "END\r\n");
    assert_eq!(script.hears(client), "END\r\nMN\r\nMN\r\n");
}

#[test]
fn both_spellings_of_a_key_go_to_the_same_server() {
    let mut script = Script::new(4);
    let client = script.client();
    for server in 0..4 {
        let plain = script.key(server, 0);
        let text = String::from_utf8(crate::world::base64::encode(plain.as_bytes())).unwrap();
        script.says(client, format!("mg {plain} v\r\nmg {text} b v\r\nme {text} b\r\n"));
        assert_eq!(script.asked(server), format!("mg {plain} v\r\nmg {text} b v\r\nme {text} b\r\n"));
    }
}

#[test]
fn echoes_and_unknown_flags_pass_untouched() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "mg a Oabc k Pproxy Lclient Z9 \r\n");
    assert_eq!(script.asked(0), "mg a Oabc k Pproxy Lclient Z9 \r\n");
    script.answers(0, "HD Oabc ka Z \r\n");
    assert_eq!(script.hears(client), "HD Oabc ka Z \r\n");
}

#[test]
fn an_ms_with_a_wrong_length_keeps_the_stream_in_step() {
    let mut script = Script::new(1);
    let client = script.client();
    script.says(client, "ms a 2\r\nabcd\r\nmg a v\r\n");
    assert_eq!(script.asked(0), "mg a v\r\n");
    script.answers(0, "EN\r\n");
    assert_eq!(script.hears(client), "CLIENT_ERROR bad data chunk\r\nEN\r\n");
}
