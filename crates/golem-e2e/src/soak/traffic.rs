//! What clients of a soak ask for. Values carry the client and the request that stored them.

use super::model::{Change, Data, Held, Key};
use super::wire::{Spelling, request};
use crate::dice::Dice;
use std::time::Duration;

/// Keys of a client that hold text; those behind them hold numbers.
const TEXTS: usize = 5;
/// All keys of a client.
pub(super) const KEYS: usize = 7;

/// One request: its bytes, and what it does to which keys.
pub(super) struct Asked {
    pub(super) number: u32,
    pub(super) bytes: Vec<u8>,
    pub(super) parts: Vec<(usize, Change)>,
}

/// The requests of one client.
pub(super) struct Traffic {
    client: usize,
    /// It asks for large values, many at once, and reads them slowly.
    pub(super) is_slow: bool,
    number: u32,
}

impl Traffic {
    pub(super) fn new(client: usize, is_slow: bool) -> Self {
        Self { client, is_slow, number: 0 }
    }

    /// Time to the next requests.
    pub(super) fn pause(&self, dice: &mut Dice) -> Duration {
        Duration::from_millis(10 + dice.below(120) as u64)
    }

    /// Requests that leave together.
    pub(super) fn compose(&mut self, keys: &[Key], dice: &mut Dice) -> Vec<Asked> {
        if self.is_slow {
            let size = 100_000 + dice.below(300_000);
            let store = self.storing(&keys[0], dice, size);
            let mut asked = vec![self.ask(keys, 0, store, Spelling::Text)];
            asked.extend((0..20).map(|_| self.ask(keys, 0, Change::Read, Spelling::Text)));
            return asked;
        }
        let count = [1, 1, 1, 2, 4, 12][dice.below(6)];
        (0..count).map(|_| self.one(keys, dice)).collect()
    }

    fn one(&mut self, keys: &[Key], dice: &mut Dice) -> Asked {
        if dice.is_one_in(6) {
            return self.several(keys, dice);
        }
        let key = dice.below(KEYS);
        let spelling = if dice.is_one_in(3) { Spelling::Meta } else { Spelling::Text };
        let change = if !keys[key].is_calm() {
            Change::Read
        } else if key < TEXTS {
            self.text_change(&keys[key], dice)
        } else {
            self.number_change(dice)
        };
        self.ask(keys, key, change, spelling)
    }

    /// A `get` of several keys, some of them perhaps twice.
    fn several(&mut self, keys: &[Key], dice: &mut Dice) -> Asked {
        let chosen: Vec<usize> = (0..2 + dice.below(6)).map(|_| dice.below(KEYS)).collect();
        let names: Vec<&str> = chosen.iter().map(|key| keys[*key].name.as_str()).collect();
        self.number += 1;
        Asked {
            number: self.number,
            bytes: format!("get {}\r\n", names.join(" ")).into_bytes(),
            parts: chosen.into_iter().map(|key| (key, Change::Read)).collect(),
        }
    }

    fn ask(&mut self, keys: &[Key], key: usize, change: Change, spelling: Spelling) -> Asked {
        self.number += 1;
        let bytes = request(&keys[key].name, &change, spelling);
        Asked { number: self.number, bytes, parts: vec![(key, change)] }
    }

    fn text_change(&mut self, key: &Key, dice: &mut Dice) -> Change {
        let size = [10, 60, 60, 600, 4000, 40_000][dice.below(6)] + dice.below(40);
        let held = self.held(size);
        match dice.below(16) {
            0..3 => Change::Set(held),
            3 => Change::Add(held),
            4 => Change::Replace(held),
            5 if key.size() < 100_000 => Change::Append(self.held(20).1),
            6 if key.size() < 100_000 => Change::Prepend(self.held(20).1),
            7 | 8 => key.token().map_or(Change::Read, |unique| Change::Cas(held, unique)),
            9 => Change::Delete,
            10 => Change::Touch,
            _ => Change::Read,
        }
    }

    fn number_change(&mut self, dice: &mut Dice) -> Change {
        match dice.below(8) {
            0 => {
                let start = (self.client * 1_000_000 + dice.below(1000)).to_string();
                Change::Set((self.number % 1000, Data(start.into_bytes().into())))
            }
            1..5 => Change::Increment(1 + dice.below(50) as u64),
            5 if dice.is_one_in(4) => Change::Delete,
            _ => Change::Read,
        }
    }

    fn storing(&mut self, key: &Key, dice: &mut Dice, size: usize) -> Change {
        if key.is_calm() && dice.is_one_in(3) { Change::Set(self.held(size)) } else { Change::Read }
    }

    /// A value that only the next request of this client stores.
    fn held(&self, size: usize) -> Held {
        let number = self.number as usize + 1;
        let mut bytes = format!("[client {} request {number}]", self.client).into_bytes();
        let front = bytes.len();
        bytes.extend((front..size.max(front)).map(|at| (at * 7 + number * 13 + self.client * 31) as u8));
        (number as u32 % 1000, Data(bytes.into()))
    }
}
