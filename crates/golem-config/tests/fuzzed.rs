//! What the fuzzer of configuration files begins with, and what it found.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../../../fuzz/bodies/config.rs"]
mod config;
#[path = "../../../fuzz/bodies/replay.rs"]
mod replay;

#[test]
fn fuzzed_files_keep_their_promises() {
    replay::replay("config", config::run);
}
