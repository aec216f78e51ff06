//! The prototype of Redis pools on the simulation's stage: that the engine's queues, FIFOs and lanes carry whole frames, blocking
//! commands, transactions and subscriptions, however bytes are cut. Built with the feature `prototype` alone.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
#![allow(dead_code, reason = "the stage has more than this needs")]

mod dice;
mod link;
#[path = "redis/mixed.rs"]
mod mixed;
#[path = "redis/model.rs"]
mod model;
mod pipe;
#[path = "scripted/script.rs"]
mod script;
#[path = "redis/scripts.rs"]
mod scripts;
mod stage;
