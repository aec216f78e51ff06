//! What a request line was found to be: [`Request`] and [`Refusal`], plain data that the engine keeps beside the bytes.

use super::command::Command;
use super::search::key_len;
use super::span::Span;

/// What a pool allows its clients to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a key, at most 250 (more would be refused by the server).
    pub key: u16,
    /// Bytes of a request line with its LF, except for `get`, `gets`, `gat`, `gats`: those may be as long as their
    /// keys make them.
    pub line: u32,
    /// Keys of one request.
    pub keys: u32,
    /// Bytes of a data block, without the CR LF after it.
    pub item: u32,
}

impl Default for Limits {
    /// 250 bytes, 2 KiB, 65,536 keys, 1 GiB.
    fn default() -> Self {
        Self { key: 250, line: 2048, keys: 65_536, item: 1 << 30 }
    }
}

impl Limits {
    /// Bytes that a line of `get`, `gets`, `gat`, `gats` may have, with its LF.
    pub fn retrieval_line(&self) -> usize {
        let by_keys = u64::from(self.keys) * (u64::from(self.key) + 1) + 64;
        usize::try_from(by_keys.max(u64::from(self.line)).min(u64::from(u32::MAX))).unwrap_or(usize::MAX)
    }
}

/// A request that the proxy takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which command.
    pub command: Command,
    /// The first key; empty where the command has none. With `base64_key` it is the text, not the decoded key.
    pub key: Span,
    /// Number of keys: 0, 1, or more for retrieval commands.
    pub keys: u32,
    /// The text that holds the second to the last key; walk them with [`keys_of`].
    pub more_keys: Span,
    /// The expiry of `gat`, `gats` and `touch`, the delta of `incr` and `decr`, the delay of `flush_all`, the level of
    /// `verbosity`, the words after `stats`; else empty.
    pub argument: Span,
    /// Bytes of the data block that follows the line, without its CR LF; none if no block follows.
    pub data: Option<u32>,
    /// `noreply`, or the meta flag `q`: some replies are not shown, see [`super::is_hidden`].
    pub quiet: bool,
    /// Bytes to leave out of the line when it is forwarded: ` noreply` or the flag `q` with the blank before it.
    pub cut: Span,
    /// The key is written in base64: hash what [`super::decode_key`] makes of it.
    pub base64_key: bool,
}

impl Request {
    #[inline]
    pub(crate) const fn new(command: Command) -> Self {
        Self {
            command,
            key: Span::EMPTY,
            keys: 0,
            more_keys: Span::EMPTY,
            argument: Span::EMPTY,
            data: None,
            quiet: false,
            cut: Span::EMPTY,
            base64_key: false,
        }
    }
}

/// What is to be done with the client's input after a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Go on with the next line.
    Continue,
    /// A data block of so many bytes follows: drop it and its line end, as for a bad data chunk.
    SwallowData(u32),
    /// The line is longer than the limit: drop everything up to its LF.
    SwallowLine,
    /// Where the next command starts cannot be told: close once the replies before this one, and this one, have left.
    Close,
}

/// A line that is not forwarded, and the answer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The whole answer with its CR LF; empty for a request recognised as `noreply`.
    pub reply: &'static [u8],
    /// How to go on.
    pub then: Then,
    /// A key whose old value must not survive: delete it on its server before answering.
    pub unlink: Option<Span>,
    /// Whether the key of `unlink` is written in base64.
    pub base64_key: bool,
    /// What was wrong, in a word or two for logs and counters.
    pub name: &'static str,
}

impl Refusal {
    #[inline]
    pub(crate) const fn new(name: &'static str, reply: &'static [u8], then: Then) -> Self {
        Self { reply, then, unlink: None, base64_key: false, name }
    }

    /// The same, with nothing said when `quiet`.
    #[inline]
    pub(crate) const fn silent_if(mut self, quiet: bool) -> Self {
        if quiet {
            self.reply = b"";
        }
        self
    }
}

/// What a complete line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A request to be routed.
    Request(Request),
    /// A line that is answered here and goes no further.
    Refused(Refusal),
}

/// The keys of `request`, in order, as spans of its `line`, the one that it was parsed from: no key there has a NUL.
#[inline]
pub fn keys_of<'a>(request: &Request, line: &'a [u8]) -> Keys<'a> {
    let end = (request.more_keys.end as usize).min(line.len());
    Keys {
        text: line.get(..end).unwrap_or_default(),
        at: request.more_keys.start as usize,
        first: (request.keys > 0).then_some(request.key),
    }
}

/// Iterator over the keys of a request; see [`keys_of`].
#[derive(Clone, Debug)]
pub struct Keys<'a> {
    text: &'a [u8],
    at: usize,
    first: Option<Span>,
}

impl Iterator for Keys<'_> {
    type Item = Span;

    #[inline]
    fn next(&mut self) -> Option<Span> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        while self.text.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let start = self.at;
        self.at = start + key_len(rest);
        Some(Span::new(start, self.at))
    }
}
