//! Chance out of the input of a fuzzer, in the place of the simulation's dice: each decision takes a byte and turns it
//! among what a seed would have chosen.
//!
//! Invariant: zeros, and what comes after the last byte, leave the decisions as fair as the seed has them. Bytes alone could
//! keep a server from ever acting, and the history would fail for want of an end.

use std::cell::RefCell;

thread_local! {
    /// The input of the history that begins next.
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The next dice of this thread decide by `bytes`.
pub(crate) fn load(bytes: &[u8]) {
    INPUT.with_borrow_mut(|input| {
        input.clear();
        input.extend_from_slice(bytes);
    });
}

#[derive(Clone, Debug)]
pub(crate) struct Dice {
    state: u64,
    bytes: std::vec::IntoIter<u8>,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed, bytes: INPUT.take().into_iter() }
    }

    /// splitmix64, and the next byte of the input on top.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let turn = u64::from(self.bytes.next().unwrap_or(0));
        mixed.wrapping_add(turn.wrapping_mul(0x0101_0101))
    }

    /// A number below `end`; 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.next() % end as u64) as usize }
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True once in `times`.
    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of `choices`.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}
