//! The core against a real memcached: the same bytes to both, the same bytes back.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends here")]

mod alphabet;
mod cuts;
mod differences;
mod real;
mod stream;
mod streams;
