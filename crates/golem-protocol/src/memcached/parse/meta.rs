//! `mg`, `ms`, `md`, `ma`, `me`: a key, for `ms` a length, then flags of one letter with an optional token. Letters that
//! the proxy does not know pass, so that newer servers keep working; `P` and `L` are for proxies and pass too.

use super::super::command::Command;
use super::super::key;
use super::super::request::{Limits, Parsed, Refusal, Request, Then};
use super::super::span::Span;
use super::super::texts;
use super::storage;
use super::{cut_of, refused};

/// `mg`, `md`, `ma`: `key flag…`
pub(super) fn keyed(command: Command, text: &[u8], at: usize, limits: &Limits) -> Parsed {
    let Some(key) = key::word(text, at) else {
        return refused("no key", texts::ERROR);
    };
    if !key::is_acceptable(key.of(text), limits.key) {
        return refused("bad key", texts::BAD_FORMAT);
    }
    let mut request = Request::new(command);
    request.key = key;
    request.keys = 1;
    match Flags::read(text, key.end as usize, &mut request) {
        Ok(_) => Parsed::Request(request),
        Err(problem) => refused(problem.name(), problem.text(command)),
    }
}

/// Flags of one `ms` line that every server since 1.6.0 takes (1.6.18 counts 20 words and the end of the line). It reads
/// the data block of a longer line as commands.
const DATA_FLAGS_MAX: usize = 16;

/// The same for the other commands. A longer line passes, for what servers may take one day.
const FLAGS_MAX: usize = 17;

/// `ms`: `key length flag…`, then data.
pub(super) fn with_data(command: Command, text: &[u8], at: usize, limits: &Limits) -> Parsed {
    let Some(key) = key::word(text, at) else {
        return Parsed::Refused(Refusal::new("no key", texts::ERROR, Then::Close));
    };
    let length = key::word(text, key.end as usize);
    let Some((length, after)) =
        length.and_then(|word| Some((storage::length(word.of(text))?, word.end as usize)))
    else {
        return Parsed::Refused(Refusal::new("bad length", texts::BAD_FORMAT, Then::Close));
    };
    let swallow = |name, reply| Parsed::Refused(Refusal::new(name, reply, Then::SwallowData(length)));
    let mut request = Request::new(command);
    request.key = key;
    request.keys = 1;
    request.data = Some(length);
    let flags = Flags::read(text, after, &mut request);
    if let Ok(Flags { has_digit: true, .. }) = flags {
        // A blank inside the key: the real length stands further on.
        return Parsed::Refused(Refusal::new("bad flag", texts::INVALID_FLAG, Then::Close));
    }
    if !key::is_acceptable(key.of(text), limits.key) {
        return swallow("bad key", texts::BAD_FORMAT);
    }
    match flags {
        Err(problem) => swallow(problem.name(), problem.text(command)),
        Ok(flags) if flags.count > DATA_FLAGS_MAX => {
            swallow(Problem::TooMany.name(), Problem::TooMany.text(command))
        }
        Ok(_) if length > limits.item => {
            let mut refusal = Refusal::new("too large", texts::TOO_LARGE, Then::SwallowData(length));
            // Whatever its mode: the server takes the old value away before it looks at that.
            refusal.unlink = Some(key);
            refusal.base64_key = request.base64_key;
            Parsed::Refused(refusal)
        }
        Ok(_) => Parsed::Request(request),
    }
}

/// `me`: `key [b]`. What else stands there the server overlooks; so does the proxy.
pub(super) fn debug(command: Command, text: &[u8], at: usize, limits: &Limits) -> Parsed {
    let Some(key) = key::word(text, at) else {
        return refused("no key", texts::BAD_FORMAT);
    };
    let mut request = Request::new(command);
    request.key = key;
    request.keys = 1;
    request.base64_key = key::word(text, key.end as usize).is_some_and(|word| word.of(text) == b"b");
    let decodes = !request.base64_key || key::decodes(key.of(text));
    if !decodes || !key::is_acceptable(key.of(text), limits.key) || key::has_nul(text) {
        return refused("bad key", texts::BAD_FORMAT);
    }
    Parsed::Request(request)
}

/// What is wrong with the flags, as far as the proxy has to know.
#[derive(Clone, Copy)]
enum Problem {
    TooMany,
    Duplicate,
    /// Only of a line that is refused for another reason behind it.
    Unknown,
    Base64,
    Nul,
}

impl Problem {
    const fn name(self) -> &'static str {
        match self {
            Self::TooMany => "too many flags",
            Self::Duplicate => "duplicate flag",
            Self::Unknown => "bad flag",
            Self::Base64 => "bad base64 key",
            Self::Nul => "nul",
        }
    }

    /// `md` and `ma` have one text for all that is wrong with flags.
    fn text(self, command: Command) -> &'static [u8] {
        let one_text = matches!(command, Command::MetaDelete | Command::MetaArithmetic);
        match self {
            Self::TooMany if command == Command::MetaGet => texts::TOO_MANY_FLAGS_OF_GET,
            Self::TooMany => texts::TOO_MANY_FLAGS,
            Self::Duplicate | Self::Unknown | Self::Base64 if one_text => texts::INVALID_OR_DUPLICATE_FLAG,
            Self::Duplicate => texts::DUPLICATE_FLAG,
            Self::Unknown => texts::INVALID_FLAG,
            Self::Base64 => texts::BAD_BASE64,
            Self::Nul => texts::BAD_FORMAT,
        }
    }
}

/// What the flags of a line say beside what goes into the request.
struct Flags {
    count: usize,
    /// A flag begins with a digit, which none does.
    has_digit: bool,
}

/// Letters that 1.6.18 knows, whatever the command. At any other it stops reading, and says so; what stands behind is
/// then not compared.
const KNOWN: u128 = {
    let letters = b"CDFIJLMNOPRTbcfhklqstuv";
    let mut known = 0;
    let mut at = 0;
    while at < letters.len() {
        known |= 1 << letters[at];
        at += 1;
    }
    known
};

/// The server counts this byte and all after it as flags given twice.
const LETTERS_END: u8 = 0x7f;

impl Flags {
    /// Reads the flags from `at` on; `q` and `b` go into the request.
    #[inline]
    fn read(text: &[u8], mut at: usize, request: &mut Request) -> Result<Self, Problem> {
        let mut flags = Self { count: 0, has_digit: false };
        let mut seen = 0u128;
        let mut is_compared = true;
        let mut problem = None;
        while let Some(word) = key::word(text, at) {
            at = word.end as usize;
            flags.count += 1;
            let letter = text[word.start as usize];
            let bit = if letter < LETTERS_END { 1 << letter } else { 0 };
            // A second `q` must never reach a server, whatever stands before it: silence would shift all replies.
            if (is_compared || letter == b'q') && (bit == 0 || seen & bit != 0) {
                let found = if is_compared { Problem::Duplicate } else { Problem::Unknown };
                problem = problem.or(Some(found));
            }
            is_compared &= bit & KNOWN != 0;
            seen |= bit;
            flags.letter(letter, word, text, request);
        }
        let flag_text = &text[request.key.end as usize..];
        let problem = match problem {
            None if key::has_nul(flag_text) => return Err(Problem::Nul),
            None if request.base64_key && !key::decodes(request.key.of(text)) => {
                if is_compared {
                    Problem::Base64
                } else {
                    Problem::Unknown
                }
            }
            None => return Ok(flags),
            Some(problem) => problem,
        };
        // The server looks at the number of words first, then at the letters, then at the key.
        let max = if request.data.is_some() { DATA_FLAGS_MAX } else { FLAGS_MAX };
        Err(if flags.count > max { Problem::TooMany } else { problem })
    }

    #[inline]
    fn letter(&mut self, letter: u8, word: Span, text: &[u8], request: &mut Request) {
        match letter {
            b'q' => {
                request.quiet = true;
                request.cut = cut_of(text, word);
            }
            b'b' => request.base64_key = true,
            b'0'..=b'9' => self.has_digit = true,
            _ => {}
        }
    }
}
