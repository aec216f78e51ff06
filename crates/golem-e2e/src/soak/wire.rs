//! Requests of a soak as bytes, and replies as what they say. It reads strictly: whatever no server would say is a failure.

use super::model::{Answer, Change, Data, Held};
use crate::conversation::{Arrival, Conversation};
use crate::failure::{Failure, Outcome, shown};
use std::fmt::Display;

/// How a change is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    Text,
    Meta,
}

/// A value as it came: its key, flags and bytes, its unique number.
pub(super) type Found = (Vec<u8>, Held, Option<u64>);

/// What came for one request.
pub(super) enum Reply {
    /// An error line of the proxy.
    Error(String),
    /// A reply that is one answer.
    Answer(Answer),
    /// Values and `END`.
    Values(Vec<Found>),
    /// The connection has ended.
    Ended,
    /// Nothing within the deadline.
    Silence,
}

/// A request for one key; a read in text asks for the unique number too.
pub(super) fn request(key: &str, change: &Change, spelling: Spelling) -> Vec<u8> {
    let is_text = spelling == Spelling::Text;
    match change {
        Change::Read if is_text => format!("gets {key}\r\n").into_bytes(),
        Change::Read => format!("mg {key} v f c\r\n").into_bytes(),
        Change::Touch => format!("touch {key} 0\r\n").into_bytes(),
        Change::Delete if is_text => format!("delete {key}\r\n").into_bytes(),
        Change::Delete => format!("md {key}\r\n").into_bytes(),
        Change::Increment(by) if is_text => format!("incr {key} {by}\r\n").into_bytes(),
        Change::Increment(by) => format!("ma {key} D{by} v\r\n").into_bytes(),
        Change::Set((flags, data)) if is_text => storage("set", key, *flags, data, ""),
        Change::Set((flags, data)) => block(&format!("ms {key} {} F{flags}", data.0.len()), data),
        Change::Add((flags, data)) => storage("add", key, *flags, data, ""),
        Change::Replace((flags, data)) => storage("replace", key, *flags, data, ""),
        Change::Append(data) => storage("append", key, 0, data, ""),
        Change::Prepend(data) => storage("prepend", key, 0, data, ""),
        Change::Cas((flags, data), unique) => storage("cas", key, *flags, data, unique),
    }
}

fn storage(command: &str, key: &str, flags: u32, data: &Data, unique: impl Display) -> Vec<u8> {
    block(format!("{command} {key} {flags} 0 {} {unique}", data.0.len()).trim_end(), data)
}

fn block(line: &str, data: &Data) -> Vec<u8> {
    [line.as_bytes(), b"\r\n", &data.0, b"\r\n"].concat()
}

/// Reads one reply.
pub(super) fn read(conversation: &mut Conversation) -> Outcome<Reply> {
    let mut values = Vec::new();
    loop {
        let line = match conversation.take_line()? {
            Ok(line) => String::from_utf8_lossy(&line).trim_end_matches("\r\n").to_owned(),
            Err(Arrival::End) if values.is_empty() && conversation.received().is_empty() => {
                return Ok(Reply::Ended);
            }
            Err(Arrival::Silence) => return Ok(Reply::Silence),
            Err(arrival) => {
                return Err(Failure::new(format!(
                    "{arrival:?} within a reply: {}",
                    shown(conversation.received())
                )));
            }
        };
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        let answer = match *words.as_slice() {
            ["VALUE", key, flags, size, ref unique @ ..] => {
                let unique = unique.first().map(|unique| number(unique)).transpose()?;
                let held = (number(flags)? as u32, data(conversation, number(size)?)?);
                values.push((key.as_bytes().to_vec(), held, unique));
                continue;
            }
            ["END"] => return Ok(Reply::Values(values)),
            _ if !values.is_empty() => return Err(Failure::new(format!("'{line}' among values"))),
            ["SERVER_ERROR", ..] => return Ok(Reply::Error(line)),
            ["VA", size, ref flags @ ..] => hit(data(conversation, number(size)?)?, flags)?,
            ["STORED"] => Answer::Stored,
            ["NOT_STORED" | "NS"] => Answer::NotStored,
            ["EXISTS" | "EX"] => Answer::Exists,
            ["NOT_FOUND" | "NF" | "EN"] => Answer::NotFound,
            ["DELETED"] => Answer::Deleted,
            ["TOUCHED"] => Answer::Touched,
            // Of those that ask in the meta protocol, whoever stores or deletes.
            ["HD"] => Answer::Stored,
            [digits] => Answer::Number(number(digits)?),
            _ => return Err(Failure::new(format!("no reply: '{line}'"))),
        };
        return Ok(Reply::Answer(answer));
    }
}

/// A value in the meta protocol; without flags it is a number.
fn hit(data: Data, flags: &[&str]) -> Outcome<Answer> {
    let flag = |letter: char| flags.iter().find_map(|flag| flag.strip_prefix(letter)).map(number).transpose();
    match flag('f')? {
        Some(flags) => Ok(Answer::Value((flags as u32, data), flag('c')?)),
        None => Ok(Answer::Number(number(&String::from_utf8_lossy(&data.0))?)),
    }
}

fn data(conversation: &mut Conversation, size: u64) -> Outcome<Data> {
    let mut bytes = conversation.bytes(size as usize + 2)?;
    if !bytes.ends_with(b"\r\n") {
        return Err(Failure::new(format!("a value without its end: {}", shown(&bytes))));
    }
    bytes.truncate(size as usize);
    Ok(Data(bytes.into()))
}

fn number(text: &str) -> Outcome<u64> {
    text.parse().map_err(|_| Failure::new(format!("'{text}' is no number")))
}
