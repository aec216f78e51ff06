//! What is asked how often. Part of the workload.

use crate::sizes::weight_of;
use std::str::FromStr;

/// Kinds of requests as they are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A read of one key.
    Get,
    /// A read of several keys.
    MultiGet,
    /// A write.
    Set,
    /// A delete.
    Delete,
    /// An increment of a counter.
    Incr,
    /// Anything on a key that only one connection uses, so that its reply is known beforehand.
    Private,
}

impl Operation {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 6] =
        [Self::Get, Self::MultiGet, Self::Set, Self::Delete, Self::Incr, Self::Private];

    /// How it is called in reports and, except the last, in `--mix`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::MultiGet => "multiget",
            Self::Set => "set",
            Self::Delete => "delete",
            Self::Incr => "incr",
            Self::Private => "private",
        }
    }

    /// Its position in `ALL`.
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

/// Operations, each with its share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix {
    /// Up to which value of a 32-bit chance each one is chosen; ascending, the last is `u32::MAX`.
    rows: Vec<(u32, Operation)>,
}

impl Mix {
    /// `get` in so many of 100 requests (more counts as 100), the others `set`.
    pub fn of_gets(percent: u8) -> Self {
        let percent = f64::from(percent.min(100));
        Self::weighted(&[(Operation::Get, percent), (Operation::Set, 100.0 - percent)])
    }

    fn weighted(weights: &[(Operation, f64)]) -> Self {
        let all: f64 = weights.iter().map(|(_, weight)| weight).sum();
        let mut sum = 0.0;
        let mut add = |&(operation, weight): &(Operation, f64)| {
            sum += weight;
            ((sum / all * f64::from(u32::MAX)) as u32, operation)
        };
        Self { rows: weights.iter().filter(|(_, weight)| *weight > 0.0).map(&mut add).collect() }
    }

    /// The operation that a 32-bit chance chooses.
    pub(crate) fn operation(&self, chance: u32) -> Operation {
        let found = self.rows.iter().find(|(up_to, _)| chance <= *up_to).or(self.rows.last());
        found.map_or(Operation::Get, |(_, operation)| *operation)
    }

    /// Whether it may come.
    pub fn has(&self, operation: Operation) -> bool {
        self.rows.iter().any(|(_, known)| *known == operation)
    }
}

impl FromStr for Mix {
    type Err = String;

    /// `get=90,set=10`, with any weights.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut weights: Vec<(Operation, f64)> = Vec::new();
        for row in text.split(',') {
            let (name, weight) =
                row.split_once('=').ok_or_else(|| format!("'{row}' is no OPERATION=WEIGHT"))?;
            let known = Operation::ALL.into_iter().filter(|known| *known != Operation::Private);
            let operation = known.into_iter().find(|known| known.name() == name).ok_or_else(|| {
                format!("'{name}' is no operation; there are get, multiget, set, delete and incr")
            })?;
            if weights.iter().any(|(known, _)| *known == operation) {
                return Err(format!("'{name}' is there twice"));
            }
            weights.push((operation, weight_of(weight)?));
        }
        if weights.iter().all(|(_, weight)| *weight <= 0.0) {
            return Err(format!("'{text}': all weights are 0"));
        }
        Ok(Self::weighted(&weights))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::{Mix, Operation};
    use crate::random::{low, word};

    #[test]
    fn shares_are_kept() {
        let mix: Mix = "get=80,set=15,delete=5,incr=0".parse().unwrap();
        let mut seen = [0u32; 6];
        for at in 0..100_000 {
            seen[mix.operation(low(word(9, at))).index()] += 1;
        }
        assert!((79_500..80_500).contains(&seen[0]), "{seen:?}");
        assert!((14_500..15_500).contains(&seen[2]), "{seen:?}");
        assert_eq!(seen[4], 0);
        assert!(mix.has(Operation::Delete) && !mix.has(Operation::Incr));
    }

    #[test]
    fn all_gets_and_all_sets_are_possible() {
        for (percent, operation) in [(100, Operation::Get), (0, Operation::Set)] {
            let mix = Mix::of_gets(percent);
            assert!((0..1000).all(|at| mix.operation(low(word(3, at))) == operation));
            assert_eq!((mix.operation(0), mix.operation(u32::MAX)), (operation, operation));
        }
    }

    #[test]
    fn what_is_no_mix_is_refused() {
        for bad in ["", "get", "get=x", "get=-1", "get=0", "private=1", "get=1,get=2", "touch=1"] {
            assert!(bad.parse::<Mix>().is_err(), "{bad}");
        }
    }
}
