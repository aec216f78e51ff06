//! The driver over real sockets of the loopback interface and the file system.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod accepting;
mod chaos;
mod connecting;
mod echoing;
mod piping;
mod reading;
mod recorder;
mod resetting;
mod turns;
mod writing;
