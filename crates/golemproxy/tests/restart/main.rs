//! Workers that panic begin anew, and the process ends when that does not help.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at what it did not expect")]

mod client;
mod process;
mod stage;
mod trap;
mod worker;
