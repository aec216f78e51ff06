//! One random history: out of a seed comes a pool, engines, servers with their manners, clients with their traffic; they
//! act in random order until all is said, and then everything must be as if nobody had been there.

use super::client::Client;
use super::pressing;
use super::server::{Manners, Server};
use super::style::Style;
use super::traffic::Mix;
use crate::dice::Dice;
use crate::faults::{Coverage, Fault, State};
use crate::oracle::book::Book;
use crate::stage::{Cuts, Settings, Stage, settings};
use golem_config::MultigetFailure;
use golem_ring::{Distribution, Hash};
use std::time::Duration;

/// Where `timeout` is off, servers that are late are so late.
const LATE: u64 = 200_000;

/// No history needs as many steps.
const STEPS: u64 = 8_000_000;

pub(crate) struct History {
    stage: Stage,
    servers: Vec<Server>,
    clients: Vec<Client>,
    book: Book,
    mix: Mix,
    pub(crate) coverage: Coverage,
    /// Time may leap while requests are on their way.
    is_rough: bool,
    /// Steps of clients and servers.
    steps: u64,
}

/// What a history was.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) coverage: Coverage,
    pub(crate) steps: u64,
    pub(crate) events: u64,
    pub(crate) replies: u64,
    pub(crate) served: u64,
    pub(crate) repeated: i64,
}

impl Account {
    pub(crate) fn add(&mut self, other: &Self) {
        self.coverage.add(&other.coverage);
        self.steps += other.steps;
        self.events += other.events;
        self.replies += other.replies;
        self.served += other.served;
        self.repeated += other.repeated;
    }
}

fn random_settings(dice: &mut Dice) -> Settings {
    let mut settings = settings(dice.between(1, 4));
    settings.hash = dice.pick(Hash::ALL);
    settings.distribution = dice.pick(&[Distribution::Ketama, Distribution::Modula]);
    let wait = Duration::from_millis(dice.pick(&[100, 300, 1000]));
    settings.timeout = (!dice.one_in(8)).then_some(wait);
    let patience = settings.timeout.unwrap_or(Duration::from_secs(3));
    settings.connect_timeout = dice.pick(&[patience, patience, patience / 3, patience * 4]);
    settings.server_connections = dice.pick(&[1, 1, 2, 3]);
    settings.preconnect = dice.one_in(3);
    settings.multiget_failure =
        dice.pick(&[MultigetFailure::Close, MultigetFailure::Keep, MultigetFailure::Miss]);
    settings.admin_commands.verbosity = dice.one_in(2);
    if dice.one_in(6) {
        settings.item_size_max = dice.pick(&[50, 1000, 20_000]);
    }
    pressing::limit_clients(&mut settings, dice);
    settings
}

/// Every third history looks for one meeting of a fault with a state, so that the rare ones occur too.
fn focus(seed: u64) -> Option<(Fault, State)> {
    let states = [State::MidLarge, State::MidValue, State::MidLine, State::Waiting];
    let place = (seed / 3) as usize;
    let (state, fault) = (place % states.len(), place / states.len() % Fault::EVERYWHERE.len());
    seed.is_multiple_of(3).then(|| (Fault::EVERYWHERE[fault], states[state]))
}

impl History {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut settings = random_settings(&mut dice);
        let mut book = Book::new(settings.servers.len());
        book.is_pressed = pressing::limit_servers(&mut settings, seed);
        book.has_tight_limits = settings.client_hard_limit < 100_000_000;
        book.has_moves = seed % 7 == 5;
        let focus = focus(seed);
        let mix = Mix {
            large: focus.map_or(dice.one_in(3), |(_, state)| state == State::MidLarge),
            tiny: false,
            malformed: dice.one_in(2),
            quiet: dice.one_in(2),
            item_max: (settings.item_size_max as usize).min(settings.client_hard_limit as usize),
            admin: settings.admin_commands.verbosity,
        };
        let timeout = settings.timeout.map_or(LATE, |timeout| timeout.as_micros() as u64);
        let mut servers: Vec<Server> =
            (0..settings.servers.len()).map(|number| Server::new(number, timeout)).collect();
        let is_fair = dice.one_in(3) && focus.is_none();
        for server in &mut servers {
            if !is_fair && dice.one_in(2) {
                let count = dice.between(1, 6);
                let faults: Vec<Fault> = (0..count).map(|_| dice.pick(Fault::ALL)).collect();
                server.manners = Manners { faults, one_in: dice.pick(&[2, 5, 20, 60]), focus: None };
            }
        }
        if let Some((fault, state)) = focus {
            let manners = Manners { faults: vec![fault], one_in: dice.pick(&[1, 3]), focus: Some(state) };
            servers.iter_mut().for_each(|server| server.manners = manners.clone());
        }
        let (workers, count) = (dice.pick(&[1, 1, 2]), dice.pick(&[1, 2, 4, 7]));
        let mut stage = Stage::new(format!("seed {seed}"), settings, workers, dice);
        stage.cuts =
            if mix.large { Cuts::Mixed } else { stage.dice.pick(&[Cuts::Whole, Cuts::Tiny, Cuts::Mixed]) };
        let mix = Mix { tiny: stage.cuts == Cuts::Tiny, ..mix };
        stage.server_room = stage.dice.pick(&[1 << 20, 1 << 20, 65_536, 3000]);
        let is_rough = !is_fair && stage.dice.one_in(4);
        book.is_pressed |= pressing::limit_workers(&mut stage, seed);
        let mut history = Self {
            stage,
            servers,
            clients: Vec::new(),
            book,
            mix,
            coverage: Coverage::default(),
            is_rough,
            steps: 0,
        };
        if history.stage.settings.preconnect {
            history.stage.preconnect();
        }
        for number in 0..count {
            history.come_in(number, workers);
        }
        history
    }

    fn come_in(&mut self, number: usize, workers: usize) {
        let mut style = Style::random(&mut self.stage.dice);
        if self.mix.large || self.mix.tiny {
            style.requests = style.requests.min(12);
        }
        if self.mix.large {
            style.room = (style.room.0.max(4096), style.room.1.max(4096));
        }
        let link = self.stage.accept(number % workers, style.room);
        self.clients.push(Client::new(number, link, style));
    }

    /// The whole history.
    pub(crate) fn run(mut self) -> Account {
        // Leaps since anything happened: a paused client is looked at now and then, for ever if need be.
        let (mut in_vain, mut has_mercy) = (0, false);
        while !self.clients.iter().all(Client::is_done) {
            if self.steps > STEPS {
                self.give_up("there is no end to it");
            }
            if self.round() {
                in_vain = 0;
            } else if in_vain < 200 && self.leap() {
                in_vain += 1;
            } else if has_mercy {
                self.give_up("these wait for ever");
            } else {
                // What waits for a silent server without a timeout is not the engine's fault.
                (in_vain, has_mercy) = (0, true);
                self.have_mercy();
            }
        }
        self.come_to_rest();
        self.check_end();
        Account {
            coverage: self.coverage,
            steps: self.steps,
            events: self.stage.events,
            replies: self.clients.iter().map(|client| client.verdict.replies).sum(),
            served: self.servers.iter().map(|server| server.served).sum(),
            repeated: (0..self.servers.len())
                .map(|number| self.stage.server_counter(number, "requests_repeated"))
                .sum(),
        }
    }

    /// Everybody acts, some more than once, and every engine has a turn. False if nothing could be done.
    fn round(&mut self) -> bool {
        // Chance may keep everybody quiet for a round although there is something to do.
        for _ in 0..60 {
            self.stage.progress = false;
            self.stage.now += self.stage.dice.below(2) as u64;
            if self.is_rough && self.stage.dice.one_in(300) {
                self.book.has_leapt = true;
                let most = self.stage.settings.timeout.map_or(LATE, |timeout| timeout.as_micros() as u64);
                self.stage.now += self.stage.dice.below(most as usize) as u64;
            }
            if self.book.has_moves && self.stage.dice.one_in(60) {
                self.stage.move_some_server();
            }
            while let Some(arrival) = self.stage.arrivals.pop() {
                self.servers[arrival.server].arrive(
                    arrival.link,
                    &mut self.stage,
                    &mut self.book,
                    &mut self.coverage,
                );
            }
            for _ in 0..self.servers.len() * 2 {
                let server = self.stage.dice.below(self.servers.len());
                self.servers[server].act(&mut self.stage, &mut self.book, &mut self.coverage);
            }
            for _ in 0..self.clients.len() * 2 {
                let client = self.stage.dice.below(self.clients.len());
                self.clients[client].act(&mut self.stage, &self.mix, &mut self.book);
            }
            self.steps += 2 * (self.servers.len() + self.clients.len()) as u64;
            for worker in 0..self.stage.workers.len() {
                self.stage.turn(worker);
            }
            for client in &mut self.clients {
                client.watch(&self.stage);
            }
            if self.stage.progress {
                return true;
            }
        }
        false
    }

    /// Lets time pass up to the next thing that waits for it.
    fn leap(&mut self) -> bool {
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

    fn have_mercy(&mut self) {
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

    /// Lets everything come in that is on its way: late replies, ends of streams, timers.
    fn come_to_rest(&mut self) {
        // Twice: a fault that was looked for may come as late as here, and without a timeout nothing else ends its silence.
        for _ in 0..2 {
            self.have_mercy();
            while self.round() || self.leap() {}
        }
    }

    /// Nobody is there any more: nothing may be left of them, and well servers have kept their connections.
    fn check_end(&mut self) {
        for worker in &self.stage.workers {
            if worker.engine.clients() + worker.engine.requests() > 0 {
                self.stage.fail("clients or requests are left after all clients have gone");
            }
        }
        for number in 0..self.servers.len() {
            for link in self.servers[number].open_links() {
                if self.stage.links[link].closed && !self.book.may_lose_connections(number) {
                    self.stage.fail(&format!("server {number} was well and lost a connection"));
                }
            }
            for gauge in ["in_queue", "in_queue_bytes", "out_queue", "out_queue_bytes"] {
                self.check_gauge(number, gauge, 0);
            }
        }
        self.check_counter("client_connections", 0);
        self.check_repeats();
        for server in &mut self.servers {
            server.stop(&mut self.stage);
        }
        self.stage.settle();
        for number in 0..self.servers.len() {
            for gauge in ["server_connections", "connections_open"] {
                self.check_gauge(number, gauge, 0);
            }
        }
    }

    /// Every request that a server got twice was repeated by an engine, and those are not too many.
    fn check_repeats(&self) {
        let sum = |name| -> i64 {
            (0..self.servers.len()).map(|number| self.stage.server_counter(number, name)).sum()
        };
        let (repeated, requests) = (sum("requests_repeated"), sum("requests"));
        if i64::from(self.book.repeated()) > repeated {
            self.stage.fail("a server got a request twice that was not repeated");
        }
        if repeated > requests / 10 + 10 * self.stage.workers.len() as i64 {
            self.stage.fail(&format!("{repeated} of {requests} requests were repeated"));
        }
    }

    fn check_gauge(&self, server: usize, name: &str, expected: i64) {
        let value = self.stage.server_counter(server, name);
        if value != expected {
            self.stage.fail(&format!("{name} of server {server} is {value} at the end, not {expected}"));
        }
    }

    fn check_counter(&self, name: &str, expected: i64) {
        let value = self.stage.pool_counter(name);
        if value != expected {
            self.stage.fail(&format!("{name} is {value} at the end, not {expected}"));
        }
    }
}
