//! No allocation per request, and no system call but reads, writes and waits, of which there are few.

use crate::batch_server::BatchServer;
use crate::running::{Running, Waiting};
use golem_net::Counts;
use golem_ring::{Distribution, Hash, Member, Random, Ring};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::OnceLock;

const SERVERS: usize = 2;
const KEYS: usize = 64;
const VALUE: &str = "0123456789abcdef0123456789abcdef";
const MEASURED: usize = 100_000;

/// What a client sends at once, and what it must get back.
struct Batch {
    sent: Vec<u8>,
    expected: Vec<u8>,
}

/// Batches of so many requests each, one beginning with each key.
struct Batches {
    requests: usize,
    all: Vec<Batch>,
}

/// Keys whose servers take turns, so that each server gets its share of any row of them.
fn keys() -> &'static [String] {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let labels: Vec<String> = (0..SERVERS).map(|number| format!("server{number}")).collect();
        let member = |label| Member { label, weight: 1, live: true };
        let members: Vec<_> = labels.iter().map(|label| member(label)).collect();
        let ring = Ring::new(Hash::from_name("fnv1a_64").unwrap(), None, Distribution::Ketama, &members);
        let mut random = Random::new(1);
        let mut next = (0..).map(|number| format!("key:{number}"));
        let mut key_of = |server| {
            next.find(|key| {
                ring.server_of(key.as_bytes(), &mut random).map(|found| found.index()) == Some(server)
            })
        };
        (0..KEYS).filter_map(|number| key_of(number % SERVERS)).collect()
    })
}

impl Batches {
    /// Of requests and replies as `one` gives them for each key number.
    fn new(requests: usize, one: impl Fn(usize) -> (String, String)) -> Self {
        let batch = |first: usize| {
            let (sent, expected): (Vec<_>, Vec<_>) =
                (first..first + requests).map(|at| one(at % KEYS)).unzip();
            Batch { sent: sent.concat().into_bytes(), expected: expected.concat().into_bytes() }
        };
        Self { requests, all: (0..KEYS).map(batch).collect() }
    }

    fn sets(requests: usize) -> Self {
        let length = VALUE.len();
        Self::new(requests, |key| {
            (format!("set {} 0 0 {length}\r\n{VALUE}\r\n", keys()[key]), "STORED\r\n".to_owned())
        })
    }

    fn gets(requests: usize) -> Self {
        Self::new(requests, |key| (format!("get {}\r\n", keys()[key]), format!("{}END\r\n", value(key))))
    }

    /// The batch of a client in a round.
    fn of(&self, round: usize, client: usize) -> &Batch {
        &self.all[(round + client) % self.all.len()]
    }

    fn send(&self, round: usize, clients: &mut [TcpStream]) {
        for (number, client) in clients.iter_mut().enumerate() {
            client.write_all(&self.of(round, number).sent).unwrap();
        }
    }

    fn receive(&self, round: usize, clients: &mut [TcpStream]) {
        let mut got = Vec::new();
        for (number, client) in clients.iter_mut().enumerate() {
            let expected = &self.of(round, number).expected;
            got.resize(expected.len(), 0);
            client.read_exact(&mut got).unwrap();
            assert!(got == *expected, "\"{}\" is not \"{}\"", got.escape_ascii(), expected.escape_ascii());
        }
    }
}

fn value(key: usize) -> String {
    format!("VALUE {} 0 {}\r\n{VALUE}\r\n", keys()[key], VALUE.len())
}

/// A running worker and its clients; `begun` requests were sent so far.
struct Course {
    running: Running,
    clients: Vec<TcpStream>,
    begun: usize,
}

impl Course {
    /// Starts a worker that finds `clients` clients and all their first requests in its first turn, so that whatever
    /// grows with what comes in one turn has grown.
    fn start(clients: usize, first: &Batches) -> Self {
        Self::start_before(Waiting::new(SERVERS), clients, first)
    }

    fn start_before(waiting: Waiting, clients: usize, first: &Batches) -> Self {
        let connect = || {
            let client = TcpStream::connect(waiting.address).unwrap();
            client.set_nodelay(true).unwrap();
            client
        };
        let mut clients: Vec<_> = (0..clients).map(|_| connect()).collect();
        first.send(0, &mut clients);
        let mut course = Self { running: waiting.start(), clients, begun: 0 };
        first.receive(0, &mut course.clients);
        course.begun += first.requests * course.clients.len();
        course
    }

    /// Everybody's batch at once, and so again until `requests` were answered.
    fn run(&mut self, requests: usize, batches: &Batches) {
        let at_once = batches.requests * self.clients.len();
        for round in 0..requests.div_ceil(at_once) {
            batches.send(round, &mut self.clients);
            batches.receive(round, &mut self.clients);
            self.begun += at_once;
        }
    }

    /// Everybody's batch, with each of the servers in turn answering only when all replies of the others have come and
    /// wait: whatever grows with requests in flight, and with replies held for order, has grown.
    fn run_held(&mut self, batches: &Batches) {
        for silent in 0..SERVERS {
            self.running.silence(Some(silent));
            batches.send(silent, &mut self.clients);
            self.begun += batches.requests * self.clients.len();
            let begun = i64::try_from(self.begun).unwrap();
            self.running.wait_until("the other server's answer", |pool| {
                let requests: i64 = pool.servers.iter().map(|server| server.requests.get()).sum();
                let others = pool.servers.iter().enumerate().filter(|(number, _)| *number != silent);
                requests == begun
                    && others.map(|(_, s)| s.in_queue.get() + s.out_queue.get()).sum::<i64>() == 0
            });
            self.running.silence(None);
            batches.receive(silent, &mut self.clients);
        }
    }

    /// Allocations of the worker's thread during the run.
    fn allocations(&mut self, requests: usize, batches: &Batches) -> u64 {
        let before = self.running.heap.calls();
        self.run(requests, batches);
        self.running.heap.calls() - before
    }
}

/// Warms a worker up with more in flight than later, but less than what it keeps room for, then counts, sets first and
/// gets then. Says how much the driver did for how many requests.
fn measure(clients: usize, depth: usize) -> (Counts, u64) {
    let (sets, gets) = (Batches::sets(depth), Batches::gets(depth));
    let mut course = Course::start(clients, &Batches::sets(depth + 1));
    let deeper = depth + depth / 4;
    for batches in [Batches::sets(deeper), Batches::gets(deeper)] {
        course.run_held(&batches);
        course.run(2000, &batches);
    }
    assert!(course.running.heap.calls() > 0, "the counting does not work");
    for (name, batches) in [("set", &sets), ("get", &gets)] {
        let allocations = course.allocations(MEASURED, batches);
        assert_eq!(allocations, 0, "{name}, {clients} clients, {depth} in flight");
    }
    let requests = course.begun as u64;
    let counts = course.running.stop();
    assert_eq!(counts.registrations, (clients + SERVERS + 1) as u64);
    assert!(counts.accepts <= clients as u64 + 10);
    (counts, requests)
}

/// Calls beside those for requests: the first looks at new connections, and the waits of timers.
const OTHER_CALLS: u64 = 200;

/// At most so many reads and writes; and a turn has something to read, but for at most `waits`, in which output leaves that
/// waited for them.
fn assert_few_calls(counts: &Counts, reads: u64, writes: u64, waits: u64) {
    let is_few = counts.reads <= reads + OTHER_CALLS
        && counts.writes <= writes + OTHER_CALLS
        && counts.polls <= counts.reads + waits + OTHER_CALLS;
    assert!(is_few, "above {reads} reads, {writes} writes, or {waits} turns that read nothing: {counts:?}");
}

/// Each request is read once and written once on both sides, in turns of their own at worst.
fn assert_calls_of_lone_requests((counts, requests): (Counts, u64)) {
    assert_few_calls(&counts, 2 * requests, 2 * requests, 0);
}

#[test]
fn one_client_with_one_request_in_flight() {
    assert_calls_of_lone_requests(measure(1, 1));
}

#[test]
fn fifty_clients_with_one_request_in_flight() {
    assert_calls_of_lone_requests(measure(50, 1));
}

#[test]
fn one_client_with_16_requests_in_flight() {
    measure(1, 16);
}

#[test]
fn fifty_clients_with_16_requests_in_flight() {
    measure(50, 16);
}

const DEPTH: usize = 16;

/// One read and one write for each connection and turn. How many turns that makes depends on in how many pieces things
/// arrive, which is the other sides' doing; so here they see to it that there are `1 + SERVERS` for a batch, whatever the
/// machine does in between:
///
/// - a client sends its batch in one write. It is small enough to arrive whole: one read, and in that turn one write to
///   each server, or less when batches of other clients come in the same turn and go along;
/// - a server writes when it has the requests of a batch that are its own (they lie together, since a batch is
///   read at once), whether they came in one piece or in several, and the replies in one write, again arriving whole:
///   one read, and in that turn or the next at most one write to the client. It waits for the next turn only while replies
///   to the batch are due, so not behind the last server's.
///
/// Two pieces may arrive together and be read as one, so these are the most.
fn calls_of_batches(clients: usize) {
    let reply = |line: &str| match line.strip_prefix("get ") {
        Some(key) => format!("VALUE {key} 0 {}\r\n{VALUE}\r\nEND\r\n", VALUE.len()),
        None => "STORED\r\n".to_owned(),
    };
    let servers: Vec<_> = (0..SERVERS).map(|_| BatchServer::start(DEPTH / SERVERS, reply)).collect();
    let addresses: Vec<_> = servers.iter().map(|server| server.address).collect();
    let sets = Batches::sets(DEPTH);
    let mut course = Course::start_before(Waiting::over(&addresses), clients, &sets);
    course.run(MEASURED, &sets);
    course.run(MEASURED, &Batches::gets(DEPTH));
    let batches = (course.begun / DEPTH) as u64;
    let counts = course.running.stop();
    servers.into_iter().for_each(BatchServer::finish);
    let servers = SERVERS as u64;
    assert_few_calls(&counts, batches * (1 + servers), batches * 2 * servers, batches * (servers - 1));
}

#[test]
fn batches_of_one_client_take_one_read_and_one_write_for_each_connection_and_turn() {
    calls_of_batches(1);
}

#[test]
fn batches_of_fifty_clients_take_one_read_and_one_write_for_each_connection_and_turn() {
    calls_of_batches(50);
}

/// A bit of everything else for one server: what is answered here, hidden or refused allocates no more than `get` and
/// `set`.
fn other_commands(key: usize) -> (String, String) {
    let (name, length) = (&keys()[key], VALUE.len());
    match key % 6 {
        0 => (format!("set {name} 0 0 {length} noreply\r\n{VALUE}\r\n"), String::new()),
        1 => (format!("mg {name} v q\r\nmn\r\n"), format!("VA {length}\r\n{VALUE}\r\nMN\r\n")),
        2 => (format!("touch {name} 0\r\n"), "TOUCHED\r\n".to_owned()),
        3 => (format!("delete none:{name}\r\n"), "NOT_FOUND\r\n".to_owned()),
        4 => (format!("incr {name} x\r\n"), "CLIENT_ERROR invalid numeric delta argument\r\n".to_owned()),
        _ => (format!("ms {name} {length} T0\r\n{VALUE}\r\nnonsense\r\n"), "HD\r\nERROR\r\n".to_owned()),
    }
}

#[test]
fn other_commands_allocate_nothing_either() {
    let mut course = Course::start(40, &Batches::sets(64));
    course.run_held(&Batches::gets(25));
    course.run(20_000, &Batches::new(18, other_commands));
    assert_eq!(course.allocations(50_000, &Batches::new(16, other_commands)), 0);
    course.running.stop();
}

fn three_keys(key: usize) -> (String, String) {
    let [second, third] = [1, 2].map(|step| (key + step) % KEYS);
    let values = [key, second, third].map(value).concat();
    (format!("get {} none {} {}\r\n", keys()[key], keys()[second], keys()[third]), format!("{values}END\r\n"))
}

/// What gathers replies is used again, and grows until each has met the largest reply: so nearly nothing, not nothing.
#[test]
fn gets_of_several_keys_allocate_next_to_nothing() {
    let mut course = Course::start(40, &Batches::sets(64));
    course.run(20_000, &Batches::new(20, three_keys));
    let allocations = course.allocations(50_000, &Batches::new(16, three_keys));
    assert!(allocations < 500, "{allocations} allocations");
    course.running.stop();
}
