//! What is asked: the mix of operations, the keys and the values. It stands before the connections: they take their
//! next request from here and compare each reply with what is written here.
//!
//! Invariant: all requests of one kind have one length, and so have all hits, whatever the key; the floor server
//! (`echo`) counts on it. Nothing is formatted or allocated once a run has begun.

/// Every key is `golem:` and ten digits.
const PREFIX: &[u8] = b"golem:";
const DIGITS: usize = 10;
/// Length of a key in bytes.
pub const KEY_LEN: usize = PREFIX.len() + DIGITS;
const GET: &[u8] = b"get ";
const SET: &[u8] = b"set ";
const CRLF: &[u8] = b"\r\n";
const GET_LEN: usize = GET.len() + KEY_LEN + CRLF.len();
const VALUE: &[u8] = b"VALUE ";
const END: &[u8] = b"\r\nEND\r\n";
/// The reply to a `set` that worked.
pub const STORED: &[u8] = b"STORED\r\n";

/// One kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `get` of one key.
    Get,
    /// `set` of one key, flags 0, no expiry.
    Set,
}

/// A request before it has become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What is done.
    pub operation: Operation,
    /// To which key, counted from 0.
    pub key: u32,
}

/// The bytes of every request, and of every reply that may be expected, built once before the run.
#[derive(Debug)]
pub struct Requests {
    keys: u32,
    value_size: usize,
    gets: Vec<u8>,
    set_rest: Vec<u8>,
    value_rest: Vec<u8>,
    filler: Vec<u8>,
    key_in_value: usize,
}

impl Requests {
    /// Requests over `keys` keys (at least 1) with values of `value_size` bytes.
    pub fn new(keys: u32, value_size: usize) -> Self {
        let keys = keys.max(1);
        let mut gets = Vec::with_capacity(keys as usize * GET_LEN);
        for key in 0..keys {
            gets.extend_from_slice(GET);
            gets.extend_from_slice(PREFIX);
            gets.extend_from_slice(format!("{key:0DIGITS$}").as_bytes());
            gets.extend_from_slice(CRLF);
        }
        let key_in_value = value_size.min(KEY_LEN);
        let filler = (b'a'..=b'z').cycle().take(value_size - key_in_value).collect();
        Self {
            keys,
            value_size,
            gets,
            set_rest: format!(" 0 0 {value_size}\r\n").into_bytes(),
            value_rest: format!(" 0 {value_size}\r\n").into_bytes(),
            filler,
            key_in_value,
        }
    }

    /// How many keys there are.
    pub fn keys(&self) -> u32 {
        self.keys
    }

    /// The text of a key.
    pub fn key(&self, key: u32) -> &[u8] {
        let start = key as usize * GET_LEN + GET.len();
        &self.gets[start..start + KEY_LEN]
    }

    /// The part of a key that its value begins with: all of it, or the last digits where the value is shorter.
    fn key_in_value(&self, key: u32) -> &[u8] {
        &self.key(key)[KEY_LEN - self.key_in_value..]
    }

    /// Appends the request's bytes to `out`.
    pub fn write(&self, planned: Planned, out: &mut Vec<u8>) {
        match planned.operation {
            Operation::Get => {
                let start = planned.key as usize * GET_LEN;
                out.extend_from_slice(&self.gets[start..start + GET_LEN]);
            }
            Operation::Set => {
                out.extend_from_slice(SET);
                out.extend_from_slice(self.key(planned.key));
                out.extend_from_slice(&self.set_rest);
                out.extend_from_slice(self.key_in_value(planned.key));
                out.extend_from_slice(&self.filler);
                out.extend_from_slice(CRLF);
            }
        }
    }

    /// Length in bytes of each request of a kind.
    pub fn request_len(&self, operation: Operation) -> usize {
        match operation {
            Operation::Get => GET_LEN,
            Operation::Set => SET.len() + KEY_LEN + self.set_rest.len() + self.value_size + CRLF.len(),
        }
    }

    /// What a hit on `key` looks like, piece by piece; the pieces of which `true` is said are the value.
    pub(crate) fn hit(&self, key: u32) -> [(&[u8], bool); 6] {
        [
            (VALUE, false),
            (self.key(key), false),
            (&self.value_rest, false),
            (self.key_in_value(key), true),
            (&self.filler, true),
            (END, false),
        ]
    }

    /// The whole reply to a `get` that hits.
    pub fn hit_reply(&self, key: u32) -> Vec<u8> {
        self.hit(key).iter().flat_map(|(piece, _)| piece.iter().copied()).collect()
    }
}

/// Where requests come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A `set` of each key once: from `next` in steps of `step`, so that threads share the keys.
    Preload {
        /// The next key to be stored.
        next: u32,
        /// How many threads share the keys.
        step: u32,
    },
    /// The mix, without end.
    Mix(Mix),
    /// No more requests.
    Dry,
}

impl Source {
    /// The next request; `None` when there are no more.
    pub fn next(&mut self, keys: u32) -> Option<Planned> {
        match self {
            Self::Preload { next, .. } if *next >= keys => None,
            Self::Preload { next, step } => {
                let key = *next;
                *next = next.saturating_add(*step);
                Some(Planned { operation: Operation::Set, key })
            }
            Self::Mix(mix) => Some(mix.next(keys)),
            Self::Dry => None,
        }
    }
}

/// `get` and `set` by chance, keys uniform.
#[derive(Clone, Debug)]
pub struct Mix {
    state: u64,
    gets_below: u64,
}

impl Mix {
    /// `get_percent` of the requests are `get` (0 to 100; more counts as 100), the others `set`.
    pub fn new(seed: u64, get_percent: u8) -> Self {
        Self { state: seed, gets_below: (u64::from(get_percent.min(100)) << 32) / 100 }
    }

    /// The next request over `keys` keys.
    pub fn next(&mut self, keys: u32) -> Planned {
        let word = self.word();
        let operation = if word & 0xffff_ffff < self.gets_below { Operation::Get } else { Operation::Set };
        let key = ((word >> 32) * u64::from(keys)) >> 32;
        // The product of two 32-bit numbers, shifted by 32, is below `keys`.
        Planned { operation, key: key as u32 }
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn word(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::{Mix, Operation, Planned, Requests, Source};

    #[test]
    fn get_and_set_are_memcached_requests() {
        let requests = Requests::new(20, 20);
        let mut out = Vec::new();
        requests.write(Planned { operation: Operation::Get, key: 7 }, &mut out);
        assert_eq!(out, b"get golem:0000000007\r\n");
        assert_eq!(out.len(), requests.request_len(Operation::Get));
        out.clear();
        requests.write(Planned { operation: Operation::Set, key: 19 }, &mut out);
        assert_eq!(out, b"set golem:0000000019 0 0 20\r\ngolem:0000000019abcd\r\n");
        assert_eq!(out.len(), requests.request_len(Operation::Set));
        assert_eq!(requests.hit_reply(19), b"VALUE golem:0000000019 0 20\r\ngolem:0000000019abcd\r\nEND\r\n");
    }

    #[test]
    fn short_value_carries_the_last_digits() {
        let requests = Requests::new(200, 3);
        assert_eq!(requests.hit_reply(123), b"VALUE golem:0000000123 0 3\r\n123\r\nEND\r\n");
        assert_eq!(Requests::new(1, 0).hit_reply(0), b"VALUE golem:0000000000 0 0\r\n\r\nEND\r\n");
    }

    #[test]
    fn mix_keeps_its_share_and_its_keys() {
        let mut mix = Mix::new(1, 90);
        let mut gets = 0;
        let mut seen = [0u32; 10];
        for _ in 0..100_000 {
            let planned = mix.next(10);
            gets += u32::from(planned.operation == Operation::Get);
            seen[planned.key as usize] += 1;
        }
        assert!((89_500..90_500).contains(&gets), "{gets}");
        assert!(seen.iter().all(|&n| (9_500..10_500).contains(&n)), "{seen:?}");
    }

    #[test]
    fn all_gets_and_all_sets_are_possible() {
        for (percent, operation) in [(100, Operation::Get), (0, Operation::Set)] {
            let mut mix = Mix::new(3, percent);
            assert!((0..1000).all(|_| mix.next(4).operation == operation));
        }
    }

    #[test]
    fn preload_stores_each_key_once_over_all_threads() {
        let mut keys: Vec<u32> = (0..3)
            .flat_map(|thread| {
                let mut source = Source::Preload { next: thread, step: 3 };
                std::iter::from_fn(move || source.next(10).map(|planned| planned.key))
            })
            .collect();
        keys.sort_unstable();
        assert_eq!(keys, (0..10).collect::<Vec<_>>());
    }
}
