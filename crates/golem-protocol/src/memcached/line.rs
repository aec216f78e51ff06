//! Finding the end of a request line. Each byte is looked at once, however the line is cut, and a line over the limit
//! is told by its first bytes alone.

use super::command::{Command, Group};
use super::request::{Limits, Refusal, Then};
use super::search::line_end;
use super::texts;

/// What stands at the front of a client's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineScan {
    /// A whole line of `len` bytes, its LF among them.
    Complete {
        /// Bytes of the line with its LF.
        len: usize,
    },
    /// The LF has not come yet.
    Incomplete {
        /// Bytes looked at so far; pass it back with more input.
        scanned: usize,
    },
    /// No line that could be taken: it is longer than the limit, whether or not its LF has come, or its first byte says that it is
    /// none at all.
    Refused(Refusal),
}

/// Looks for the end of the line that starts at `buf[0]`. The first `scanned` bytes are known to hold no LF (0 for a new
/// line, else what the call before said).
#[inline]
pub fn scan_line(buf: &[u8], scanned: usize, limits: &Limits) -> LineScan {
    if let Some(&first) = buf.first()
        && !(b' '..=b'~').contains(&first)
        && !b"\r\n\t".contains(&first)
    {
        return foreign(first);
    }
    let line_max = limits.line as usize;
    let scanned = scanned.min(buf.len());
    let end = buf.len().min(line_max);
    if scanned < end
        && let Some(at) = line_end(&buf[scanned..end])
    {
        return LineScan::Complete { len: scanned + at + 1 };
    }
    if buf.len() < line_max {
        return LineScan::Incomplete { scanned: buf.len() };
    }
    scan_long_line(buf, scanned.max(end), limits)
}

/// First byte of a request of the binary protocol.
const BINARY_MAGIC: u8 = 0x80;
/// First byte of a TLS record that carries a handshake (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// No command of the text protocol starts with this byte. Waiting for a line end that may never come would leave the client
/// without any answer, and what follows would be taken for commands by chance.
#[cold]
fn foreign(first: u8) -> LineScan {
    let (name, reply) = match first {
        BINARY_MAGIC => ("binary protocol", texts::BINARY),
        TLS_HANDSHAKE => ("tls", texts::TLS),
        _ => ("no text", texts::NO_TEXT),
    };
    LineScan::Refused(Refusal::new(name, reply, Then::Close))
}

/// The line does not end within `limits.line` bytes: only a retrieval may go on.
#[cold]
fn scan_long_line(buf: &[u8], scanned: usize, limits: &Limits) -> LineScan {
    // Judged by the first bytes only, so that the verdict is the same however the line is cut.
    let front = &buf[..limits.line as usize];
    let start = front.iter().position(|&byte| byte != b' ').unwrap_or(front.len());
    let word = &front[start..];
    // Without a blank after it the word itself runs on past the limit, or may do so: no command is that long.
    let command = memchr::memchr(b' ', word).and_then(|end| Command::from_word(&word[..end]));
    let then = match command.map(Command::group) {
        Some(Group::Retrieval) => {
            let line_max = limits.retrieval_line();
            let end = buf.len().min(line_max);
            if let Some(at) = memchr::memchr(b'\n', &buf[scanned.min(end)..end]) {
                return LineScan::Complete { len: scanned + at + 1 };
            }
            if buf.len() < line_max {
                return LineScan::Incomplete { scanned: buf.len() };
            }
            Then::SwallowLine
        }
        Some(Group::Local) => Then::SwallowLine,
        Some(Group::Meta) if command != Some(Command::MetaSet) => Then::SwallowLine,
        // A data block may follow, or the line may end in `noreply`: neither can be told.
        Some(Group::Meta | Group::Storage | Group::Single | Group::WholePool) | None => Then::Close,
    };
    LineScan::Refused(Refusal::new("line too long", texts::LINE_TOO_LONG, then))
}

#[cfg(test)]
mod tests;
