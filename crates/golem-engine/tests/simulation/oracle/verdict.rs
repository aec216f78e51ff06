//! One client's case: what it waits for, what it heard, and whether that fits. Quiet requests make it several cases:
//! an error line may answer a quiet request or one behind it; every reading that fits so far is kept.

use super::book::Book;
use super::expected::{Asked, Data, Expected, Mode, Silence};
use super::frame::{self, Frame};
use super::judge::{Ends, is_error, judge};
use super::possible::Sure;
use golem_config::MultigetFailure;
use std::collections::{BTreeSet, VecDeque};

pub(crate) struct Verdict {
    expected: VecDeque<Expected>,
    /// Entries that are gone from the front of `expected`.
    gone: usize,
    /// For each reading: the entry that comes next.
    states: BTreeSet<usize>,
    ends: Ends,
    heard: Vec<u8>,
    /// When something was heard last.
    heard_at: u64,
    /// Numbers for `cas`, as last heard: key and number.
    pub(crate) cas: Option<(Vec<u8>, u64)>,
    /// Replies so far.
    pub(crate) replies: u64,
}

impl Verdict {
    pub(crate) fn new() -> Self {
        Self {
            expected: VecDeque::new(),
            gone: 0,
            states: BTreeSet::from([0]),
            ends: Ends::No,
            heard: Vec::new(),
            heard_at: 0,
            cas: None,
            replies: 0,
        }
    }

    pub(crate) fn expect(&mut self, expected: Expected) {
        self.expected.push_back(expected);
    }

    /// Requests that must be answered and are not, in the reading that has come farthest.
    pub(crate) fn waiting(&self) -> usize {
        let past = self.states.last().map_or(0, |last| last - self.gone);
        self.expected.iter().skip(past).filter(|expected| expected.silence == Silence::Never).count()
    }

    /// The engine has taken in all up to `offset` of what the client sent.
    pub(crate) fn delivered(&mut self, offset: u64, now: u64) {
        for expected in self.expected.iter_mut().rev() {
            if expected.delivered.is_some() {
                break;
            }
            if expected.end <= offset {
                expected.delivered = Some(now);
            }
        }
    }

    /// Since when the engine has had the oldest request that must be answered and is not: since it came, or since the
    /// client heard something last, as it may have been held back until then.
    pub(crate) fn waits_since(&self) -> Option<u64> {
        // A silent request before it may be what holds it back; and of two readings one may be through.
        let next = self.expected.front().filter(|next| next.silence == Silence::Never)?;
        let is_sure = self.states.len() == 1 && self.ends != Ends::Must;
        next.delivered.filter(|_| is_sure).map(|at| at.max(self.heard_at))
    }

    /// Takes in bytes that the client read.
    pub(crate) fn hear(
        &mut self,
        bytes: &[u8],
        now: u64,
        book: &mut Book,
        policy: MultigetFailure,
    ) -> Result<(), String> {
        self.heard.extend_from_slice(bytes);
        self.heard_at = now;
        let mut at = 0;
        while let Some((frame, len)) = frame::next(&self.heard[at..])? {
            at += len;
            self.take(&frame, book, policy)?;
        }
        self.heard.drain(..at);
        Ok(())
    }

    fn take(&mut self, frame: &Frame, book: &mut Book, policy: MultigetFailure) -> Result<(), String> {
        if self.ends == Ends::Must {
            return Err(format!("'{}' after the reply that ends the connection", frame.line));
        }
        self.replies += 1;
        let (mut readings, mut reasons) = (Vec::new(), Vec::new());
        for &state in &self.states {
            for (place, expected) in self.expected.iter().enumerate().skip(state - self.gone) {
                if expected.silence != Silence::Always {
                    match judge(&expected.asked, frame, book, policy) {
                        Ok(ends) => readings.push((place + self.gone, ends)),
                        Err(why) => reasons.push(format!("{}: {why}", expected.asked)),
                    }
                }
                if expected.silence == Silence::Never {
                    break;
                }
            }
        }
        let sure = if readings.len() == 1 { Sure::Yes } else { Sure::Maybe };
        self.ends = match readings.first() {
            Some(&(_, first)) if readings.iter().all(|&(_, ends)| ends == first) => first,
            _ => Ends::May,
        };
        for &(place, _) in &readings {
            apply(&self.expected[place - self.gone].asked, &frame.line, sure, book);
        }
        if readings.is_empty() {
            reasons.truncate(3);
            return Err(format!("'{}' answers nothing: {}", frame.line, reasons.join("; ")));
        }
        if let Some(value) = frame.values.iter().find(|value| value.cas.is_some()) {
            self.cas = value.cas.map(|cas| (value.key.clone(), cas));
        }
        self.states = readings.into_iter().map(|(place, _)| place + 1).collect();
        let passed = self.states.first().map_or(0, |first| first - self.gone);
        self.expected.drain(..passed);
        self.gone += passed;
        Ok(())
    }

    fn rest_may_be_silent(&self, from: usize) -> bool {
        self.expected.iter().skip(from - self.gone).all(|expected| expected.silence != Silence::Never)
    }

    /// Nothing more must come.
    pub(crate) fn is_answered(&self) -> bool {
        self.heard.is_empty()
            && (self.ends == Ends::Must || self.states.iter().any(|&state| self.rest_may_be_silent(state)))
    }

    /// A reading says that the connection must end now.
    pub(crate) fn must_end(&self) -> bool {
        self.ends == Ends::Must
    }

    /// The connection may end here by the engine's will.
    pub(crate) fn may_end(&self) -> bool {
        let quits = |state: &usize| {
            let rest = self.expected.iter().skip(state - self.gone);
            let next = rest.clone().find(|e| e.silence == Silence::Never || matches!(e.asked, Asked::Quit));
            next.is_some_and(|expected| matches!(expected.asked, Asked::Quit))
        };
        self.heard.is_empty() && (self.ends != Ends::No || self.states.iter().any(quits))
    }

    /// What it waits for, for a message.
    pub(crate) fn next(&self) -> String {
        let asked = self.expected.front().map(|expected| expected.asked.to_string());
        let text = asked.unwrap_or_else(|| "nothing".to_owned());
        let silence: Vec<Silence> = self.expected.iter().map(|expected| expected.silence).collect();
        format!(
            "{text}; {silence:?}, readings {:?} of {}, ends: {:?}, unfinished reply of {} bytes",
            self.states,
            self.gone,
            self.ends,
            self.heard.len()
        )
    }
}

/// What a reply says about the keys of its request.
fn apply(asked: &Asked, line: &str, sure: Sure, book: &mut Book) {
    let (key, failed) = match asked.keys() {
        // The line of a refusal as too large is an answer, not a failure.
        [key] => (key.clone(), is_error(line) && !matches!(asked, Asked::TooLarge { .. })),
        _ => return,
    };
    let unsure = book.may_fail(&key);
    let Some(possible) = book.possible(&key) else { return };
    let sure = if failed { Sure::Afloat } else { sure };
    match asked {
        Asked::Store { mode, data, .. } | Asked::MetaSet { mode, data, .. } => {
            if failed || matches!(line.split(' ').next(), Some("STORED" | "HD")) {
                stored(possible, *mode, *data, sure);
            }
        }
        Asked::Delete { .. } | Asked::MetaDelete { .. } => possible.becomes(None, sure),
        Asked::TooLarge { .. } => possible.becomes(None, if unsure { Sure::Afloat } else { sure }),
        Asked::Values { .. }
        | Asked::Touch { .. }
        | Asked::Count { .. }
        | Asked::MetaGet { .. }
        | Asked::MetaCount { .. }
        | Asked::MetaDebug { .. }
        | Asked::Line { .. }
        | Asked::Refused { .. }
        | Asked::Everywhere
        | Asked::Stats
        | Asked::Quit => {}
    }
}

/// A storage request had its effect, or may have.
pub(crate) fn stored(possible: &mut super::possible::Possible, mode: Mode, data: Data, sure: Sure) {
    match (mode, data) {
        (Mode::Append, Some(piece)) => possible.grows(piece, true, sure),
        (Mode::Prepend, Some(piece)) => possible.grows(piece, false, sure),
        (Mode::Append | Mode::Prepend, None) => {}
        (Mode::Set | Mode::Add | Mode::Replace | Mode::Cas, data) => {
            possible.becomes(Some(data.into_iter().collect()), sure);
        }
    }
}
