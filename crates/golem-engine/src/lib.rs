//! The proxy's logic, free of input and output: bytes, a clock value and a random seed go in; bytes, wishes to connect
//! or close, and the next deadline come out. One engine per worker; nothing here is shared between threads but counters.
//!
//! The crate is `no_std` with `alloc`, so that clocks, files, sockets, threads and locks are not there to be used.
#![no_std]

extern crate alloc;

pub mod id;
