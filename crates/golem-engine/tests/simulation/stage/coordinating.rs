//! The coordinator's part: reports of the engines go in, its word goes out to all of them by mailboxes, and its probes reach
//! the servers or do not, as the history says.

use super::{Settings, Stage, number_in, number_of};
use crate::link::{Attempt, Period};
use golem_engine::coordinator::{Change, Coordinator, Order, ProbeId, Report, Snapshot};
use golem_engine::counters::{AllCounters, WorkerCounters};
use golem_engine::{Failure, PoolIndex, Succession, Time};
use golem_ring::{Random, ServerIndex};
use std::collections::VecDeque;
use std::sync::Arc;

/// The coordinator's word about the first pool: which of the fake servers it has, and which of these are in the ring.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    snapshot: Arc<Snapshot>,
    settings: Arc<Settings>,
}

impl Word {
    /// The fake server that has `key`; none if all are out.
    pub(crate) fn home(&self, key: &[u8]) -> Option<usize> {
        let place = self.snapshot.ring().server_of(key, &mut Random::new(0))?;
        Some(number_in(&self.settings.servers[place.index()].label))
    }

    /// Whether it has this fake server, in the ring or out.
    pub(crate) fn has(&self, number: usize) -> bool {
        self.settings.servers.iter().any(|server| number_in(&server.label) == number)
    }

    /// The fake servers that are out of the ring.
    pub(crate) fn ejected(&self) -> impl Iterator<Item = usize> + '_ {
        let servers = (0..).map(ServerIndex::new).zip(&self.settings.servers);
        let out = servers.filter(|(server, _)| self.snapshot.is_ejected(*server));
        out.map(|(_, server)| number_in(&server.label))
    }
}

/// What the coordinator has sent to a worker.
struct Letter {
    what: Mail,
    /// The place of the word among all words, if it is one about the first pool.
    word: Option<usize>,
    /// The worker had looked just before it came.
    is_missed: bool,
}

#[derive(Clone)]
enum Mail {
    Follow(Arc<Snapshot>),
    /// Another configuration, with the worker's new counters and those of all.
    Reload(Arc<Succession>, Arc<WorkerCounters>, AllCounters),
}

pub(crate) struct Office {
    pub(crate) coordinator: Coordinator,
    pub(crate) counters: Arc<WorkerCounters>,
    /// On their way to the coordinator.
    pub(crate) reports: Vec<Report>,
    /// Probes that wait for an answer, with their servers.
    pub(crate) probes: Vec<(ProbeId, usize)>,
    /// What was said, for the history to look at.
    pub(crate) changes: Vec<Change>,
    /// Every word so far; the first is that all servers are in.
    pub(crate) words: Vec<Word>,
    /// Workers that have begun to follow a word, and the server connections that they had, for the history to look at.
    pub(crate) followed: Vec<(usize, Vec<usize>)>,
    /// Mail may come just after a worker has looked.
    pub(crate) is_slow: bool,
    mail: Vec<VecDeque<Letter>>,
}

impl Office {
    pub(crate) fn new(settings: &Arc<Settings>, workers: usize) -> Self {
        let counters = WorkerCounters::new(std::iter::once(settings.servers.len()));
        let first = |snapshot: &Arc<Snapshot>| Word {
            snapshot: Arc::clone(snapshot),
            settings: Arc::clone(settings),
        };
        let coordinator =
            Coordinator::new(&[Arc::clone(settings)], Arc::clone(&counters), 1_700_000_000_000_000);
        Self {
            words: coordinator.snapshots().map(first).collect(),
            coordinator,
            counters,
            reports: Vec::new(),
            probes: Vec::new(),
            changes: Vec::new(),
            followed: Vec::new(),
            is_slow: false,
            mail: (0..workers).map(|_| VecDeque::new()).collect(),
        }
    }
}

impl Stage {
    /// One turn of the coordinator.
    pub(crate) fn coordinate(&mut self) {
        self.office.coordinator.begin_turn(Time(self.now));
        for report in std::mem::take(&mut self.office.reports) {
            self.note(|| format!("{report:?}"));
            self.office.coordinator.report(report);
            self.steps += 1;
        }
        self.finish_coordinating();
    }

    fn finish_coordinating(&mut self) {
        let is_due = self.office.coordinator.next_deadline().is_some_and(|at| at.0 <= self.now);
        self.steps += u64::from(is_due);
        self.office.coordinator.expire();
        while let Some(order) = self.office.coordinator.next_order() {
            self.progress = true;
            match order {
                Order::Probe { probe, of } => self.office.probes.push((probe, number_of(&of))),
                Order::EndProbe(over) => self.office.probes.retain(|(probe, _)| *probe != over),
                Order::Notice(change) => {
                    self.note(|| format!("{change:?}"));
                    self.office.changes.push(change);
                }
                Order::Reload(next) => self.post_reload(&next),
                Order::Publish(snapshot) => {
                    let word = (snapshot.pool() == PoolIndex::new(0)).then(|| self.speak(&snapshot));
                    for mail in &mut self.office.mail {
                        let what = Mail::Follow(Arc::clone(&snapshot));
                        mail.push_back(Letter { what, word, is_missed: false });
                    }
                }
            }
        }
    }

    /// Notes a word; its place.
    fn speak(&mut self, snapshot: &Arc<Snapshot>) -> usize {
        let word = Word { snapshot: Arc::clone(snapshot), settings: Arc::clone(&self.settings) };
        self.office.words.push(word);
        self.office.words.len() - 1
    }

    /// Another configuration takes the place of the one in use.
    pub(crate) fn reload(&mut self, pools: Vec<Settings>) {
        let pools: Vec<Arc<Settings>> = pools.into_iter().map(Arc::new).collect();
        self.settings = Arc::clone(&pools[0]);
        self.office.coordinator.begin_turn(Time(self.now));
        self.office.coordinator.reload(&pools);
        self.coordinate();
    }

    fn post_reload(&mut self, next: &Arc<Succession>) {
        self.office.counters = Arc::clone(self.office.coordinator.counters());
        let counters: Vec<_> = self.newest_counters().iter().map(|counters| counters.next(next)).collect();
        let all = AllCounters(counters.iter().chain([&self.office.counters]).map(Arc::clone).collect());
        let word = next.pools().first().map(|pool| self.speak(&pool.snapshot));
        for (mail, counters) in self.office.mail.iter_mut().zip(counters) {
            let what = Mail::Reload(Arc::clone(next), counters, all.clone());
            mail.push_back(Letter { what, word, is_missed: false });
        }
    }

    /// Those of each worker, as they will be when it has read its mail.
    fn newest_counters(&self) -> Vec<Arc<WorkerCounters>> {
        let mailed = self.office.mail.iter().map(|mail| {
            mail.iter().rev().find_map(|letter| match &letter.what {
                Mail::Reload(_, counters, _) => Some(counters),
                Mail::Follow(_) => None,
            })
        });
        let workers = self.workers.iter().zip(mailed);
        workers.map(|(worker, mailed)| Arc::clone(mailed.unwrap_or(&worker.counters))).collect()
    }

    /// As [`Stage::move_server`], for any one.
    pub(crate) fn move_some_server(&mut self) {
        let server = self.dice.below(self.settings.servers.len());
        self.move_server(server);
    }

    /// All workers hear that `server` is at another address.
    pub(crate) fn move_server(&mut self, server: usize) {
        self.note(|| format!("server {server} moves"));
        self.has_moved = true;
        for worker in 0..self.workers.len() {
            self.workers[worker].engine.moved(PoolIndex::new(0), ServerIndex::new(server as u32));
            self.verify(worker);
        }
    }

    /// What a worker does first in its turn: take its mail, unless that comes just after it has looked. Then it takes it in its
    /// next turn, so that all workers agree within two turns of each.
    pub(super) fn take_mail(&mut self, worker: usize) {
        while let Some(letter) = self.office.mail[worker].front() {
            self.progress = true;
            if self.office.is_slow && !letter.is_missed && self.dice.one_in(3) {
                self.office.mail[worker].iter_mut().for_each(|letter| letter.is_missed = true);
                return;
            }
            if let Some(letter) = self.office.mail[worker].pop_front() {
                self.read_letter(worker, letter);
            }
        }
        let newest = self.office.words.last().map_or(0, |word| word.snapshot.number());
        if self.workers[worker].engine.followed(PoolIndex::new(0)) != newest {
            self.fail(&format!("worker {worker} does not follow the word {newest} that it has"));
        }
    }

    fn read_letter(&mut self, worker: usize, letter: Letter) {
        if let Some(word) = letter.word {
            let servers = self.begin_period(worker, word);
            self.workers[worker].word = word;
            self.office.followed.push((word, servers));
        }
        self.note(|| format!("worker {worker} follows word {:?}", letter.word));
        let here = &mut self.workers[worker];
        match letter.what {
            Mail::Follow(snapshot) => here.engine.follow(snapshot),
            Mail::Reload(next, counters, all) => {
                here.counters = Arc::clone(&counters);
                here.engine.reload(&next, counters, all);
            }
        }
        self.verify(worker);
    }

    /// What a worker queues from now on is queued under this word. Its server connections.
    fn begin_period(&mut self, worker: usize, word: usize) -> Vec<usize> {
        let links = self.workers[worker].links.values().copied();
        let servers: Vec<usize> = links.filter(|&link| self.links[link].server.is_some()).collect();
        for &at in &servers {
            let link = &self.links[at];
            let waiting = self.workers[worker].engine.unsent(link.connection);
            let is_made = link.attempt == Attempt::Over;
            let queued = if is_made { link.sent + waiting as u64 } else { u64::MAX };
            let period = Period { word, sent: link.sent, queued };
            self.links[at].periods.push(period);
        }
        servers
    }

    /// The probe of `server` is answered with `bytes`; false if there is none.
    pub(crate) fn answer_probe(&mut self, server: usize, bytes: &[u8]) -> bool {
        let Some(&(probe, _)) = self.office.probes.iter().find(|(_, of)| *of == server) else { return false };
        self.probe_hears(probe, bytes);
        true
    }

    /// Bytes come in on a probe's connection.
    pub(crate) fn probe_hears(&mut self, probe: ProbeId, bytes: &[u8]) {
        self.note(|| format!("{probe:?} hears {}", super::shown(bytes)));
        self.office.coordinator.begin_turn(Time(self.now));
        self.office.coordinator.probe_received(probe, bytes);
        self.steps += 1;
        self.finish_coordinating();
    }

    /// A probe's connection is lost, or cannot be made.
    pub(crate) fn probe_lost(&mut self, probe: ProbeId, failure: Failure) {
        self.note(|| format!("{probe:?} is lost: {failure:?}"));
        self.office.coordinator.begin_turn(Time(self.now));
        self.office.coordinator.probe_lost(probe, failure);
        self.office.probes.retain(|(id, _)| *id != probe);
        self.steps += 1;
        self.finish_coordinating();
    }
}
