//! Requests in, replies out: memcached's text and meta commands as cheaply as the null server can speak it. Nothing is stored; data blocks
//! are counted and let go, and each `get` hits.
//!
//! Invariant: no byte is looked at twice for the end of its line, and nothing is kept but an incomplete line. A data
//! block must end where its length says, so that a proxy that loses its place is found out.

use crate::names::DIGITS;
use crate::outbox::Outbox;
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
    /// The length of a value as text.
    size: Vec<u8>,
    /// The other bytes of a value.
    filler: Vec<u8>,
}

impl Answers {
    pub(super) fn new(workload: &Workload, size: usize) -> Self {
        Self {
            header_rest: format!(" 0 {size}\r\n").into_bytes(),
            versioned_rest: format!(" 0 {size} 1\r\n").into_bytes(),
            key_in_value: size.min(DIGITS),
            size: size.to_string().into_bytes(),
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
            b"mg" => self.meta_value(rest, out),
            b"ms" => return meta_storage(rest, out),
            b"md" => single(rest, b"HD\r\n", out),
            b"ma" => single(rest, b"VA 1\r\n1\r\n", out),
            b"mn" => out.push(b"MN\r\n"),
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
            self.value(key, out);
        }
        out.push(if is_asked { b"END\r\n" } else { ERROR });
    }

    /// The value of a key, with the end of its line.
    fn value(&self, key: &[u8], out: &mut Outbox) {
        let part = &key[key.len().saturating_sub(self.key_in_value)..];
        out.push(part);
        // Behind a key that is shorter than the load generator's the value still needs its length.
        out.push(&[BLANK; DIGITS][..self.key_in_value - part.len()]);
        out.push_filler(&self.filler);
        out.push(b"\r\n");
    }

    /// With the key and the version, where they are asked for; other flags are not known.
    fn meta_value(&self, rest: &[u8], out: &mut Outbox) {
        let mut words = words(rest);
        let Some(key) = words.next() else { return out.push(ERROR) };
        out.push(b"VA ");
        out.push(&self.size);
        for flag in words {
            match flag {
                b"k" => {
                    out.push(b" k");
                    out.push(key);
                }
                b"c" => out.push(b" c1"),
                _ => {}
            }
        }
        out.push(b"\r\n");
        self.value(key, out);
    }

    /// The value of a key as Redis sends it.
    pub(super) fn bulk(&self, key: &[u8], out: &mut Outbox) {
        out.push(b"$");
        out.push(&self.size);
        out.push(b"\r\n");
        self.value(key, out);
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
    Next::Block(Block::new(length, STORED, is_quiet(rest)))
}

/// As `storage`: key, length and flags.
fn meta_storage(rest: &[u8], out: &mut Outbox) -> Next {
    let Some(length) = words(rest).nth(1).and_then(number) else {
        out.push(BAD_LINE);
        return Next::Line;
    };
    Next::Block(Block::new(length, b"HD\r\n", words(rest).skip(2).any(|flag| flag == b"q")))
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
    /// What is said of a sound one.
    reply: &'static [u8],
}

impl Block {
    fn new(length: u32, reply: &'static [u8], is_quiet: bool) -> Self {
        Self { lacking: length as usize + CRLF.len(), is_sound: true, is_quiet, reply }
    }

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
                        out.push(block.reply);
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
pub(super) mod tests;
