//! Is this the reply that was asked for? Reads the bytes of a connection, whatever their cut, reply by reply.
//!
//! Invariant: a reply counts only when every byte of its frame was right: the key in `VALUE` is the one that was asked,
//! the length the one that was stored, the ends of lines where they belong. Memcached replies in order, so the key also
//! shows that no reply was lost, doubled or given to somebody else. With `verify` the value is compared too.

use crate::workload::{Operation, Planned, Requests, STORED};

/// The longest line of a reply other than a hit.
const LINE_MAX: usize = 2048;

/// A well-formed reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The value.
    Hit,
    /// `END` without a value.
    Miss,
    /// `STORED`.
    Stored,
    /// An error in words of the protocol.
    Error(ErrorKind),
}

/// The three errors of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// `ERROR`.
    Command,
    /// `CLIENT_ERROR text`.
    Client,
    /// `SERVER_ERROR text`.
    Server,
}

/// What the bytes at hand amount to.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// A whole reply; so many of the bytes belong to it.
    Done(Reply, usize),
    /// All bytes belong to a reply that is not yet complete.
    More,
    /// Not the reply to this request; what is wrong.
    Broken(&'static str),
}

/// Where one connection stands in the reply it is reading.
#[derive(Debug, Default)]
pub struct Checker {
    /// Bytes of the hit that were there and right.
    hit: usize,
    /// The beginning of a line that is not a hit.
    line: Vec<u8>,
}

impl Checker {
    /// Reads on in the reply to `planned`; `bytes` follow those of the last call.
    pub fn read(&mut self, requests: &Requests, planned: Planned, verify: bool, bytes: &[u8]) -> Step {
        let Some(&first) = bytes.first() else {
            return Step::More;
        };
        let line_begun = !self.line.is_empty();
        match planned.operation {
            Operation::Get if self.hit > 0 || (!line_begun && first == b'V') => {
                self.read_hit(requests, planned.key, verify, bytes)
            }
            Operation::Set if !line_begun && bytes.starts_with(STORED) => {
                Step::Done(Reply::Stored, STORED.len())
            }
            Operation::Get | Operation::Set => self.read_line(planned.operation, bytes),
        }
    }

    fn read_hit(&mut self, requests: &Requests, key: u32, verify: bool, bytes: &[u8]) -> Step {
        let mut begin = 0;
        let mut rest = bytes;
        for (piece, is_value) in requests.hit(key) {
            let end = begin + piece.len();
            if self.hit < end {
                let wanted = &piece[self.hit - begin..];
                let there = wanted.len().min(rest.len());
                if (verify || !is_value) && wanted[..there] != rest[..there] {
                    return Step::Broken(if is_value {
                        "the value is not the one that was stored under its key"
                    } else {
                        "this is not the hit that was asked for (key, length or frame)"
                    });
                }
                self.hit += there;
                rest = &rest[there..];
                if self.hit < end {
                    return Step::More;
                }
            }
            begin = end;
        }
        self.hit = 0;
        Step::Done(Reply::Hit, bytes.len() - rest.len())
    }

    fn read_line(&mut self, operation: Operation, bytes: &[u8]) -> Step {
        let end = memchr::memchr(b'\n', bytes).map(|at| at + 1);
        let taken = end.unwrap_or(bytes.len());
        if self.line.len() + taken > LINE_MAX {
            return Step::Broken("a line without an end");
        }
        if end.is_none() {
            self.line.extend_from_slice(bytes);
            return Step::More;
        }
        let reply = if self.line.is_empty() {
            classify(operation, &bytes[..taken])
        } else {
            self.line.extend_from_slice(&bytes[..taken]);
            let reply = classify(operation, &self.line);
            self.line.clear();
            reply
        };
        match reply {
            Some(reply) => Step::Done(reply, taken),
            None => Step::Broken("no reply that this request can have"),
        }
    }
}

fn classify(operation: Operation, line: &[u8]) -> Option<Reply> {
    let text = line.strip_suffix(b"\r\n")?;
    match (operation, text) {
        (Operation::Get, b"END") => Some(Reply::Miss),
        (Operation::Set, b"STORED") => Some(Reply::Stored),
        (_, b"ERROR") => Some(Reply::Error(ErrorKind::Command)),
        _ if text.starts_with(b"CLIENT_ERROR ") => Some(Reply::Error(ErrorKind::Client)),
        _ if text.starts_with(b"SERVER_ERROR ") => Some(Reply::Error(ErrorKind::Server)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Checker, ErrorKind, Reply, Step};
    use crate::workload::{Operation, Planned, Requests};
    use proptest::prelude::{Just, Strategy, any, prop_oneof};
    use proptest::{collection::vec, prop_assert_eq, proptest};

    const GET: Planned = Planned { operation: Operation::Get, key: 3 };
    const SET: Planned = Planned { operation: Operation::Set, key: 3 };

    fn read(planned: Planned, bytes: &[u8]) -> Step {
        Checker::default().read(&Requests::new(10, 20), planned, true, bytes)
    }

    #[test]
    fn each_reply_is_recognised() {
        let hit = Requests::new(10, 20).hit_reply(3);
        assert_eq!(read(GET, &hit), Step::Done(Reply::Hit, hit.len()));
        assert_eq!(read(GET, b"END\r\nEND\r\n"), Step::Done(Reply::Miss, 5));
        assert_eq!(read(SET, b"STORED\r\nEND"), Step::Done(Reply::Stored, 8));
        assert_eq!(read(SET, b"ERROR\r\n"), Step::Done(Reply::Error(ErrorKind::Command), 7));
        assert_eq!(read(GET, b"SERVER_ERROR a b\r\n"), Step::Done(Reply::Error(ErrorKind::Server), 18));
        assert_eq!(read(GET, b"CLIENT_ERROR a\r\n"), Step::Done(Reply::Error(ErrorKind::Client), 16));
    }

    #[test]
    fn reply_of_another_request_is_refused() {
        for (planned, bytes) in [
            (GET, &Requests::new(10, 20).hit_reply(4)[..]),
            (GET, &Requests::new(10, 21).hit_reply(3)),
            (GET, b"STORED\r\n"),
            (GET, b"END\n"),
            (GET, b"\r\n"),
            (SET, b"END\r\n"),
            (SET, b"NOT_STORED\r\n"),
            (SET, &Requests::new(10, 20).hit_reply(3)),
        ] {
            assert!(matches!(read(planned, bytes), Step::Broken(_)), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn every_wrong_byte_of_a_hit_is_seen() {
        let requests = Requests::new(10, 20);
        let hit = requests.hit_reply(3);
        for at in 0..hit.len() {
            let mut bad = hit.clone();
            bad[at] ^= 1;
            assert!(!matches!(read(GET, &bad), Step::Done(..)), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn value_is_compared_only_when_asked() {
        let requests = Requests::new(10, 20);
        let bytes = b"VALUE golem:0000000003 0 20\r\ngolem:0000000004abcd\r\nEND\r\n";
        let mut checker = Checker::default();
        assert_eq!(checker.read(&requests, GET, false, bytes), Step::Done(Reply::Hit, bytes.len()));
        assert!(matches!(read(GET, bytes), Step::Broken(_)));
    }

    #[test]
    fn endless_line_is_refused() {
        let mut checker = Checker::default();
        let requests = Requests::new(10, 20);
        assert_eq!(checker.read(&requests, GET, false, &[b'E'; 2000]), Step::More);
        assert!(matches!(checker.read(&requests, GET, false, &[b'E'; 100]), Step::Broken(_)));
    }

    fn conversation() -> impl Strategy<Value = Vec<(Operation, Reply)>> {
        vec(
            prop_oneof![
                Just((Operation::Get, Reply::Hit)),
                Just((Operation::Get, Reply::Miss)),
                Just((Operation::Set, Reply::Stored)),
                Just((Operation::Set, Reply::Error(ErrorKind::Server))),
            ],
            1..12,
        )
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_replies(wanted in conversation(), cuts in vec(any::<u8>(), 1..40)) {
            let requests = Requests::new(10, 20);
            let mut bytes = Vec::new();
            for (_, reply) in &wanted {
                match reply {
                    Reply::Hit => bytes.extend(requests.hit_reply(3)),
                    Reply::Miss => bytes.extend(b"END\r\n"),
                    Reply::Stored => bytes.extend(b"STORED\r\n"),
                    Reply::Error(_) => bytes.extend(b"SERVER_ERROR no\r\n"),
                }
            }
            let mut checker = Checker::default();
            let mut got = Vec::new();
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (mut piece, after) = rest.split_at(rest.len().min(usize::from(*cut) % 50 + 1));
                rest = after;
                while !piece.is_empty() {
                    let operation = wanted[got.len()].0;
                    match checker.read(&requests, Planned { operation, key: 3 }, true, piece) {
                        Step::Done(reply, taken) => {
                            got.push((operation, reply));
                            piece = &piece[taken..];
                        }
                        Step::More => break,
                        Step::Broken(what) => panic!("{what}"),
                    }
                }
            }
            prop_assert_eq!(got, wanted);
        }
    }
}
