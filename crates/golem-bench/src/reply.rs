//! Is this the reply that was asked for? Reads the bytes of a connection, whatever their cut, reply by reply.
//!
//! Invariant: a reply counts only when its frame was right: a key that it names was asked for, the ends of lines are where
//! they belong, lengths are those that are written. Replies come in order, so the key also shows that no reply was lost,
//! doubled or given to somebody else. With `verify` each value is judged by what it says itself (`value`, `workload`).

use crate::protocol::{CRLF, Line, Reply, Shape, number};
use crate::value::{Fault, Judge, Stamp};
use crate::workload::{COUNTERS, Workload};

/// The longest line of a reply.
const LINE_MAX: usize = 2048;

/// What was asked, as far as its reply can show it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) shape: Shape,
    /// The key, where it is one.
    pub(crate) key: u32,
    /// The keys, where there are several.
    pub(crate) keys: &'a [u32],
    /// Judge values.
    pub(crate) verify: bool,
}

/// What the bytes at hand amount to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A whole reply; so many of the bytes belong to it.
    Done(Reply, usize),
    /// All bytes belong to a reply that is not yet complete.
    More,
    /// Not the reply to this request; what is wrong.
    Broken(Fault),
}

/// Where one connection stands in the reply it is reading.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// The beginning of a line.
    line: Vec<u8>,
    block: Option<Block>,
    /// Values of this reply so far.
    found: u32,
    cas: u64,
    /// Values that were announced, and have not come.
    left: usize,
    /// Which keys of a multiget have come.
    given: Vec<bool>,
    /// The key that is expected next.
    next: usize,
    /// Stamp and size of the last value that was judged.
    last: Option<(Stamp, usize)>,
    error: Vec<u8>,
}

/// Bytes behind a line that announced them.
#[derive(Debug)]
struct Block {
    key: u32,
    size: usize,
    /// Bytes that have come, with the end of the line.
    at: usize,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// Not looked at.
    Any,
    Value(Judge),
    Digits(Vec<u8>),
}

/// Whether a reply goes on.
type Next = Result<Option<Reply>, Fault>;

impl Reader {
    /// Stamp and size of the last value of the reply that was read last; only of those that are judged.
    pub(crate) fn last(&self) -> Option<(Stamp, usize)> {
        self.last
    }

    /// The line of the error that was read last.
    pub(crate) fn error(&self) -> &[u8] {
        &self.error
    }

    /// Reads on in the reply to `asked`; `bytes` follow those of the last call.
    pub(crate) fn read(&mut self, workload: &Workload, asked: Asked<'_>, bytes: &[u8]) -> Step {
        let mut rest = bytes;
        while !rest.is_empty() {
            let next = match self.block.take() {
                Some(block) => {
                    let taken = rest.len().min(block.size + CRLF.len() - block.at);
                    let (piece, after) = rest.split_at(taken);
                    rest = after;
                    self.read_block(workload, asked, block, piece)
                }
                None => match memchr::memchr(b'\n', rest) {
                    None => {
                        self.line.extend_from_slice(rest);
                        rest = &[];
                        if self.line.len() > LINE_MAX { Err("a line without an end") } else { Ok(None) }
                    }
                    Some(end) => {
                        let (line, after) = rest.split_at(end + 1);
                        rest = after;
                        self.read_whole_line(workload, asked, line)
                    }
                },
            };
            match next {
                Ok(None) => {}
                Ok(Some(reply)) => return Step::Done(reply, bytes.len() - rest.len()),
                Err(fault) => return Step::Broken(fault),
            }
        }
        Step::More
    }

    fn read_whole_line(&mut self, workload: &Workload, asked: Asked<'_>, line: &[u8]) -> Next {
        if self.line.is_empty() {
            return self.read_line(workload, asked, line);
        }
        let mut whole = std::mem::take(&mut self.line);
        whole.extend_from_slice(line);
        let next = self.read_line(workload, asked, &whole);
        whole.clear();
        self.line = whole;
        next
    }

    fn read_line(&mut self, workload: &Workload, asked: Asked<'_>, line: &[u8]) -> Next {
        let text = line.strip_suffix(CRLF).ok_or("a line with another end than CR LF")?;
        match workload.protocol.line(asked.shape, text) {
            Line::Value { key, size, cas } => {
                let key = self.claim(workload, asked, key)?;
                let is_shared = key < COUNTERS;
                if is_shared && !workload.may_be(size) {
                    return Err("a value of another length than this run writes");
                }
                self.cas = cas;
                let content = if asked.verify { Content::Value(Judge::new(key, size)) } else { Content::Any };
                self.block = Some(Block { key, size, at: 0, content });
                Ok(None)
            }
            Line::Digits(size) => {
                self.block =
                    Some(Block { key: asked.key, size, at: 0, content: Content::Digits(Vec::new()) });
                Ok(None)
            }
            Line::Missing(name) => {
                if name.is_some_and(|name| workload.names.number(name) != Some(asked.key)) {
                    return Err("the lack of a value that was not asked for");
                }
                self.next += 1;
                Ok(self.end_item(workload, asked))
            }
            Line::Items(items) if items == asked.keys.len() && self.left == 0 => {
                self.left = items;
                Ok(None)
            }
            Line::Items(_) => Err("another number of values than was asked for"),
            Line::Last(Reply::Error(kind)) => {
                self.error.clear();
                self.error.extend_from_slice(text);
                self.start_anew();
                Ok(Some(Reply::Error(kind)))
            }
            Line::Last(Reply::Values { .. }) => Ok(Some(self.values())),
            Line::Last(reply) => Ok(Some(reply)),
            Line::Wrong => Err("no reply that this request can have"),
        }
    }

    /// The key to which the value at hand belongs, which must be one that was asked for and has not come yet.
    fn claim(&mut self, workload: &Workload, asked: Asked<'_>, name: Option<&[u8]>) -> Result<u32, Fault> {
        let at = self.next;
        if asked.shape != Shape::MultiGet {
            let is_right = name.is_none_or(|name| workload.names.number(name) == Some(asked.key));
            self.next += 1;
            return if is_right && at == 0 { Ok(asked.key) } else { Err("a value that was not asked for") };
        }
        let Some(name) = name else {
            // In order, and each of them, as was announced.
            self.next += 1;
            let key = asked.keys.get(at).copied().filter(|_| self.left > 0);
            return key.ok_or("more values than were announced");
        };
        let key = workload.names.number(name).ok_or("a value that was not asked for")?;
        self.given.resize(asked.keys.len(), false);
        // Most come in the order in which they were asked for; a proxy may bring them in that of its servers.
        let is_it = |at: &usize| asked.keys[*at] == key && !self.given[*at];
        let found = (at..asked.keys.len()).find(is_it).or_else(|| (0..at).find(is_it));
        let found = found.ok_or("a value that was not asked for, or twice")?;
        self.given[found] = true;
        self.next = found + 1;
        Ok(key)
    }

    fn read_block(&mut self, workload: &Workload, asked: Asked<'_>, mut block: Block, piece: &[u8]) -> Next {
        let inside = piece.len().min(block.size.saturating_sub(block.at));
        let (content, end) = piece.split_at(inside);
        match &mut block.content {
            Content::Any => {}
            Content::Value(judge) => judge.read(&workload.values, content)?,
            Content::Digits(digits) => digits.extend_from_slice(content),
        }
        block.at += inside;
        for byte in end {
            if *byte != CRLF[block.at - block.size] {
                return Err("a value that does not end where it should");
            }
            block.at += 1;
        }
        if block.at < block.size + CRLF.len() {
            self.block = Some(block);
            return Ok(None);
        }
        match block.content {
            Content::Digits(digits) => {
                return number(&digits).map(|number| Some(Reply::Number(number))).ok_or("no number");
            }
            Content::Value(judge) => {
                self.last = judge.stamp().map(|stamp| (stamp, block.size));
                if let Some(stamp) = judge.stamp().filter(|_| block.key < COUNTERS) {
                    workload.judge(block.key, stamp, block.size)?;
                }
            }
            Content::Any => {}
        }
        self.found += 1;
        Ok(self.end_item(workload, asked))
    }

    /// A value, or the lack of one, is complete; the reply may be, too.
    fn end_item(&mut self, workload: &Workload, asked: Asked<'_>) -> Option<Reply> {
        self.left = self.left.saturating_sub(1);
        workload.protocol.ends_with_item(asked.shape, self.left).then(|| self.values())
    }

    fn values(&mut self) -> Reply {
        let reply = Reply::Values { found: self.found, cas: self.cas };
        self.start_anew();
        reply
    }

    fn start_anew(&mut self) {
        (self.found, self.cas, self.left, self.next) = (0, 0, 0, 0);
        self.given.clear();
    }
}

#[cfg(test)]
mod tests;
