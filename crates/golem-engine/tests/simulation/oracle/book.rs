//! The record of a simulation: every piece of data that was sent, where keys were seen, which servers were faulty, and
//! what keys may hold.

use super::possible::Possible;
use super::value::{Piece, key_number, pieces};
use crate::stage::coordinating::Word;
use crate::world::observed::{Came, Late};
use std::collections::BTreeMap;

/// What kind of key: its first letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Used by one client only.
    Private,
    /// Used by all clients.
    Shared,
    /// Holds a number.
    Number,
}

pub(crate) fn kind(key: &[u8]) -> Kind {
    match key.first() {
        Some(b'p') => Kind::Private,
        Some(b'n') => Kind::Number,
        _ => Kind::Shared,
    }
}

struct Written {
    key: Vec<u8>,
    /// The request was malformed: no server may see it.
    is_forbidden: bool,
    /// The server that it came to.
    place: Option<usize>,
}

pub(crate) struct Book {
    written: BTreeMap<Piece, Written>,
    /// For each private key, what each server may hold of it.
    possible: BTreeMap<Vec<u8>, Vec<Possible>>,
    /// Every word of the coordinator so far, each a way to place keys.
    pub(crate) words: Vec<Word>,
    /// The word under which the request was routed that is being judged.
    pub(crate) word: usize,
    /// Requests that came to a server that was not theirs any more, when they were repeated.
    pub(crate) strays: i64,
    /// How often meta requests came to servers, by their opaques, which no two requests share.
    opaques: BTreeMap<Vec<u8>, u32>,
    /// Faults committed, by server.
    pub(crate) faults: Vec<u64>,
    /// Time leapt while requests were on their way: any of them may have timed out.
    pub(crate) has_leapt: bool,
    /// Clients may be refused for what they hold.
    pub(crate) has_tight_limits: bool,
    /// Requests may be refused, and clients closed, for what others hold.
    pub(crate) is_pressed: bool,
    /// Servers move: requests of one client are on their way on two connections, and may overtake each other.
    pub(crate) has_moves: bool,
    /// Other configurations take the place of the first: servers go and come, and what was counted about them goes with them.
    pub(crate) has_reloads: bool,
}

impl Book {
    pub(crate) fn new(servers: usize) -> Self {
        Self {
            written: BTreeMap::new(),
            possible: BTreeMap::new(),
            words: Vec::new(),
            word: 0,
            strays: 0,
            opaques: BTreeMap::new(),
            faults: vec![0; servers],
            has_leapt: false,
            has_tight_limits: false,
            is_pressed: false,
            has_moves: false,
            has_reloads: false,
        }
    }

    /// A client is about to send this piece.
    pub(crate) fn write(&mut self, piece: Piece, key: &[u8], is_forbidden: bool) {
        self.written.insert(piece, Written { key: key.to_vec(), is_forbidden, place: None });
    }

    /// The server of `key` under a word; none if all are out.
    pub(crate) fn home(&self, key: &[u8], word: usize) -> Option<usize> {
        self.words.get(word)?.home(key)
    }

    /// What the server of `key` may hold, if only one client uses the key.
    pub(crate) fn possible(&mut self, key: &[u8]) -> Option<&mut Possible> {
        let home = self.home(key, self.word)?;
        self.servers_of(key)?.get_mut(home)
    }

    fn servers_of(&mut self, key: &[u8]) -> Option<&mut Vec<Possible>> {
        let servers = self.faults.len();
        (kind(key) == Kind::Private && !self.has_moves && !self.has_reloads)
            .then(|| self.possible.entry(key.to_vec()).or_insert_with(|| vec![Possible::default(); servers]))
    }

    /// Something is asked of which the client hears nothing: it may be done on whatever server has the key by then.
    pub(crate) fn set_afloat(&mut self, key: &[u8], change: impl Fn(&mut Possible)) {
        if let Some(servers) = self.servers_of(key) {
            servers.iter_mut().for_each(change);
        }
    }

    /// Whether `piece` came to the server of `key`.
    pub(crate) fn has_come(&self, piece: Piece, key: &[u8]) -> bool {
        let place = self.written.get(&piece).and_then(|written| written.place);
        place.is_some() && place == self.home(key, self.word)
    }

    /// Whether a request for `key` may have failed.
    pub(crate) fn may_fail(&self, key: &[u8]) -> bool {
        self.has_leapt
            || self.is_pressed
            || self.home(key, self.word).is_none_or(|server| self.faults[server] > 0)
    }

    /// Whether connections to a server may have ended.
    pub(crate) fn may_lose_connections(&self, server: usize) -> bool {
        self.has_leapt || self.has_moves || self.has_reloads || self.faults[server] > 0
    }

    pub(crate) fn has_faults(&self) -> bool {
        self.has_leapt || self.faults.iter().any(|&faults| faults > 0)
    }

    /// Checks data that a client got as the value of `key`.
    pub(crate) fn check_value(&self, key: &[u8], data: &[u8]) -> Result<Vec<Piece>, String> {
        if kind(key) == Kind::Number {
            let digits = data.trim_ascii_end();
            let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
            return if is_number { Ok(Vec::new()) } else { Err("a counter that is no number".to_owned()) };
        }
        let pieces = pieces(data, key)?;
        for piece in &pieces {
            match self.written.get(piece) {
                Some(written) if written.key == key && !written.is_forbidden => {
                    if !self.has_come(*piece, key) {
                        return Err(format!(
                            "{piece:?} did not come to this server, but to {:?}",
                            written.place
                        ));
                    }
                }
                Some(_) | None => {
                    return Err(format!("{piece:?} was not written under {}", key.escape_ascii()));
                }
            }
        }
        Ok(pieces)
    }

    pub(crate) fn check_flags(key: &[u8], flags: u32) -> Result<(), String> {
        if kind(key) == Kind::Number || flags == key_number(key) {
            return Ok(());
        }
        Err(format!("{} has the flags {flags}, of another key", key.escape_ascii()))
    }

    /// A server was asked for `keys`: it must be theirs, under a word that held when they were sent, or, if they `came_late`,
    /// under an earlier one.
    pub(crate) fn seen(&mut self, keys: &[Vec<u8>], came: &Came, came_late: Late) -> Result<(), String> {
        let is_home = |word| keys.iter().all(|key| self.home(key, word) == Some(came.server));
        if keys.is_empty() || came.words.iter().any(|&word| is_home(word)) {
            return Ok(());
        }
        let latest = came.words.last().copied().unwrap_or(0);
        if came_late != Late::No && (0..latest).any(is_home) {
            self.strays += i64::from(came_late == Late::Repeated);
            return Ok(());
        }
        let first = keys[0].escape_ascii();
        Err(format!("{first} is not of server {} under any of the words {:?}", came.server, came.words))
    }

    /// A server was sent a meta request with this opaque: twice only if it is one that may be repeated.
    pub(crate) fn asked(&mut self, opaque: &[u8], may_be_repeated: bool) -> Result<(), String> {
        let arrivals = self.opaques.entry(opaque.to_vec()).or_default();
        *arrivals += 1;
        if *arrivals > 1 + u32::from(may_be_repeated) {
            return Err(format!("{} reached servers {arrivals} times", opaque.escape_ascii()));
        }
        Ok(())
    }

    /// Meta requests that servers got once more.
    pub(crate) fn repeated(&self) -> u32 {
        self.opaques.values().map(|arrivals| arrivals - 1).sum()
    }

    /// A server was sent `data` to be stored under `key`.
    pub(crate) fn arrived(&mut self, key: &[u8], data: &[u8], server: usize) -> Result<(), String> {
        if kind(key) == Kind::Number {
            return Ok(());
        }
        for piece in pieces(data, key)? {
            let written = self.written.get_mut(&piece).ok_or("data that nobody sent")?;
            if written.is_forbidden {
                return Err(format!("{piece:?} belongs to a refused request and reached a server"));
            }
            if written.place.replace(server).is_some() {
                return Err(format!("{piece:?} reached a server twice"));
            }
        }
        Ok(())
    }
}
