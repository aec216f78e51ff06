//! The simulation's world with bytes for its chance: an ordinary test, which plays the fuzzer's seeds and what it found; and,
//! where a fuzzer is built, the fuzzer. It lies here because the files of the simulation find each other from here.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the simulation's files have more than a history needs")]
#![cfg_attr(not(test), no_main)]

mod coverage;
#[path = "../../../../fuzz/bodies/dice.rs"]
mod dice;
mod faults;
mod link;
mod oracle;
mod pipe;
#[cfg(test)]
#[path = "../../../../fuzz/bodies/replay.rs"]
mod replay;
#[path = "../../../../fuzz/bodies/schedule.rs"]
mod schedule;
mod stage;
mod world;

#[cfg(test)]
#[test]
fn fuzzed_histories_keep_every_promise() {
    replay::replay("schedule", schedule::run);
}

#[cfg(not(test))]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| schedule::run(bytes));
