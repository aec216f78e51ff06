//! Properties of the scanners and the parser, for arbitrary bytes and for input that is nearly right.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use golem_protocol::memcached::invariants::{Walked, check_line, check_reply, walk};
use golem_protocol::memcached::{Command, Limits, Parsed, Request, Shape, keys_of, parse_line};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::select;

#[path = "near/lines.rs"]
mod lines;

use lines::near_line;

/// Small, so that short input reaches every limit.
const SMALL: Limits = Limits { key: 8, line: 64, keys: 6, item: 24 };

fn near_input() -> impl Strategy<Value = Vec<u8>> {
    let data = vec(select(&b"ab\r\n "[..]), 0..12);
    vec(prop_oneof![4 => near_line(), 1 => data, 1 => Just(b"\r\n".to_vec())], 0..8)
        .prop_map(|parts| parts.concat())
}

fn near_reply() -> impl Strategy<Value = Vec<u8>> {
    let items = select(
        &[
            "VALUE k 0 3\r\nabc\r\n",
            "VALUE k 18446744073709551615 0 7\r\n\r\n",
            "END\r\n",
            "END \r\n",
            "STORED\r\n",
            "NOT_STORED\r\n",
            "EXISTS\r\n",
            "NOT_FOUND\r\n",
            "DELETED\r\n",
            "TOUCHED\r\n",
            "12\r\n",
            "12  \r\n",
            "OK\r\n",
            "VERSION 1.6.18\r\n",
            "VA 2 f0 O1\r\nab\r\n",
            "VA 0\r\n\r\n",
            "HD\r\n",
            "HD O1 kk \r\n",
            "EN\r\n",
            "EN \r\n",
            "NF\r\n",
            "NS\r\n",
            "EX\r\n",
            "ME k a=1\r\n",
            "MN\r\n",
            "ERROR\r\n",
            "CLIENT_ERROR bad\r\n",
            "SERVER_ERROR out of memory\r\n",
            "\r\n",
            "VALUE k 0\r\n",
            "VALUE  0 1\r\n",
            "VA x\r\n",
            "HDx\r\n",
            "END\n",
            "VALUE k 0 4294967296\r\n",
            "VA 99999999999999999999\r\n",
        ][..],
    );
    vec(items, 0..5).prop_map(|items| items.concat().into_bytes())
}

/// Frames as text, and how the walk ended, with reads of the given sizes, over and over.
fn frames(input: &[u8], limits: &Limits, reads: &[usize]) -> (Vec<String>, Walked) {
    let mut reads = reads.iter().cycle();
    let mut frames = Vec::new();
    let walked = walk(input, limits, || *reads.next().unwrap(), |frame| frames.push(format!("{frame:?}")));
    (frames, walked)
}

fn assert_cuts_do_not_matter(input: &[u8], limits: &Limits, reads: &[usize]) {
    let (whole, at_once) = frames(input, limits, &[input.len().max(1)]);
    for reads in [reads, &[1], &[2, 5]] {
        let (cut, walked) = frames(input, limits, reads);
        assert_eq!(cut, whole);
        assert_eq!((walked.taken, walked.closed), (at_once.taken, at_once.closed));
        assert!(walked.examined <= input.len(), "{} looks at {} bytes", walked.examined, input.len());
    }
}

fn words(text: &[u8]) -> Vec<&[u8]> {
    text.split(|&byte| byte == b' ').filter(|word| !word.is_empty()).collect()
}

/// The shortest line that asks for the same.
fn encode(request: &Request, line: &[u8]) -> Vec<u8> {
    let mut encoded = request.command.name().as_bytes().to_vec();
    let mut word = |word: &[u8]| {
        encoded.push(b' ');
        encoded.extend_from_slice(word);
    };
    let words =
        |from: usize| line[from..].split(|byte| b" \r\n".contains(byte)).filter(|word| !word.is_empty());
    match request.command {
        Command::Get | Command::Gets => keys_of(request, line).for_each(|key| word(key.of(line))),
        Command::Gat | Command::Gats => {
            word(request.argument.of(line));
            keys_of(request, line).for_each(|key| word(key.of(line)));
        }
        Command::FlushAll
        | Command::Verbosity
        | Command::Version
        | Command::Quit
        | Command::Stats
        | Command::MetaNoop => {
            words(0).skip(1).for_each(word);
        }
        _ => words(request.key.start as usize).for_each(word),
    }
    encoded.extend_from_slice(b"\r\n");
    encoded
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_of_near_input_gives_the_same_frames(input in near_input(), reads in vec(1usize..9, 1..6)) {
        assert_cuts_do_not_matter(&input, &SMALL, &reads);
        assert_cuts_do_not_matter(&input, &Limits::default(), &reads);
    }

    #[test]
    fn any_cut_of_arbitrary_bytes_gives_the_same_frames(input in vec(any::<u8>(), 0..300), reads in vec(1usize..9, 1..6)) {
        assert_cuts_do_not_matter(&input, &SMALL, &reads);
    }

    #[test]
    fn spans_lie_inside_any_line(line in vec(any::<u8>(), 0..80)) {
        check_line(&line, &SMALL);
    }

    #[test]
    fn spans_lie_inside_nearly_right_lines(line in near_line()) {
        check_line(&line, &SMALL);
        check_line(&line, &Limits::default());
    }

    #[test]
    fn a_re_encoded_request_parses_to_itself(line in near_line().prop_filter("no CR inside", |line| {
        !line[..line.len().saturating_sub(2)].contains(&b'\r')
    })) {
        let limits = Limits::default();
        if let Parsed::Request(request) = parse_line(&line, &limits) {
            let encoded = encode(&request, &line);
            let Parsed::Request(again) = parse_line(&encoded, &limits) else {
                panic!("refused: {}", encoded.escape_ascii());
            };
            let key_list = |request: &Request, line: &[u8]| -> Vec<Vec<u8>> {
                keys_of(request, line).map(|key| key.of(line).to_vec()).collect()
            };
            prop_assert_eq!(key_list(&request, &line), key_list(&again, &encoded));
            prop_assert_eq!(words(request.argument.of(&line)), words(again.argument.of(&encoded)));
            prop_assert_eq!(
                (request.command, request.data, request.quiet, request.base64_key, request.cut.len()),
                (again.command, again.data, again.quiet, again.base64_key, again.cut.len())
            );
            prop_assert_eq!(encode(&again, &encoded), encoded);
        }
    }

    #[test]
    fn any_cut_of_a_reply_gives_the_same_items(bytes in near_reply(), reads in vec(1usize..9, 1..6)) {
        for shape in SHAPES {
            let mut sizes = reads.iter().cycle();
            let cut = check_reply(shape, &bytes, || *sizes.next().unwrap());
            prop_assert_eq!(cut, check_reply(shape, &bytes, || bytes.len()));
            prop_assert_eq!(cut, check_reply(shape, &bytes, || 1));
        }
    }

    #[test]
    fn arbitrary_bytes_from_a_server_do_no_harm(bytes in vec(any::<u8>(), 0..120)) {
        for shape in SHAPES {
            let _ = check_reply(shape, &bytes, || 1);
        }
    }
}

const SHAPES: [Shape; 12] = [
    Shape::Values,
    Shape::StoreLine,
    Shape::DeleteLine,
    Shape::NumberLine,
    Shape::TouchLine,
    Shape::OkLine,
    Shape::VersionLine,
    Shape::MetaGet,
    Shape::MetaSet,
    Shape::MetaDelete,
    Shape::MetaArithmetic,
    Shape::MetaDebug,
];
