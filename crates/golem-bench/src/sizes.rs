//! How long values are: all alike, evenly spread, or by weights. Part of the workload.

use crate::random::{below, low};
use std::str::FromStr;

/// The largest value that can be asked for.
const LARGEST: u32 = 1 << 30;

/// Sizes of values in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// Always this one.
    Fixed(u32),
    /// Any of these with equal chance.
    Range {
        /// The smallest.
        low: u32,
        /// The largest.
        high: u32,
    },
    /// Some sizes, each with a weight.
    Weighted(Vec<Weighted>),
}

/// A size, and up to where it is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weighted {
    /// Of a sum of all weights that is `u32::MAX`, its own and those before it.
    up_to: u32,
    size: u32,
}

impl Sizes {
    /// The size that a word of chance chooses.
    pub(crate) fn of(&self, word: u64) -> u32 {
        match self {
            Self::Fixed(size) => *size,
            Self::Range { low, high } => low + below(word, high - low + 1),
            Self::Weighted(rows) => {
                let at = low(word);
                rows.iter().find(|row| at <= row.up_to).or(rows.last()).map_or(0, |row| row.size)
            }
        }
    }

    /// The largest that may come.
    pub(crate) fn largest(&self) -> u32 {
        match self {
            Self::Fixed(size) => *size,
            Self::Range { high, .. } => *high,
            Self::Weighted(rows) => rows.iter().map(|row| row.size).max().unwrap_or(0),
        }
    }

    /// The only size, where there is only one.
    pub fn only(&self) -> Option<u32> {
        match self {
            Self::Fixed(size) => Some(*size),
            Self::Range { .. } | Self::Weighted(_) => None,
        }
    }
}

impl FromStr for Sizes {
    type Err = String;

    /// `32`, `100-4096`, or sizes with weights: `32:90,4096:9,65536:1`.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains(':') {
            return weighted(text).map(Self::Weighted);
        }
        match text.split_once('-') {
            None => size(text).map(Self::Fixed),
            Some((from, to)) => {
                let (low, high) = (size(from)?, size(to)?);
                if low > high {
                    return Err(format!("'{text}': the first size is the smaller one"));
                }
                Ok(Self::Range { low, high })
            }
        }
    }
}

fn size(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|size| *size <= LARGEST);
    number.ok_or_else(|| format!("'{text}' is no size: a number from 0 to {LARGEST}"))
}

fn weighted(text: &str) -> Result<Vec<Weighted>, String> {
    let mut rows = Vec::new();
    for row in text.split(',') {
        let (bytes, weight) = row.split_once(':').ok_or_else(|| format!("'{row}' is no SIZE:WEIGHT"))?;
        rows.push((size(bytes)?, weight_of(weight)?));
    }
    let all: f64 = rows.iter().map(|(_, weight)| weight).sum();
    if all <= 0.0 {
        return Err(format!("'{text}': all weights are 0"));
    }
    let mut sum = 0.0;
    let mut add = |(size, weight): (u32, f64)| {
        sum += weight;
        // A float that is too large becomes the largest number.
        Weighted { up_to: (sum / all * f64::from(u32::MAX)) as u32, size }
    };
    Ok(rows.into_iter().filter(|(_, weight)| *weight > 0.0).map(&mut add).collect())
}

/// A weight: a number that is not negative.
pub(crate) fn weight_of(text: &str) -> Result<f64, String> {
    let weight = text.parse().ok().filter(|weight: &f64| weight.is_finite() && *weight >= 0.0);
    weight.ok_or_else(|| format!("'{text}' is no weight: a number that is not negative"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::Sizes;
    use crate::random::word;

    fn drawn(text: &str) -> Vec<u32> {
        let sizes: Sizes = text.parse().unwrap();
        (0..10_000).map(|at| sizes.of(word(3, at))).collect()
    }

    #[test]
    fn one_size_is_the_only_one() {
        assert!(drawn("32").iter().all(|&size| size == 32));
        assert_eq!("32".parse::<Sizes>().unwrap().only(), Some(32));
    }

    #[test]
    fn range_reaches_both_ends_and_no_further() {
        let all = drawn("10-19");
        assert_eq!((all.iter().min(), all.iter().max()), (Some(&10), Some(&19)));
        assert!(drawn("0-1073741824").iter().any(|&size| size > 1 << 29));
    }

    #[test]
    fn weights_are_kept() {
        let all = drawn("1:90,2:9,3:1,4:0");
        let count = |wanted| all.iter().filter(|&&size| size == wanted).count();
        assert!((8_850..9_150).contains(&count(1)), "{}", count(1));
        assert!((60..140).contains(&count(3)), "{}", count(3));
        assert_eq!(count(4), 0);
        assert_eq!("1:90,20:1".parse::<Sizes>().unwrap().largest(), 20);
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for bad in ["", "x", "-1", "9-8", "1:", "1:x", "1:0", ":1", "1:2,3", "1073741825", "1:-1"] {
            assert!(bad.parse::<Sizes>().is_err(), "{bad}");
        }
    }
}
