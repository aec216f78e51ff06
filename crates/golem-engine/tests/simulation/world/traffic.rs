//! What clients ask: every command, in every form that must work, and what must be refused.

mod meta;

use super::malformed::WRONG;
use crate::dice::Dice;
use crate::oracle::book::Book;
use crate::oracle::expected::{Asked, Data, Expected, Mode, Silence};
use crate::oracle::possible::Sure;
use crate::oracle::value::{Piece, bytes_of, key_number};
use crate::oracle::verdict::{Verdict, stored};

/// What sort of traffic a world has.
#[derive(Clone, Debug)]
pub(crate) struct Mix {
    /// Large values occur.
    pub(crate) large: bool,
    /// They occur more often than others.
    pub(crate) mostly_large: bool,
    /// Bytes come one to three at a time, so there should not be many.
    pub(crate) tiny: bool,
    /// Wrong requests occur.
    pub(crate) malformed: bool,
    /// Quiet requests occur, and `noreply`.
    pub(crate) quiet: bool,
    /// Longest value that the pool takes.
    pub(crate) item_max: usize,
    /// `verbosity` is allowed.
    pub(crate) admin: bool,
}

/// One client's traffic.
pub(crate) struct Traffic {
    client: usize,
    /// Requests so far: the number of the next one.
    number: u64,
    out: Vec<u8>,
    /// Bytes at the front of `out` that were sent.
    out_at: usize,
    /// Bytes written to `out` since the start.
    pub(crate) written: u64,
}

impl Traffic {
    pub(crate) const fn new(client: usize) -> Self {
        Self { client, number: 0, out: Vec::new(), out_at: 0, written: 0 }
    }

    /// Bytes that were not sent yet.
    pub(crate) fn unsent(&self) -> &[u8] {
        &self.out[self.out_at..]
    }

    /// So many of them were sent.
    pub(crate) fn sent(&mut self, count: usize) {
        self.out_at += count;
        if self.out_at == self.out.len() {
            self.out.clear();
            self.out_at = 0;
        }
    }

    pub(crate) fn put(&mut self, verdict: &mut Verdict, bytes: &[&[u8]], asked: Asked, silence: Silence) {
        let start = self.written;
        for part in bytes {
            self.out.extend_from_slice(part);
            self.written += part.len() as u64;
        }
        let mut all = bytes.iter().flat_map(|part| part.iter());
        let line = all.position(|&byte| byte == b'\n').map_or(self.written, |at| start + at as u64 + 1);
        verdict.expect(Expected::new(asked, silence, (start, line, self.written)));
    }

    /// Bytes that are no request and must never be taken for one.
    pub(crate) fn put_in_vain(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.written += bytes.len() as u64;
    }

    fn private_key(&self, dice: &mut Dice) -> Vec<u8> {
        let number = dice.below(6);
        let mut key = format!("p{}.{number}", self.client).into_bytes();
        match number {
            4 => key.resize(250, b'x'),
            3 => key.extend_from_slice(b"\t\xff\x80'\\{}"),
            _ => {}
        }
        key
    }

    fn shared_key(dice: &mut Dice) -> Vec<u8> {
        format!("s{}", dice.below(8)).into_bytes()
    }

    fn number_key(dice: &mut Dice) -> Vec<u8> {
        format!("n{}", dice.below(4)).into_bytes()
    }

    fn key(&self, dice: &mut Dice) -> Vec<u8> {
        match dice.below(8) {
            0 | 1 => Self::shared_key(dice),
            2 => Self::number_key(dice),
            _ => self.private_key(dice),
        }
    }

    fn length(mix: &Mix, dice: &mut Dice) -> usize {
        if !mix.large || dice.one_in(3) == mix.mostly_large {
            return dice.pick(if mix.tiny { &[0, 40, 100, 200] } else { &[0, 40, 100, 100, 1000, 3000] });
        }
        match dice.below(8) {
            0..=2 => dice.between(16_384 - 90, 16_384 + 20),
            3 | 4 => dice.between(65_536 - 90, 65_536 + 20),
            5 => dice.between(131_072 - 90, 131_072 + 20),
            6 => dice.between(4000, 80_000),
            _ => dice.between(100_000, 1_048_576),
        }
    }

    /// A value for `key`, noted in the book.
    fn value(
        &mut self,
        key: &[u8],
        mix: &Mix,
        book: &mut Book,
        dice: &mut Dice,
        refused: bool,
    ) -> (Data, Vec<u8>) {
        if key.starts_with(b"n") {
            return (None, dice.below(100_000).to_string().into_bytes());
        }
        let piece = Piece { client: self.client, number: self.number };
        let len = Self::length(mix, dice);
        if len == 0 && !refused {
            return (None, Vec::new());
        }
        let bytes = bytes_of(piece, key, len);
        book.write(piece, key, refused || bytes.len() > mix.item_max);
        (Some(piece), bytes)
    }

    /// Writes one more request, or a few that belong together.
    pub(crate) fn more(&mut self, verdict: &mut Verdict, mix: &Mix, book: &mut Book, dice: &mut Dice) {
        self.number += 1;
        match dice.below(20) {
            0..=4 => self.retrieve(verdict, dice),
            5..=10 => self.store(verdict, mix, book, dice),
            11 | 12 => self.single(verdict, mix, book, dice),
            13..=15 => self.meta(verdict, mix, book, dice),
            16 if mix.malformed => self.wrong(verdict, dice),
            17 if mix.malformed => self.bad_chunk(verdict, mix, book, dice),
            18 => self.local(verdict, mix, dice),
            _ => self.retrieve(verdict, dice),
        }
    }

    fn retrieve(&mut self, verdict: &mut Verdict, dice: &mut Dice) {
        let count = dice.pick(&[1, 1, 2, 3, 8, 30]);
        let keys: Vec<Vec<u8>> = (0..count).map(|_| self.key(dice)).collect();
        let word = dice.pick(&["get", "get", "gets", "gat", "gats"]);
        let mut line = word.as_bytes().to_vec();
        if word.starts_with("gat") {
            line.extend_from_slice(dice.pick(&[&b" 0"[..], b" 10000"]));
        }
        for key in &keys {
            line.extend_from_slice(dice.pick(&[&b" "[..], b" ", b"  "]));
            line.extend_from_slice(key);
        }
        line.extend_from_slice(dice.pick(&[&b"\r\n"[..], b"\r\n", b"\n", b" \r\n"]));
        let cas = word.ends_with('s');
        self.put(verdict, &[&line], Asked::Values { keys, cas }, Silence::Never);
    }

    fn store(&mut self, verdict: &mut Verdict, mix: &Mix, book: &mut Book, dice: &mut Dice) {
        let mode = dice.pick(&[
            Mode::Set,
            Mode::Set,
            Mode::Set,
            Mode::Add,
            Mode::Replace,
            Mode::Append,
            Mode::Prepend,
            Mode::Cas,
        ]);
        let (key, cas) = match (mode, verdict.cas.take()) {
            (Mode::Cas, Some((key, cas))) => (key, format!(" {cas}")),
            (Mode::Cas, None) => (self.key(dice), " 7".to_owned()),
            (Mode::Append | Mode::Prepend, _) => (self.private_key(dice), String::new()),
            _ => (self.key(dice), String::new()),
        };
        let (data, bytes) = self.value(&key, mix, book, dice, false);
        let quiet = mix.quiet && dice.one_in(4);
        let word = match mode {
            Mode::Set => "set",
            Mode::Add => "add",
            Mode::Replace => "replace",
            Mode::Append => "append",
            Mode::Prepend => "prepend",
            Mode::Cas => "cas",
        };
        let end = if quiet { " noreply\r\n" } else { dice.pick(&["\r\n", "\r\n", "\n", " \r\n"]) };
        let tail = format!(" {} {} {}{cas}{end}", key_number(&key), dice.pick(&[0, 0, 10_000]), bytes.len());
        let silence = if quiet { Silence::Always } else { Silence::Never };
        let asked = match (bytes.len() > mix.item_max, mode) {
            (true, Mode::Set) => Asked::TooLarge { key: key.clone() },
            (true, _) => Asked::Refused { starts: "SERVER_ERROR object too large for cache", closes: false },
            (false, _) => Asked::Store { key: key.clone(), mode, data },
        };
        if quiet {
            book.set_afloat(&key, |possible| match asked {
                Asked::Store { .. } => stored(possible, mode, data, Sure::Afloat),
                _ => possible.becomes(None, Sure::Afloat),
            });
        }
        self.put(verdict, &[word.as_bytes(), b" ", &key, tail.as_bytes(), &bytes, b"\r\n"], asked, silence);
    }

    fn single(&mut self, verdict: &mut Verdict, mix: &Mix, book: &mut Book, dice: &mut Dice) {
        let quiet = mix.quiet && dice.one_in(4);
        let (end, silence) = if quiet { (" noreply\r\n", Silence::Always) } else { ("\r\n", Silence::Never) };
        let key = self.key(dice);
        match dice.below(3) {
            0 => {
                if quiet {
                    book.set_afloat(&key, |possible| possible.becomes(None, Sure::Afloat));
                }
                let zero = dice.pick(&["", "", " 0"]);
                let line = [b"delete ", &key[..], zero.as_bytes(), end.as_bytes()].concat();
                self.put(verdict, &[&line], Asked::Delete { key }, silence);
            }
            1 => {
                let line = [b"touch ", &key[..], b" 10000", end.as_bytes()].concat();
                self.put(verdict, &[&line], Asked::Touch { key }, silence);
            }
            _ => {
                let key = Self::number_key(dice);
                let word = dice.pick(&["incr ", "decr "]);
                let line = [word.as_bytes(), &key, b" 3", end.as_bytes()].concat();
                self.put(verdict, &[&line], Asked::Count { key }, silence);
            }
        }
    }

    fn local(&mut self, verdict: &mut Verdict, mix: &Mix, dice: &mut Dice) {
        let never = Silence::Never;
        match dice.below(5) {
            0 => self.put(verdict, &[b"version\r\n"], Asked::Line { starts: "VERSION 1.6." }, never),
            1 => self.put(
                verdict,
                &[dice.pick(&[&b"stats\r\n"[..], b"stats settings\r\n", b"stats servers\r\n"])],
                Asked::Stats,
                never,
            ),
            2 if mix.admin => self.put(verdict, &[b"verbosity 1\r\n"], Asked::Everywhere, never),
            2 => {
                let asked = Asked::Refused { starts: "CLIENT_ERROR this command", closes: false };
                self.put(verdict, &[b"verbosity 1\r\n"], asked, never);
            }
            _ => self.put(verdict, &[b"mn\r\n"], Asked::Line { starts: "MN" }, never),
        }
    }

    fn wrong(&mut self, verdict: &mut Verdict, dice: &mut Dice) {
        let mut wrong = &WRONG[dice.below(WRONG.len())];
        if wrong.closes && !dice.one_in(3) {
            wrong = &WRONG[0];
        }
        let long = "L".repeat(dice.between(251, 300));
        let line = wrong.line.replace("{k}", "s1").replace("{K}", &long);
        let data = wrong.data.map(|len| [&vec![b'\n'; len][..], b"\r\n"].concat()).unwrap_or_default();
        let asked = Asked::Refused { starts: wrong.answer.unwrap_or_default(), closes: wrong.closes };
        let silence = if wrong.answer.is_none() { Silence::Always } else { Silence::Never };
        self.put(verdict, &[line.as_bytes(), b"\r\n", &data], asked, silence);
    }

    /// Data that do not end where they should: what stands there up to the line end is dropped.
    fn bad_chunk(&mut self, verdict: &mut Verdict, mix: &Mix, book: &mut Book, dice: &mut Dice) {
        let key = self.private_key(dice);
        let (_, bytes) = self.value(&key, mix, book, dice, true);
        if bytes.len() > mix.item_max {
            // Refused for its size, and swallowed just so: with the rest of the line.
            let asked = Asked::TooLarge { key: key.clone() };
            let line = format!(" 0 0 {}\r\n", bytes.len());
            self.put(verdict, &[b"set ", &key, line.as_bytes(), &bytes, b"\n"], asked, Silence::Never);
            return;
        }
        let form = dice.pick(&[" 0 0 ", " "]);
        let word = if form == " " { "ms " } else { "set " };
        let line = format!("{form}{}\r\n", bytes.len());
        let end = dice.pick(&[&b"x\r\n"[..], b"get s1\r\n", b"\n", b"\rx\n", b"ab cd\n"]);
        let asked = Asked::BadChunk { key: key.clone() };
        self.put(verdict, &[word.as_bytes(), &key, line.as_bytes(), &bytes, end], asked, Silence::Never);
    }
}
