//! What a private key may hold while servers come and go: whatever its client has ever stored under it, or nothing. As long as it
//! cannot move, it is one thing, as soon as one reply has told which.
//!
//! Invariant: every value carries client, key and request, and is made anew to be compared.

use crate::soak::model::{Answer, Change, Data, Held};
use std::collections::BTreeMap;

/// What a key that holds a number begins with: client and key times this.
const NUMBERS: u64 = 1_000_000;

/// Values repeat themselves after so many bytes.
const PATTERN: usize = 251;

/// What is known of a key as long as it stays where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holding {
    Nothing,
    Something,
    /// The value of a request.
    Value(u32),
    Number(u64),
}

#[derive(Clone, Copy, Debug)]
struct Known {
    /// The time in which the key stays where it is.
    stay: u64,
    holding: Holding,
    unique: Option<u64>,
}

/// A private key.
pub(super) struct Key {
    pub(super) name: String,
    client: usize,
    number: usize,
    /// Sizes of the values that were sent, by their requests.
    sent: BTreeMap<u32, usize>,
    known: Option<Known>,
}

/// The name of a key of a client.
pub(in crate::soak) fn key_name(client: usize, number: usize) -> String {
    format!("soak-{client}-{number}")
}

impl Key {
    /// A key that nobody has ever stored.
    pub(super) fn new(client: usize, number: usize) -> Self {
        Self { name: key_name(client, number), client, number, sent: BTreeMap::new(), known: None }
    }

    /// A value that only this request stores.
    pub(super) fn value(&mut self, request: u32, size: usize) -> Held {
        let held = self.made(request, size);
        self.sent.insert(request, held.1.0.len());
        held
    }

    /// A number that only this key holds.
    pub(super) fn start(&self, request: u32) -> Held {
        let start = self.front() + u64::from(request % 1000);
        (request % 1000, Data(start.to_string().into_bytes().into()))
    }

    /// The unique number to be used next, if one is known.
    pub(super) fn unique(&self) -> Option<u64> {
        self.known?.unique
    }

    /// Nothing is known of it any more.
    pub(super) fn forget(&mut self) {
        self.known = None;
    }

    /// A request was answered; it stayed where it was for the whole time, if `stay` says which. True if but one answer was
    /// possible.
    pub(super) fn after(
        &mut self,
        request: u32,
        change: &Change,
        answer: &Answer,
        stay: Option<u64>,
    ) -> Result<bool, String> {
        let known = self.known.filter(|known| Some(known.stay) == stay);
        let wrong = |why: &str| {
            let told: String = format!("{change:?} was answered {answer:?}").chars().take(300).collect();
            Err(format!("{}: {told}: {why}; known: {:?}, stay {stay:?}", self.name, self.known))
        };
        let read = match answer {
            Answer::Value(held, _) => match self.holding_of(held) {
                Ok(holding) => Some(holding),
                Err(why) => return wrong(&why),
            },
            Answer::Number(number) if !self.is_own(*number) => return wrong("another's number"),
            _ => None,
        };
        let Some((was, is)) = told(request, change, answer, read) else { return wrong("impossible") };
        if let Some(known) = known
            && !known.fits(was, change, answer)
        {
            return wrong("it held something else");
        }
        let kept = known.filter(|known| known.holding != Holding::Something);
        let holding = match is {
            Holding::Something => kept.map_or(is, |kept| kept.holding),
            is => is,
        };
        let unique = match answer {
            Answer::Value(_, Some(unique)) => Some(*unique),
            Answer::Value(..) | Answer::NotStored | Answer::Touched => known.and_then(|known| known.unique),
            _ => None,
        };
        self.known = stay.map(|stay| Known { stay, holding, unique });
        Ok(known.is_some())
    }

    fn holding_of(&self, (flags, data): &Held) -> Result<Holding, String> {
        let text = String::from_utf8_lossy(&data.0[..data.0.len().min(80)]).into_owned();
        if let Ok(number) = text.parse::<u64>() {
            return if self.is_own(number) {
                Ok(Holding::Number(number))
            } else {
                Err("another's number".to_owned())
            };
        }
        let words: Vec<&str> = text.split([' ', ']']).collect();
        let request = match *words.as_slice() {
            ["[client", _, "key", _, "request", request, ..] => request.parse().ok(),
            _ => None,
        };
        let Some(request) = request else { return Err("no value of a soak".to_owned()) };
        let is_it = self
            .sent
            .get(&request)
            .is_some_and(|size| *size == data.0.len() && self.made(request, *size) == (*flags, data.clone()));
        if is_it { Ok(Holding::Value(request)) } else { Err("this client never stored it here".to_owned()) }
    }

    fn made(&self, request: u32, size: usize) -> Held {
        let (client, number) = (self.client, self.number);
        let mut bytes = format!("[client {client} key {number} request {request}]").into_bytes();
        let rest = size.saturating_sub(bytes.len());
        let salt = request as usize * 13 + client * 31 + number;
        // As slices: a soak makes gigabytes of values.
        let pattern: Vec<u8> = (0..PATTERN).map(|at| (at * 7 + salt) as u8).collect();
        bytes.extend(pattern.repeat(rest / PATTERN + 1));
        bytes.truncate(bytes.len() - PATTERN + rest % PATTERN);
        (request % 1000, Data(bytes.into()))
    }

    fn front(&self) -> u64 {
        (self.client as u64 * 100 + self.number as u64 + 1) * NUMBERS
    }

    fn is_own(&self, number: u64) -> bool {
        number / NUMBERS * NUMBERS == self.front()
    }
}

/// What the key held before the request, and what it holds after it, as far as the answer tells; none if nobody would answer so.
fn told(request: u32, change: &Change, answer: &Answer, read: Option<Holding>) -> Option<(Holding, Holding)> {
    use Holding::{Nothing, Number, Something, Value};
    let stored = |held: &Held| match std::str::from_utf8(&held.1.0).ok().and_then(|text| text.parse().ok()) {
        Some(number) => Number(number),
        None => Value(request),
    };
    Some(match (change, answer) {
        (Change::Read, Answer::Value(..)) => (read?, read?),
        (Change::Touch, Answer::Touched) => (Something, Something),
        (Change::Set(held), Answer::Stored) => (Something, stored(held)),
        (Change::Add(held), Answer::Stored) => (Nothing, stored(held)),
        (Change::Replace(held) | Change::Cas(held, _), Answer::Stored) => (Something, stored(held)),
        (Change::Add(_), Answer::NotStored) | (Change::Cas(..), Answer::Exists) => (Something, Something),
        (Change::Increment(by), Answer::Number(number)) => {
            (Number(number.checked_sub(*by)?), Number(*number))
        }
        (Change::Delete, Answer::Deleted) => (Something, Nothing),
        (Change::Replace(_), Answer::NotStored)
        | (
            Change::Read | Change::Touch | Change::Delete | Change::Cas(..) | Change::Increment(_),
            Answer::NotFound,
        ) => (Nothing, Nothing),
        _ => return None,
    })
}

impl Known {
    /// Whether a request can have met `was`.
    fn fits(&self, was: Holding, change: &Change, answer: &Answer) -> bool {
        let fits = match (change, was) {
            (Change::Set(_), _) => true,
            (_, Holding::Something) => self.holding != Holding::Nothing,
            (_, was) => {
                was == self.holding || (self.holding == Holding::Something && was != Holding::Nothing)
            }
        };
        let is_unique = match (change, answer) {
            (Change::Cas(_, unique), Answer::Stored) => self.unique.is_none_or(|known| known == *unique),
            (Change::Cas(_, unique), Answer::Exists) => self.unique.is_none_or(|known| known != *unique),
            (_, Answer::Value(_, Some(unique))) => self.unique.is_none_or(|known| known == *unique),
            _ => true,
        };
        fits && is_unique
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Change, Key};

    #[test]
    fn key_that_stays_holds_what_was_stored_last() {
        let mut key = Key::new(3, 1);
        let (one, two) = (key.value(1, 100), key.value(2, 10));
        assert_eq!(key.after(1, &Change::Set(one.clone()), &Answer::Stored, Some(4)), Ok(false));
        assert_eq!(key.after(2, &Change::Add(two.clone()), &Answer::NotStored, Some(4)), Ok(true));
        assert_eq!(key.after(3, &Change::Read, &Answer::Value(one.clone(), Some(7)), Some(4)), Ok(true));
        assert!(key.after(4, &Change::Read, &Answer::Value(two.clone(), None), Some(4)).is_err());
        assert!(key.after(4, &Change::Read, &Answer::Value(one.clone(), Some(8)), Some(4)).is_err());
        assert!(key.after(4, &Change::Read, &Answer::NotFound, Some(4)).is_err());
        assert!(key.after(4, &Change::Cas(two.clone(), 7), &Answer::Exists, Some(4)).is_err());
        assert_eq!(key.after(4, &Change::Cas(two.clone(), 7), &Answer::Stored, Some(4)), Ok(true));
        assert!(key.after(5, &Change::Read, &Answer::Value(one, None), Some(4)).is_err());
    }

    #[test]
    fn key_that_may_have_moved_holds_something_that_was_stored_or_nothing() {
        let mut key = Key::new(3, 1);
        let (one, two) = (key.value(1, 100), key.value(2, 10));
        let set = Change::Set(two);
        assert_eq!(key.after(2, &set, &Answer::Stored, Some(4)), Ok(false));
        assert_eq!(key.after(3, &Change::Read, &Answer::Value(one.clone(), None), None), Ok(false));
        assert_eq!(key.after(2, &set, &Answer::Stored, Some(6)), Ok(false));
        assert_eq!(key.after(3, &Change::Read, &Answer::NotFound, Some(8)), Ok(false));
        assert!(key.after(4, &Change::Read, &Answer::Value(one, None), Some(8)).is_err());
    }

    #[test]
    fn values_of_other_keys_clients_and_requests_are_wrong_wherever_the_key_is() {
        let mut key = Key::new(3, 1);
        for (client, number, request) in [(3, 2, 1), (4, 1, 1), (3, 1, 9)] {
            let other = Key::new(client, number).value(request, 100);
            assert!(key.after(1, &Change::Read, &Answer::Value(other, None), None).is_err());
        }
        let other = Key::new(4, 1).start(1);
        assert!(key.after(1, &Change::Read, &Answer::Value(other, None), None).is_err());
        assert!(key.after(1, &Change::Increment(1), &Answer::Number(5), None).is_err());
        assert!(key.after(1, &Change::Delete, &Answer::Stored, None).is_err());
    }

    #[test]
    fn increments_add_up_while_the_key_stays() {
        let mut key = Key::new(3, 1);
        let start = key.start(0);
        let first = super::NUMBERS * 302;
        assert_eq!(key.after(1, &Change::Set(start), &Answer::Stored, Some(2)), Ok(false));
        assert_eq!(key.after(2, &Change::Increment(5), &Answer::Number(first + 5), Some(2)), Ok(true));
        assert!(key.after(3, &Change::Increment(5), &Answer::Number(first + 5), Some(2)).is_err());
        assert_eq!(key.after(3, &Change::Increment(5), &Answer::Number(first + 5), Some(4)), Ok(false));
    }
}
