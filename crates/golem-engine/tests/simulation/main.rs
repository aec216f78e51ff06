//! The engine in a deterministic simulation: fake clients, fake servers, a fake clock, everything out of one seed.
//!
//! `GOLEM_SIM_SEEDS` says how many random histories are played (default 600), `GOLEM_SIM_FIRST` with which seed they
//! start (default 0). A failure names its seed; `GOLEM_SIM_SEED=n` plays that one alone, and `GOLEM_SIM_TRACE=1` tells
//! what happens in it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod coverage;
mod dice;
mod faults;
mod link;
mod oracle;
mod pipe;
mod random;
mod scripted;
mod stage;
mod world;
