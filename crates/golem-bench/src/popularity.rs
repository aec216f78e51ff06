//! Which keys are asked for: all alike, or a few much more often than most (zipf). Part of the workload.
//!
//! Zipf by Walker's and Vose's method of aliases: a table of two numbers for each key, built once, and one look into it for
//! each choice, exact for any exponent.

use crate::random::{below, low};
use std::str::FromStr;

/// More keys than this have no table.
const MOST_WITH_TABLE: u32 = 1 << 24;

/// How much more often some keys are asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Popularity {
    /// All alike.
    Uniform,
    /// Key `n` (from 0) in proportion to `1/(n+1)^exponent`.
    Zipf(f64),
}

impl FromStr for Popularity {
    type Err = String;

    /// `uniform`, `zipf` (exponent 0.99) or `zipf:EXPONENT`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "uniform" => Ok(Self::Uniform),
            None if text == "zipf" => Ok(Self::Zipf(0.99)),
            Some(("zipf", number)) => {
                let exponent = number.parse().ok().filter(|exponent: &f64| (0.0..=10.0).contains(exponent));
                exponent.map(Self::Zipf).ok_or_else(|| format!("'{number}' is no exponent from 0 to 10"))
            }
            _ => Err(format!("'{text}': it is uniform, zipf, or zipf:EXPONENT")),
        }
    }
}

/// A choice among keys.
#[derive(Debug)]
pub(crate) struct Choice {
    keys: u32,
    /// Empty where all are alike.
    table: Vec<Cell>,
}

/// A key, or another one in its place.
#[derive(Clone, Copy, Debug)]
struct Cell {
    /// The key itself is taken when chance stays at or below this.
    own: u32,
    other: u32,
}

impl Choice {
    /// Among `keys` keys (at least 1).
    pub(crate) fn new(popularity: Popularity, keys: u32) -> Result<Self, String> {
        let keys = keys.max(1);
        match popularity {
            Popularity::Uniform => Ok(Self { keys, table: Vec::new() }),
            Popularity::Zipf(_) if keys > MOST_WITH_TABLE => {
                Err(format!("zipf is for at most {MOST_WITH_TABLE} keys"))
            }
            Popularity::Zipf(exponent) => Ok(Self { keys, table: table(keys, exponent) }),
        }
    }

    /// The key that a word of chance chooses.
    pub(crate) fn key(&self, word: u64) -> u32 {
        let key = below(word, self.keys);
        match self.table.get(key as usize) {
            Some(cell) if low(word) > cell.own => cell.other,
            Some(_) | None => key,
        }
    }
}

fn table(keys: u32, exponent: f64) -> Vec<Cell> {
    let weight = |key: u32| (f64::from(key) + 1.0).powf(-exponent);
    let all: f64 = (0..keys).map(weight).sum();
    // 1 is the share of a key when all are alike.
    let mut shares: Vec<f64> = (0..keys).map(|key| weight(key) / all * f64::from(keys)).collect();
    let mut cells: Vec<Cell> = (0..keys).map(|key| Cell { own: u32::MAX, other: key }).collect();
    let (mut poor, mut rich): (Vec<u32>, Vec<u32>) = (0..keys).partition(|&key| shares[key as usize] < 1.0);
    while let (Some(&lacking), Some(&giving)) = (poor.last(), rich.last()) {
        poor.pop();
        let share = shares[lacking as usize];
        cells[lacking as usize] = Cell { own: (share * f64::from(u32::MAX)) as u32, other: giving };
        shares[giving as usize] -= 1.0 - share;
        if shares[giving as usize] < 1.0 {
            rich.pop();
            poor.push(giving);
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::{Choice, Popularity};
    use crate::random::word;

    fn counts(popularity: Popularity, keys: u32) -> Vec<u32> {
        let choice = Choice::new(popularity, keys).unwrap();
        let mut seen = vec![0; keys as usize];
        for at in 0..200_000 {
            seen[choice.key(word(1, at)) as usize] += 1;
        }
        seen
    }

    #[test]
    fn zipf_keeps_its_proportions() {
        let seen = counts(Popularity::Zipf(1.0), 100);
        // The sum of 1/n up to 100 is 5.187.
        for (key, share) in [(0, 0.1928), (1, 0.0964), (9, 0.01928), (99, 0.001928)] {
            let found = f64::from(seen[key]) / 200_000.0;
            assert!((found / share - 1.0).abs() < 0.12, "key {key}: {found}");
        }
    }

    #[test]
    fn uniform_and_exponent_zero_are_even() {
        for popularity in [Popularity::Uniform, Popularity::Zipf(0.0)] {
            let seen = counts(popularity, 10);
            assert!(seen.iter().all(|n| (19_000..21_000).contains(n)), "{seen:?}");
        }
        assert_eq!(counts(Popularity::Zipf(3.0), 1), [200_000]);
    }

    #[test]
    fn words_are_read() {
        assert_eq!("uniform".parse(), Ok(Popularity::Uniform));
        assert_eq!("zipf".parse(), Ok(Popularity::Zipf(0.99)));
        assert_eq!("zipf:1.2".parse(), Ok(Popularity::Zipf(1.2)));
        for bad in ["", "zip", "zipf:", "zipf:-1", "zipf:nan", "uniform:1"] {
            assert!(bad.parse::<Popularity>().is_err(), "{bad}");
        }
        assert!(Choice::new(Popularity::Zipf(1.0), 100_000_000).is_err());
    }
}
