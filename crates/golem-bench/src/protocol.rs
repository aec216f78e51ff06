//! The languages that the load generator speaks: how a request is written, and what one line of a reply says. Each language
//! has a file; `reply` puts lines and values together.

mod meta;
mod redis;
mod template;
mod text;

pub(crate) use template::Template;

use crate::names::Names;
use std::str::FromStr;

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// memcached's text protocol.
    Text,
    /// memcached's meta commands.
    Meta,
    /// Redis's protocol, version 2.
    Redis,
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "meta" => Ok(Self::Meta),
            "redis" => Ok(Self::Redis),
            other => Err(format!("'{other}': it is text, meta or redis")),
        }
    }
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Command<'a> {
    Get(u32),
    /// With what `cas` needs; only where the language has it.
    Gets(u32),
    MultiGet(&'a [u32]),
    /// The value follows, and the end of its line.
    Store {
        how: Store,
        key: u32,
        /// Bytes of the value.
        size: usize,
        /// Seconds, 0 for ever.
        ttl: u32,
    },
    Delete(u32),
    Count {
        key: u32,
        by: u32,
        /// Downwards.
        is_down: bool,
    },
}

/// Under which condition a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Set,
    /// Only where there is none.
    Add,
    /// Only where there is one.
    Replace,
    /// Only where it is still the one with this number.
    Cas(u64),
}

/// What shape a reply may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Get,
    MultiGet,
    Store,
    Delete,
    Count,
}

/// What one line of a reply says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// A value of `size` bytes follows, and the end of its line.
    Value {
        /// Where the line names it.
        key: Option<&'a [u8]>,
        size: usize,
        /// For `cas`; 0 where the line has none.
        cas: u64,
    },
    /// A number of `size` digits follows, and the end of its line.
    Digits(usize),
    /// No value in the place of one; the key where the line names it.
    Missing(Option<&'a [u8]>),
    /// So many values, or lacks of one, follow.
    Items(usize),
    /// The end of the reply.
    Last(Reply),
    /// Not a line that this reply can have.
    Wrong,
}

/// A well-formed reply, or its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To a read: how many values, and what `cas` needs of the last one.
    Values {
        /// Values that came.
        found: u32,
        /// 0 where there is none.
        cas: u64,
    },
    /// Stored.
    Stored,
    /// Not stored: there is one already, or there is none.
    NotStored,
    /// Not stored: it is not the one that it was.
    Exists,
    /// There is no such key.
    NotFound,
    /// Deleted.
    Deleted,
    /// The counter's new value.
    Number(u64),
    /// An error in words of the protocol.
    Error(ErrorKind),
}

/// Errors of the protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// memcached's `ERROR`.
    Command,
    /// memcached's `CLIENT_ERROR text`.
    Client,
    /// memcached's `SERVER_ERROR text`, and each of Redis's.
    Server,
}

/// The end of every line.
pub(crate) const CRLF: &[u8] = b"\r\n";

impl Protocol {
    /// Appends a request; that of a `Store` up to its value.
    pub(crate) fn write(self, command: Command<'_>, names: &Names, out: &mut Vec<u8>) {
        match self {
            Self::Text => text::write(command, names, out),
            Self::Meta => meta::write(command, names, out),
            Self::Redis => redis::write(command, names, out),
        }
    }

    /// What a line of a reply, without its end, says.
    pub(crate) fn line(self, shape: Shape, line: &[u8]) -> Line<'_> {
        match self {
            Self::Text => text::line(shape, line),
            Self::Meta => meta::line(shape, line),
            Self::Redis => redis::line(shape, line),
        }
    }

    /// Whether a reply ends by itself behind a value or the lack of one, when `left` more were announced.
    pub(crate) fn ends_with_item(self, shape: Shape, left: usize) -> bool {
        match self {
            Self::Text => false,
            Self::Meta => shape != Shape::MultiGet,
            Self::Redis => left == 0,
        }
    }

    /// Whether there are `cas` and `replace`.
    pub(crate) fn has_cas(self) -> bool {
        self != Self::Redis
    }

    /// Whether counting begins at 0 where there is no counter.
    pub(crate) fn counts_from_nothing(self) -> bool {
        self == Self::Redis
    }
}

/// Appends a number.
pub(crate) fn write_number(number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// The number that a text of 1 to 20 digits is.
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// The number that a text is, as a length.
fn length(text: &[u8]) -> Option<usize> {
    number(text).and_then(|number| usize::try_from(number).ok()).filter(|length| *length <= 1 << 30)
}

/// The three errors of memcached.
fn memcached_error(line: &[u8]) -> Line<'_> {
    let kind = match line {
        b"ERROR" => ErrorKind::Command,
        _ if line.starts_with(b"ERROR ") => ErrorKind::Command,
        _ if line.starts_with(b"CLIENT_ERROR ") => ErrorKind::Client,
        _ if line.starts_with(b"SERVER_ERROR ") => ErrorKind::Server,
        _ => return Line::Wrong,
    };
    Line::Last(Reply::Error(kind))
}

#[cfg(test)]
mod tests {
    use super::{length, number, write_number};

    #[test]
    fn numbers_are_written_and_read() {
        for (value, text) in [(0, "0"), (10, "10"), (u64::MAX, "18446744073709551615")] {
            let mut out = Vec::new();
            write_number(value, &mut out);
            assert_eq!((&out[..], number(&out)), (text.as_bytes(), Some(value)));
        }
        for bad in ["", "1a", "-1", "18446744073709551616", " 1"] {
            assert_eq!(number(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!((length(b"5"), length(b"99999999999")), (Some(5), None));
    }
}
