//! A small memcached server. Its core, [`Store`] and [`Session`], does no input or output: bytes and a clock value go
//! in, reply bytes come out. The core is what the demo's cache servers run, what end-to-end tests put behind the
//! proxy with faults on demand, and the simulation's model of a server.
//!
//! [`MemServer`] serves the core to many clients over a socket, with [`Faults`] on demand.
//!
//! It is an oracle for the proxy, so it shares no code with the proxy's own parser: commands are read the way
//! memcached 1.6.18 reads them, and a differential test holds it to a real one byte for byte. It is deterministic:
//! the same bytes at the same clock values give the same replies, and nothing depends on the order of a hash table.

mod base64;
mod client;
mod command;
mod counters;
mod faults;
mod item;
mod listener;
mod number;
mod session;
mod store;
mod table;
mod words;

pub use counters::Counters;
pub use faults::{Faults, Garbage};
pub use item::Item;
pub use listener::MemServer;
pub use session::Session;
pub use store::{Options, Received, Store};
