//! What a private key may hold. As long as all goes well that is one value; after a request that failed, or a server that was
//! killed, it is a set of worlds, and each reply rules out those that it contradicts.
//!
//! Invariant: the truth is always among the worlds. When none is left, a reply was wrong.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of a value.
#[derive(Clone, PartialEq)]
pub(super) struct Data(pub(super) Arc<[u8]>);

/// A value and its flags.
pub(super) type Held = (u32, Data);

/// What a request does to a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    Read,
    Touch,
    Delete,
    Set(Held),
    Add(Held),
    Replace(Held),
    Append(Data),
    Prepend(Data),
    /// With the number that the last `gets` told.
    Cas(Held, u64),
    Increment(u64),
}

/// What a client was told of one key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Stored,
    NotStored,
    Exists,
    NotFound,
    Deleted,
    Touched,
    Number(u64),
    /// A value, with its unique number after `gets`.
    Value(Held, Option<u64>),
    /// An error line, or no answer at all: it may have been done, or be done later.
    Failed,
}

#[derive(Clone, Debug, PartialEq)]
struct World {
    item: Option<Held>,
    /// Which request made it so.
    version: u32,
    /// The unique number that belongs to a version, as far as it was told.
    token: Option<(u64, u32)>,
    /// Failed requests that may still be done.
    waiting: Vec<u32>,
}

/// A request that failed: a server that was stopped may do it when it goes on, whatever was done meanwhile on another connection.
#[derive(Clone, Debug)]
struct Ghost {
    number: u32,
    change: Change,
    since: Instant,
}

/// A private key.
pub(super) struct Key {
    pub(super) name: String,
    pub(super) server: usize,
    worlds: Vec<World>,
    ghosts: Vec<Ghost>,
    /// Kills of its server that were over before its last request but one was sent.
    over_before: u64,
    /// The same for its last request.
    over: u64,
    /// Kills of its server that had begun when its last request was answered.
    begun: u64,
}

/// So long a request that was given up may still be on its way to a server.
const ON_ITS_WAY: Duration = Duration::from_secs(3);

/// More failed requests than this, and a key is only read until they are laid.
const GHOSTS: usize = 3;

impl Key {
    /// A key that nobody has ever stored.
    pub(super) fn new(name: String, server: usize) -> Self {
        let nothing = World { item: None, version: 0, token: None, waiting: Vec::new() };
        Self { name, server, worlds: vec![nothing], ghosts: Vec::new(), over_before: 0, over: 0, begun: 0 }
    }

    /// Whether it may be changed now; else it is only read.
    pub(super) fn is_calm(&self) -> bool {
        self.ghosts.len() < GHOSTS && self.worlds.len() < 64
    }

    /// Whether it can hold but one thing.
    pub(super) fn is_certain(&self) -> bool {
        self.worlds.len() == 1 && self.ghosts.is_empty()
    }

    /// Bytes that it holds, or may hold.
    pub(super) fn size(&self) -> usize {
        let sizes = self.worlds.iter().filter_map(|world| world.item.as_ref());
        sizes.map(|(_, data)| data.0.len()).max().unwrap_or(0)
    }

    /// The unique number to be used next, if one is known.
    pub(super) fn token(&self) -> Option<u64> {
        self.worlds.iter().find_map(|world| world.token).map(|(number, _)| number)
    }

    /// Requests are about to be sent; `over` kills of the server are over, and failed requests from before `laid` can be done
    /// no more.
    pub(super) fn before(&mut self, over: u64, laid: Option<Instant>) {
        if over > self.begun {
            // All that was done before was done by a process that is gone.
            self.ghosts.retain(|ghost| ghost.since.elapsed() < ON_ITS_WAY);
            let waiting = self.ghosts.iter().map(|ghost| ghost.number).collect();
            self.worlds = vec![World { item: None, version: 0, token: None, waiting }];
            self.over = over;
        } else if let Some(laid) = laid {
            let gone: Vec<u32> =
                self.ghosts.iter().filter(|ghost| ghost.since < laid).map(|ghost| ghost.number).collect();
            self.haunt();
            self.ghosts.retain(|ghost| !gone.contains(&ghost.number));
            for world in &mut self.worlds {
                world.waiting.retain(|number| !gone.contains(number));
            }
            self.merge();
        }
        self.over_before = self.over;
        self.over = over;
    }

    /// A request, the `number`th of its client, was answered; `begun` kills of the server have begun. Says what is wrong.
    pub(super) fn after(
        &mut self,
        number: u32,
        change: &Change,
        answer: &Answer,
        begun: u64,
    ) -> Result<(), String> {
        self.begun = begun;
        if begun > self.over_before {
            let waiting = self.ghosts.iter().map(|ghost| ghost.number).collect();
            self.worlds.push(World { item: None, version: 0, token: None, waiting });
        }
        self.haunt();
        if *answer == Answer::Failed {
            if *change != Change::Read && *change != Change::Touch {
                self.ghosts.push(Ghost { number, change: change.clone(), since: Instant::now() });
                self.worlds.iter_mut().for_each(|world| world.waiting.push(number));
            }
            return Ok(());
        }
        let next: Vec<World> =
            self.worlds.iter().filter_map(|world| world.after(number, change, answer)).collect();
        if next.is_empty() {
            let worlds: Vec<String> = self.worlds.iter().map(World::shown).collect();
            let (change, answer) = (shown(&format!("{change:?}")), shown(&format!("{answer:?}")));
            return Err(format!("{}: {change} was answered {answer}; possible were {worlds:?}", self.name));
        }
        self.worlds = next;
        self.merge();
        Ok(())
    }

    /// Adds the worlds in which failed requests are done now.
    fn haunt(&mut self) {
        let mut at = 0;
        while at < self.worlds.len() {
            for ghost in &self.ghosts {
                let world = &self.worlds[at];
                if world.waiting.contains(&ghost.number) {
                    let mut haunted = world.done(ghost.number, &ghost.change);
                    haunted.waiting.retain(|number| *number != ghost.number);
                    if !self.worlds.contains(&haunted) {
                        self.worlds.push(haunted);
                    }
                }
            }
            at += 1;
        }
    }

    fn merge(&mut self) {
        let mut merged: Vec<World> = Vec::with_capacity(self.worlds.len());
        for world in self.worlds.drain(..) {
            if !merged.contains(&world) {
                merged.push(world);
            }
        }
        self.worlds = merged;
    }
}

impl World {
    /// The world after a request, if the answer fits it.
    fn after(&self, number: u32, change: &Change, answer: &Answer) -> Option<Self> {
        let mut next = self.done(number, change);
        let is_there = self.item.is_some();
        let fits = match (change, answer) {
            (Change::Read, Answer::Value(held, unique)) => {
                if let Some(unique) = unique {
                    if self.token.is_some_and(|(known, version)| version == self.version && known != *unique)
                    {
                        return None;
                    }
                    next.token = Some((*unique, self.version));
                }
                self.item.as_ref() == Some(held)
            }
            (Change::Touch, Answer::Touched) | (Change::Delete, Answer::Deleted) => is_there,
            (Change::Add(_), Answer::Stored) => !is_there,
            (Change::Add(_), Answer::NotStored) => is_there,
            (Change::Replace(_) | Change::Append(_) | Change::Prepend(_), Answer::Stored) => is_there,
            (Change::Replace(_) | Change::Append(_) | Change::Prepend(_), Answer::NotStored) => !is_there,
            (Change::Set(_), Answer::Stored) => true,
            (Change::Cas(held, unique), Answer::Stored) => {
                next.item = Some(held.clone());
                next.version = number;
                is_there && self.has(*unique) != Some(false)
            }
            (Change::Cas(..), Answer::Exists) => {
                next.clone_from(self);
                is_there && matches!(change, Change::Cas(_, unique) if self.has(*unique) != Some(true))
            }
            (Change::Increment(_), Answer::Number(result)) => {
                next.item.as_ref().is_some_and(|(_, data)| *data.0 == *result.to_string().as_bytes())
            }
            (
                Change::Read | Change::Touch | Change::Delete | Change::Cas(..) | Change::Increment(_),
                Answer::NotFound,
            ) => !is_there,
            _ => false,
        };
        fits.then_some(next)
    }

    /// Whether the item has this unique number; none if that was never told.
    fn has(&self, unique: u64) -> Option<bool> {
        let (known, version) = self.token?;
        (known == unique).then_some(version == self.version)
    }

    /// The world after the request was done.
    fn done(&self, number: u32, change: &Change) -> Self {
        let mut next = self.clone();
        let item = match (change, &self.item) {
            (Change::Read | Change::Touch, _)
            | (Change::Add(_), Some(_))
            | (Change::Replace(_) | Change::Append(_) | Change::Prepend(_) | Change::Increment(_), None) => {
                return next;
            }
            (Change::Delete, _) => None,
            (Change::Set(held) | Change::Add(held) | Change::Replace(held), _) => Some(held.clone()),
            (Change::Cas(held, unique), Some(_)) if self.has(*unique) != Some(false) => Some(held.clone()),
            (Change::Cas(..), _) => return next,
            (Change::Append(data), Some((flags, held))) => Some((*flags, joined(held, data))),
            (Change::Prepend(data), Some((flags, held))) => Some((*flags, joined(data, held))),
            (Change::Increment(by), Some((flags, held))) => {
                let number = std::str::from_utf8(&held.0).ok().and_then(|text| text.parse::<u64>().ok());
                let Some(number) = number else { return next };
                Some((*flags, Data(number.wrapping_add(*by).to_string().into_bytes().into())))
            }
        };
        next.item = item;
        next.version = number;
        next
    }

    fn shown(&self) -> String {
        shown(&format!("{:?}, waiting {:?}", self.item, self.waiting))
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let front = &self.0[..self.0.len().min(80)];
        write!(f, "{} bytes \"{}\"", self.0.len(), front.escape_ascii())
    }
}

fn joined(front: &Data, back: &Data) -> Data {
    Data([front.0.as_ref(), back.0.as_ref()].concat().into())
}

fn shown(text: &str) -> String {
    text.chars().take(240).collect()
}

#[cfg(test)]
mod tests {
    use super::{Answer, Change, Data, Held, Key};
    use std::time::Instant;

    fn held(text: &str) -> Held {
        (1, Data(text.as_bytes().into()))
    }

    fn key() -> Key {
        let mut key = Key::new("k".to_owned(), 0);
        key.before(0, None);
        key
    }

    fn reads(key: &mut Key, text: &str, begun: u64) -> bool {
        key.after(9, &Change::Read, &Answer::Value(held(text), None), begun).is_ok()
    }

    #[test]
    fn what_was_stored_is_read_and_nothing_else() {
        let mut key = key();
        assert_eq!(key.after(1, &Change::Set(held("a")), &Answer::Stored, 0), Ok(()));
        assert_eq!(key.after(2, &Change::Append(Data(b"b"[..].into())), &Answer::Stored, 0), Ok(()));
        assert!(reads(&mut key, "ab", 0));
        assert!(!reads(&mut key, "a", 0));
        assert!(key.after(3, &Change::Read, &Answer::NotFound, 0).is_err());
        assert!(key.after(3, &Change::Add(held("c")), &Answer::Stored, 0).is_err());
    }

    #[test]
    fn failed_write_leaves_either_value_until_one_was_read() {
        let mut key = key();
        assert_eq!(key.after(1, &Change::Set(held("a")), &Answer::Stored, 0), Ok(()));
        assert_eq!(key.after(2, &Change::Set(held("b")), &Answer::Failed, 0), Ok(()));
        assert!(reads(&mut key, "a", 0));
        // A stopped server may go on and do it now.
        assert!(reads(&mut key, "b", 0));
        assert!(!reads(&mut key, "a", 0));
        assert_eq!(key.after(3, &Change::Set(held("c")), &Answer::Failed, 0), Ok(()));
        key.before(0, Some(Instant::now()));
        assert!(reads(&mut key, "c", 0));
    }

    #[test]
    fn failed_request_is_laid_after_a_while() {
        let mut key = key();
        assert_eq!(key.after(1, &Change::Set(held("a")), &Answer::Failed, 0), Ok(()));
        key.before(0, Some(Instant::now()));
        assert_eq!(key.after(2, &Change::Read, &Answer::NotFound, 0), Ok(()));
        assert!(!reads(&mut key, "a", 0));
    }

    #[test]
    fn killed_server_may_have_lost_it_and_a_new_one_has() {
        let mut key = key();
        assert_eq!(key.after(1, &Change::Set(held("a")), &Answer::Stored, 0), Ok(()));
        assert!(reads(&mut key, "a", 1));
        key.before(1, None);
        assert!(reads(&mut key, "a", 1), "answered before the process died");
        key.before(1, None);
        key.before(2, None);
        assert!(!reads(&mut key, "a", 2), "a new process holds nothing");
    }

    #[test]
    fn cas_is_exact_as_long_as_the_number_is_known() {
        let mut key = key();
        let cas = Change::Cas(held("b"), 7);
        assert_eq!(key.after(1, &Change::Set(held("a")), &Answer::Stored, 0), Ok(()));
        assert_eq!(key.after(2, &Change::Read, &Answer::Value(held("a"), Some(7)), 0), Ok(()));
        assert_eq!(key.token(), Some(7));
        assert!(key.after(3, &cas, &Answer::Exists, 0).is_err());
        assert_eq!(key.after(4, &cas, &Answer::Stored, 0), Ok(()));
        assert!(key.after(5, &cas, &Answer::Stored, 0).is_err());
        assert_eq!(key.after(6, &cas, &Answer::Exists, 0), Ok(()));
    }

    #[test]
    fn failed_increment_is_done_at_most_once() {
        let mut key = key();
        assert_eq!(key.after(1, &Change::Set(held("5")), &Answer::Stored, 0), Ok(()));
        assert_eq!(key.after(2, &Change::Increment(10), &Answer::Failed, 0), Ok(()));
        assert_eq!(key.after(3, &Change::Increment(1), &Answer::Number(16), 0), Ok(()));
        assert!(key.after(4, &Change::Increment(1), &Answer::Number(27), 0).is_err());
    }
}
