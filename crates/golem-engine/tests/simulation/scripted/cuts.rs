//! However a client's bytes are cut, servers are asked the same and the client hears the same.

use super::script::Script;

/// What servers were asked and the client heard, if `input` comes in these pieces.
fn outcome<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (String, String) {
    let mut script = Script::new(1);
    let client = script.client();
    for piece in pieces {
        script.says(client, piece);
    }
    let asked = script.asked(0);
    // Whatever was asked has failed, so that what was refused behind it shows.
    if script.conns(0) > 0 {
        script.server_resets(0);
    }
    (asked, script.hears(client))
}

fn same_for_every_cut(input: &[u8], step: usize) {
    let whole = outcome(std::iter::once(input));
    for at in (1..input.len()).filter(|at| at % step == 0 || at + 40 > input.len() || *at < 40) {
        let (front, back) = input.split_at(at);
        assert_eq!(outcome([front, back].into_iter()), whole, "cut at {at} of {}", input.len());
    }
    assert_eq!(outcome(input.chunks(1)), whole, "byte by byte");
}

#[test]
fn small_requests_are_the_same_for_every_cut() {
    let input = b"get a\r\nset b 1 2 5\r\nhello\r\nset c 0 0 2 noreply\r\nxy\r\nbogus\r\nget a b a\r\nms d 3 q\r\nabc\r\n\
        mn\r\nset e 0 0 3\r\nabcd\r\nget f\nset g x 0 9\r\nflush_all\r\n\r\nmg aGk= b v\r\nset h 0 0 0\r\n\r\ngat 0 a b\r\n";
    same_for_every_cut(input, 1);
}

#[test]
fn large_requests_are_the_same_for_every_cut() {
    for len in [16_359, 16_360, 16_361, 16_384, 65_519, 65_536] {
        let data = "d".repeat(len);
        same_for_every_cut(format!("get a\r\nset b 0 0 {len}\r\n{data}\r\nget c\r\n").as_bytes(), 4099);
    }
}

#[test]
fn a_large_body_with_a_wrong_end_is_the_same_for_every_cut() {
    let data = "d".repeat(20_000);
    for end in [
        "\nget c\r\n",
        "\n",
        "\n\n",
        "xget c\r\nget d\r\n",
        "\rxget c\r\nget d\r\n",
        "x\nget c\r\n",
        "xy\r\nget c\r\n",
    ] {
        same_for_every_cut(format!("set b 0 0 20000\r\n{data}{end}").as_bytes(), 4099);
    }
}

#[test]
fn a_large_body_that_looks_like_a_line_end_is_no_line_end() {
    for last in ["\r", "\n"] {
        let data = "d".repeat(20_000) + last;
        for end in ["\nget c\r\n", "xget c\r\nget d\r\n", "\rxget c\r\nget d\r\n", "\r\nget c\r\n"] {
            same_for_every_cut(format!("set b 0 0 20001\r\n{data}{end}").as_bytes(), 16_381);
        }
    }
}
