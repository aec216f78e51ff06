//! One complete request line to a [`Request`] or a [`Refusal`]: word, then one reader per form of line. A line that is
//! taken here is one that the server reads in the same way, data block and all; whatever it would read otherwise is
//! refused, since on a shared server connection one misread length mixes up everybody's replies.

mod get;
mod meta;
mod storage;

use super::command::{Command, Form};
use super::key::{self, KeyProblem};
use super::number;
use super::request::{Limits, Parsed, Refusal, Request, Then};
use super::span::Span;
use super::texts;

pub use get::scan_get;

/// Says what `line`, as [`super::scan_line`] found it, asks for. It ends with LF or CR LF.
#[inline]
pub fn parse_line(line: &[u8], limits: &Limits) -> Parsed {
    let text = match line {
        [text @ .., b'\r', b'\n'] | [text @ .., b'\n'] => text,
        text => text,
    };
    // The two that make nine of ten requests need no look at the table.
    match text {
        [b'g', b'e', b't', b' ', ..] => return retrieval(Command::Get, Span::EMPTY, text, 3, limits),
        [b's', b'e', b't', b' ', ..] => return storage::parse::<4>(Command::Set, text, 3, limits),
        _ => {}
    }
    let Some(word) = key::word(text, 0) else {
        return refused("empty line", texts::ERROR);
    };
    let at = word.end as usize;
    let Some(command) = Command::from_word(word.of(text)) else {
        return unknown(text, word);
    };
    match command.form() {
        Form::Keys => retrieval(command, Span::EMPTY, text, at, limits),
        Form::Store => storage::parse::<4>(command, text, at, limits),
        Form::StoreCas => storage::parse::<5>(command, text, at, limits),
        Form::MetaKey => meta::keyed(command, text, at, limits),
        Form::MetaKeyData => meta::with_data(command, text, at, limits),
        Form::MetaDebugKey => meta::debug(command, text, at, limits),
        Form::ExptimeKeys => expiring_retrieval(command, text, at, limits),
        Form::Delete => delete(command, text, at, limits),
        Form::Delta => {
            with_number(command, text, at, limits, texts::BAD_DELTA, |word| number::unsigned(word).is_some())
        }
        Form::Touch => with_number(command, text, at, limits, texts::BAD_EXPTIME, number::is_signed),
        Form::FlushAll => flush_all(command, text, at),
        Form::Verbosity => verbosity(command, text, at),
        Form::Rest => rest(command, text, at),
    }
}

/// Cold, so that the text of the reply is not in the way of requests that are fine.
#[cold]
fn refused(name: &'static str, reply: &'static [u8]) -> Parsed {
    Parsed::Refused(Refusal::new(name, reply, Then::Continue))
}

#[cold]
fn refused_unless(quiet: bool, name: &'static str, reply: &'static [u8]) -> Parsed {
    Parsed::Refused(Refusal::new(name, reply, Then::Continue).silent_if(quiet))
}

/// `ERROR`; but a web browser or a forged web request is cut off before its headers are read as commands, by the rule
/// of the server: last word `HTTP/…`, first letter not one that commands of the server share.
#[cold]
fn unknown(text: &[u8], word: Span) -> Parsed {
    let word = word.of(text);
    let end = text.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
    let last = text[..end].rsplit(|&byte| byte == b' ').next().unwrap_or_default();
    if word.len() >= 2 && !b"mgsacidt".contains(&word[0]) && last.starts_with(b"HTTP/") {
        return Parsed::Refused(Refusal::new("http", b"", Then::Close));
    }
    refused("unknown command", texts::ERROR)
}

/// `key…` from `at` on.
#[inline]
fn retrieval(command: Command, argument: Span, text: &[u8], at: usize, limits: &Limits) -> Parsed {
    let key = match key::key(text, at, limits.key) {
        Ok(key) => key,
        Err(KeyProblem::Missing) => return refused("no key", texts::ERROR),
        Err(KeyProblem::Refused) => return refused("bad key", texts::BAD_FORMAT),
    };
    let start = key.end as usize;
    let (mut keys, mut more_keys) = (1, Span::EMPTY);
    if start < text.len() {
        let mut end = start;
        loop {
            match key::key(text, end, limits.key) {
                Ok(key) => end = key.end as usize,
                Err(KeyProblem::Missing) => break,
                Err(KeyProblem::Refused) => return refused("bad key", texts::BAD_FORMAT),
            }
            keys += 1;
        }
        if keys > limits.keys {
            return refused("too many keys", texts::TOO_MANY_KEYS);
        }
        more_keys = Span::new(start, end);
    }
    // Made in one go, here and in `storage`: filled field by field it is slow to move.
    Parsed::Request(Request { key, keys, more_keys, argument, ..Request::new(command) })
}

/// `exptime key…`
fn expiring_retrieval(command: Command, text: &[u8], at: usize, limits: &Limits) -> Parsed {
    let Some(exptime) = key::word(text, at) else {
        return refused("no exptime", texts::ERROR);
    };
    if !number::is_signed(exptime.of(text)) {
        return refused("bad exptime", texts::BAD_EXPTIME);
    }
    let at = exptime.end as usize;
    if key::word(text, at).is_none() {
        // The server finds no key and therefore nothing missing.
        return refused("no key", texts::END);
    }
    retrieval(command, exptime, text, at, limits)
}

/// The first `N` words from some place on, how many there are in all (counted no further than `N` + 1), and whether the
/// last of them is `noreply`.
struct Words<const N: usize> {
    spans: [Span; N],
    count: usize,
    noreply: Option<Span>,
}

impl<const N: usize> Words<N> {
    fn read(text: &[u8], mut at: usize) -> Self {
        let mut words = Self { spans: [Span::EMPTY; N], count: 0, noreply: None };
        let mut last = Span::EMPTY;
        while let Some(word) = key::word(text, at) {
            if words.count == N {
                words.count += 1;
                return words;
            }
            words.spans[words.count] = word;
            words.count += 1;
            at = word.end as usize;
            last = word;
        }
        words.noreply = (last.of(text) == b"noreply").then_some(last);
        words
    }

    /// Words without the `noreply` at the end.
    fn arguments(&self) -> usize {
        self.count - usize::from(self.noreply.is_some())
    }
}

/// The word with the blank before it, which is always there: a command stands in front. The blank stays where a CR is
/// before it: at the end of a line that ends with LF alone, that CR would no longer be part of its word.
#[inline]
fn cut_of(text: &[u8], word: Span) -> Span {
    let start = word.start.saturating_sub(1);
    let before = (start as usize).checked_sub(1).and_then(|at| text.get(at));
    Span { start: if before == Some(&b'\r') { word.start } else { start }, end: word.end }
}

#[inline]
fn set_quiet(request: &mut Request, text: &[u8], noreply: Option<Span>) {
    if let Some(word) = noreply {
        request.quiet = true;
        request.cut = cut_of(text, word);
    }
}

/// `key [0] [noreply]`
fn delete(command: Command, text: &[u8], at: usize, limits: &Limits) -> Parsed {
    let words = Words::<3>::read(text, at);
    if words.count == 0 || words.count > 3 {
        return refused("wrong number of words", texts::ERROR);
    }
    let mut request = Request::new(command);
    // With one word there is no question of `noreply`: it is the key.
    if words.count > 1 {
        set_quiet(&mut request, text, words.noreply);
        let fits = match words.arguments() {
            1 => true,
            2 => words.spans[1].of(text) == b"0",
            _ => false,
        };
        if !fits {
            return refused_unless(request.quiet, "bad delete", texts::BAD_DELETE);
        }
    }
    request.key = words.spans[0];
    request.keys = 1;
    if !key::is_acceptable(request.key.of(text), limits.key) {
        return refused_unless(request.quiet, "bad key", texts::BAD_FORMAT);
    }
    Parsed::Request(request)
}

/// `key number [noreply]`
fn with_number(
    command: Command,
    text: &[u8],
    at: usize,
    limits: &Limits,
    bad_number: &'static [u8],
    is_number: impl Fn(&[u8]) -> bool,
) -> Parsed {
    let words = Words::<3>::read(text, at);
    if words.count < 2 || words.count > 3 {
        return refused("wrong number of words", texts::ERROR);
    }
    let mut request = Request::new(command);
    set_quiet(&mut request, text, words.noreply);
    request.key = words.spans[0];
    request.keys = 1;
    request.argument = words.spans[1];
    if !key::is_acceptable(request.key.of(text), limits.key) {
        return refused_unless(request.quiet, "bad key", texts::BAD_FORMAT);
    }
    if !is_number(request.argument.of(text)) {
        return refused_unless(request.quiet, "bad number", bad_number);
    }
    if words.count == 3 && key::has_nul(words.spans[2].of(text)) {
        return refused_unless(request.quiet, "nul", texts::BAD_FORMAT);
    }
    Parsed::Request(request)
}

/// `[delay] [noreply]`
fn flush_all(command: Command, text: &[u8], at: usize) -> Parsed {
    let words = Words::<2>::read(text, at);
    if words.count > 2 {
        return refused("wrong number of words", texts::ERROR);
    }
    let mut request = Request::new(command);
    set_quiet(&mut request, text, words.noreply);
    if words.arguments() > 0 {
        request.argument = words.spans[0];
        if !number::is_signed(request.argument.of(text)) {
            return refused_unless(request.quiet, "bad exptime", texts::BAD_EXPTIME);
        }
    }
    if words.arguments() == 2 && key::has_nul(words.spans[1].of(text)) {
        return refused("nul", texts::BAD_FORMAT);
    }
    Parsed::Request(request)
}

/// `level [noreply]`
fn verbosity(command: Command, text: &[u8], at: usize) -> Parsed {
    let words = Words::<2>::read(text, at);
    if words.count == 0 || words.count > 2 {
        return refused("wrong number of words", texts::ERROR);
    }
    let mut request = Request::new(command);
    set_quiet(&mut request, text, words.noreply);
    request.argument = words.spans[0];
    if number::unsigned(request.argument.of(text)).is_none() {
        return refused_unless(request.quiet, "bad number", texts::BAD_FORMAT);
    }
    if words.arguments() == 2 && key::has_nul(words.spans[1].of(text)) {
        return refused("nul", texts::BAD_FORMAT);
    }
    Parsed::Request(request)
}

/// Anything: the words after the command are its argument.
fn rest(command: Command, text: &[u8], at: usize) -> Parsed {
    let mut request = Request::new(command);
    if let Some(first) = key::word(text, at) {
        let end = text.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
        request.argument = Span::new(first.start as usize, end);
    }
    Parsed::Request(request)
}

#[cfg(test)]
mod tests;
