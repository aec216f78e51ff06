//! A client of a soak: it asks for its own keys only, so it knows what it may be told, and checks each reply.
//!
//! Invariant: every request is answered, or its connection is closed for a reason, before its deadline.

use super::ending::Ending;
use super::figures::Figures;
use super::model::{Answer, Change, Key};
use super::servers::Health;
use super::traffic::{Asked, Traffic};
use super::wire::{Found, Reply, read};
use crate::conversation::Conversation;
use crate::dice::Dice;
use crate::failure::{Failure, Outcome, shown};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What a pool does when a server of a `get` of several keys fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Close,
    Keep,
    Miss,
}

/// What all clients share.
#[derive(Clone, Copy)]
pub(super) struct Stage<'a> {
    pub(super) healths: &'a [Health],
    pub(super) figures: &'a Figures,
    pub(super) ending: &'a Ending,
    /// How long any answer may take.
    pub(super) patience: Duration,
}

/// One client.
pub(super) struct Client<'a> {
    pub(super) stage: Stage<'a>,
    pub(super) address: SocketAddr,
    pub(super) mode: Mode,
    pub(super) keys: Vec<Key>,
    pub(super) dice: Dice,
    pub(super) traffic: Traffic,
}

impl Client<'_> {
    /// Asks until the end.
    pub(super) fn live(mut self) -> Outcome {
        let mut conversation = Conversation::open(self.address)?;
        while !self.stage.ending.wait(self.traffic.pause(&mut self.dice)) {
            if !self.ask_some(&mut conversation)? {
                conversation = Conversation::open(self.address)?;
            }
        }
        Ok(())
    }

    /// Sends some requests together and checks their replies; false if the connection is no more.
    fn ask_some(&mut self, conversation: &mut Conversation) -> Outcome<bool> {
        let asked = self.traffic.compose(&self.keys, &mut self.dice);
        let mut touched: Vec<usize> =
            asked.iter().flat_map(|asked| asked.parts.iter().map(|(key, _)| *key)).collect();
        touched.sort_unstable();
        touched.dedup();
        for key in touched {
            let key = &mut self.keys[key];
            let health = &self.stage.healths[key.server];
            key.before(health.over(), health.laid());
        }
        let bytes: Vec<u8> = asked.iter().flat_map(|asked| asked.bytes.iter().copied()).collect();
        let sent = Instant::now();
        conversation.send(&bytes)?;
        if !self.traffic.is_slow && self.dice.is_one_in(150) {
            Figures::count(&self.stage.figures.abandoned);
            asked.iter().try_for_each(|asked| self.give_up(asked))?;
            return Ok(false);
        }
        let mut may_end = false;
        for (at, one) in asked.iter().enumerate() {
            if self.traffic.is_slow {
                self.stage.ending.wait(Duration::from_millis(30));
            }
            let waited = sent.elapsed();
            conversation.set_patience(self.patience().saturating_sub(waited).max(Duration::from_millis(1)));
            let reply = read(conversation).map_err(|failure| failure.during(self.told(one)))?;
            match reply {
                Reply::Ended if may_end => {
                    Figures::count(&self.stage.figures.closed);
                    asked[at..].iter().try_for_each(|asked| self.give_up(asked))?;
                    return Ok(false);
                }
                Reply::Ended => return Err(Failure::new(format!("closed before {}", self.told(one)))),
                Reply::Silence => {
                    let waited = sent.elapsed();
                    return Err(Failure::new(format!("{} was not answered in {waited:?}", self.told(one))));
                }
                reply => may_end = self.check(one, reply, sent)?,
            }
            Figures::count(&self.stage.figures.replies);
            if !self.traffic.is_slow {
                self.stage.figures.took(sent.elapsed());
            }
        }
        if may_end {
            Figures::count(&self.stage.figures.closed);
            conversation.expect_end()?;
        }
        Ok(!may_end)
    }

    /// One that reads slowly makes the proxy wait, not the other way round.
    fn patience(&self) -> Duration {
        self.stage.patience * if self.traffic.is_slow { 4 } else { 1 }
    }

    fn told(&self, asked: &Asked) -> String {
        shown(&asked.bytes[..asked.bytes.len().min(120)])
    }

    /// Checks a reply; true if the connection may be closed after it.
    fn check(&mut self, asked: &Asked, reply: Reply, sent: Instant) -> Outcome<bool> {
        if !asked.parts.iter().all(|(key, _)| self.keys[*key].is_certain()) {
            Figures::count(&self.stage.figures.uncertain);
        }
        match reply {
            Reply::Error(text) => {
                let is_well = |part: &(usize, Change)| {
                    self.stage.healths[self.keys[part.0].server].was_well_since(sent)
                };
                if asked.parts.iter().all(is_well) {
                    let told = self.told(asked);
                    return Err(Failure::new(format!("'{text}' for {told}, whose servers are all well")));
                }
                Figures::count(&self.stage.figures.errors);
                self.give_up(asked)?;
                return Ok(self.mode == Mode::Close && asked.parts.len() > 1);
            }
            Reply::Answer(answer) => {
                let (key, change) = &asked.parts[0];
                let answer = match (change, answer) {
                    (Change::Delete, Answer::Stored) => Answer::Deleted,
                    (_, answer) => answer,
                };
                self.learn(asked, *key, change, &answer)?;
            }
            Reply::Values(values) => self.check_values(asked, &values, sent)?,
            Reply::Ended | Reply::Silence => {}
        }
        Ok(false)
    }

    /// Values come in the order in which their keys were asked for; those that are left out are missing.
    fn check_values(&mut self, asked: &Asked, values: &[Found], sent: Instant) -> Outcome {
        let mut values = values.iter().peekable();
        for (key, change) in &asked.parts {
            let found = values.next_if(|(name, ..)| name == self.keys[*key].name.as_bytes());
            let is_well = self.stage.healths[self.keys[*key].server].was_well_since(sent);
            let answer = match found {
                Some((_, held, unique)) => Answer::Value(held.clone(), *unique),
                None if self.mode == Mode::Miss && asked.parts.len() > 1 && !is_well => Answer::Failed,
                None => Answer::NotFound,
            };
            self.learn(asked, *key, change, &answer)?;
        }
        match values.next() {
            None => Ok(()),
            Some((name, ..)) => {
                Err(Failure::new(format!("{} was answered with {}", self.told(asked), shown(name))))
            }
        }
    }

    fn learn(&mut self, asked: &Asked, key: usize, change: &Change, answer: &Answer) -> Outcome {
        let key = &mut self.keys[key];
        let begun = self.stage.healths[key.server].begun();
        key.after(asked.number, change, answer, begun).map_err(Failure::new)
    }

    /// Nobody will tell what became of it.
    fn give_up(&mut self, asked: &Asked) -> Outcome {
        for (key, change) in &asked.parts {
            self.learn(asked, *key, change, &Answer::Failed)?;
        }
        Ok(())
    }
}
