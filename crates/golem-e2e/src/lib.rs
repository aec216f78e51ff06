//! The harness of the end-to-end tests: real memcached, nutcracker and golemproxy as child processes on free ports, raw
//! clients that check every byte, servers that play a script, and transcripts that run against all of them.
//!
//! Nothing here waits for a time to pass: readiness is a connection that succeeds, and every wait has a deadline. What a
//! child writes is printed when it is dropped; the test runner shows it when the test fails.

pub mod conversation;
pub mod dice;
pub mod failure;
pub mod fake_server;
pub mod identity_server;
pub mod instance;
pub mod namespace;
pub mod outage;
mod pacing;
pub mod port;
pub mod process;
pub mod programs;
pub mod random_pool;
pub mod relay;
pub mod resident;
pub mod soak;
pub mod statistics;
pub mod target;
pub mod transcript;
pub mod waiting;

use std::path::{Path, PathBuf};

/// A file of the repository's `testdata/`.
pub fn test_data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(name)
}
