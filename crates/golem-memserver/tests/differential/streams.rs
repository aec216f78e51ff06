//! Random streams of commands to a real memcached and to a session in memory.

use crate::real::{Connection, Real};
use crate::stream::{Stream, Taste};
use golem_memserver::{Options, Session, Store};
use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

/// Counters that both keep. Not compared: those that memcached's background threads change.
const COUNTERS: &[&str] = &[
    "cmd_get",
    "cmd_set",
    "cmd_flush",
    "cmd_touch",
    "cmd_meta",
    "get_hits",
    "get_misses",
    "delete_misses",
    "delete_hits",
    "incr_misses",
    "incr_hits",
    "decr_misses",
    "decr_hits",
    "cas_misses",
    "cas_hits",
    "cas_badval",
    "touch_hits",
    "touch_misses",
    "store_too_large",
];
/// Fields that tell seconds, and by how much they may differ. The real server's clock ticks at its own time; and the
/// time of last use depends on where its background threads have moved the item, or not at all without them.
const FIELDS: &[(&str, u32)] = &[("t", 2), ("exp=", 2), ("l", 60), ("la=", 60)];

/// How many seeds are tried; `MEMSERVER_SEEDS=100` tries more of them.
fn seeds() -> u64 {
    std::env::var("MEMSERVER_SEEDS").map_or(4, |count| count.parse().unwrap())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A real server and the model of it, with one connection each.
struct Pair {
    real: Real,
    connection: Connection,
    store: Store,
    session: Session,
    seed: u64,
    history: VecDeque<Vec<u8>>,
    /// Replies that the real server keeps back until a data block is complete.
    owed: Vec<u8>,
}

impl Pair {
    fn new(seed: u64) -> Self {
        let real = Real::start();
        let store = Store::new(Options { started_at: real.started_at(), ..Options::default() });
        let connection = real.connect();
        Self {
            real,
            connection,
            store,
            session: Session::new(),
            seed,
            history: VecDeque::new(),
            owed: Vec::new(),
        }
    }

    fn reconnect(&mut self) {
        self.history.push_back(b"(new connection)".to_vec());
        self.connection = self.real.connect();
        self.session = Session::new();
        self.owed.clear();
    }

    /// Sends the same bytes to both and compares what comes back.
    fn exchange(&mut self, bytes: &[u8]) {
        self.history.push_back(bytes.iter().copied().take(300).collect());
        if self.history.len() > 12 {
            self.history.pop_front();
        }
        let mut expected = std::mem::take(&mut self.owed);
        self.store.set_clock(now());
        self.session.receive(&mut self.store, bytes, &mut expected);
        self.connection.send(bytes);
        let gives_up = self.session.is_in_data() && bytes.len().is_multiple_of(2);
        if gives_up {
            // The real server takes in what was sent before it sees the end.
            self.connection.end();
        }
        if self.session.is_in_data() && !gives_up {
            self.owed = expected;
        } else if self.session.is_closed() || gives_up {
            // What was not sent yet when the real server closes is lost.
            let Ok(actual) = self.connection.read_to_end() else { self.fail(b"(closed)", b"(open)") };
            self.judge(&expected[..actual.len().min(expected.len())], &actual);
            self.reconnect();
        } else {
            let actual = self.connection.read(expected.len());
            self.judge(&expected, &actual);
        }
    }

    fn judge(&self, expected: &[u8], actual: &[u8]) {
        if !alike(expected, actual) {
            self.fail(expected, actual);
        }
    }

    fn fail(&self, expected: &[u8], actual: &[u8]) -> ! {
        for bytes in &self.history {
            eprintln!("> {}", bytes.escape_ascii());
        }
        panic!("seed {}:\nmodel: {}\n real: {}", self.seed, expected.escape_ascii(), actual.escape_ascii());
    }

    /// No reply is left over, and everything that was to be counted was.
    fn finish(&mut self) {
        self.connection.end();
        self.connection.read_to_end().unwrap();
        self.reconnect();
        self.exchange(b"mn\r\n");
        let stats = self.real.stats();
        for (name, value) in self.store.counters().list().filter(|(name, _)| COUNTERS.contains(name)) {
            let real = stats.iter().find(|(n, _)| n == name).map(|(_, value)| value.parse::<u64>().unwrap());
            assert_eq!(real, Some(value), "seed {}: {name}", self.seed);
        }
    }
}

/// Are the replies the same, but for seconds?
fn alike(expected: &[u8], actual: &[u8]) -> bool {
    let cut = |b: &u8| matches!(b, b' ' | b'\r');
    expected == actual
        || (expected.len() == actual.len()
            && expected.split(cut).count() == actual.split(cut).count()
            && expected.split(cut).zip(actual.split(cut)).all(|(a, b)| a == b || are_near_seconds(a, b)))
}

/// Are both the same field that tells seconds, and not far apart?
fn are_near_seconds(a: &[u8], b: &[u8]) -> bool {
    let number = |word: &[u8], field: &str| {
        let digits =
            std::str::from_utf8(word).ok()?.strip_prefix(field)?.strip_prefix('-').unwrap_or_default();
        let digits =
            if digits.is_empty() { std::str::from_utf8(word).ok()?.strip_prefix(field)? } else { digits };
        digits.parse::<u32>().ok()
    };
    FIELDS.iter().any(|(field, most)| match (number(a, field), number(b, field)) {
        (Some(a), Some(b)) => a.wrapping_sub(b).min(b.wrapping_sub(a)) <= *most,
        _ => false,
    })
}

#[test]
fn each_reply_equals_the_real_servers() {
    for seed in 0..seeds() {
        let mut pair = Pair::new(seed);
        let mut stream = Stream::new(seed, Taste::Wild);
        for _ in 0..4000 {
            stream.last_cas = pair.store.items().map(|item| item.cas()).max().unwrap_or(0);
            let mut bytes = stream.command();
            // What completes a data block shares a read with what follows it; there a long key or a long line would meet
            // listed differences.
            let is_long =
                |bytes: &[u8]| bytes.windows(8).any(|part| part == b"kkkkkkkk" || part == b"zzzzzzzz");
            while pair.session.is_in_data() && is_long(&bytes) {
                bytes = stream.command();
            }
            pair.exchange(&bytes);
        }
        pair.finish();
    }
}

#[test]
fn replies_to_pipelined_commands_equal_the_real_servers() {
    for seed in 1000..1000 + seeds() {
        let mut pair = Pair::new(seed);
        let mut stream = Stream::new(seed, Taste::Batch { arithmetic: seed % 2 == 0 });
        for _ in 0..500 {
            let count = 1 + stream.random.below(12);
            let bytes: Vec<u8> = (0..count).flat_map(|_| stream.command()).collect();
            pair.exchange(&bytes);
        }
        pair.finish();
    }
}

#[test]
fn an_item_expires_when_the_real_servers_does() {
    let mut pair = Pair::new(0);
    pair.exchange(b"set short 0 1 1\r\na\r\nset long 0 100 1\r\nb\r\n");
    let mut length = 1;
    while length > 0 {
        pair.connection.send(b"get short\r\n");
        length = pair.connection.read_to(b"END\r\n").len() - b"END\r\n".len();
        std::thread::yield_now();
    }
    pair.store.set_clock(now() + 1);
    assert!(pair.store.item(b"short").is_none());
    pair.exchange(b"get short long\r\n");
}
