//! Whether a reply answers a request: by its bytes and by what the book says is possible.

use super::book::Book;
use super::expected::{Asked, Mode};
use super::frame::{Frame, Value};
use super::possible::Content;
use crate::world::base64::encode;
use golem_config::MultigetFailure;

/// Whether the client is closed behind a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    No,
    May,
    Must,
}

/// Error lines that fake servers say on purpose.
pub(crate) const SAID: &[&str] = &[
    "SERVER_ERROR out of memory storing object",
    "SERVER_ERROR object too large for cache",
    "SERVER_ERROR temporary failure",
    "CLIENT_ERROR something about this request",
    "ERROR",
];
const TOO_LARGE: &str = "SERVER_ERROR object too large for cache";
const OVER_LIMIT: &str = "SERVER_ERROR reply too large: over client_hard_limit";
const OVER_OTHERS: &[&str] = &[
    "SERVER_ERROR out of memory: over worker_hard_limit",
    "SERVER_ERROR Too many requests wait for a connection",
];
const FAILURES: &[&str] = &[
    "SERVER_ERROR Connection refused",
    "SERVER_ERROR Connection reset by peer",
    "SERVER_ERROR Connection closed by server",
    "SERVER_ERROR Connection timed out",
    "SERVER_ERROR Invalid argument",
    "SERVER_ERROR Network is unreachable",
];

pub(crate) fn is_error(line: &str) -> bool {
    line == OVER_LIMIT || OVER_OTHERS.contains(&line) || SAID.contains(&line) || FAILURES.contains(&line)
}

/// Checks `frame` as the answer to `asked`.
pub(crate) fn judge(
    asked: &Asked,
    frame: &Frame,
    book: &mut Book,
    policy: MultigetFailure,
) -> Result<Ends, String> {
    let line = frame.line.as_str();
    if line == OVER_LIMIT {
        unless(frame.values.is_empty(), "no values before an error line")?;
        unless(book.has_tight_limits && !matches!(asked, Asked::Quit), "the limit is far away")?;
        let closes = matches!(asked, Asked::Refused { closes: true, .. });
        return Ok(if closes { Ends::Must } else { Ends::No });
    }
    if OVER_OTHERS.contains(&line) {
        unless(frame.values.is_empty(), "no values before an error line")?;
        unless(book.is_pressed && !matches!(asked, Asked::Quit), "the limits of others are far away")?;
        return Ok(Ends::May);
    }
    let goes_out = !asked.keys().is_empty() || matches!(asked, Asked::Everywhere);
    if goes_out && is_error(line) && !(line == TOO_LARGE && matches!(asked, Asked::TooLarge { .. })) {
        return error(asked, frame, book, policy);
    }
    if !matches!(asked, Asked::Values { .. }) && !frame.values.is_empty() {
        return Err("values that were not asked for".to_owned());
    }
    match asked {
        Asked::Values { keys, cas } => values(keys, *cas, frame, book, policy)?,
        Asked::Store { key, mode, data } => {
            let is_elsewhere = data.is_some_and(|piece| !book.has_come(piece, key));
            unless(line != "STORED" || !is_elsewhere, "no success, since it did not come to this server")?;
            store(key, *mode, line, book)?;
        }
        Asked::Delete { key } => there(key, line, ("DELETED", "NOT_FOUND"), book)?,
        Asked::Touch { key } => there(key, line, ("TOUCHED", "NOT_FOUND"), book)?,
        Asked::Count { .. } => {
            let is_number = !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
            unless(is_number || line == "NOT_FOUND", "no number")?;
        }
        Asked::MetaDebug { key } => {
            // A key that was stored in base64 comes back so.
            let names =
                [key.clone(), encode(key)].map(|name| format!("ME {} ", String::from_utf8_lossy(&name)));
            unless(line == "EN" || names.iter().any(|name| line.starts_with(name)), "ME of this key")?;
        }
        Asked::MetaGet { .. }
        | Asked::MetaSet { .. }
        | Asked::MetaDelete { .. }
        | Asked::MetaCount { .. } => {
            meta(asked, frame, book)?;
        }
        Asked::Line { starts } => unless(line.starts_with(starts), starts)?,
        Asked::Refused { starts, closes } => {
            unless(line.starts_with(starts), starts)?;
            return Ok(if *closes { Ends::Must } else { Ends::No });
        }
        // Without a server for its key it fails before the end of its data is seen.
        Asked::BadChunk { key } if line == FAILURES[0] => {
            unless(book.home(key, book.word).is_none(), "CLIENT_ERROR bad data chunk")?;
        }
        Asked::BadChunk { .. } => {
            unless(line == "CLIENT_ERROR bad data chunk", "CLIENT_ERROR bad data chunk")?
        }
        Asked::TooLarge { .. } => unless(line == TOO_LARGE, TOO_LARGE)?,
        Asked::Everywhere => unless(line == "OK", "OK")?,
        Asked::Stats => unless(line == "END" && frame.rows > 0, "STAT lines")?,
        Asked::Quit => return Err("an answer to quit".to_owned()),
    }
    Ok(Ends::No)
}

fn unless(is_right: bool, expected: &str) -> Result<(), String> {
    if is_right { Ok(()) } else { Err(format!("not what was asked: {expected}")) }
}

fn error(asked: &Asked, frame: &Frame, book: &Book, policy: MultigetFailure) -> Result<Ends, String> {
    let line = frame.line.as_str();
    unless(frame.values.is_empty(), "no values before an error line")?;
    let may_fail = match asked {
        Asked::Everywhere => book.has_faults(),
        other => other.keys().iter().any(|key| book.may_fail(key)),
    };
    unless(may_fail, "an answer, since its server has been well all the time")?;
    match (asked, policy) {
        (Asked::Values { keys, .. }, MultigetFailure::Close) if keys.len() > 1 => {
            Ok(if FAILURES.contains(&line) { Ends::Must } else { Ends::May })
        }
        (Asked::Values { keys, .. }, MultigetFailure::Miss) if keys.len() > 1 => {
            Err("a failed part must count as misses here".to_owned())
        }
        _ => Ok(Ends::No),
    }
}

fn values(
    keys: &[Vec<u8>],
    cas: bool,
    frame: &Frame,
    book: &mut Book,
    policy: MultigetFailure,
) -> Result<(), String> {
    unless(frame.line == "END", "END")?;
    let misses_failures = keys.len() > 1 && policy == MultigetFailure::Miss;
    let mut found = frame.values.iter().peekable();
    for key in keys {
        match found.next_if(|value| value.key == *key) {
            Some(Value { flags, cas: number, data, .. }) => {
                unless(number.is_some() == cas, "a cas number, or none")?;
                Book::check_flags(key, *flags)?;
                content(key, data, book)?;
            }
            None if misses_failures && book.may_fail(key) => {}
            None => absent(key, book)?,
        }
    }
    match found.next() {
        None => Ok(()),
        Some(value) => Err(format!("a value of {}, not asked for at that place", value.key.escape_ascii())),
    }
}

/// `data` may be what `key` holds.
fn content(key: &[u8], data: &[u8], book: &mut Book) -> Result<(), String> {
    let pieces = book.check_value(key, data)?;
    let held: Content = Some(pieces);
    match book.possible(key) {
        Some(possible) if !possible.may_be(&held) => {
            Err(format!("{} cannot hold {held:?} now, but {possible:?}", key.escape_ascii()))
        }
        Some(_) | None => Ok(()),
    }
}

fn absent(key: &[u8], book: &mut Book) -> Result<(), String> {
    match book.possible(key) {
        Some(possible) if !possible.may_be(&None) => {
            Err(format!("{} must be there: {possible:?}", key.escape_ascii()))
        }
        Some(_) | None => Ok(()),
    }
}

fn present(key: &[u8], book: &mut Book) -> Result<(), String> {
    match book.possible(key) {
        Some(possible) if !possible.may_be_there() => Err(format!("{} cannot be there", key.escape_ascii())),
        Some(_) | None => Ok(()),
    }
}

/// One of two lines: for a key that is there, and for one that is not.
fn there(key: &[u8], line: &str, (hit, miss): (&str, &str), book: &mut Book) -> Result<(), String> {
    if line == hit {
        return present(key, book);
    }
    unless(line == miss, hit)?;
    absent(key, book)
}

fn store(key: &[u8], mode: Mode, line: &str, book: &mut Book) -> Result<(), String> {
    match (mode, line) {
        (Mode::Set, "STORED") => Ok(()),
        (Mode::Add, "STORED") => absent(key, book),
        (Mode::Add, "NOT_STORED") => present(key, book),
        (Mode::Replace | Mode::Append | Mode::Prepend, "STORED") => present(key, book),
        (Mode::Replace | Mode::Append | Mode::Prepend, "NOT_STORED") => absent(key, book),
        (Mode::Cas, "STORED" | "EXISTS") => present(key, book),
        (Mode::Cas, "NOT_FOUND") => absent(key, book),
        _ => Err(format!("no answer to a storage request: {mode:?}")),
    }
}

fn meta(asked: &Asked, frame: &Frame, book: &mut Book) -> Result<(), String> {
    let mut words = frame.line.split(' ');
    let word = words.next().unwrap_or_default();
    let mut carries = |opaque: &str| {
        unless(words.any(|flag| flag.strip_prefix('O') == Some(opaque)), "a reply with this request's opaque")
    };
    match (asked, word) {
        (Asked::MetaGet { quiet: false, key, .. }, "EN") => absent(key, book),
        (Asked::MetaGet { key, opaque, with_value: true, .. }, "VA") => {
            carries(opaque)?;
            content(key, frame.data.as_deref().unwrap_or_default(), book)
        }
        (Asked::MetaGet { key, opaque, with_value: false, .. }, "HD") => {
            carries(opaque)?;
            present(key, book)
        }
        (Asked::MetaSet { opaque, key, mode, quiet, .. }, "HD" | "NS" | "EX" | "NF") => {
            unless(!quiet || word != "HD", "silence")?;
            carries(opaque)?;
            match word {
                "HD" => store(key, *mode, "STORED", book),
                "NS" => store(key, *mode, "NOT_STORED", book),
                _ => Err("no cas was asked for".to_owned()),
            }
        }
        (Asked::MetaDelete { opaque, key, quiet }, "HD" | "NF") => {
            unless(!quiet || word == "NF", "silence")?;
            carries(opaque)?;
            there(key, word, ("HD", "NF"), book)
        }
        (Asked::MetaCount { opaque, with_value, quiet: false, .. }, "HD" | "VA") => {
            carries(opaque)?;
            unless(*with_value == (word == "VA"), "the number, or none")
        }
        (Asked::MetaCount { opaque, .. }, "NF" | "NS") => carries(opaque),
        _ => Err("no reply to such a meta request".to_owned()),
    }
}
