//! The proxy's logic, free of input and output: bytes, a clock value and a random seed go in; bytes, wishes to connect
//! or close, and the next deadline come out. One [`Engine`] per worker; nothing here is shared between threads but
//! counters.
//!
//! The crate is `no_std` with `alloc`, so that clocks, files, sockets, threads and locks are not there to be used.
//!
//! The way of a request: `clients` (bytes in) → `requests` (scan, route) or `scatter` (several servers) → `server`
//! (outbox and FIFO) … `replies` (scan by the FIFO) → `gather` → `delivery` (leaves in order).
#![no_std]

extern crate alloc;

mod admission;
mod anew;
mod buffers;
mod chain;
mod check;
mod client;
mod clients;
pub mod coordinator;
pub mod counters;
mod crowding;
mod delivery;
mod doubt;
mod engine;
mod failing;
mod failure;
mod filling;
mod forward;
mod gather;
mod held;
mod held_back;
mod holding;
pub mod id;
mod incoming;
mod keys;
mod lane;
mod leaving;
mod limits;
mod local;
mod losses;
mod memory;
mod moving;
mod pace;
mod pipes;
mod pool;
mod pressure;
#[cfg(feature = "prototype")]
mod prototype;
mod reload;
mod repeat;
mod replies;
mod request;
mod requests;
mod rest;
#[cfg(test)]
mod rig;
mod scatter;
mod server;
mod servers;
mod spare;
mod succession;
mod table;
mod time;

pub use engine::{Engine, Notice, Setup, Wish};
pub use failure::Failure;
pub use filling::ReadTarget;
pub use pipes::PipeId;
pub use pool::{PoolIndex, ServerOf};
pub use pressure::WorkerLimits;
pub use succession::{NextPool, Origin, Succession};
pub use time::Time;
