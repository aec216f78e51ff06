//! From a key to a server: hash functions, hash tags and distributions.
//!
//! In the data path this is the stop `route`: the engine asks a [`Ring`] for the server of each key, once, and carries
//! the answer. A ring never changes; after an ejection or a reload the coordinator's word leads to a new one.
//! Invariant: for the same pool every key goes to the server that nutcracker (twemproxy) 0.5.0 on x86-64 chooses; the
//! vectors in `testdata/placement` prove it.
//!
//! The crate is `no_std` with `alloc`: no clock and no system generator can be used, so a lookup depends on nothing but
//! its arguments. Lookups do not allocate.
#![no_std]

extern crate alloc;

pub mod distribution;
pub mod hash;
mod random;
mod ring;
mod tag;

pub use distribution::Distribution;
pub use hash::Hash;
pub use random::Random;
pub use ring::{Member, Ring, ServerIndex};
pub use tag::HashTag;
