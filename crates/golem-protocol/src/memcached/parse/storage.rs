//! `set`, `add`, `replace`, `append`, `prepend`, `cas`: a line that announces a data block. The server reads the block
//! as commands when it refuses the line, so only lines go through that it takes, and the block of a refused one is
//! dropped where its length is certain.

use super::super::command::Command;
use super::super::key;
use super::super::number;
use super::super::request::{Limits, Parsed, Refusal, Request, Then};
use super::super::texts;
use super::{Words, set_quiet};

/// The longest block that a server would read or drop (`INT_MAX` - 2); beyond it, it refuses the line.
pub(super) const LENGTH_MAX: u64 = 2_147_483_645;

/// Position of the length among the words after the command.
const LENGTH: usize = 3;

/// `WORDS` counts key, flags, exptime, length and, for `cas`, the unique number.
#[inline]
pub(super) fn parse<const WORDS: usize>(command: Command, text: &[u8], at: usize, limits: &Limits) -> Parsed {
    let mut request = Request::new(command);
    if read::<WORDS>(&mut request, text, at, limits).is_none() {
        return malformed::<WORDS>(text, at);
    }
    match request.data {
        Some(length) if length > limits.item => too_large(&request, length),
        _ => Parsed::Request(request),
    }
}

/// None if anything is wrong.
#[inline]
fn read<const WORDS: usize>(request: &mut Request, text: &[u8], at: usize, limits: &Limits) -> Option<()> {
    request.key = key::key(text, at, limits.key).ok()?;
    request.keys = 1;
    let (_, at) = unsigned(text, request.key.end as usize)?;
    let at = signed(text, at)?;
    let (length, mut at) = unsigned(text, at)?;
    if length > LENGTH_MAX {
        return None;
    }
    request.data = Some(length as u32);
    if WORDS > 4 {
        (_, at) = unsigned(text, at)?;
    }
    if at < text.len()
        && let Some(extra) = key::word(text, at)
    {
        if extra.of(text) != b"noreply" || key::word(text, extra.end as usize).is_some() {
            return None;
        }
        set_quiet(request, text, Some(extra));
    }
    Some(())
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
