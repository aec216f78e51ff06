//! Requests in, replies out, in Redis's protocol: arrays of texts, of which only commands and the keys of reads are kept.
//!
//! Invariant: as that of `null/reader`: the same replies whatever the cut, and nothing kept but what the next reply needs.

use super::reader::Answers;
use crate::outbox::Outbox;

/// A longer line, command or key ends the connection.
const TEXT_MAX: usize = 64 * 1024;
/// A longer array ends the connection, and so does a longer text.
const LENGTH_MAX: usize = 1 << 30;
const WRONG: &[u8] = b"-ERR Protocol error\r\n";

/// What an array asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Command {
    #[default]
    Unknown,
    Get,
    MultiGet,
    Set,
    SetNew,
    Delete,
    Count,
    Ping,
}

impl Command {
    fn named(name: &[u8]) -> Self {
        match name.to_ascii_uppercase().as_slice() {
            b"GET" => Self::Get,
            b"MGET" => Self::MultiGet,
            b"SET" | b"SETEX" => Self::Set,
            b"SETNX" => Self::SetNew,
            b"DEL" => Self::Delete,
            b"INCRBY" | b"DECRBY" | b"INCR" | b"DECR" => Self::Count,
            b"PING" => Self::Ping,
            _ => Self::Unknown,
        }
    }

    fn is_read(self) -> bool {
        matches!(self, Self::Get | Self::MultiGet)
    }
}

/// Where one connection stands in its requests.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The beginning of a line, or of a text that is kept.
    text: Vec<u8>,
    /// Texts that the array still lacks, and all that it has.
    lacking: usize,
    length: usize,
    command: Command,
    /// Bytes that the text at hand still lacks, with the end of its line.
    bulk: Option<usize>,
}

impl Reader {
    /// Answers what `bytes`, which follow those of the last call, complete. `false`: nothing more may be read.
    pub(super) fn read(&mut self, answers: &Answers, mut bytes: &[u8], out: &mut Outbox) -> bool {
        while !bytes.is_empty() {
            let goes_on = if let Some(lacking) = self.bulk {
                let (piece, rest) = bytes.split_at(bytes.len().min(lacking));
                bytes = rest;
                self.read_bulk(answers, lacking, piece, out)
            } else if let Some(end) = memchr::memchr(b'\n', bytes) {
                let (line, rest) = bytes.split_at(end + 1);
                bytes = rest;
                self.text.extend_from_slice(line);
                self.read_line(out)
            } else {
                self.text.extend_from_slice(bytes);
                return self.text.len() <= TEXT_MAX;
            };
            if !goes_on {
                return false;
            }
        }
        true
    }

    /// `*3` or `$16`, with its end.
    fn read_line(&mut self, out: &mut Outbox) -> bool {
        let length = |text: &[u8]| -> Option<usize> {
            let number: usize = str::from_utf8(text).ok()?.parse().ok()?;
            Some(number).filter(|number| *number <= LENGTH_MAX)
        };
        let text = self.text.strip_suffix(b"\r\n").unwrap_or_default();
        let found = match text.split_first() {
            Some((b'*', digits)) if self.lacking == 0 => length(digits).filter(|length| *length > 0),
            Some((b'$', digits)) if self.lacking > 0 => length(digits),
            _ => None,
        };
        self.text.clear();
        match found {
            Some(length) if self.lacking == 0 => (self.lacking, self.length) = (length, length),
            Some(length) => self.bulk = Some(length + 2),
            None => out.push(WRONG),
        }
        found.is_some()
    }

    fn read_bulk(&mut self, answers: &Answers, lacking: usize, piece: &[u8], out: &mut Outbox) -> bool {
        let is_kept = self.lacking == self.length || self.command.is_read();
        if is_kept {
            self.text.extend_from_slice(piece);
            if self.text.len() > TEXT_MAX {
                return false;
            }
        }
        let left = lacking - piece.len();
        if left > 0 {
            self.bulk = Some(left);
            return true;
        }
        self.bulk = None;
        let key = &self.text[..self.text.len().saturating_sub(2)];
        if self.lacking == self.length {
            self.command = Command::named(key);
            if self.command == Command::MultiGet {
                out.push(format!("*{}\r\n", self.length - 1).as_bytes());
            }
        } else if self.command.is_read() {
            answers.bulk(key, out);
        }
        self.text.clear();
        self.lacking -= 1;
        if self.lacking == 0 {
            self.answer(out);
        }
        true
    }

    /// The array is complete.
    fn answer(&self, out: &mut Outbox) {
        match self.command {
            Command::Get | Command::MultiGet => {}
            Command::Set => out.push(b"+OK\r\n"),
            Command::SetNew | Command::Count => out.push(b":1\r\n"),
            Command::Delete => out.push(format!(":{}\r\n", self.length - 1).as_bytes()),
            Command::Ping => out.push(b"+PONG\r\n"),
            Command::Unknown => out.push(b"-ERR unknown command\r\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reader::tests::answers;
    use super::{Outbox, Reader};
    use golem_net::Slices;

    fn answered(pieces: &[&[u8]]) -> (String, bool) {
        let answers = answers(30);
        let (mut reader, mut out, mut goes_on) = (Reader::default(), Outbox::default(), true);
        for piece in pieces {
            goes_on = goes_on && reader.read(&answers, piece, &mut out);
        }
        let mut slices = Slices::new();
        out.slices(answers.filler(), &mut slices);
        let replies = slices.as_slices().iter().flat_map(|slice| slice.iter().copied()).collect();
        (String::from_utf8(replies).unwrap_or_default(), goes_on)
    }

    const CONVERSATION: &[u8] = b"*2\r\n$3\r\nGET\r\n$16\r\ngolem:0000000019\r\n*3\r\n$3\r\nset\r\n$1\r\nk\r\n$4\r\n\r\n$1\r\n\
        *3\r\n$4\r\nMGET\r\n$1\r\na\r\n$2\r\nbb\r\n*3\r\n$3\r\nDEL\r\n$1\r\na\r\n$1\r\nb\r\n*1\r\n$4\r\nPING\r\n\
        *3\r\n$6\r\nINCRBY\r\n$1\r\nk\r\n$1\r\n5\r\n*3\r\n$5\r\nSETNX\r\n$1\r\nk\r\n$0\r\n\r\n*1\r\n$4\r\nNONE\r\n";

    #[test]
    fn each_request_has_its_reply_whatever_the_cut() {
        let (whole, goes_on) = answered(&[CONVERSATION]);
        assert!(goes_on && whole.starts_with("$30\r\n00000000190000000000000000"), "{whole}");
        assert!(whole.contains("\r\n+OK\r\n*2\r\n$30\r\na         0"), "{whole}");
        assert!(whole.ends_with("\r\n:2\r\n+PONG\r\n:1\r\n:1\r\n-ERR unknown command\r\n"), "{whole}");
        for at in 0..CONVERSATION.len() {
            let (first, second) = CONVERSATION.split_at(at);
            assert_eq!(answered(&[first, second]).0, whole, "cut at {at}");
        }
    }

    #[test]
    fn what_is_no_array_ends_the_connection() {
        for bad in
            [&b"GET a\r\n"[..], b"*0\r\n", b"*x\r\n", b"*1\r\n*1\r\n", b"*1\r\n$-1\r\n", b"*1\n", b"$1\r\n"]
        {
            assert_eq!(
                answered(&[bad]),
                ("-ERR Protocol error\r\n".to_owned(), false),
                "{}",
                bad.escape_ascii()
            );
        }
        assert!(!answered(&[&vec![b'*'; 70_000]]).1);
    }
}
