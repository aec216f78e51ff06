//! `set`, `add`, `replace`, `append`, `prepend`, `cas`: a line that announces a data block. The server reads the block
//! as commands when it refuses the line, so only lines go through that it takes, and the block of a refused one is
//! dropped where its length is certain.

use super::super::command::Command;
use super::super::key;
use super::super::number;
use super::super::request::{Limits, Parsed, Refusal, Request, Then};
use super::super::span::Span;
use super::super::texts;
use super::{Words, cut_of};

/// The longest block that a server would read or drop (`INT_MAX` - 2); beyond it, it refuses the line.
pub(super) const LENGTH_MAX: u64 = 2_147_483_645;

/// Position of the length among the words after the command.
const LENGTH: usize = 3;

/// `WORDS` counts key, flags, exptime, length and, for `cas`, the unique number.
#[inline]
pub(super) fn parse<const WORDS: usize>(command: Command, text: &[u8], at: usize, limits: &Limits) -> Parsed {
    match read::<WORDS>(text, at, limits) {
        None => malformed::<WORDS>(text, at),
        Some((key, data, noreply)) if data > limits.item => too_large(command, key, data, noreply.is_some()),
        Some((key, data, noreply)) => Parsed::Request(Request {
            key,
            keys: 1,
            data: Some(data),
            quiet: noreply.is_some(),
            cut: noreply.map_or(Span::EMPTY, |word| cut_of(text, word)),
            ..Request::new(command)
        }),
    }
}

/// Key, length and `noreply`, or none if anything is wrong.
#[inline]
fn read<const WORDS: usize>(text: &[u8], at: usize, limits: &Limits) -> Option<(Span, u32, Option<Span>)> {
    let key = key::key(text, at, limits.key).ok()?;
    let (_, at) = unsigned(text, key.end as usize)?;
    let at = signed(text, at)?;
    let (length, mut at) = unsigned(text, at)?;
    if length > LENGTH_MAX {
        return None;
    }
    if WORDS > 4 {
        (_, at) = unsigned(text, at)?;
    }
    let noreply = if at < text.len() { key::word(text, at) } else { None };
    if let Some(extra) = noreply
        && (extra.of(text) != b"noreply" || key::word(text, extra.end as usize).is_some())
    {
        return None;
    }
    Some((key, length as u32, noreply))
}

/// The next word, a number by the rules of [`number::unsigned`], and where it ends. One pass, for the hot path.
#[inline]
fn unsigned(text: &[u8], at: usize) -> Option<(u64, usize)> {
    let at = key::skip_blanks(text, at);
    let digits_at = at + usize::from(text.get(at) == Some(&b'+'));
    number::read(text, digits_at).filter(|&(_, end)| is_word_end(text, end))
}

/// The next word, a number by the rules of [`number::is_signed`]: where it ends.
#[inline]
fn signed(text: &[u8], at: usize) -> Option<usize> {
    let at = key::skip_blanks(text, at);
    match number::read(text, at) {
        Some((value, end)) if value <= i64::MAX as u64 => is_word_end(text, end).then_some(end),
        _ => {
            key::word(text, at).filter(|word| number::is_signed(word.of(text))).map(|word| word.end as usize)
        }
    }
}

#[inline]
fn is_word_end(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|&byte| byte == b' ')
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
fn too_large(command: Command, key: Span, length: u32, quiet: bool) -> Parsed {
    let mut refusal = Refusal::new("too large", texts::TOO_LARGE, Then::SwallowData(length)).silent_if(quiet);
    refusal.unlink = (command == Command::Set).then_some(key);
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
