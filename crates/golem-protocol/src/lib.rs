//! Bytes to frames: the first thing that touches what a client or a server sent. Nothing here does input or output,
//! looks at a clock, or allocates; positions are returned, bytes stay where the caller keeps them.
//!
//! Invariants: the same bytes give the same frames however they are cut, the work is linear in the bytes given even
//! when they come one at a time, and no input panics.
#![no_std]

#[cfg(test)]
extern crate std;

pub mod memcached;
