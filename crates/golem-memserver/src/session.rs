//! One client of the store: cuts the bytes that arrive into commands and data blocks, however they were split, and
//! appends the replies to an output.
//!
//! Invariant: any cut of the same input gives the same replies, the same items and the same end.

use crate::command::{self, Outcome, Upload};
use crate::store::Store;

/// A line may have this many bytes before its line feed, unless it is a `get` or `gets`.
const LINE_MAX: usize = 2048;
/// This many blanks may stand before a long `get`.
const BLANKS_MAX: usize = 100;
/// What a `get` line may hold at most. The real server has no limit; this one wants an end to its memory.
const RETRIEVAL_MAX: usize = 64 << 20;

/// What the next bytes are.
enum State {
    /// A command line.
    Line,
    /// The data block of a storage command.
    Data(Box<Upload>),
    /// `left` bytes that nobody wants; then the reply is given.
    Swallow { left: usize, reply: Vec<u8> },
    /// Nothing: the connection is to be closed.
    Closed,
}

/// A connection's state.
pub struct Session {
    state: State,
    /// The beginning of a line whose end has not arrived yet.
    held: Vec<u8>,
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Session {
    /// A session that has received nothing.
    pub fn new() -> Self {
        Self { state: State::Line, held: Vec::new() }
    }

    /// Is the connection to be closed once the output is sent? Further input is ignored.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Does the next byte begin a command?
    pub fn is_between_commands(&self) -> bool {
        matches!(self.state, State::Line) && self.held.is_empty()
    }

    /// Does the session wait for (the rest of) a data block?
    pub fn is_in_data(&self) -> bool {
        matches!(self.state, State::Data(_) | State::Swallow { .. })
    }

    /// Takes in `input`, does what it asks for and appends the replies to `out`.
    pub fn receive(&mut self, store: &mut Store, input: &[u8], out: &mut Vec<u8>) {
        self.receive_until(store, input, out, usize::MAX);
    }

    /// Like `receive`, but stops between two commands once `out` holds `enough` bytes; gives the input that is left.
    pub fn receive_until<'a>(
        &mut self,
        store: &mut Store,
        mut input: &'a [u8],
        out: &mut Vec<u8>,
        enough: usize,
    ) -> &'a [u8] {
        while !input.is_empty() && out.len() < enough {
            input = match &mut self.state {
                State::Line => self.line(store, input, out),
                State::Data(upload) => {
                    let rest = upload.fill(input);
                    if upload.is_complete() {
                        upload.finish(store, out);
                        self.state = State::Line;
                    }
                    rest
                }
                State::Swallow { left, reply } => {
                    let length = input.len().min(*left);
                    *left -= length;
                    if *left == 0 {
                        out.append(reply);
                        self.state = State::Line;
                    }
                    input.get(length..).unwrap_or_default()
                }
                State::Closed => return b"",
            };
        }
        input
    }

    /// Takes one line or a part of one off the input; gives what follows it.
    fn line<'a>(&mut self, store: &mut Store, input: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        let end = input.iter().position(|&b| b == b'\n');
        let (part, rest) = input.split_at(end.unwrap_or(input.len()));
        let length = self.held.len() + part.len();
        if self.held.is_empty() && end.is_some() && length <= LINE_MAX {
            self.execute(store, part, out);
            return rest.get(1..).unwrap_or_default();
        }
        self.held.extend_from_slice(part);
        if (length > LINE_MAX && !is_retrieval(&self.held)) || length > RETRIEVAL_MAX {
            self.held = Vec::new();
            self.state = State::Closed;
        } else if end.is_some() {
            let line = std::mem::take(&mut self.held);
            self.execute(store, &line, out);
        }
        rest.get(1..).unwrap_or_default()
    }

    /// Executes a line, given without its line feed.
    fn execute(&mut self, store: &mut Store, line: &[u8], out: &mut Vec<u8>) {
        let line = match line.strip_suffix(b"\r") {
            Some(stripped) if !stripped.is_empty() => stripped,
            _ => line,
        };
        let line = line.split(|&b| b == 0).next().unwrap_or_default();
        store.note_line(line);
        self.state = match command::execute(store, line, out) {
            Outcome::Done => State::Line,
            Outcome::Upload(upload) => State::Data(upload),
            Outcome::Swallow { length, reply } => State::Swallow { left: length, reply },
            Outcome::Close => State::Closed,
        };
    }
}

/// May the line be longer than others?
fn is_retrieval(line: &[u8]) -> bool {
    let blanks = line.iter().take_while(|&&b| b == b' ').count();
    let text = line.get(blanks..).unwrap_or_default();
    blanks <= BLANKS_MAX && (text.starts_with(b"get ") || text.starts_with(b"gets "))
}
