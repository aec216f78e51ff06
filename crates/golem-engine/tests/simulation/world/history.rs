//! One random history: out of a seed comes a pool, engines, servers with their manners, clients with their traffic; they
//! act in random order until all is said, and then everything must be as if nobody had been there.

use super::client::{Client, Fate};
use super::server::Server;
use super::standing::Event;
use super::traffic::Mix;
use super::turmoil::Turmoil;
use crate::coverage::Coverage;
use crate::faults::Fault;
use crate::oracle::book::Book;
use crate::stage::{Settings, Stage};

/// No history needs as many moves of clients and servers.
const MOVES: u64 = 32_000_000;

/// Chance may keep everybody quiet although there is something to do, but not so often.
pub(super) const TRIES: usize = 60;

/// Nothing but looks of timers need happen for so many microseconds: then whoever does not read is closed.
const PATIENCE: u64 = 100_000_000;

pub(crate) struct History {
    pub(super) stage: Stage,
    pub(super) servers: Vec<Server>,
    /// The pool with all servers.
    pub(super) all: Settings,
    pub(super) clients: Vec<Client>,
    pub(super) book: Book,
    pub(super) mix: Mix,
    pub(crate) coverage: Coverage<Fault>,
    pub(super) turmoil: Turmoil,
    /// So often everybody acts in a round, as long as nothing comes of it.
    pub(super) tries: usize,
    /// Moves of clients and servers, whether they did anything or not.
    pub(super) moves: u64,
}

/// What a history was.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) coverage: Coverage<Fault>,
    pub(crate) clients: Coverage<Event>,
    /// Events that an engine or the coordinator was told of, each followed by a check of all that must hold.
    pub(crate) steps: u64,
    /// Seconds of work.
    pub(crate) seconds: f64,
    pub(crate) replies: u64,
    pub(crate) served: u64,
    pub(crate) repeated: i64,
    pub(crate) ejected: i64,
    pub(crate) restored: i64,
    pub(crate) reloaded: u64,
    /// Clients that were one too many, that were idle, that were there when the process ended.
    pub(crate) turned_away: i64,
    pub(crate) idle: u64,
    pub(crate) left: u64,
}

impl Account {
    pub(crate) fn add(&mut self, other: &Self) {
        self.coverage.add(&other.coverage);
        self.clients.add(&other.clients);
        self.steps += other.steps;
        self.seconds += other.seconds;
        self.replies += other.replies;
        self.served += other.served;
        self.repeated += other.repeated;
        self.ejected += other.ejected;
        self.restored += other.restored;
        self.reloaded += other.reloaded;
        self.turned_away += other.turned_away;
        self.idle += other.idle;
        self.left += other.left;
    }
}

impl History {
    /// The whole history.
    pub(crate) fn run(mut self) -> Account {
        // Leaps, and since when nothing happened: a paused client is looked at now and then, for ever if need be.
        let (mut in_vain, mut quiet_since, mut has_mercy) = (0, 0, false);
        while self.turmoil.coming > 0 || !self.clients.iter().all(Client::is_done) {
            if self.moves > MOVES {
                self.give_up("there is no end to it");
            }
            // Who waits for a timer for so long has nothing to do.
            self.tries = if in_vain < 200 { TRIES } else { TRIES / 8 };
            if self.round() {
                (in_vain, quiet_since) = (0, self.stage.now);
            } else if (in_vain < 200 || self.stage.now < quiet_since + PATIENCE) && self.leap() {
                in_vain += 1;
            } else if self.turmoil.coming > 0 {
                self.come_in();
            } else if has_mercy {
                self.give_up("these wait for ever");
            } else {
                // What waits for a silent server without a timeout is not the engine's fault.
                (in_vain, quiet_since, has_mercy) = (0, self.stage.now, true);
                self.have_mercy();
            }
        }
        self.come_to_rest();
        self.check_end();
        self.account()
    }

    fn account(self) -> Account {
        let fated = |fate| self.clients.iter().filter(|client| client.fate == Some(fate)).count() as u64;
        let mut events = Coverage::default();
        self.clients.iter().for_each(|client| client.tell_events(&mut events));
        Account {
            clients: events,
            steps: self.stage.steps,
            seconds: 0.0,
            replies: self.clients.iter().map(|client| client.verdict.replies).sum(),
            served: self.servers.iter().map(|server| server.served).sum(),
            repeated: (0..self.servers.len())
                .map(|number| self.stage.server_counter(number, "requests_repeated"))
                .sum(),
            ejected: self.stage.pool_counter("server_ejects"),
            restored: self.stage.pool_counter("server_restores"),
            reloaded: self.turmoil.reloaded,
            turned_away: self.turmoil.turned_away,
            idle: fated(Fate::Idle),
            left: fated(Fate::Left),
            coverage: self.coverage,
        }
    }

    /// Everybody acts, some more than once, and every engine has a turn. False if nothing could be done.
    pub(super) fn round(&mut self) -> bool {
        // Chance may keep everybody quiet for a round although there is something to do.
        let mut tries = 0;
        while tries < self.tries || self.moves <= MOVES && self.has_work() {
            tries += 1;
            self.stage.progress = false;
            self.stage.now += self.stage.dice.below(2) as u64;
            self.befall();
            while let Some(arrival) = self.stage.arrivals.pop() {
                self.servers[arrival.server].arrive(
                    arrival.link,
                    &mut self.stage,
                    &mut self.book,
                    &mut self.coverage,
                );
            }
            for server in &mut self.servers {
                server.look_at_outage(&mut self.stage);
                server.meet_probes(&mut self.stage, &mut self.coverage);
            }
            for _ in 0..self.servers.len() * 2 {
                let server = self.stage.dice.below(self.servers.len());
                self.servers[server].act(&mut self.stage, &mut self.book, &mut self.coverage);
            }
            for _ in 0..self.clients.len() * 2 {
                let client = self.stage.dice.below(self.clients.len());
                self.clients[client].act(&mut self.stage, &self.mix, &mut self.book);
            }
            self.moves += 2 * (self.servers.len() + self.clients.len()) as u64;
            for worker in 0..self.stage.workers.len() {
                self.stage.turn(worker);
            }
            self.stage.coordinate();
            self.look_at_changes();
            for client in &mut self.clients {
                client.watch(&self.stage);
            }
            if self.stage.progress {
                return true;
            }
        }
        false
    }

    /// Whether a server has something to read or to say: time that passed meanwhile would be the server's silence.
    fn has_work(&self) -> bool {
        self.servers.iter().any(|server| server.has_work(&self.stage))
    }

    /// Lets time pass up to the next thing that waits for it.
    pub(super) fn leap(&mut self) -> bool {
        let now = self.stage.now;
        let servers = self.servers.iter().filter_map(|server| server.next_time(now)).min();
        let clients = self.clients.iter().filter_map(|client| client.next_time(now)).min();
        let deadline = self.stage.next_deadline().filter(|&time| time > now);
        match servers.into_iter().chain(clients).chain(deadline).min() {
            Some(time) => {
                self.stage.now = time;
                true
            }
            None => false,
        }
    }

    pub(super) fn have_mercy(&mut self) {
        self.turmoil.end_outages();
        for server in &mut self.servers {
            server.have_mercy(&mut self.stage);
        }
        for client in &mut self.clients {
            client.hurry();
        }
    }

    fn give_up(&self, what: &str) -> ! {
        let waiting: Vec<String> = self
            .clients
            .iter()
            .filter(|client| !client.is_done())
            .map(|client| {
                let link = &self.stage.links[client.link];
                format!("\n  {:?}, paused: {}: {}", link.connection, link.paused, client.describe())
            })
            .collect();
        self.stage.fail(&format!("{what}: {}", waiting.concat()));
    }
}
