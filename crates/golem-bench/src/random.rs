//! Chance that can be repeated: SplitMix64 (Steele, Lea, Flood 2014) by position instead of by state. Whoever knows the
//! seed can ask again for the word at any position, so that a reply can be held against the request that wrote its value
//! without anything having been kept.

/// The distance of two positions.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The word at a position of the sequence that begins with `seed`.
pub(crate) fn word(seed: u64, at: u64) -> u64 {
    mixed(seed.wrapping_add(at.wrapping_mul(STEP)))
}

/// Spreads every bit of a number over all bits of the result; 0 stays 0.
pub(crate) fn mixed(number: u64) -> u64 {
    let mut word = number;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The upper half of `word` as a number below `bound`; 0 when `bound` is.
pub(crate) fn below(word: u64, bound: u32) -> u32 {
    // The product of two 32-bit numbers, shifted by 32, is below both.
    (((word >> 32) * u64::from(bound)) >> 32) as u32
}

/// The lower half of `word`.
pub(crate) fn low(word: u64) -> u32 {
    (word & 0xffff_ffff) as u32
}

#[cfg(test)]
mod tests {
    use super::{below, word};

    #[test]
    fn numbers_below_a_bound_are_even() {
        let mut seen = [0u32; 10];
        for at in 0..100_000 {
            seen[below(word(7, at), 10) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (9_500..10_500).contains(&n)), "{seen:?}");
        assert_eq!(below(u64::MAX, 0), 0);
    }
}
