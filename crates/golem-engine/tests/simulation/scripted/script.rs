//! The means to tell a history: clients say, servers are asked and answer, time passes.

use crate::dice::Dice;
use crate::link::Attempt;
use crate::pipe::End;
use crate::stage::{Settings, Stage, settings};
use golem_engine::Failure;
use golem_ring::{Member, Random, Ring};

/// Room enough.
pub(crate) const ROOM: (usize, usize) = (16 << 20, 16 << 20);

/// A client, by its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Who(pub(crate) usize);

pub(crate) struct Script {
    pub(crate) stage: Stage,
    /// All server connections so far: server and link.
    pub(crate) conns: Vec<(usize, usize)>,
    /// Servers refuse to be connected to.
    pub(crate) refuses: Option<Failure>,
    /// Attempts to connect stay undecided.
    pub(crate) hangs: bool,
    /// These refuse to be connected to.
    pub(crate) down: Vec<usize>,
}

impl Script {
    pub(crate) fn new(servers: usize) -> Self {
        Self::with(servers, |_| {})
    }

    pub(crate) fn with(servers: usize, change: impl FnOnce(&mut Settings)) -> Self {
        Self::crew(1, servers, change)
    }

    /// With several workers.
    pub(crate) fn crew(workers: usize, servers: usize, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings(servers);
        change(&mut settings);
        let stage = Stage::new("script".to_owned(), settings, workers, Dice::new(1));
        Self { stage, conns: Vec::new(), refuses: None, hangs: false, down: Vec::new() }
    }

    /// Everything that can happen without time passing.
    pub(crate) fn run(&mut self) {
        loop {
            self.stage.settle();
            if self.hangs || self.stage.arrivals.is_empty() {
                return;
            }
            for arrival in std::mem::take(&mut self.stage.arrivals) {
                let link = &mut self.stage.links[arrival.link];
                let is_down = self.down.contains(&arrival.server);
                match self.refuses.or(is_down.then_some(Failure::ConnectionRefused)) {
                    Some(failure) => link.attempt = Attempt::Failed(failure),
                    None => {
                        link.attempt = Attempt::Made;
                        self.conns.push((arrival.server, arrival.link));
                    }
                }
            }
        }
    }

    pub(crate) fn client(&mut self) -> Who {
        self.client_with(ROOM)
    }

    /// A client of another worker than the first.
    pub(crate) fn client_of(&mut self, worker: usize) -> Who {
        Who(self.stage.accept(worker, ROOM))
    }

    /// A client whose pipes to and from the proxy have so much room.
    pub(crate) fn client_with(&mut self, room: (usize, usize)) -> Who {
        Who(self.stage.accept(0, room))
    }

    pub(crate) fn says(&mut self, who: Who, bytes: impl AsRef<[u8]>) {
        let written = self.stage.links[who.0].inward.write(bytes.as_ref());
        assert_eq!(written, bytes.as_ref().len(), "the pipe is full");
        self.run();
    }

    /// What the client has heard since it was last asked.
    pub(crate) fn hears(&mut self, who: Who) -> String {
        let bytes = self.stage.links[who.0].outward.take(usize::MAX);
        self.run();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What the client hears while it reads little by little, until nothing more comes.
    pub(crate) fn hears_all(&mut self, who: Who) -> String {
        let mut heard = String::new();
        loop {
            let more = self.hears(who);
            if more.is_empty() {
                return heard;
            }
            heard += &more;
        }
    }

    /// The client has been closed, once it has read everything.
    pub(crate) fn is_closed(&self, who: Who) -> bool {
        let pipe = &self.stage.links[who.0].outward;
        pipe.is_empty() && pipe.end == End::Finished
    }

    /// The newest connection to a server.
    pub(crate) fn conn(&self, server: usize) -> usize {
        let found = self.conns.iter().rev().find(|(of, _)| *of == server);
        found.map_or_else(|| panic!("nobody connected to server {server}"), |(_, link)| *link)
    }

    /// How many connections a server has seen.
    pub(crate) fn conns(&self, server: usize) -> usize {
        self.conns.iter().filter(|(of, _)| *of == server).count()
    }

    /// What arrived at the newest connection of a server since it was last looked at.
    pub(crate) fn asked(&mut self, server: usize) -> String {
        if self.conns(server) == 0 {
            return String::new();
        }
        let link = self.conn(server);
        let bytes = self.stage.links[link].outward.take(usize::MAX);
        self.run();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// A server sends bytes on its newest connection.
    pub(crate) fn answers(&mut self, server: usize, bytes: impl AsRef<[u8]>) {
        let link = self.conn(server);
        assert!(!self.stage.links[link].closed, "the connection to server {server} is closed");
        self.stage.links[link].inward.set_room(usize::MAX / 2);
        self.stage.links[link].inward.write(bytes.as_ref());
        self.run();
    }

    /// Whether the newest connection of a server is open.
    pub(crate) fn is_up(&self, server: usize) -> bool {
        !self.stage.links[self.conn(server)].closed
    }

    pub(crate) fn server_closes(&mut self, server: usize) {
        let link = self.conn(server);
        self.stage.links[link].peer_closes();
        self.run();
    }

    pub(crate) fn server_resets(&mut self, server: usize) {
        let link = self.conn(server);
        self.stage.links[link].peer_resets();
        self.run();
    }

    pub(crate) fn client_closes(&mut self, who: Who) {
        self.stage.links[who.0].peer_closes();
        self.run();
    }

    pub(crate) fn client_finishes(&mut self, who: Who) {
        self.stage.links[who.0].peer_finishes();
        self.run();
    }

    pub(crate) fn client_resets(&mut self, who: Who) {
        self.stage.links[who.0].peer_resets();
        self.run();
    }

    /// Time passes; the driver wakes whenever the engine wants to be woken.
    pub(crate) fn wait(&mut self, milliseconds: u64) {
        let end = self.stage.now + milliseconds * 1000;
        while let Some(next) = self.stage.next_deadline().filter(|&next| next <= end) {
            self.stage.now = self.stage.now.max(next);
            self.run();
        }
        self.stage.now = end;
        self.run();
    }

    /// The `number`-th key that lives on a server.
    pub(crate) fn key(&self, server: usize, number: usize) -> String {
        let mut keys = (0..).map(|n| format!("k{n}")).filter(|key| self.lives_on(&[], server, key));
        keys.nth(number).expect("there is always one more")
    }

    /// Whether a key lives on a server while others are out.
    pub(crate) fn lives_on(&self, out: &[usize], server: usize, key: &str) -> bool {
        let settings = &self.stage.settings;
        let number =
            |server: &golem_config::Server| server.label.trim_start_matches('s').parse::<usize>().ok();
        let members: Vec<Member<'_>> = settings
            .servers
            .iter()
            .map(|server| {
                let live = !out.iter().any(|&out| number(server) == Some(out));
                Member { label: &server.label, weight: server.weight, live }
            })
            .collect();
        let ring = Ring::new(settings.hash, settings.hash_tag, settings.distribution, &members);
        let place = ring.server_of(key.as_bytes(), &mut Random::new(0));
        place.is_some_and(|place| number(&settings.servers[place.index()]) == Some(server))
    }

    /// A gauge or counter of a server.
    pub(crate) fn counter(&self, server: usize, name: &str) -> i64 {
        self.stage.server_counter(server, name)
    }

    /// No client, no request and no byte of one is left.
    pub(crate) fn is_empty(&self) -> bool {
        let engine = &self.stage.workers[0].engine;
        let gauges = ["in_queue", "in_queue_bytes", "out_queue", "out_queue_bytes"];
        let servers = 0..self.stage.settings.servers.len();
        let idle = servers.clone().all(|server| gauges.iter().all(|name| self.counter(server, name) == 0));
        engine.clients() == 0
            && engine.requests() == 0
            && idle
            && self.stage.pool_counter("client_connections") == 0
    }
}
