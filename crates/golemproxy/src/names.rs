//! Names of servers to addresses, once for all workers: which address of a name is in use, when the name is looked up again,
//! and what an answer changes. Free of input and output: the supervisor's thread has the lookups made
//! (`coordination/lookups.rs`). No request comes by here, only connections that are to be made.
//!
//! Invariants: an address in use is given up only for an answer that does not have it, never because a lookup fails, gives
//! nothing or takes its time; all workers connect to the same address of a name; a name is looked up once at a time.

use golem_engine::Time;
use golem_ring::Random;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

/// Where an address is in use, nobody waits longer than this for a lookup that may show another one.
const PATIENCE: Duration = Duration::from_millis(200);
/// No name is looked up more often by itself.
const INTERVAL_LEAST: Duration = Duration::from_millis(100);
/// So long after a move the new address needs no further lookup: all that the move concerns connects again.
const FRESH: Duration = Duration::from_millis(100);

/// A name and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// A host name.
    pub host: String,
    /// A port.
    pub port: u16,
}

/// A server that is reached by a name.
#[derive(Clone, Debug)]
pub struct Use<S> {
    /// Which server.
    pub server: S,
    /// How often the name is looked up while it is in use; none: only when somebody connects.
    pub interval: Option<Duration>,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
}

/// What is to be done, in this order. `A` is who asks, `S` a server.
#[derive(Debug, PartialEq, Eq)]
pub enum Order<A, S> {
    /// Look this name up; then [`Names::resolved`].
    LookUp(u64, Name),
    /// Tell who asked; none: the name has no address that is known.
    Answer(A, Option<SocketAddr>),
    /// Tell all workers, the log and the statistics.
    Tell(Change<S>),
}

/// What has happened to a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<S> {
    /// To which.
    pub name: Name,
    /// The servers that are reached by it.
    pub servers: Vec<S>,
    /// What.
    pub news: News,
}

/// See [`Change`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It leads to another address than before.
    Moved {
        /// Before.
        from: SocketAddr,
        /// From now on.
        to: SocketAddr,
    },
    /// A lookup failed, or gave no address.
    Failed {
        /// Why.
        why: String,
        /// The one before it had succeeded, or it is the first.
        is_first: bool,
        /// The address that stays in use.
        kept: Option<SocketAddr>,
    },
    /// A lookup gives addresses again.
    Mended,
}

/// See the top of the file.
#[derive(Debug)]
pub struct Names<A, S> {
    entries: BTreeMap<Name, Entry<A, S>>,
    last_lookup: u64,
    random: Random,
    orders: VecDeque<Order<A, S>>,
    /// When [`Names::expire`] has something to do.
    deadline: Option<Time>,
}

/// One name.
#[derive(Debug)]
struct Entry<A, S> {
    servers: Vec<S>,
    interval: Option<Duration>,
    patience: Duration,
    /// The address in use.
    address: Option<SocketAddr>,
    /// When it took the place of another.
    moved: Option<Time>,
    /// The number of the lookup under way, and when it began.
    lookup: Option<(u64, Time)>,
    /// Who waits for it.
    waiting: Vec<A>,
    /// When it is looked up again if nobody connects before.
    due: Option<Time>,
    /// The last lookup failed.
    is_failing: bool,
}

impl<A, S> Entry<A, S> {
    const fn new() -> Self {
        Self {
            servers: Vec::new(),
            interval: None,
            patience: PATIENCE,
            address: None,
            moved: None,
            lookup: None,
            waiting: Vec::new(),
            due: None,
            is_failing: false,
        }
    }

    /// Until when those who wait go on doing so although there is an address.
    fn patient_until(&self) -> Option<Time> {
        let (_, since) = self.lookup.filter(|_| self.address.is_some())?;
        Some(since.after(self.patience))
    }

    /// The address that a new connection may use without a lookup.
    fn ready(&self, now: Time) -> Option<SocketAddr> {
        let is_slow = self.patient_until().is_some_and(|end| end <= now);
        let is_fresh = self.moved.is_some_and(|moved| now < moved.after(FRESH));
        self.address.filter(|_| is_slow || is_fresh)
    }

    fn deadline(&self) -> Option<Time> {
        let patience = self.patient_until().filter(|_| !self.waiting.is_empty());
        // While a lookup is under way its answer says when the next one is.
        let due = self.due.filter(|_| self.lookup.is_none());
        patience.into_iter().chain(due).min()
    }

    /// Takes an answer in, and says what of it is news.
    fn learn(&mut self, answer: Result<Vec<SocketAddr>, String>, now: Time) -> Option<News> {
        let found = match answer {
            Ok(addresses) if addresses.is_empty() => Err("it has no address".to_owned()),
            Ok(addresses) => Ok(addresses),
            Err(why) => Err(why),
        };
        let was_failing = std::mem::replace(&mut self.is_failing, found.is_err());
        let mended = was_failing.then_some(News::Mended);
        match (found, self.address) {
            (Err(why), kept) => Some(News::Failed { why, is_first: !was_failing, kept }),
            (Ok(addresses), Some(address)) if addresses.contains(&address) => mended,
            (Ok(addresses), from) => {
                let to = addresses.first().copied()?;
                self.address = Some(to);
                let Some(from) = from else { return mended };
                self.moved = Some(now);
                Some(News::Moved { from, to })
            }
        }
    }
}

impl<A, S: Clone> Names<A, S> {
    /// None are known yet. The seed is for the times between lookups, which vary a little, so that proxies that were started
    /// together do not ask together.
    pub const fn new(seed: u64) -> Self {
        Self {
            entries: BTreeMap::new(),
            last_lookup: 0,
            random: Random::new(seed),
            orders: VecDeque::new(),
            deadline: None,
        }
    }

    /// These servers are reached by names from now on, and no others: what is known of names that are still needed stays.
    pub fn serve(&mut self, uses: impl IntoIterator<Item = (Name, Use<S>)>, now: Time) {
        for entry in self.entries.values_mut() {
            (entry.interval, entry.patience) = (None, PATIENCE);
            entry.servers.clear();
        }
        for (name, one) in uses {
            let entry = self.entries.entry(name).or_insert_with(Entry::new);
            entry.servers.push(one.server);
            entry.patience = entry.patience.min(one.connect_timeout / 2);
            let interval = one.interval.map(|interval| interval.max(INTERVAL_LEAST));
            entry.interval = entry.interval.into_iter().chain(interval).min();
        }
        self.entries.retain(|_, entry| !entry.servers.is_empty() || entry.lookup.is_some());
        for entry in self.entries.values_mut() {
            let before = entry.due;
            plan(entry, now, &mut self.random);
            // Not put off, should this be asked again and again.
            entry.due = entry.due.map(|due| before.map_or(due, |before| due.min(before)));
        }
        self.note_deadline();
    }

    /// Somebody wants to connect to this name. One answer follows, when it is looked up; several who ask meanwhile have one
    /// lookup together.
    pub fn ask(&mut self, name: Name, asker: A, now: Time) {
        let entry = self.entries.entry(name.clone()).or_insert_with(Entry::new);
        if let Some(address) = entry.ready(now) {
            self.orders.push_back(Order::Answer(asker, Some(address)));
            return;
        }
        entry.waiting.push(asker);
        if entry.lookup.is_none() {
            self.last_lookup += 1;
            entry.lookup = Some((self.last_lookup, now));
            self.orders.push_back(Order::LookUp(self.last_lookup, name));
        }
        self.note_deadline();
    }

    /// What a lookup has given, or why it failed.
    pub fn resolved(&mut self, lookup: u64, answer: Result<Vec<SocketAddr>, String>, now: Time) {
        let found =
            self.entries.iter_mut().find(|(_, entry)| entry.lookup.is_some_and(|(id, _)| id == lookup));
        let Some((name, entry)) = found else { return };
        entry.lookup = None;
        // Whoever hears of a move connects anew; what it is told as well finds nobody.
        if let Some(news) = entry.learn(answer, now) {
            self.orders.push_back(Order::Tell(Change { name: name.clone(), servers: Vec::new(), news }));
        }
        let address = entry.address;
        let answers = entry.waiting.drain(..).map(|asker| Order::Answer(asker, address));
        self.orders.extend(answers);
        plan(entry, now, &mut self.random);
        // It may have been needed only by servers that are no more.
        self.entries.retain(|_, entry| !entry.servers.is_empty() || entry.lookup.is_some());
        self.note_deadline();
    }

    /// Looks at what is due.
    pub fn expire(&mut self, now: Time) {
        if self.deadline.is_none_or(|deadline| deadline > now) {
            return;
        }
        for (name, entry) in &mut self.entries {
            if let Some(address) = entry.ready(now) {
                let answers = entry.waiting.drain(..).map(|asker| Order::Answer(asker, Some(address)));
                self.orders.extend(answers);
            }
            if entry.lookup.is_none() && entry.due.is_some_and(|due| due <= now) {
                self.last_lookup += 1;
                entry.lookup = Some((self.last_lookup, now));
                self.orders.push_back(Order::LookUp(self.last_lookup, name.clone()));
            }
        }
        self.note_deadline();
    }

    /// When [`Names::expire`] has something to do if nothing happens before.
    pub const fn next_deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// The next thing to do.
    pub fn next_order(&mut self) -> Option<Order<A, S>> {
        let mut order = self.orders.pop_front()?;
        if let Order::Tell(change) = &mut order {
            // Those that have it now: they may be others than when it happened.
            change.servers =
                self.entries.get(&change.name).map_or_else(Vec::new, |entry| entry.servers.clone());
        }
        Some(order)
    }

    fn note_deadline(&mut self) {
        self.deadline = self.entries.values().filter_map(Entry::deadline).min();
    }
}

/// Plans the next lookup of a name in use: an interval from `now`, a tenth more or less.
fn plan<A, S>(entry: &mut Entry<A, S>, now: Time, random: &mut Random) {
    entry.due = entry.interval.filter(|_| entry.address.is_some()).map(|interval| {
        let tenth = u32::try_from(interval.as_millis() / 10).unwrap_or(u32::MAX / 2);
        let more = random.below(tenth.saturating_mul(2).saturating_add(1));
        now.after(interval.saturating_sub(Duration::from_millis(tenth.into())))
            .after(Duration::from_millis(more.into()))
    });
}

#[cfg(test)]
mod tests;
