//! What a worker costs: allocations and system calls per request, memory per idle client. A real worker runs on its
//! thread, over sockets, between real clients and cache servers of this process; a counting allocator watches its
//! thread only.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod batch_server;
mod heap;
mod idle;
mod requests;
mod running;
