//! Random commands, right, wrong and odd, from a seed.

use crate::alphabet::{FLAGS, KEYS, LARGE, MODES, NUMBERS, ODD, TIMES, VALUES};

/// A small generator of random numbers (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

/// How wild a stream is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taste {
    /// Anything, to be sent one command at a time.
    Wild,
    /// To be sent many at a time: without what makes the real server's answer depend on what it had sent before (the
    /// list of differences says what), and with either `mg` or arithmetic.
    Batch { arithmetic: bool },
}

/// The commands of one stream.
pub(crate) struct Stream {
    pub(crate) random: Random,
    taste: Taste,
    /// The cas value that the store gave out last, so that some guesses are right.
    pub(crate) last_cas: u64,
}

impl Stream {
    pub(crate) fn new(seed: u64, taste: Taste) -> Self {
        Self { random: Random(seed), taste, last_cas: 0 }
    }

    /// The bytes of one command, usually complete.
    pub(crate) fn command(&mut self) -> Vec<u8> {
        let arithmetic = self.taste != Taste::Batch { arithmetic: false };
        let meta_get = self.taste != Taste::Batch { arithmetic: true };
        match self.random.below(17) {
            0..=2 => self.storage(),
            3 | 4 => self.retrieval(),
            5 if arithmetic => self.with_number(&[b"incr", b"decr"]),
            6 if arithmetic => self.meta(b"ma"),
            7 => self.with_number(&[b"touch"]),
            8 => self.delete(),
            9 | 10 if meta_get => self.meta(b"mg"),
            11..=13 => self.meta_set(),
            14 => self.meta(b"md"),
            15 => self.meta(b"me"),
            _ => self.odd(),
        }
    }

    fn key(&mut self) -> Vec<u8> {
        match self.random.below(60) {
            // Not in a batch: a spoilt blank behind it makes it too long.
            0 if self.taste == Taste::Wild => vec![b'k'; 250],
            1 if self.taste == Taste::Wild => vec![b'k'; 251],
            _ => self.random.pick(KEYS).to_vec(),
        }
    }

    fn number(&mut self) -> Vec<u8> {
        match self.random.below(3) {
            0 => self.random.pick(NUMBERS).to_vec(),
            _ => self.random.below(12).to_string().into_bytes(),
        }
    }

    fn cas(&mut self) -> Vec<u8> {
        match self.random.below(4) {
            0 => self.random.pick(NUMBERS).to_vec(),
            n => self.last_cas.saturating_sub(n as u64 - 1).to_string().into_bytes(),
        }
    }

    fn value(&mut self) -> Vec<u8> {
        match self.random.below(300) {
            // Not between 2 and 16 KiB: read as a command line, it would be refused or not, as the reads fall.
            0..=4 => vec![b'x'; 20 * self.random.below(100)],
            5 => vec![b'y'; 1_048_490 + self.random.below(90)],
            6 => vec![b'z'; 520_000 + 100 * self.random.below(100)],
            _ => self.random.pick(VALUES).to_vec(),
        }
    }

    /// Joins words to a line, sometimes with noreply, odd blanks or an odd end, sometimes spoilt.
    fn line(&mut self, mut words: Vec<Vec<u8>>) -> Vec<u8> {
        if self.random.one_in(12) {
            words.push(b"noreply".to_vec());
        }
        if self.random.one_in(25) {
            let i = self.random.below(words.len());
            match self.random.below(3) {
                0 => drop(words.remove(i)),
                1 => words.insert(i, b"0".to_vec()),
                _ => words.swap(0, i),
            }
        }
        let blank: &[u8] = if self.random.one_in(20) { b"  " } else { b" " };
        let mut line = words.join(blank);
        match self.random.below(40) {
            0 => line.insert(0, b' '),
            1 => line.push(b' '),
            2 => line.push(0),
            3 => line.push(b'\r'),
            4 if !line.is_empty() => {
                let i = self.random.below(line.len());
                line[i] = self.random.pick(&[b"x", b"\0", b"\t", b"\r"])[0];
            }
            _ => {}
        }
        line.extend_from_slice(if self.random.one_in(15) { b"\n" } else { b"\r\n" });
        line
    }

    /// A data block and the length to announce for it, sometimes wrong.
    fn block(&mut self) -> (Vec<u8>, Vec<u8>) {
        let mut value = self.value();
        let length = match self.random.below(40) {
            0 => self.random.pick(NUMBERS).to_vec(),
            1 => (value.len() + 1).to_string().into_bytes(),
            2 => value.len().saturating_sub(1).to_string().into_bytes(),
            _ => value.len().to_string().into_bytes(),
        };
        value.extend_from_slice(if self.random.one_in(30) { b"\n" } else { b"\r\n" });
        (length, value)
    }

    fn storage(&mut self) -> Vec<u8> {
        let name: &[u8] =
            self.random.pick(&[b"set", b"set", b"add", b"replace", b"append", b"prepend", b"cas"]);
        let (length, block) = self.block();
        let flags = self.number();
        let time = self.random.pick(TIMES).to_vec();
        let mut words = vec![name.to_vec(), self.key(), flags, time, length];
        if name == b"cas" {
            words.push(self.cas());
        }
        [self.line(words), block].concat()
    }

    fn retrieval(&mut self) -> Vec<u8> {
        let name: &[u8] = self.random.pick(&[b"get", b"gets", b"gat", b"gats", b"get", b"bget"]);
        let mut words = vec![name.to_vec()];
        if name.starts_with(b"gat") {
            words.push(self.random.pick(TIMES).to_vec());
        }
        let keys = if self.random.one_in(10) { 40 } else { 4 };
        for _ in 0..self.random.below(keys) {
            words.push(self.key());
        }
        self.line(words)
    }

    fn with_number(&mut self, names: &[&[u8]]) -> Vec<u8> {
        let name = self.random.pick(names).to_vec();
        let mut number = if name == b"touch" { self.random.pick(TIMES).to_vec() } else { self.number() };
        if name != b"touch" && LARGE.contains(&number.as_slice()) {
            number = b"1000000000000".to_vec();
        }
        let words = vec![name, self.key(), number];
        self.line(words)
    }

    fn delete(&mut self) -> Vec<u8> {
        let mut words = vec![b"delete".to_vec(), self.key()];
        if self.random.one_in(4) {
            words.push(self.number());
        }
        self.line(words)
    }

    fn flags(&mut self, words: &mut Vec<Vec<u8>>) {
        let most = if self.random.one_in(20) { 24 } else { 5 };
        for _ in 0..self.random.below(most) {
            words.push(self.random.pick(FLAGS).to_vec());
        }
        if self.random.one_in(6) {
            words.push([b"C".to_vec(), self.cas()].concat());
        }
    }

    fn meta(&mut self, name: &[u8]) -> Vec<u8> {
        let mut words = vec![name.to_vec(), self.key()];
        self.flags(&mut words);
        self.line(words)
    }

    fn meta_set(&mut self) -> Vec<u8> {
        let (length, block) = self.block();
        let mut words = vec![b"ms".to_vec(), self.key(), length];
        if self.random.one_in(3) {
            words.push(self.random.pick(MODES).to_vec());
        }
        self.flags(&mut words);
        [self.line(words), block].concat()
    }

    fn odd(&mut self) -> Vec<u8> {
        if self.taste == Taste::Wild && self.random.one_in(12) {
            let length = 2040 + self.random.below(8);
            let (more, end): (usize, &[u8]) = if self.random.one_in(2) { (9, b"") } else { (0, b"\r\n") };
            return [vec![b'z'; length + more].as_slice(), end].concat();
        }
        let line = self.random.pick(ODD);
        let closes = line.ends_with(b"HTTP/1.1") || line == b"quit";
        if closes && self.taste != Taste::Wild {
            return b"mn\r\n".to_vec();
        }
        [line, b"\r\n".as_slice()].concat()
    }
}
