//! The record of a simulation: every piece of data that was sent, where keys were seen, which servers were faulty, and
//! what keys may hold.

use super::possible::Possible;
use super::value::{Piece, key_number, pieces};
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
    arrivals: u32,
}

pub(crate) struct Book {
    written: BTreeMap<Piece, Written>,
    places: BTreeMap<Vec<u8>, usize>,
    possible: BTreeMap<Vec<u8>, Possible>,
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
}

impl Book {
    pub(crate) fn new(servers: usize) -> Self {
        Self {
            written: BTreeMap::new(),
            places: BTreeMap::new(),
            possible: BTreeMap::new(),
            opaques: BTreeMap::new(),
            faults: vec![0; servers],
            has_leapt: false,
            has_tight_limits: false,
            is_pressed: false,
            has_moves: false,
        }
    }

    /// A client is about to send this piece.
    pub(crate) fn write(&mut self, piece: Piece, key: &[u8], is_forbidden: bool) {
        self.written.insert(piece, Written { key: key.to_vec(), is_forbidden, arrivals: 0 });
    }

    pub(crate) fn possible(&mut self, key: &[u8]) -> Option<&mut Possible> {
        (kind(key) == Kind::Private && !self.has_moves)
            .then(|| self.possible.entry(key.to_vec()).or_default())
    }

    /// Whether a request for `key` may have failed.
    pub(crate) fn may_fail(&self, key: &[u8]) -> bool {
        self.has_leapt
            || self.is_pressed
            || match self.places.get(key) {
                Some(&server) => self.faults[server] > 0,
                None => self.has_faults(),
            }
    }

    /// Whether connections to a server may have ended.
    pub(crate) fn may_lose_connections(&self, server: usize) -> bool {
        self.has_leapt || self.has_moves || self.faults[server] > 0
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
                Some(written) if written.key == key && !written.is_forbidden => {}
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

    /// A server was asked for `key`.
    pub(crate) fn seen(&mut self, key: &[u8], server: usize) -> Result<(), String> {
        let place = *self.places.entry(key.to_vec()).or_insert(server);
        if place == server {
            return Ok(());
        }
        Err(format!("{} came to server {server}, before that to server {place}", key.escape_ascii()))
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
    pub(crate) fn arrived(&mut self, key: &[u8], data: &[u8]) -> Result<(), String> {
        if kind(key) == Kind::Number {
            return Ok(());
        }
        for piece in pieces(data, key)? {
            let written = self.written.get_mut(&piece).ok_or("data that nobody sent")?;
            written.arrivals += 1;
            if written.is_forbidden {
                return Err(format!("{piece:?} belongs to a refused request and reached a server"));
            }
            if written.arrivals > 1 {
                return Err(format!("{piece:?} reached servers {} times", written.arrivals));
            }
        }
        Ok(())
    }
}
