//! How one reply of a server leaves it: in parts, with a fault at one place.

use crate::dice::Dice;
use crate::faults::{Fault, State};
use crate::oracle::judge::SAID;

/// What a part of a reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Line,
    /// With its CR LF.
    Data,
    /// Data of 16 KiB or more.
    Large,
}

/// The next thing that a server connection does.
#[derive(Debug)]
pub(crate) enum Out {
    /// Bytes to be sent, of which `at` have left.
    Part { bytes: Vec<u8>, at: usize, kind: Kind, starts: bool },
    /// A fault is committed.
    Commit(Fault),
}

const LARGE: usize = 16 * 1024;

impl Out {
    fn part(bytes: &[u8], kind: Kind, starts: bool) -> Self {
        Self::Part { bytes: bytes.to_vec(), at: 0, kind, starts }
    }

    /// Where the connection stands if this comes next.
    pub(crate) const fn state(&self) -> Option<State> {
        match self {
            Self::Commit(_) => None,
            Self::Part { at: 0, starts: true, .. } => Some(State::Waiting),
            Self::Part { kind: Kind::Line, .. } => Some(State::MidLine),
            Self::Part { kind: Kind::Large, .. } => Some(State::MidLarge),
            Self::Part { kind: Kind::Data, .. } => Some(State::MidValue),
        }
    }
}

/// A reply, cut into lines and data.
fn parts_of(reply: &[u8]) -> Vec<(Vec<u8>, Kind)> {
    let (mut parts, mut at) = (Vec::new(), 0);
    while at < reply.len() {
        let end = reply[at..].iter().position(|&byte| byte == b'\n').map_or(reply.len(), |end| at + end + 1);
        let line = &reply[at..end];
        parts.push((line.to_vec(), Kind::Line));
        at = end;
        let words: Vec<&[u8]> = line.trim_ascii_end().split(|&byte| byte == b' ').collect();
        let len = match words[..] {
            [b"VALUE", _, _, len, ..] | [b"VA", len, ..] => {
                std::str::from_utf8(len).ok().and_then(|n| n.parse().ok())
            }
            _ => None,
        };
        if let Some(len) = len.map(|len: usize| len + 2) {
            let kind = if len >= LARGE { Kind::Large } else { Kind::Data };
            parts.push((reply[at..at + len].to_vec(), kind));
            at += len;
        }
    }
    parts
}

/// The whole reply, as it should be.
pub(crate) fn sound(reply: &[u8]) -> Vec<Out> {
    outs_of(&parts_of(reply)).collect()
}

/// The reply with a fault somewhere. None if this fault has no place in it.
pub(crate) fn faulty(
    reply: &[u8],
    (fault, focus): (Fault, Option<State>),
    other_key: &[u8],
    dice: &mut Dice,
) -> Option<Vec<Out>> {
    let parts = parts_of(reply);
    let values = parts.iter().filter(is_value).count();
    match fault {
        Fault::Eof
        | Fault::Reset
        | Fault::HalfClose
        | Fault::Silence
        | Fault::Delay
        | Fault::Late
        | Fault::SlowReading => split(&parts, dice, |bytes, _| bytes.to_vec(), (fault, focus)),
        // A line that ends without CR, or data that are a byte too short: what no reader can take for a reply.
        Fault::Garbage => split(
            &parts,
            dice,
            |rest, kind| match kind {
                Kind::Line => b"\x02\n".to_vec(),
                Kind::Data | Kind::Large => rest[1..].to_vec(),
            },
            (fault, focus),
        ),
        Fault::WrongKey if values > 0 => Some(wrong_key(parts, dice.below(values), other_key)),
        Fault::ExtraBytes => {
            let mut outs = sound(reply);
            outs.push(Out::Commit(fault));
            outs.push(Out::part(b"EXTRA\r\n", Kind::Line, true));
            Some(outs)
        }
        Fault::MissingEnd | Fault::ErrorInside if values > 0 => Some(cut_short(&parts, values, fault, dice)),
        Fault::ErrorLine => {
            let line = format!("{}\r\n", dice.pick(SAID));
            Some(vec![Out::Commit(fault), Out::part(line.as_bytes(), Kind::Line, true)])
        }
        Fault::Refused
        | Fault::ConnectPending
        | Fault::ConnectReset
        | Fault::TooMany
        | Fault::EarlyError
        | Fault::WrongKey
        | Fault::MissingEnd
        | Fault::ErrorInside
        | Fault::Crash
        | Fault::Stop
        | Fault::TimeJump
        | Fault::Ejected
        | Fault::Restored => None,
    }
}

fn is_value((bytes, kind): &&(Vec<u8>, Kind)) -> bool {
    *kind == Kind::Line && bytes.starts_with(b"VALUE ")
}

fn outs_of(parts: &[(Vec<u8>, Kind)]) -> impl Iterator<Item = Out> + '_ {
    parts.iter().enumerate().map(|(number, (bytes, kind))| Out::part(bytes, *kind, number == 0))
}

/// The reply with another key in the value at `place`.
fn wrong_key(mut parts: Vec<(Vec<u8>, Kind)>, place: usize, other_key: &[u8]) -> Vec<Out> {
    if let Some((bytes, _)) = parts.iter_mut().filter(|part| is_value(&&**part)).nth(place) {
        let words: Vec<&[u8]> = bytes.split(|&byte| byte == b' ').collect();
        *bytes = [&[b"VALUE", other_key][..], &words[2..]].concat().join(&b' ');
    }
    std::iter::once(Out::Commit(Fault::WrongKey)).chain(outs_of(&parts)).collect()
}

/// The reply without its end, or with an error line in place of it.
fn cut_short(parts: &[(Vec<u8>, Kind)], values: usize, fault: Fault, dice: &mut Dice) -> Vec<Out> {
    // Without its END a reply may run into the next one, but it must not lack values too: nobody could tell.
    let last = if fault == Fault::MissingEnd { values - 1 } else { dice.below(values) };
    let place = parts.iter().enumerate().filter(|(_, part)| is_value(part)).nth(last).map_or(0, |(at, _)| at);
    let mut outs: Vec<Out> = outs_of(&parts[..place + 2]).collect();
    outs.push(Out::Commit(fault));
    if fault == Fault::ErrorInside {
        outs.push(Out::part(b"SERVER_ERROR temporary failure\r\n", Kind::Line, false));
        if dice.one_in(2) {
            outs.push(Out::part(b"END\r\n", Kind::Line, false));
        }
    }
    outs
}

/// The reply with `fault` at some byte, where the connection is in the state `focus` if that is given; what stood behind
/// it in its part becomes `rest`. None if the reply has no such place.
fn split(
    parts: &[(Vec<u8>, Kind)],
    dice: &mut Dice,
    rest: impl Fn(&[u8], Kind) -> Vec<u8>,
    (fault, focus): (Fault, Option<State>),
) -> Option<Vec<Out>> {
    let fits = |kind: Kind| match focus {
        None | Some(State::Connecting | State::Idle | State::Waiting | State::Probing) => true,
        Some(State::MidLine) => kind == Kind::Line,
        Some(State::MidValue) => kind == Kind::Data,
        Some(State::MidLarge) => kind == Kind::Large,
    };
    let places: Vec<usize> = (0..parts.len()).filter(|&place| fits(parts[place].1)).collect();
    let starts = focus == Some(State::Waiting);
    let place = if starts { 0 } else { *places.get(dice.below(places.len()))? };
    let mut outs = Vec::new();
    for (number, (bytes, kind)) in parts.iter().enumerate() {
        let first = number == 0;
        if number != place {
            outs.push(Out::part(bytes, *kind, first));
            continue;
        }
        // The first byte is as likely as all others together: that is where nothing of the reply has come.
        let at = if starts || dice.one_in(3) { 0 } else { dice.below(bytes.len() - 1) };
        if at > 0 {
            outs.push(Out::part(&bytes[..at], *kind, first));
        }
        outs.push(Out::Commit(fault));
        let rest = rest(&bytes[at..], *kind);
        outs.push(Out::Part { bytes: rest, at: 0, kind: *kind, starts: first && at == 0 });
    }
    Some(outs)
}
