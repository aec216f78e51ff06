//! A small seedable generator (SplitMix64 by Steele, Lea and Flood). The distribution `random` draws from it; the engine
//! owns one per worker, so that a whole run can be repeated from its seed. Not for secrets.

/// A generator of pseudo-random numbers: the same seed gives the same numbers on every platform.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The generator that starts from `seed`; every value is a good seed.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number, uniform over all of `u32`.
    pub fn next_u32(&mut self) -> u32 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 32) as u32
    }

    /// A number below `bound` (0 if `bound` is 0), without a division; the bias is below `bound / 2^32`.
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.next_u32()) * u64::from(bound)) >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn same_seed_gives_same_numbers() {
        // The published beginning of the SplitMix64 sequence for seed 1234567.
        let published: [u64; 5] = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        let mut random = Random::new(1_234_567);
        assert_eq!(published.map(|number| (number >> 32) as u32), published.map(|_| random.next_u32()));
        // And for seed 0.
        let mut random = Random::new(0);
        let published = [0xe220_a839_u32, 0x6e78_9e6a, 0x06c4_5d18, 0xf88b_b8a8, 0x1b39_896a];
        assert_eq!(published, published.map(|_| random.next_u32()));
    }

    #[test]
    fn below_stays_below_its_bound() {
        let mut random = Random::new(7);
        assert_eq!(random.below(0), 0);
        assert!((0..1000).all(|_| random.below(3) < 3));
    }
}
