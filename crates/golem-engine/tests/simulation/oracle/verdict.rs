//! One client's case: what it waits for, what it heard, and whether that fits. Quiet requests make it several cases:
//! an error line may answer a quiet request or one behind it; every reading that fits so far is kept.

use super::book::Book;
use super::expected::{Asked, Data, Expected, Mode, Silence};
use super::frame::{self, Frame, Front};
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
    /// The engine took in no more of what the client sent than up to here.
    cut: Option<u64>,
    heard: Vec<u8>,
    /// So many bytes of `heard` it takes to know more.
    lacks: usize,
    /// When something was heard last.
    heard_at: u64,
    /// Numbers for `cas`, as last heard: key and number.
    pub(crate) cas: Option<(Vec<u8>, u64)>,
    /// Replies so far.
    pub(crate) replies: u64,
}

/// A way in which a reply makes sense.
struct Reading {
    /// The request that it answers.
    place: usize,
    /// The word under which that was routed, and where its keys were then.
    word: usize,
    homes: Vec<Option<usize>>,
    ends: Ends,
}

impl Verdict {
    pub(crate) fn new() -> Self {
        Self {
            expected: VecDeque::new(),
            gone: 0,
            states: BTreeSet::from([0]),
            ends: Ends::No,
            cut: None,
            heard: Vec::new(),
            lacks: 0,
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

    /// The engine has taken in all up to `offset` of what the client sent, and reads it unless it `is_paused`. Its worker
    /// follows `word`.
    pub(crate) fn delivered(&mut self, offset: u64, now: u64, word: usize, is_paused: bool) {
        for expected in self.expected.iter_mut().rev() {
            if expected.to.is_some() {
                break;
            }
            if expected.line <= offset {
                expected.from.get_or_insert(word);
            }
            if expected.end <= offset {
                expected.delivered.get_or_insert(now);
                expected.to = (!is_paused).then_some(word);
            }
        }
    }

    /// The engine takes in no more than these bytes of what the client sends: what is whole by then is answered.
    pub(crate) fn is_cut_at(&mut self, offset: u64) {
        self.cut.get_or_insert(offset);
    }

    /// Since when the engine has had the oldest request that must be answered and is not: since it came, or since the
    /// client heard something last, as it may have been held back until then.
    pub(crate) fn waits_since(&self) -> Option<u64> {
        // A silent request before it may be what holds it back; and of two readings one may be through.
        let next = self.expected.front().filter(|next| self.must_be_answered(next))?;
        let is_sure = self.states.len() == 1 && self.ends != Ends::Must;
        next.delivered.filter(|_| is_sure).map(|at| at.max(self.heard_at))
    }

    /// Where the first line ends, and the whole, of the request of which the engine has taken in a part when it has taken in
    /// so much; none if it stands between two.
    pub(crate) fn begun(&self, offset: u64) -> Option<(u64, u64)> {
        let begun = self.expected.iter().find(|expected| expected.end > offset)?;
        (begun.start < offset).then_some((begun.line, begun.end))
    }

    /// Whether a reply must come for something of which the engine has taken in all, if it has taken in so much.
    pub(crate) fn is_owed(&self, offset: u64) -> bool {
        let first = self.expected.iter().find(|expected| self.must_be_answered(expected));
        first.is_some_and(|expected| expected.end <= offset)
    }

    fn must_be_answered(&self, expected: &Expected) -> bool {
        expected.silence == Silence::Never && self.cut.is_none_or(|cut| expected.end <= cut)
    }

    /// Takes in bytes that the client read at this time, when its worker follows this word.
    pub(crate) fn hear(
        &mut self,
        bytes: &[u8],
        (now, word): (u64, usize),
        book: &mut Book,
        policy: MultigetFailure,
    ) -> Result<(), String> {
        self.heard.extend_from_slice(bytes);
        self.heard_at = now;
        if self.heard.len() < self.lacks {
            return Ok(());
        }
        let mut at = 0;
        self.lacks = loop {
            match frame::next(&self.heard[at..])? {
                Front::Whole(frame, len) => {
                    at += len;
                    self.take(&frame, word, book, policy)?;
                }
                Front::Part(least) => break least,
            }
        };
        self.heard.drain(..at);
        Ok(())
    }

    fn take(
        &mut self,
        frame: &Frame,
        word: usize,
        book: &mut Book,
        policy: MultigetFailure,
    ) -> Result<(), String> {
        if self.ends == Ends::Must {
            return Err(format!("'{}' after the reply that ends the connection", frame.line));
        }
        self.replies += 1;
        let (readings, mut reasons) = self.readings(frame, word, book, policy);
        if readings.is_empty() {
            reasons.truncate(3);
            return Err(format!("'{}' answers nothing: {}", frame.line, reasons.join("; ")));
        }
        let sure = if readings.len() == 1 { Sure::Yes } else { Sure::Maybe };
        self.ends = match readings.first() {
            Some(first) if readings.iter().all(|reading| reading.ends == first.ends) => first.ends,
            _ => Ends::May,
        };
        for reading in &readings {
            book.word = reading.word;
            apply(&self.expected[reading.place - self.gone].asked, &frame.line, sure, book);
        }
        if let Some(value) = frame.values.iter().find(|value| value.cas.is_some()) {
            self.cas = value.cas.map(|cas| (value.key.clone(), cas));
        }
        self.states = readings.into_iter().map(|reading| reading.place + 1).collect();
        let passed = self.states.first().map_or(0, |first| first - self.gone);
        self.expected.drain(..passed);
        self.gone += passed;
        Ok(())
    }

    /// The ways in which a reply makes sense, and why others do not.
    fn readings(
        &self,
        frame: &Frame,
        word: usize,
        book: &mut Book,
        policy: MultigetFailure,
    ) -> (Vec<Reading>, Vec<String>) {
        let (mut readings, mut reasons): (Vec<Reading>, _) = (Vec::new(), Vec::new());
        for &state in &self.states {
            for (place, expected) in self.expected.iter().enumerate().skip(state - self.gone) {
                if self.cut.is_some_and(|cut| expected.line > cut) {
                    reasons.push(format!("{} was not taken in", expected.asked));
                    break;
                }
                let place = place + self.gone;
                let is_told = expected.silence != Silence::Always;
                for word in is_told.then(|| expected.words(word)).into_iter().flatten() {
                    book.word = word;
                    match judge(&expected.asked, frame, book, policy) {
                        Ok(ends) => {
                            let homes =
                                expected.asked.keys().iter().map(|key| book.home(key, word)).collect();
                            let is_same = |known: &Reading| known.place == place && known.homes == homes;
                            if !readings.iter().any(is_same) {
                                readings.push(Reading { place, word, homes, ends });
                            }
                        }
                        Err(why) => reasons.push(format!("{}: {why}", expected.asked)),
                    }
                }
                if self.must_be_answered(expected) {
                    break;
                }
            }
        }
        (readings, reasons)
    }

    fn rest_may_be_silent(&self, from: usize) -> bool {
        self.expected.iter().skip(from - self.gone).all(|expected| !self.must_be_answered(expected))
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

    /// Nothing is expected any more, not even silence.
    pub(crate) fn is_settled(&self) -> bool {
        self.heard.is_empty() && self.expected.is_empty()
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
        | Asked::BadChunk { .. }
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
