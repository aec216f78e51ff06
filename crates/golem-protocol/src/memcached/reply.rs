//! What a server answers, item by item, checked against the shape that the request allows: anything else means that the
//! stream is out of step, and the connection must not be used further.

mod hit;

use super::command::{Command, Hides, Shape};
use super::number;
use super::search::{key_len, line_end};
use super::span::Span;

pub use hit::{scan_hit, scan_value};

/// Bytes of the longest reply line, its LF among them: a key, an opaque and flags of a meta reply, or an error text,
/// with much room.
const LINE_MAX: usize = 8192;

/// Bytes of the longest data block of a reply; the server knows no longer one.
const DATA_MAX: u64 = 2_147_483_647;

/// What the final line of a reply says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `STORED`
    Stored,
    /// `NOT_STORED`, `NS`
    NotStored,
    /// `EXISTS`, `EX`
    Exists,
    /// `NOT_FOUND`, `NF`
    NotFound,
    /// `DELETED`
    Deleted,
    /// `TOUCHED`
    Touched,
    /// The new value of `incr` or `decr`.
    Number,
    /// `END`
    End,
    /// `OK`
    Ok,
    /// `VERSION …`
    Version,
    /// `HD`, `VA`, `ME`
    MetaHit,
    /// `EN`
    MetaMiss,
    /// An error line.
    Error(ErrorKind),
}

/// Which error line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// `ERROR`
    Error,
    /// `CLIENT_ERROR …`
    Client,
    /// `SERVER_ERROR …`
    Server,
    /// `ERROR Too many open connections`, which a server says to a new connection before it closes it: no answer to any
    /// request.
    TooManyConnections,
}

/// What stands at the front of a server's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyScan {
    /// The line is not complete.
    Incomplete {
        /// Bytes looked at so far; pass it back with more.
        scanned: usize,
    },
    /// One `VALUE` block: `header` bytes of line with LF, `data` bytes, CR LF. More follows.
    Value {
        /// The key it is for.
        key: Span,
        /// Bytes of the line with its LF.
        header: u32,
        /// Bytes of the data block.
        data: u32,
    },
    /// The final line.
    Last {
        /// Bytes of the line with its LF.
        len: u32,
        /// What it says.
        status: Status,
    },
    /// A final line that a data block and CR LF follow (`VA`).
    LastWithData {
        /// Bytes of the line with its LF.
        header: u32,
        /// Bytes of the data block.
        data: u32,
        /// What it says.
        status: Status,
    },
    /// No reply to such a request; why, for the log.
    Broken(&'static str),
}

/// Looks at the item that starts at `buf[0]`. The first `scanned` bytes are known to hold no LF (0 for a new item, else
/// what the call before said). The caller checks the CR LF after a data block once it is there.
#[inline]
pub fn scan_reply(shape: Shape, buf: &[u8], scanned: usize) -> ReplyScan {
    let end = buf.len().min(LINE_MAX);
    let scanned = scanned.min(end);
    let Some(at) = line_end(&buf[scanned..end]) else {
        if buf.len() >= LINE_MAX {
            return ReplyScan::Broken("line too long");
        }
        return ReplyScan::Incomplete { scanned: end };
    };
    let line = &buf[..scanned + at + 1];
    let Some(text) = line.strip_suffix(b"\r\n") else {
        return ReplyScan::Broken("line without CR");
    };
    item(shape, text).unwrap_or_else(|| error_line(text))
}

fn last(text: &[u8], status: Status) -> Option<ReplyScan> {
    Some(ReplyScan::Last { len: text.len() as u32 + 2, status })
}

/// The item that the shape asks for; none if it is something else.
#[inline]
fn item(shape: Shape, text: &[u8]) -> Option<ReplyScan> {
    match shape {
        Shape::Values if text.starts_with(b"VALUE ") => value(text),
        Shape::Values if trimmed(text) == b"END" => last(text, Status::End),
        Shape::Values => None,
        Shape::NumberLine if number::plain(trimmed(text)).is_some() => last(text, Status::Number),
        Shape::VersionLine if text.starts_with(b"VERSION ") => last(text, Status::Version),
        Shape::StoreLine
        | Shape::DeleteLine
        | Shape::TouchLine
        | Shape::OkLine
        | Shape::NumberLine
        | Shape::VersionLine => last(text, plain_status(shape, trimmed(text))?),
        Shape::MetaGet | Shape::MetaSet | Shape::MetaDelete | Shape::MetaArithmetic | Shape::MetaDebug => {
            meta_item(shape, text)
        }
    }
}

/// Without the blanks at the end, which some servers send.
#[inline]
fn trimmed(text: &[u8]) -> &[u8] {
    let mut text = text;
    while let [rest @ .., b' '] = text {
        text = rest;
    }
    text
}

#[inline]
fn plain_status(shape: Shape, word: &[u8]) -> Option<Status> {
    match (shape, word) {
        (Shape::StoreLine, b"STORED") => Some(Status::Stored),
        (Shape::StoreLine, b"NOT_STORED") => Some(Status::NotStored),
        (Shape::StoreLine, b"EXISTS") => Some(Status::Exists),
        (Shape::StoreLine | Shape::DeleteLine | Shape::NumberLine | Shape::TouchLine, b"NOT_FOUND") => {
            Some(Status::NotFound)
        }
        (Shape::DeleteLine, b"DELETED") => Some(Status::Deleted),
        (Shape::TouchLine, b"TOUCHED") => Some(Status::Touched),
        (Shape::OkLine, b"OK") => Some(Status::Ok),
        _ => None,
    }
}

/// `VALUE key flags length [cas]`
#[inline]
fn value(text: &[u8]) -> Option<ReplyScan> {
    let at = b"VALUE ".len();
    let key_len = key_len(&text[at..]);
    let key = Span::new(at, at + key_len);
    let (_, next) = number::read(text, blank(text, at + key_len)?)?;
    let (data, next) = number::read(text, blank(text, next)?)?;
    let mut at = next;
    if at < text.len() {
        at = blank(text, at)?;
        if at < text.len() {
            at = number::read(text, at)?.1;
        }
    }
    (at == text.len() && key_len > 0 && data <= DATA_MAX).then_some(ReplyScan::Value {
        key,
        header: text.len() as u32 + 2,
        data: data as u32,
    })
}

#[inline]
fn blank(text: &[u8], at: usize) -> Option<usize> {
    (text.get(at) == Some(&b' ')).then_some(at + 1)
}

/// A line of two letters, then blank-separated flags.
#[inline]
fn meta_item(shape: Shape, text: &[u8]) -> Option<ReplyScan> {
    let (word, rest) = text.split_at_checked(2)?;
    if !(rest.is_empty() || rest[0] == b' ') {
        return None;
    }
    match (shape, word) {
        (Shape::MetaGet | Shape::MetaArithmetic, b"VA") => {
            let (data, end) = number::read(text, blank(text, 2)?)?;
            let ends = end == text.len() || text[end] == b' ';
            (ends && data <= DATA_MAX).then_some(ReplyScan::LastWithData {
                header: text.len() as u32 + 2,
                data: data as u32,
                status: Status::MetaHit,
            })
        }
        (Shape::MetaGet | Shape::MetaSet | Shape::MetaDelete | Shape::MetaArithmetic, b"HD") => {
            last(text, Status::MetaHit)
        }
        (Shape::MetaDebug, b"ME") => last(text, Status::MetaHit),
        (Shape::MetaGet | Shape::MetaDebug, b"EN") => last(text, Status::MetaMiss),
        (Shape::MetaSet | Shape::MetaDelete | Shape::MetaArithmetic, b"NF") => last(text, Status::NotFound),
        (Shape::MetaSet | Shape::MetaDelete | Shape::MetaArithmetic, b"EX") => last(text, Status::Exists),
        (Shape::MetaSet | Shape::MetaArithmetic, b"NS") => last(text, Status::NotStored),
        _ => None,
    }
}

/// Every request may be answered by an error line.
#[cold]
fn error_line(text: &[u8]) -> ReplyScan {
    let kind = if trimmed(text) == b"ERROR" {
        ErrorKind::Error
    } else if text.starts_with(b"CLIENT_ERROR ") {
        ErrorKind::Client
    } else if text.starts_with(b"SERVER_ERROR ") || trimmed(text) == b"SERVER_ERROR" {
        ErrorKind::Server
    } else if text.starts_with(b"ERROR Too many open connections") {
        ErrorKind::TooManyConnections
    } else {
        return ReplyScan::Broken("no reply to such a request");
    };
    ReplyScan::Last { len: text.len() as u32 + 2, status: Status::Error(kind) }
}

/// Whether a quiet request of this `command` keeps a reply with this `status` from its client: the table of quiet modes.
#[inline]
pub fn is_hidden(command: Command, status: Status) -> bool {
    match command.hides() {
        Hides::Nothing => false,
        Hides::All => true,
        Hides::Hit => status == Status::MetaHit,
        Hides::Miss => status == Status::MetaMiss,
    }
}

#[cfg(test)]
mod tests;
