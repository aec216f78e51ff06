//! A client of a soak in which keys move between servers, because the configuration changes or servers are ejected. It asks for its
//! own keys only, and checks each reply; while its keys cannot move it knows exactly what it may be told.
//!
//! Invariant: a reply is judged by what was so when its request was sent and when the reply had come, never by the proxy.

mod key;

use super::client::Mode;
use super::ending::Ending;
use super::figures::Figures;
use super::ground::Ground;
use super::model::{Answer, Change};
use super::wire::{Found, Reply, Spelling, read, request};
use crate::conversation::Conversation;
use crate::dice::Dice;
use crate::failure::{Failure, Outcome, shown};
use key::Key;
pub(super) use key::key_name;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Keys of a client: the first holds large values, the last two hold numbers.
pub(super) const KEYS: usize = 8;
const NUMBERS: usize = 6;
/// The largest values, and what one that reads slowly asks for, many times at once.
const LARGE: usize = 1 << 20;
const OF_SLOW: usize = 1 << 18;
/// A client leaves and comes again once in so many times.
const LEAVES: usize = 100;

/// One client.
pub(super) struct Mover<'a> {
    ground: Ground<'a>,
    figures: &'a Figures,
    ending: &'a Ending,
    pool: usize,
    mode: Mode,
    /// How long any answer may take.
    patience: Duration,
    number: usize,
    keys: Vec<Key>,
    dice: Dice,
    request: u32,
    /// It asks for large values, many at once, and reads them slowly.
    pub(super) is_slow: bool,
}

/// A connection of it.
struct Visit {
    conversation: Conversation,
    /// How often its pool had come, gone or moved when it began.
    moves: u64,
    was_answered: bool,
}

struct Asked {
    number: u32,
    bytes: Vec<u8>,
    parts: Vec<(usize, Change)>,
}

/// When a request was sent, and the time in which each key stays.
#[derive(Clone, Copy)]
struct Sent {
    at: Instant,
    stays: [Option<u64>; KEYS],
}

impl<'a> Mover<'a> {
    /// The client with this number, of a pool.
    pub(super) fn new(
        ground: Ground<'a>,
        (figures, ending): (&'a Figures, &'a Ending),
        (pool, mode): (usize, Mode),
        patience: Duration,
        (number, seed): (usize, u64),
    ) -> Self {
        let keys = (0..KEYS).map(|key| Key::new(number, key)).collect();
        let dice = Dice::new(seed.wrapping_mul(1000).wrapping_add(number as u64));
        Self { ground, figures, ending, pool, mode, patience, number, keys, dice, request: 0, is_slow: false }
    }

    /// Asks until the end.
    pub(super) fn live(mut self) -> Outcome {
        let mut visit = None;
        let pause = |dice: &mut Dice| Duration::from_millis(5 + dice.below(100) as u64);
        while !self.ending.wait(pause(&mut self.dice)) {
            visit = match visit {
                Some(visit) => self.ask_some(visit)?,
                None => self.enter()?,
            };
            if visit.is_some() && self.dice.is_one_in(LEAVES) {
                Figures::count(&self.figures.left);
                visit = None;
            }
        }
        Ok(())
    }

    /// Connects; none if there is nobody just now.
    fn enter(&self) -> Outcome<Option<Visit>> {
        let moves = self.ground.moves(self.pool);
        let Some(address) = self.ground.address(self.pool) else { return Ok(None) };
        match Conversation::open(address) {
            Ok(conversation) => Ok(Some(Visit { conversation, moves, was_answered: false })),
            Err(_) if self.ground.has_moved(self.pool, moves) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Sends some requests together and checks their replies; none if the connection is no more.
    fn ask_some(&mut self, mut visit: Visit) -> Outcome<Option<Visit>> {
        let asked = self.compose();
        let bytes = asked.iter().map(|asked| asked.bytes.as_slice()).collect::<Vec<_>>().concat();
        let sent = Sent { stays: self.stays(), at: Instant::now() };
        let mut may_end = false;
        if let Err(failure) = visit.conversation.send(&bytes) {
            return if self.may_be_closed(&visit) { Ok(self.closed(&asked)) } else { Err(failure) };
        }
        for (at, one) in asked.iter().enumerate() {
            if self.is_slow {
                self.ending.wait(Duration::from_millis(30));
            }
            let patience = self.patience * if self.is_slow { 4 } else { 1 };
            let left = patience.saturating_sub(sent.at.elapsed()).max(Duration::from_millis(1));
            visit.conversation.set_patience(left);
            let reply = read(&mut visit.conversation).map_err(|failure| failure.during(told(one)))?;
            match reply {
                Reply::Ended if may_end || self.may_be_closed(&visit) => {
                    return Ok(self.closed(&asked[at..]));
                }
                Reply::Ended => return Err(Failure::new(format!("closed before {}", told(one)))),
                Reply::Silence => {
                    let waited = sent.at.elapsed();
                    return Err(Failure::new(format!("{} was not answered in {waited:?}", told(one))));
                }
                reply => may_end = self.check(one, reply, sent)?,
            }
            visit.was_answered = true;
            Figures::count(&self.figures.replies);
            if !self.is_slow {
                self.figures.took(sent.at.elapsed());
            }
        }
        if may_end {
            visit.conversation.expect_end()?;
            return Ok(self.closed(&[]));
        }
        Ok(Some(visit))
    }

    fn stays(&self) -> [Option<u64>; KEYS] {
        std::array::from_fn(|key| self.ground.stay(self.number, key))
    }

    fn may_fail(&self, sent: Sent, key: usize) -> bool {
        self.ground.may_fail(sent.at, self.number, key)
    }

    /// Whether the proxy may close this connection: its pool has gone, or it came to a listening socket that has.
    fn may_be_closed(&self, visit: &Visit) -> bool {
        let may_go = self.ground.may_go(self.pool) || !visit.was_answered;
        may_go && self.ground.has_moved(self.pool, visit.moves)
    }

    /// The connection is no more; nobody will tell what became of these.
    fn closed(&mut self, asked: &[Asked]) -> Option<Visit> {
        Figures::count(&self.figures.closed);
        self.give_up(asked);
        None
    }

    fn give_up(&mut self, asked: &[Asked]) {
        let parts = asked.iter().flat_map(|asked| &asked.parts);
        parts.for_each(|(key, _)| self.keys[*key].forget());
    }

    /// Checks a reply; true if the connection may be closed after it.
    fn check(&mut self, asked: &Asked, reply: Reply, sent: Sent) -> Outcome<bool> {
        match reply {
            Reply::Error(text) => {
                if !asked.parts.iter().any(|(key, _)| self.may_fail(sent, *key)) {
                    return Err(Failure::new(format!("'{text}' for {}, which may not fail", told(asked))));
                }
                Figures::count(&self.figures.errors);
                self.give_up(std::slice::from_ref(asked));
                Ok(self.mode == Mode::Close && asked.parts.len() > 1)
            }
            Reply::Answer(answer) => {
                let (key, change) = &asked.parts[0];
                let answer = match (change, answer) {
                    (Change::Delete, Answer::Stored) => Answer::Deleted,
                    (_, answer) => answer,
                };
                let is_certain = self.learn(asked, *key, change, &answer, sent)?;
                self.figures.uncertain.fetch_add(u64::from(!is_certain), Ordering::Relaxed);
                Ok(false)
            }
            Reply::Values(values) => self.check_values(asked, &values, sent).map(|()| false),
            Reply::Ended | Reply::Silence => Ok(false),
        }
    }

    /// Values come in the order in which their keys were asked for; those that are left out are missing.
    fn check_values(&mut self, asked: &Asked, values: &[Found], sent: Sent) -> Outcome {
        let mut values = values.iter().peekable();
        let mut are_certain = true;
        for (key, change) in &asked.parts {
            let found = values.next_if(|(name, ..)| name == self.keys[*key].name.as_bytes());
            match found {
                Some((_, held, unique)) => {
                    let answer = Answer::Value(held.clone(), *unique);
                    are_certain &= self.learn(asked, *key, change, &answer, sent)?;
                }
                None if self.mode == Mode::Miss && asked.parts.len() > 1 && self.may_fail(sent, *key) => {
                    self.keys[*key].forget();
                    are_certain = false;
                }
                None => are_certain &= self.learn(asked, *key, change, &Answer::NotFound, sent)?,
            }
        }
        self.figures.uncertain.fetch_add(u64::from(!are_certain), Ordering::Relaxed);
        match values.next() {
            None => Ok(()),
            Some((name, ..)) => {
                Err(Failure::new(format!("{} was answered with {}", told(asked), shown(name))))
            }
        }
    }

    /// Judges an answer; whether but one was possible.
    fn learn(
        &mut self,
        asked: &Asked,
        key: usize,
        change: &Change,
        answer: &Answer,
        sent: Sent,
    ) -> Outcome<bool> {
        let stay = sent.stays[key].filter(|_| self.ground.stay(self.number, key) == sent.stays[key]);
        self.keys[key].after(asked.number, change, answer, stay).map_err(Failure::new)
    }

    /// Requests that leave together. Large values are few, so that no client waits to send while the proxy waits for it to read.
    fn compose(&mut self) -> Vec<Asked> {
        if self.is_slow {
            let store = self.large();
            let mut asked = vec![self.ask(0, store, Spelling::Text)];
            asked.extend((0..20).map(|_| self.ask(0, Change::Read, Spelling::Text)));
            return asked;
        }
        let count = [1, 1, 2, 4, 12, 40][self.dice.below(6)];
        let mut asked: Vec<Asked> = (0..count).map(|_| self.one()).collect();
        if self.dice.is_one_in(self.ground.large_one_in()) {
            let change = self.large();
            asked.push(self.ask(0, change, Spelling::Text));
        }
        asked
    }

    fn large(&mut self) -> Change {
        let is_stored = self.dice.is_one_in(2);
        let size = if self.is_slow { OF_SLOW } else { LARGE };
        if is_stored { Change::Set(self.keys[0].value(self.request + 1, size)) } else { Change::Read }
    }

    fn one(&mut self) -> Asked {
        if self.dice.is_one_in(5) {
            return self.several();
        }
        let key = 1 + self.dice.below(KEYS - 1);
        let spelling = if self.dice.is_one_in(3) { Spelling::Meta } else { Spelling::Text };
        let change = if key < NUMBERS { self.text_change(key) } else { self.number_change(key) };
        self.ask(key, change, spelling)
    }

    /// A `get` of several keys, some of them perhaps twice.
    fn several(&mut self) -> Asked {
        let count = 2 + self.dice.below(10);
        let chosen: Vec<usize> = (0..count).map(|_| 1 + self.dice.below(KEYS - 1)).collect();
        let names: Vec<&str> = chosen.iter().map(|key| self.keys[*key].name.as_str()).collect();
        self.request += 1;
        let bytes = format!("get {}\r\n", names.join(" ")).into_bytes();
        let parts = chosen.into_iter().map(|key| (key, Change::Read)).collect();
        Asked { number: self.request, bytes, parts }
    }

    fn ask(&mut self, key: usize, change: Change, spelling: Spelling) -> Asked {
        self.request += 1;
        let bytes = request(&self.keys[key].name, &change, spelling);
        Asked { number: self.request, bytes, parts: vec![(key, change)] }
    }

    fn text_change(&mut self, key: usize) -> Change {
        let size = [10, 60, 60, 600, 4000, 40_000][self.dice.below(6)] + self.dice.below(40);
        let number = self.request + 1;
        let unique = self.keys[key].unique();
        let mut value = || self.keys[key].value(number, size);
        match self.dice.below(14) {
            0..3 => Change::Set(value()),
            3 => Change::Add(value()),
            4 => Change::Replace(value()),
            5 | 6 => unique.map_or(Change::Read, |unique| Change::Cas(value(), unique)),
            7 => Change::Delete,
            8 => Change::Touch,
            _ => Change::Read,
        }
    }

    fn number_change(&mut self, key: usize) -> Change {
        match self.dice.below(8) {
            0 => Change::Set(self.keys[key].start(self.request + 1)),
            1..5 => Change::Increment(1 + self.dice.below(20) as u64),
            5 if self.dice.is_one_in(4) => Change::Delete,
            _ => Change::Read,
        }
    }

    /// Its name in failures.
    pub(super) fn name(&self) -> String {
        format!("client {} of pool {}", self.number, self.pool)
    }
}

fn told(asked: &Asked) -> String {
    shown(&asked.bytes[..asked.bytes.len().min(120)])
}
