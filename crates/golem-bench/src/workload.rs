//! What is asked: operations, keys, values. Which request comes at which position of which thread follows from the seed
//! alone, so whoever reads a value can find out whether the request that its stamp names wrote it.
//!
//! Keys are numbers: those of values from 0, those of counters from `COUNTERS`, those that only one connection uses from
//! `PRIVATE`.
//!
//! Invariant: all keys have one length, and nothing is allocated once a run has begun.

use crate::mix::{Mix, Operation};
use crate::names::Names;
use crate::popularity::{Choice, Popularity};
use crate::protocol::{CRLF, Command, Protocol, Store, Template, write_number};
use crate::random::{low, mixed, word};
use crate::sizes::Sizes;
use crate::value::{Fault, Stamp, Values};
use std::sync::atomic::{AtomicU64, Ordering};

/// The first counter.
pub(crate) const COUNTERS: u32 = 1_000_000_000;
/// The first key of a single connection.
pub(crate) const PRIVATE: u32 = 2_000_000_000;
/// More keys than this are refused.
pub const MOST_KEYS: u32 = 100_000_000;

/// What is asked, in the words of the one who asks for it.
#[derive(Clone, Debug)]
pub struct Outline {
    /// The language.
    pub protocol: Protocol,
    /// What is asked how often.
    pub mix: Mix,
    /// How many of 100 requests concern keys of the connection alone.
    pub private_percent: u8,
    /// How long values are.
    pub sizes: Sizes,
    /// How many keys there are, at least 1 and at most `MOST_KEYS`.
    pub keys: u32,
    /// Which of them are asked for.
    pub popularity: Popularity,
    /// Keys of one multiget.
    pub many: u32,
    /// Seconds after which a value may be gone; 0 for ever.
    pub ttl: u32,
    /// How keys begin.
    pub names: Names,
    /// Decides which requests are made.
    pub seed: u64,
}

/// A request before it has become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) operation: Operation,
    pub(crate) key: u32,
    /// Chance for what else there is to choose.
    pub(crate) word: u64,
    /// Who writes the value.
    pub(crate) stamp: Stamp,
}

/// What is asked, ready to be asked.
#[derive(Debug)]
pub struct Workload {
    pub(crate) protocol: Protocol,
    pub(crate) names: Names,
    pub(crate) values: Values,
    mix: Mix,
    /// Below this 32-bit chance a request is private.
    private_below: u64,
    sizes: Sizes,
    choice: Choice,
    keys: u32,
    pub(crate) many: usize,
    ttl: u32,
    get: Template,
    delete: Template,
    /// An increment by 1.
    count: Template,
    /// The beginning of a set, up to its value; only where all have one size.
    set: Option<Template>,
    seed: u64,
    /// Tells the values of this run from those of others; never 0.
    run: u16,
    threads: Vec<Thread>,
}

/// What one thread has asked so far.
#[derive(Debug)]
#[repr(align(128))]
struct Thread {
    seed: u64,
    /// Its requests up to here may have been sent.
    asked: AtomicU64,
}

impl Workload {
    /// For so many threads; `run` tells runs apart.
    ///
    /// # Errors
    /// Says what cannot be asked.
    pub fn new(outline: &Outline, threads: u32, run: u64) -> Result<Self, String> {
        let thread = |number| Thread {
            seed: mixed(outline.seed ^ mixed(u64::from(number) + 1)),
            asked: AtomicU64::new(0),
        };
        let (protocol, names, ttl) = (outline.protocol, &outline.names, outline.ttl);
        let set = |size: u32| {
            let command = |key| Command::Store { how: Store::Set, key, size: size as usize, ttl };
            Template::new(protocol, names, command)
        };
        Ok(Self {
            get: Template::new(protocol, names, Command::Get),
            delete: Template::new(protocol, names, Command::Delete),
            count: Template::new(protocol, names, |key| Command::Count { key, by: 1, is_down: false }),
            set: outline.sizes.only().map(set),
            protocol: outline.protocol,
            names: outline.names.clone(),
            values: Values::new(outline.sizes.largest()),
            mix: outline.mix.clone(),
            private_below: (u64::from(outline.private_percent.min(100)) << 32) / 100,
            sizes: outline.sizes.clone(),
            choice: Choice::new(outline.popularity, outline.keys)?,
            keys: outline.keys.max(1),
            many: outline.many.max(1) as usize,
            ttl: outline.ttl,
            seed: outline.seed,
            run: (mixed(run) >> 48) as u16 | 1,
            threads: (0..threads.max(1)).map(thread).collect(),
        })
    }

    /// Request `sequence` of a thread.
    pub(crate) fn planned(&self, thread: u32, sequence: u64) -> Planned {
        let seed = self.threads.get(thread as usize).map_or(0, |thread| thread.seed);
        let base = word(seed, sequence);
        let is_private = base >> 32 < self.private_below;
        let operation = if is_private { Operation::Private } else { self.mix.operation(low(base)) };
        let key = self.choice.key(word(base, 1));
        let key = if operation == Operation::Incr { COUNTERS + key } else { key };
        Planned { operation, key, word: base, stamp: Stamp::new(self.run, thread, sequence) }
    }

    /// The keys of a multiget.
    pub(crate) fn many_keys(&self, word_of_chance: u64) -> impl Iterator<Item = u32> {
        (0..self.many as u64).map(move |at| self.choice.key(word(word_of_chance, 8 + at)))
    }

    /// The size of the value that a request with this word writes.
    pub(crate) fn size(&self, word_of_chance: u64) -> usize {
        self.sizes.of(word(word_of_chance, 2)) as usize
    }

    /// Requests of the thread below `sequence` may be sent from now on.
    pub(crate) fn will_ask(&self, thread: u32, sequence: u64) {
        if let Some(thread) = self.threads.get(thread as usize) {
            thread.asked.store(sequence, Ordering::Release);
        }
    }

    /// The request that stores a key before the load: number `at` of them all; none when there are no more.
    pub(crate) fn first(&self, at: u32) -> Option<Planned> {
        let counters = if self.mix.has(Operation::Incr) { self.keys } else { 0 };
        let key = match at.checked_sub(self.keys) {
            None => at,
            Some(counter) if counter < counters => COUNTERS + counter,
            Some(_) => return None,
        };
        Some(Planned { operation: Operation::Set, key, word: self.first_word(key), stamp: Stamp::FIRST })
    }

    fn first_word(&self, key: u32) -> u64 {
        word(mixed(self.seed), u64::from(key))
    }

    /// Whether such a value was really written.
    pub(crate) fn judge(&self, key: u32, stamp: Stamp, size: usize) -> Result<(), Fault> {
        let planned = if stamp == Stamp::FIRST {
            Planned { operation: Operation::Set, key, word: self.first_word(key), stamp }
        } else {
            let (run, thread, sequence) = stamp.parts();
            if run != self.run {
                return Err("a value that another run wrote");
            }
            let asked =
                self.threads.get(thread as usize).map_or(0, |thread| thread.asked.load(Ordering::Acquire));
            if sequence >= asked {
                return Err("a value whose stamp nobody has used");
            }
            self.planned(thread, sequence)
        };
        if planned.operation != Operation::Set || planned.key != key {
            return Err("a value whose stamp belongs to another request");
        }
        if self.size(planned.word) == size {
            Ok(())
        } else {
            Err("a value of another length than was written")
        }
    }

    /// Whether values of shared keys may have this size.
    pub(crate) fn may_be(&self, size: usize) -> bool {
        self.sizes.only().is_none_or(|only| only as usize == size)
    }

    /// Appends the request that stores what a stamped request writes: a value, or the first number of a counter.
    pub(crate) fn write_set(&self, planned: Planned, out: &mut Vec<u8>) {
        if planned.key >= COUNTERS {
            return self.write_number(Store::Set, planned.key, 0, out);
        }
        let size = self.size(planned.word);
        let Some(set) = &self.set else {
            return self.write_value(Store::Set, planned.key, planned.stamp, size, self.ttl, out);
        };
        set.write(planned.key, out);
        self.values.write(planned.key, planned.stamp, size, out);
        out.extend_from_slice(CRLF);
    }

    /// Appends the request that reads a key.
    pub(crate) fn write_get(&self, key: u32, out: &mut Vec<u8>) {
        self.get.write(key, out);
    }

    /// Appends the request that deletes a key.
    pub(crate) fn write_delete(&self, key: u32, out: &mut Vec<u8>) {
        self.delete.write(key, out);
    }

    /// Appends the request that adds 1 to a counter.
    pub(crate) fn write_count(&self, key: u32, out: &mut Vec<u8>) {
        self.count.write(key, out);
    }

    /// Appends a request that stores a value.
    pub(crate) fn write_value(
        &self,
        how: Store,
        key: u32,
        stamp: Stamp,
        size: usize,
        ttl: u32,
        out: &mut Vec<u8>,
    ) {
        self.protocol.write(Command::Store { how, key, size, ttl }, &self.names, out);
        self.values.write(key, stamp, size, out);
        out.extend_from_slice(CRLF);
    }

    /// Appends a request that stores a number.
    pub(crate) fn write_number(&self, how: Store, key: u32, number: u32, out: &mut Vec<u8>) {
        let size = number.checked_ilog10().unwrap_or(0) as usize + 1;
        self.protocol.write(Command::Store { how, key, size, ttl: 0 }, &self.names, out);
        write_number(u64::from(number), out);
        out.extend_from_slice(CRLF);
    }

    /// The one size of all values, if there is one.
    pub(crate) fn only_size(&self) -> Option<usize> {
        self.sizes.only().map(|size| size as usize)
    }
}

/// Where requests come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Each key is stored once: from `next` in steps of `step`, so that threads share the keys.
    First { next: u32, step: u32 },
    /// The load, without end.
    Load { thread: u32, next: u64 },
    /// No more requests.
    Dry,
}

impl Source {
    /// The next request; `None` when there are no more.
    pub(crate) fn next(&mut self, workload: &Workload) -> Option<Planned> {
        match self {
            Self::First { next, step } => {
                let planned = workload.first(*next)?;
                *next = next.saturating_add(*step);
                Some(planned)
            }
            Self::Load { thread, next } => {
                let planned = workload.planned(*thread, *next);
                *next += 1;
                Some(planned)
            }
            Self::Dry => None,
        }
    }

    /// What has been taken may be sent from now on.
    pub(crate) fn publish(&self, workload: &Workload) {
        match self {
            Self::Load { thread, next } => workload.will_ask(*thread, *next),
            Self::First { .. } | Self::Dry => {}
        }
    }
}
