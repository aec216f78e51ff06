//! What must hold for any input whatsoever, as functions that unit tests, property tests and fuzzers share. They panic
//! when something does not hold; nothing on the data path calls them.

use super::command::Shape;
use super::key::decode_key;
use super::line::{LineScan, scan_line};
use super::parse::parse_line;
use super::reply::{ReplyScan, scan_reply};
use super::request::{Limits, Parsed, Refusal, Request, Then, keys_of};
use super::span::Span;

/// What a client's input consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A request with the data block that belongs to it.
    Request {
        /// Its line with LF.
        line: &'a [u8],
        /// What the line says.
        request: Request,
        /// The data block without its CR LF; empty if the command has none.
        data: &'a [u8],
    },
    /// A request whose data block is not followed by CR LF.
    BadChunk {
        /// Its line with LF.
        line: &'a [u8],
    },
    /// A line that is answered at once.
    Refused(Refusal),
}

/// How a walk over some input ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walked {
    /// Bytes that frames took up; what follows is incomplete, or comes after a [`Then::Close`].
    pub taken: usize,
    /// How often a byte of a line was looked at, all bytes together.
    pub examined: usize,
    /// Whether a frame asked to close.
    pub closed: bool,
}

/// Reads `input` as a client's bytes, of which `arrive` says how many come with each read, and reports each frame: a
/// small model of what the engine does.
pub fn walk<'a>(
    input: &'a [u8],
    limits: &Limits,
    arrive: impl FnMut() -> usize,
    mut on_frame: impl FnMut(Frame<'a>),
) -> Walked {
    let mut arriving = Arriving { input, there: 0, arrive };
    let mut walked = Walked { taken: 0, examined: 0, closed: false };
    loop {
        let start = walked.taken;
        let Some((scan, examined)) = next_line(&mut arriving, start, limits) else {
            return walked;
        };
        walked.examined += examined;
        let (frame, then, line_len) = match scan {
            LineScan::Refused(refusal) => (Frame::Refused(refusal), refusal.then, 0),
            LineScan::Incomplete { .. } => return walked,
            LineScan::Complete { len } => {
                let line = &input[start..start + len];
                check_line(line, limits);
                match parse_line(line, limits) {
                    Parsed::Refused(refusal) => (Frame::Refused(refusal), refusal.then, len),
                    Parsed::Request(request) => {
                        let Some((frame, taken)) = with_data(&mut arriving, start, len, request) else {
                            return walked;
                        };
                        walked.taken = taken;
                        on_frame(frame);
                        continue;
                    }
                }
            }
        };
        on_frame(frame);
        let after_line = start + line_len;
        let end = match then {
            Then::Continue => Some(after_line),
            Then::SwallowData(length) => arriving.after_data(after_line, length).map(|(end, _)| end),
            Then::SwallowLine => arriving.after_lf(after_line),
            Then::Close => {
                walked.closed = true;
                walked.taken = after_line;
                return walked;
            }
        };
        match end {
            Some(end) => walked.taken = end,
            None => return walked,
        }
    }
}

/// Input of which more and more has arrived.
struct Arriving<'a, A> {
    input: &'a [u8],
    there: usize,
    arrive: A,
}

impl<A: FnMut() -> usize> Arriving<'_, A> {
    /// Lets more bytes arrive; false if there are no more.
    fn more(&mut self) -> bool {
        if self.there == self.input.len() {
            return false;
        }
        self.there = self.input.len().min(self.there + (self.arrive)().max(1));
        true
    }

    fn wait_for(&mut self, end: usize) -> Option<()> {
        while self.there < end {
            self.more().then_some(())?;
        }
        Some(())
    }

    fn after_lf(&mut self, mut at: usize) -> Option<usize> {
        loop {
            self.wait_for(at + 1)?;
            at += 1;
            if self.input[at - 1] == b'\n' {
                return Some(at);
            }
        }
    }

    /// Where the next line starts after a data block, and whether the block ended as it should.
    fn after_data(&mut self, start: usize, length: u32) -> Option<(usize, bool)> {
        let end = start + length as usize;
        self.wait_for(end + 1)?;
        if self.input[end] == b'\r' {
            self.wait_for(end + 2)?;
            if self.input[end + 1] == b'\n' {
                return Some((end + 2, true));
            }
        }
        Some((self.after_lf(end)?, false))
    }
}

/// The line at `start`, and how many bytes were looked at for it; none if no byte of it has come.
fn next_line<A: FnMut() -> usize>(
    arriving: &mut Arriving<'_, A>,
    start: usize,
    limits: &Limits,
) -> Option<(LineScan, usize)> {
    let mut scanned = 0;
    let mut examined = 0;
    loop {
        if arriving.there == start && !arriving.more() {
            return None;
        }
        let buf = &arriving.input[start..arriving.there];
        let scan = scan_line(buf, scanned, limits);
        match scan {
            LineScan::Incomplete { scanned: now } => {
                assert!(now >= scanned && now <= buf.len(), "scanned {now} of {} bytes", buf.len());
                examined += now - scanned;
                scanned = now;
                if !arriving.more() {
                    return Some((scan, examined));
                }
            }
            LineScan::Complete { len } => {
                assert!(len > scanned && buf[len - 1] == b'\n' && !buf[..len - 1].contains(&b'\n'));
                return Some((scan, examined + len - scanned));
            }
            LineScan::Refused(refusal) => {
                check_refusal(&[], &refusal);
                // How far it looked it does not say: a retrieval may be longer than this, and is then not counted whole.
                let looked_at = buf.len().min(limits.line as usize);
                return Some((scan, examined + looked_at.saturating_sub(scanned)));
            }
        }
    }
}

fn with_data<'a, A: FnMut() -> usize>(
    arriving: &mut Arriving<'a, A>,
    start: usize,
    len: usize,
    request: Request,
) -> Option<(Frame<'a>, usize)> {
    let input = arriving.input;
    let line = &input[start..start + len];
    let Some(length) = request.data else {
        return Some((Frame::Request { line, request, data: &[] }, start + len));
    };
    let (end, is_whole) = arriving.after_data(start + len, length)?;
    let frame = if is_whole {
        Frame::Request { line, request, data: &input[start + len..start + len + length as usize] }
    } else {
        Frame::BadChunk { line }
    };
    Some((frame, end))
}

/// Checks what [`parse_line`] says about `line`, whatever its bytes are.
pub fn check_line(line: &[u8], limits: &Limits) {
    match parse_line(line, limits) {
        Parsed::Request(request) => check_request(line, &request, limits),
        Parsed::Refused(refusal) => check_refusal(line, &refusal),
    }
}

fn check_request(line: &[u8], request: &Request, limits: &Limits) {
    let inside = |span: Span| span.start <= span.end && span.end as usize <= line.len();
    for span in [request.key, request.more_keys, request.argument, request.cut] {
        assert!(inside(span), "{span:?} leaves the line: {request:?}");
    }
    assert!(request.keys <= limits.keys);
    assert_eq!(keys_of(request, line).count(), request.keys as usize, "{request:?}");
    for key in keys_of(request, line) {
        let key = key.of(line);
        assert!(!key.is_empty() && key.len() <= limits.key as usize, "{request:?}");
        assert!(!key.iter().any(|byte| matches!(byte, b' ' | b'\n' | 0)), "{request:?}");
    }
    if request.base64_key {
        assert!(decode_key(request.key.of(line), &mut [0; 256]).is_some());
    }
    assert!(request.data.is_none_or(|length| length <= limits.item));
    assert_eq!(request.quiet, !request.cut.is_empty());
    if request.quiet {
        check_cut(line, request, limits);
    }
}

/// The line without what is cut must ask for the same, aloud.
fn check_cut(line: &[u8], request: &Request, limits: &Limits) {
    let mut buffer = [0u8; 4096];
    let (front, back) = (&line[..request.cut.start as usize], &line[request.cut.end as usize..]);
    let Some(shortened) = buffer.get_mut(..front.len() + back.len()) else {
        return;
    };
    shortened[..front.len()].copy_from_slice(front);
    shortened[front.len()..].copy_from_slice(back);
    let Parsed::Request(loud) = parse_line(shortened, limits) else {
        panic!("{request:?} is refused when it is not quiet");
    };
    assert!(!loud.quiet, "still quiet: {loud:?}");
    assert_eq!(
        (loud.command, loud.data, loud.base64_key),
        (request.command, request.data, request.base64_key)
    );
    assert_eq!(loud.key.of(shortened), request.key.of(line));
    assert_eq!(loud.argument.of(shortened), request.argument.of(line));
}

fn check_refusal(line: &[u8], refusal: &Refusal) {
    let reply = refusal.reply;
    let is_line = reply.ends_with(b"\r\n") && reply.iter().filter(|&&byte| byte == b'\n').count() == 1;
    assert!(reply.is_empty() || is_line, "{refusal:?}");
    if let Some(key) = refusal.unlink {
        assert!(!key.of(line).is_empty() && matches!(refusal.then, Then::SwallowData(_)), "{refusal:?}");
    }
    assert!(!refusal.name.is_empty());
}

/// Reads `bytes` as the answer to one request of such a `shape`, of which `arrive` says how many bytes come with each
/// read; data blocks and their CR LF are passed over. Checks that every item is the same as when all bytes are there
/// at once, and that no byte of a line is looked at twice. Says how many bytes the complete answer has.
pub fn check_reply(shape: Shape, bytes: &[u8], arrive: impl FnMut() -> usize) -> Option<usize> {
    let mut arriving = Arriving { input: bytes, there: 0, arrive };
    let mut at = 0;
    loop {
        let mut scanned = 0;
        let item = loop {
            match scan_reply(shape, &bytes[at..arriving.there], scanned) {
                ReplyScan::Incomplete { scanned: now } => {
                    assert!(now >= scanned && now <= arriving.there - at);
                    scanned = now;
                    arriving.more().then_some(())?;
                }
                item => break item,
            }
        };
        assert_eq!(item, scan_reply(shape, &bytes[at..], 0), "depends on the cut");
        let is_line = |len: u32| bytes[at..at + len as usize].ends_with(b"\r\n");
        match item {
            ReplyScan::Incomplete { .. } | ReplyScan::Broken(_) => return None,
            ReplyScan::Value { key, header, data } => {
                assert!(is_line(header) && key.end < header && !key.is_empty());
                at += header as usize + data as usize + 2;
            }
            ReplyScan::Last { len, .. } => {
                assert!(is_line(len));
                return Some(at + len as usize);
            }
            ReplyScan::LastWithData { header, data, .. } => {
                assert!(is_line(header));
                let end = at + header as usize + data as usize + 2;
                return (end <= bytes.len()).then_some(end);
            }
        }
        arriving.wait_for(at)?;
    }
}
