//! Replies in three languages, right and wrong, in any cut.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::{Asked, Reader, Step};
use crate::mix::Mix;
use crate::names::Names;
use crate::popularity::Popularity;
use crate::protocol::{ErrorKind, Protocol, Reply, Shape};
use crate::sizes::Sizes;
use crate::value::Stamp;
use crate::workload::{Outline, Workload};
use proptest::prelude::any;
use proptest::{collection::vec, prop_assert_eq, proptest};

fn workload(protocol: Protocol, size: u32) -> Workload {
    let outline = Outline {
        protocol,
        mix: Mix::of_gets(50),
        private_percent: 0,
        sizes: Sizes::Fixed(size),
        keys: 10,
        popularity: Popularity::Uniform,
        many: 3,
        ttl: 0,
        names: Names::new("k:").unwrap(),
        seed: 1,
    };
    Workload::new(&outline, 1, 7).unwrap()
}

fn value(workload: &Workload, key: u32, size: usize) -> String {
    let mut value = Vec::new();
    workload.values.write(key, Stamp::FIRST, size, &mut value);
    String::from_utf8(value).unwrap()
}

const GET: Asked<'_> = Asked { shape: Shape::Get, key: 3, keys: &[], verify: true };
const MANY: Asked<'_> = Asked { shape: Shape::MultiGet, key: 0, keys: &[3, 5, 3], verify: true };

fn asked(shape: Shape) -> Asked<'static> {
    Asked { shape, ..GET }
}

const fn found(found: u32) -> Reply {
    Reply::Values { found, cas: 0 }
}

/// A reply with `3` and `5` in the place of the values of these keys.
fn filled(protocol: Protocol, text: &str) -> (Workload, Vec<u8>) {
    let workload = workload(protocol, 30);
    let text = text.replace("{3}", &value(&workload, 3, 30)).replace("{5}", &value(&workload, 5, 30));
    (workload, text.into_bytes())
}

const RIGHT: &[(Protocol, Asked<'_>, &str, Reply)] = &[
    (Protocol::Text, GET, "VALUE k:0000000003 0 30\r\n{3}\r\nEND\r\n", found(1)),
    (
        Protocol::Text,
        GET,
        "VALUE k:0000000003 0 30 77\r\n{3}\r\nEND\r\n",
        Reply::Values { found: 1, cas: 77 },
    ),
    (Protocol::Text, GET, "END\r\n", found(0)),
    (Protocol::Text, GET, "ERROR\r\n", Reply::Error(ErrorKind::Command)),
    (Protocol::Text, GET, "SERVER_ERROR a b\r\n", Reply::Error(ErrorKind::Server)),
    (Protocol::Text, GET, "CLIENT_ERROR a\r\n", Reply::Error(ErrorKind::Client)),
    (
        Protocol::Text,
        MANY,
        "VALUE k:0000000005 0 30\r\n{5}\r\nVALUE k:0000000003 0 30\r\n{3}\r\nVALUE k:0000000003 0 30\r\n{3}\r\nEND\r\n",
        found(3),
    ),
    (Protocol::Text, MANY, "VALUE k:0000000003 0 30\r\n{3}\r\nEND\r\n", found(1)),
    (
        Protocol::Text,
        MANY,
        "VALUE k:0000000003 0 30\r\n{3}\r\nSERVER_ERROR no\r\n",
        Reply::Error(ErrorKind::Server),
    ),
    (Protocol::Meta, GET, "VA 30 kk:0000000003\r\n{3}\r\n", found(1)),
    (Protocol::Meta, GET, "VA 30 kk:0000000003 c9\r\n{3}\r\n", Reply::Values { found: 1, cas: 9 }),
    (Protocol::Meta, GET, "EN\r\n", found(0)),
    (Protocol::Meta, GET, "EN kk:0000000003\r\n", found(0)),
    (Protocol::Meta, MANY, "VA 30 kk:0000000005\r\n{5}\r\nMN\r\n", found(1)),
    (Protocol::Meta, MANY, "MN\r\n", found(0)),
    (Protocol::Redis, GET, "$30\r\n{3}\r\n", found(1)),
    (Protocol::Redis, GET, "$-1\r\n", found(0)),
    (Protocol::Redis, GET, "-ERR no\r\n", Reply::Error(ErrorKind::Server)),
    (Protocol::Redis, MANY, "*3\r\n$30\r\n{3}\r\n$-1\r\n$30\r\n{3}\r\n", found(2)),
    (Protocol::Redis, MANY, "*3\r\n$-1\r\n$-1\r\n$-1\r\n", found(0)),
];

#[test]
fn each_read_is_recognised_in_any_cut() {
    for &(protocol, asked, text, reply) in RIGHT {
        let (workload, bytes) = filled(protocol, text);
        for step in [1, 2, 7, 4000] {
            let mut reader = Reader::default();
            let mut pieces = bytes.chunks(step).peekable();
            while let Some(piece) = pieces.next() {
                let got = reader.read(&workload, asked, piece);
                let wanted =
                    if pieces.peek().is_some() { Step::More } else { Step::Done(reply, piece.len()) };
                assert_eq!(got, wanted, "{protocol:?} {text:?} by {step}");
            }
        }
    }
}

#[test]
fn each_status_is_recognised() {
    for (protocol, shape, text, reply) in [
        (Protocol::Text, Shape::Store, "STORED\r\n", Reply::Stored),
        (Protocol::Text, Shape::Store, "NOT_STORED\r\n", Reply::NotStored),
        (Protocol::Text, Shape::Store, "EXISTS\r\n", Reply::Exists),
        (Protocol::Text, Shape::Store, "NOT_FOUND\r\n", Reply::NotFound),
        (Protocol::Text, Shape::Delete, "DELETED\r\n", Reply::Deleted),
        (Protocol::Text, Shape::Count, "12\r\n", Reply::Number(12)),
        (Protocol::Text, Shape::Count, "NOT_FOUND\r\n", Reply::NotFound),
        (Protocol::Meta, Shape::Store, "HD\r\n", Reply::Stored),
        (Protocol::Meta, Shape::Store, "NS\r\n", Reply::NotStored),
        (Protocol::Meta, Shape::Store, "EX\r\n", Reply::Exists),
        (Protocol::Meta, Shape::Delete, "HD\r\n", Reply::Deleted),
        (Protocol::Meta, Shape::Delete, "NF\r\n", Reply::NotFound),
        (Protocol::Meta, Shape::Count, "VA 2\r\n12\r\n", Reply::Number(12)),
        (Protocol::Redis, Shape::Store, "+OK\r\n", Reply::Stored),
        (Protocol::Redis, Shape::Store, ":0\r\n", Reply::NotStored),
        (Protocol::Redis, Shape::Delete, ":1\r\n", Reply::Deleted),
        (Protocol::Redis, Shape::Count, ":12\r\n", Reply::Number(12)),
    ] {
        let step = Reader::default().read(&workload(protocol, 30), asked(shape), text.as_bytes());
        assert_eq!(step, Step::Done(reply, text.len()), "{protocol:?} {text:?}");
    }
}

#[test]
fn reply_of_another_request_is_refused() {
    for (protocol, asked, text) in [
        (Protocol::Text, GET, "VALUE k:0000000005 0 30\r\n{5}\r\nEND\r\n"),
        (Protocol::Text, GET, "VALUE k:0000000003 0 30\r\n{5}\r\nEND\r\n"),
        (Protocol::Text, GET, "VALUE k:0000000003 0 31\r\n{3}x\r\nEND\r\n"),
        (Protocol::Text, GET, "VALUE k:0000000003 7 30\r\n{3}\r\nEND\r\n"),
        (Protocol::Text, GET, "VALUE k:0000000003 0 30\r\n{3}\n\r"),
        (Protocol::Text, GET, "VALUE k:0000000003 0 30\r\n{3}\r\nVALUE k:0000000003 0 30\r\n{3}\r\nEND\r\n"),
        (Protocol::Text, GET, "STORED\r\n"),
        (Protocol::Text, GET, "END\n"),
        (Protocol::Text, asked(Shape::Store), "END\r\n"),
        (Protocol::Text, asked(Shape::Delete), "STORED\r\n"),
        (Protocol::Text, asked(Shape::Count), "-1\r\n"),
        (Protocol::Text, MANY, "VALUE k:0000000004 0 30\r\n{3}\r\n"),
        (Protocol::Text, MANY, "VALUE k:0000000005 0 30\r\n{5}\r\nVALUE k:0000000005 0 30\r\n{5}\r\n"),
        (Protocol::Meta, GET, "VA 30 kk:0000000005\r\n"),
        (Protocol::Meta, GET, "VA 30\r\n"),
        (Protocol::Meta, GET, "EN kk:0000000005\r\n"),
        (Protocol::Meta, asked(Shape::Count), "VA 1\r\nx\r\n"),
        (Protocol::Redis, GET, "$30\r\n{5}\r\n"),
        (Protocol::Redis, GET, "+OK\r\n"),
        (Protocol::Redis, MANY, "*2\r\n"),
        (Protocol::Redis, MANY, "$30\r\n"),
    ] {
        let (workload, bytes) = filled(protocol, text);
        let step = Reader::default().read(&workload, asked, &bytes);
        assert!(matches!(step, Step::Broken(_)), "{protocol:?} {text:?}: {step:?}");
    }
}

#[test]
fn every_wrong_byte_of_a_hit_is_seen() {
    for &(protocol, asked, text, _) in RIGHT.iter().filter(|row| row.2.contains('{')) {
        let (workload, hit) = filled(protocol, text);
        for at in 0..hit.len() {
            let mut bad = hit.clone();
            bad[at] ^= 1;
            let step = Reader::default().read(&workload, asked, &bad);
            // The number that `cas` needs may be any, and so may the words of an error.
            let is_free = text.contains(" 77") || text.contains(" c9") || text.contains("ERROR");
            let is_good = matches!(step, Step::Done(reply, _) if reply != Reply::Error(ErrorKind::Command));
            assert!(is_free || !is_good, "{} {step:?}", bad.escape_ascii());
        }
    }
}

#[test]
fn value_is_judged_only_when_asked() {
    let (workload, bytes) = filled(Protocol::Text, "VALUE k:0000000003 0 30\r\n{5}\r\nEND\r\n");
    let step = Reader::default().read(&workload, Asked { verify: false, ..GET }, &bytes);
    assert_eq!(step, Step::Done(found(1), bytes.len()));
}

#[test]
fn endless_line_is_refused() {
    let workload = workload(Protocol::Text, 30);
    let mut reader = Reader::default();
    assert_eq!(reader.read(&workload, GET, &[b'E'; 2000]), Step::More);
    assert!(matches!(reader.read(&workload, GET, &[b'E'; 100]), Step::Broken(_)));
}

#[test]
fn value_that_nobody_has_written_yet_is_refused() {
    let workload = workload(Protocol::Text, 30);
    let set = (0..100).map(|at| workload.planned(0, at)).find(|planned| planned.key == 3);
    let set = set.filter(|set| set.operation == crate::mix::Operation::Set);
    let planned = set.unwrap_or_else(|| {
        let mut all = (0..1000).map(|at| workload.planned(0, at));
        all.find(|set| set.key == 3 && set.operation == crate::mix::Operation::Set).unwrap()
    });
    let mut reply = b"VALUE k:0000000003 0 30\r\n".to_vec();
    workload.values.write(3, planned.stamp, 30, &mut reply);
    reply.extend_from_slice(b"\r\nEND\r\n");
    assert!(matches!(Reader::default().read(&workload, GET, &reply), Step::Broken(_)));
    workload.will_ask(0, planned.stamp.parts().2 + 1);
    assert_eq!(Reader::default().read(&workload, GET, &reply), Step::Done(found(1), reply.len()));
    let other = String::from_utf8(reply).unwrap().replace("k:0000000003", "k:0000000005");
    let other = other.replace("0000000003", "0000000005");
    let asked = Asked { key: 5, ..GET };
    assert!(matches!(Reader::default().read(&workload, asked, other.as_bytes()), Step::Broken(_)));
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_replies(rows in vec(0..RIGHT.len(), 1..12), cuts in vec(1usize..60, 1..40)) {
        for protocol in [Protocol::Text, Protocol::Meta, Protocol::Redis] {
            let rows: Vec<_> = rows.iter().map(|row| RIGHT[*row]).filter(|row| row.0 == protocol).collect();
            let (workload, _) = filled(protocol, "");
            let bytes: Vec<u8> = rows.iter().flat_map(|row| filled(protocol, row.2).1).collect();
            let (mut reader, mut got, mut rest) = (Reader::default(), Vec::new(), &bytes[..]);
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (mut piece, after) = rest.split_at(rest.len().min(*cut));
                rest = after;
                while !piece.is_empty() {
                    match reader.read(&workload, rows[got.len()].1, piece) {
                        Step::Done(reply, taken) => {
                            got.push(reply);
                            piece = &piece[taken..];
                        }
                        Step::More => break,
                        Step::Broken(what) => panic!("{what}"),
                    }
                }
            }
            let wanted: Vec<_> = rows.iter().map(|row| row.3).collect();
            prop_assert_eq!(got, wanted);
        }
    }

    #[test]
    fn no_bytes_are_too_odd(bytes in vec(any::<u8>(), 0..80), size in 0u32..40) {
        for protocol in [Protocol::Text, Protocol::Meta, Protocol::Redis] {
            for shape in [Shape::Get, Shape::MultiGet, Shape::Store, Shape::Delete, Shape::Count] {
                let asked = Asked { shape, keys: &[1, 2, 3], ..GET };
                let _ = Reader::default().read(&workload(protocol, size), asked, &bytes);
            }
        }
    }
}
