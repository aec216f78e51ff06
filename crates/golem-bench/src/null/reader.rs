//! Requests in, replies out: text memcached as cheaply as the null server can speak it. Nothing is stored; data blocks
//! are counted and let go, and each `get` hits.
//!
//! Invariant: no byte is looked at twice for the end of its line, and nothing is kept but an incomplete line. A data
//! block must end where its length says, so that a proxy that loses its place is found out.

use super::outbox::Outbox;
use crate::names::DIGITS;
use crate::workload::Workload;

/// A longer line ends the connection.
const LINE_MAX: usize = 16 * 1024 * 1024;
const STORED: &[u8] = b"STORED\r\n";
const ERROR: &[u8] = b"ERROR\r\n";
const BAD_LINE: &[u8] = b"CLIENT_ERROR bad command line format\r\n";
const BAD_BLOCK: &[u8] = b"CLIENT_ERROR bad data chunk\r\n";
/// Before each word and number of a line.
const BLANK: u8 = b' ';

/// What all connections answer with.
#[derive(Debug)]
pub(super) struct Answers {
    /// The rest of the line behind the key, for `get`.
    header_rest: Vec<u8>,
    /// The same for `gets`, whose values have a version.
    versioned_rest: Vec<u8>,
    /// So many bytes at the beginning of a value come from its key.
    key_in_value: usize,
    /// The other bytes of a value.
    filler: Vec<u8>,
}

impl Answers {
    pub(super) fn new(workload: &Workload, size: usize) -> Self {
        Self {
            header_rest: format!(" 0 {size}\r\n").into_bytes(),
            versioned_rest: format!(" 0 {size} 1\r\n").into_bytes(),
            key_in_value: size.min(DIGITS),
            filler: workload.values.behind_key(size),
        }
    }

    /// What every value ends with.
    pub(super) fn filler(&self) -> &[u8] {
        &self.filler
    }

    /// Answers one line, which has its end.
    fn line(&self, line: &[u8], out: &mut Outbox) -> Next {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let (command, rest) = match memchr::memchr(BLANK, text) {
            Some(at) => (&text[..at], &text[at + 1..]),
            None => (text, &text[text.len()..]),
        };
        match command {
            b"get" => self.values(rest, &self.header_rest, out),
            b"gets" => self.values(rest, &self.versioned_rest, out),
            b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas" => {
                return storage(rest, out);
            }
            b"delete" => single(rest, b"DELETED\r\n", out),
            b"touch" => single(rest, b"TOUCHED\r\n", out),
            b"incr" | b"decr" => single(rest, b"1\r\n", out),
            // Three numbers, since a proxy may compare its servers' versions.
            b"version" => out.push(b"VERSION 0.0.0\r\n"),
            b"quit" => return Next::End,
            _ => out.push(ERROR),
        }
        Next::Line
    }

    fn values(&self, keys: &[u8], header_rest: &[u8], out: &mut Outbox) {
        let mut is_asked = false;
        for key in words(keys) {
            is_asked = true;
            out.push(b"VALUE ");
            out.push(key);
            out.push(header_rest);
            let part = &key[key.len().saturating_sub(self.key_in_value)..];
            out.push(part);
            // Behind a key that is shorter than the load generator's the value still needs its length.
            out.push(&[BLANK; DIGITS][..self.key_in_value - part.len()]);
            out.push_filler(&self.filler);
            out.push(b"\r\n");
        }
        out.push(if is_asked { b"END\r\n" } else { ERROR });
    }
}

/// The reply to a request with one key and no data.
fn single(rest: &[u8], reply: &[u8], out: &mut Outbox) {
    if words(rest).next().is_none() {
        out.push(ERROR);
    } else if !is_quiet(rest) {
        out.push(reply);
    }
}

/// A data block follows when the line is good: key, flags, expiry, length and what else there may be.
fn storage(rest: &[u8], out: &mut Outbox) -> Next {
    if words(rest).nth(3).is_none() {
        out.push(ERROR);
        return Next::Line;
    }
    let Some(length) = words(rest).nth(3).and_then(number) else {
        out.push(BAD_LINE);
        return Next::Line;
    };
    Next::Block(Block { lacking: length as usize + CRLF.len(), is_sound: true, is_quiet: is_quiet(rest) })
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == BLANK).filter(|word| !word.is_empty())
}

fn number(word: &[u8]) -> Option<u32> {
    str::from_utf8(word).ok()?.parse().ok()
}

fn is_quiet(rest: &[u8]) -> bool {
    rest.ends_with(b" noreply")
}

/// What comes behind a line.
enum Next {
    Line,
    Block(Block),
    /// The connection is over.
    End,
}

const CRLF: &[u8] = b"\r\n";

/// A data block that is being let go.
#[derive(Debug)]
struct Block {
    /// Bytes that have not come, with the end of the line.
    lacking: usize,
    /// What has come of the end of the line was one.
    is_sound: bool,
    is_quiet: bool,
}

impl Block {
    /// Takes what belongs to the block, and says how much that is.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let taken = self.lacking.min(bytes.len());
        for (&byte, before_end) in CRLF.iter().zip([2, 1]) {
            if let Some(at) = self.lacking.checked_sub(before_end).filter(|&at| at < taken) {
                self.is_sound &= bytes[at] == byte;
            }
        }
        self.lacking -= taken;
        taken
    }
}

/// Where one connection stands in its requests.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    block: Option<Block>,
}

impl Reader {
    /// Answers what `bytes`, which follow those of the last call, complete. `false`: the client has said that it is
    /// over, or sends a line without an end; nothing more may be read.
    pub(super) fn read(&mut self, answers: &Answers, mut bytes: &[u8], out: &mut Outbox) -> bool {
        while !bytes.is_empty() {
            if let Some(block) = &mut self.block {
                bytes = &bytes[block.take(bytes)..];
                if block.lacking == 0 {
                    if !block.is_sound {
                        out.push(BAD_BLOCK);
                    } else if !block.is_quiet {
                        out.push(STORED);
                    }
                    self.block = None;
                }
                continue;
            }
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                self.line.extend_from_slice(bytes);
                return self.line.len() <= LINE_MAX;
            };
            let (line, rest) = bytes.split_at(end + 1);
            bytes = rest;
            let next = if self.line.is_empty() {
                answers.line(line, out)
            } else {
                self.line.extend_from_slice(line);
                let next = answers.line(&self.line, out);
                self.line.clear();
                next
            };
            match next {
                Next::Line => {}
                Next::Block(block) => self.block = Some(block),
                Next::End => return false,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
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

    /// The replies to pieces of input, and whether the connection goes on.
    fn answered<'a>(value_size: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, bool) {
        let answers = Answers::new(&workload(value_size), value_size);
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
}
