//! What a null memcached answers, in any cut.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::{Answers, LINE_MAX, Outbox, Reader};
use crate::mix::{Mix, Operation};
use crate::names::Names;
use crate::null::first_hit;
use crate::popularity::Popularity;
use crate::protocol::{Command, Protocol};
use crate::sizes::Sizes;
use crate::workload::{Outline, Source, Workload};
use golem_net::Slices;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::{prop_assert_eq, proptest};

const VALUE_SIZE: usize = 30;

fn workload(size: usize) -> Workload {
    let outline = Outline {
        protocol: Protocol::Text,
        mix: Mix::of_gets(70),
        private_percent: 0,
        sizes: Sizes::Fixed(u32::try_from(size).unwrap()),
        keys: 100,
        popularity: Popularity::Uniform,
        many: 1,
        ttl: 0,
        names: Names::new("golem:").unwrap(),
        seed: 7,
    };
    Workload::new(&outline, 1, 0).unwrap()
}

fn hit(workload: &Workload, key: u32, size: usize) -> Vec<u8> {
    [first_hit(workload, key, size), b"END\r\n".to_vec()].concat()
}

pub(in crate::null) fn answers(size: usize) -> Answers {
    Answers::new(&workload(size), size)
}

/// The replies to pieces of input, and whether the connection goes on.
fn answered<'a>(value_size: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, bool) {
    let answers = answers(value_size);
    let (mut reader, mut out, mut goes_on) = (Reader::default(), Outbox::default(), true);
    for piece in pieces {
        goes_on = goes_on && reader.read(&answers, piece, &mut out);
    }
    let mut replies = Vec::new();
    while !out.is_empty() {
        let mut slices = Slices::new();
        out.slices(answers.filler(), &mut slices);
        replies.extend(slices.as_slices().iter().flat_map(|slice| slice.iter().copied()));
        let n = slices.bytes();
        out.sent(answers.filler().len(), n);
    }
    (replies, goes_on)
}

fn said(input: &[u8]) -> String {
    answered(VALUE_SIZE, [input]).0.escape_ascii().to_string()
}

#[test]
fn each_request_has_its_reply() {
    let text = String::from_utf8(workload(VALUE_SIZE).values.behind_key(VALUE_SIZE)).unwrap();
    let text = &text[16..];
    for (request, reply) in [
        (
            "get golem:0000000019\r\n",
            "VALUE golem:0000000019 0 30\r\n00000000190000000000000000{}\r\nEND\r\n",
        ),
        (
            "gets golem:0000000019\r\n",
            "VALUE golem:0000000019 0 30 1\r\n00000000190000000000000000{}\r\nEND\r\n",
        ),
        ("get  k  \n", "VALUE k 0 30\r\nk         0000000000000000{}\r\nEND\r\n"),
        ("set k 0 0 3\r\nabc\r\n", "STORED\r\n"),
        ("set k 0 0 0\r\n\r\n", "STORED\r\n"),
        ("set k 0 0 4\r\n\r\n\r\n\r\n", "STORED\r\n"),
        ("set k 0 0 3 noreply\r\nabc\r\n", ""),
        ("cas k 0 0 3 7\r\nabc\r\n", "STORED\r\n"),
        ("delete k\r\n", "DELETED\r\n"),
        ("delete k noreply\r\n", ""),
        ("touch k 0\r\n", "TOUCHED\r\n"),
        ("incr k 5\r\n", "1\r\n"),
        ("version\r\n", "VERSION 0.0.0\r\n"),
        ("mg k v k c\r\n", "VA 30 kk c1\r\nk         0000000000000000{}\r\n"),
        ("mg\r\n", "ERROR\r\n"),
        ("ms k 3 T0\r\nabc\r\n", "HD\r\n"),
        ("ms k 3 q\r\nabc\r\n", ""),
        ("ms k\r\n", "CLIENT_ERROR bad command line format\r\n"),
        ("md k\r\n", "HD\r\n"),
        ("ma k v\r\n", "VA 1\r\n1\r\n"),
        ("mn\r\n", "MN\r\n"),
        ("get\r\n", "ERROR\r\n"),
        ("get  \r\n", "ERROR\r\n"),
        ("set k 0 0\r\n", "ERROR\r\n"),
        ("set k 0 0 -1\r\n", "CLIENT_ERROR bad command line format\r\n"),
        ("touch\r\n", "ERROR\r\n"),
        ("getx k\r\n", "ERROR\r\n"),
        ("\r\n", "ERROR\r\n"),
        ("\n", "ERROR\r\n"),
    ] {
        let reply = reply.replace("{}", text);
        assert_eq!(said(request.as_bytes()), reply.as_bytes().escape_ascii().to_string(), "{request}");
    }
}

#[test]
fn block_that_does_not_end_where_it_should_is_an_error() {
    for block in ["abc.\n", "abc\r.", "abcde", "ab\r\n\n"] {
        let input = format!("set k 0 0 3\r\n{block}version\r\n");
        let wanted = b"CLIENT_ERROR bad data chunk\r\nVERSION 0.0.0\r\n".escape_ascii().to_string();
        assert_eq!(said(input.as_bytes()), wanted, "{block}");
    }
}

#[test]
fn values_are_those_that_the_load_generator_stores() {
    for value_size in [0, 3, 16, 17, 32, 4096, 300_000] {
        let wanted = hit(&workload(value_size), 123, value_size);
        assert!(answered(value_size, [&b"get golem:0000000123\r\n"[..]]).0 == wanted, "{value_size}");
    }
}

#[test]
fn quit_ends_the_connection_behind_the_replies() {
    let (replies, goes_on) = answered(VALUE_SIZE, [&b"version\r\nquit\r\nversion\r\n"[..]]);
    assert_eq!((&replies[..], goes_on), (&b"VERSION 0.0.0\r\n"[..], false));
}

#[test]
fn line_without_an_end_ends_the_connection() {
    let piece = vec![b'k'; LINE_MAX / 2];
    assert!(answered(VALUE_SIZE, [&piece[..], &piece]).1);
    assert!(!answered(VALUE_SIZE, [&piece[..], &piece, b"k"]).1);
}

const CONVERSATION: &[u8] = b"get a\r\nset k 0 0 12\r\n\r\nget inside\r\nget a bb ccc\r\nbad\r\n\
    set k 0 0 2\r\nxyz!gets a\nset k 0 0 1 noreply\r\nz\r\nincr k 1\r\nset k 0 0 0\r\n\r\ndelete k\r\nversion\r\n";

#[test]
fn cut_at_every_byte_changes_nothing() {
    let whole = answered(VALUE_SIZE, [CONVERSATION]);
    assert!(whole.0.ends_with(b"STORED\r\nDELETED\r\nVERSION 0.0.0\r\n"), "{}", whole.0.escape_ascii());
    for at in 0..=CONVERSATION.len() {
        let (first, second) = CONVERSATION.split_at(at);
        assert_eq!(answered(VALUE_SIZE, [first, second]), whole, "cut at {at}");
    }
    assert_eq!(answered(VALUE_SIZE, CONVERSATION.chunks(1)), whole);
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let workload = workload(VALUE_SIZE);
    let mut source = Source::Load { thread: 0, next: 0 };
    let (mut input, mut wanted) = (Vec::new(), Vec::new());
    for _ in 0..500 {
        let planned = source.next(&workload).unwrap();
        if planned.operation == Operation::Set {
            workload.write_set(planned, &mut input);
            wanted.extend_from_slice(b"STORED\r\n");
        } else {
            workload.protocol.write(Command::Get(planned.key), &workload.names, &mut input);
            wanted.extend(hit(&workload, planned.key, VALUE_SIZE));
        }
    }
    assert!(answered(VALUE_SIZE, [&input[..]]).0 == wanted);
    assert!(answered(VALUE_SIZE, input.chunks(13)).0 == wanted);
}

proptest! {
    #[test]
    fn any_bytes_in_any_cut_give_the_same_replies(
        noise in vec(any::<u8>(), 0..60),
        cuts in vec(1usize..40, 1..20),
    ) {
        let input = [CONVERSATION, &noise, b"\r\n", CONVERSATION].concat();
        let mut rest = &input[..];
        let pieces = cuts.iter().cycle().map_while(|&cut| {
            let (piece, after) = rest.split_at(rest.len().min(cut));
            rest = after;
            (!piece.is_empty()).then_some(piece)
        });
        prop_assert_eq!(answered(VALUE_SIZE, pieces), answered(VALUE_SIZE, [&input[..]]));
    }
}
