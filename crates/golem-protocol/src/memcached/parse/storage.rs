//! `set`, `add`, `replace`, `append`, `prepend`, `cas`: a line that announces a data block. The server reads the block
//! as commands when it refuses the line, so only lines go through that it takes, and the block of a refused one is
//! dropped where its length is certain.

use super::super::command::Command;
use super::super::key;
use super::super::number;
use super::super::request::{Limits, Parsed, Refusal, Request, Then};
use super::super::span::Span;
use super::super::texts;
use super::{Words, set_quiet};

/// The longest block that a server would read or drop (`INT_MAX` - 2); beyond it, it refuses the line.
pub(super) const LENGTH_MAX: u64 = 2_147_483_645;

/// Position of the length among the words after the command.
const LENGTH: usize = 3;

/// `WORDS` counts key, flags, exptime, length and, for `cas`, the unique number.
#[inline]
pub(super) fn parse<const WORDS: usize>(command: Command, text: &[u8], at: usize, limits: &Limits) -> Parsed {
    let Some((mut request, at)) = numbers::<WORDS>(command, text, at, limits) else {
        return malformed::<WORDS>(text, at);
    };
    if at < text.len()
        && let Some(extra) = key::word(text, at)
    {
        if extra.of(text) != b"noreply" || key::word(text, extra.end as usize).is_some() {
            return malformed::<WORDS>(text, request.key.start as usize);
        }
        set_quiet(&mut request, Some(extra));
    }
    match request.data {
        Some(length) if length > limits.item => too_large(&request, length),
        _ => Parsed::Request(request),
    }
}

/// Reads as far as the last number: the request, and where it stopped. None if anything is wrong.
#[inline]
fn numbers<const WORDS: usize>(
    command: Command,
    text: &[u8],
    at: usize,
    limits: &Limits,
) -> Option<(Request, usize)> {
    let mut request = Request::new(command);
    request.key = key::key(text, at, limits.key).ok()?;
    request.keys = 1;
    let mut at = request.key.end as usize;
    for index in 1..WORDS {
        let word = short_word(text, at)?;
        at = word.end as usize;
        let word = word.of(text);
        match index {
            2 if number::is_signed(word) => {}
            LENGTH => request.data = Some(length(word)?),
            1 | 4 if number::unsigned(word).is_some() => {}
            _ => return None,
        }
    }
    Some((request, at))
}

/// [`key::word`] for words of few bytes, where a loop is faster than a search by blocks.
#[inline]
fn short_word(text: &[u8], at: usize) -> Option<Span> {
    let mut start = at;
    while text.get(start) == Some(&b' ') {
        start += 1;
    }
    let mut end = start;
    while text.get(end).is_some_and(|&byte| byte != b' ') {
        end += 1;
    }
    (start < end).then(|| Span::new(start, end))
}

/// A length that every server reads alike.
#[inline]
pub(super) fn length(word: &[u8]) -> Option<u32> {
    number::unsigned(word)
        .filter(|&length| length <= LENGTH_MAX)
        .and_then(|length| u32::try_from(length).ok())
}

/// The answer of the server, and the block dropped; a `set` also takes the old value away, so that nobody reads it as
/// if it were the new one.
#[cold]
fn too_large(request: &Request, length: u32) -> Parsed {
    let mut refusal =
        Refusal::new("too large", texts::TOO_LARGE, Then::SwallowData(length)).silent_if(request.quiet);
    if request.command == Command::Set {
        refusal.unlink = Some(request.key);
    }
    Parsed::Refused(refusal)
}

/// Which answer, and whether the length can be trusted. It can only when the line has as many words as it should: a
/// blank inside a key (or an empty key) moves every word, and the number found in the place of the length is another.
#[cold]
fn malformed<const WORDS: usize>(text: &[u8], at: usize) -> Parsed {
    let words = Words::<6>::read(text, at);
    if words.count < WORDS || words.count > WORDS + 1 {
        return Parsed::Refused(Refusal::new("wrong number of words", texts::ERROR, Then::Close));
    }
    let quiet = words.noreply.is_some();
    let counts = words.count == WORDS || quiet;
    let then = match length(words.spans[LENGTH].of(text)) {
        Some(length) if counts => Then::SwallowData(length),
        _ => Then::Close,
    };
    Parsed::Refused(Refusal::new("malformed storage line", texts::BAD_FORMAT, then).silent_if(quiet))
}
