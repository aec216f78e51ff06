//! The load generator with which golemproxy is measured, the floor against which it is measured, and servers that cost as
//! little as they can.
//!
//! A closed loop of connections asks for keys and checks every reply (`workload` → `session` → `reply`), on the driver
//! that the proxy itself uses (`fleet`); `run` conducts, `account` reads what processes used, `report` tells. The floor
//! (`echo`) answers the same load without understanding it; the null server (`null`) understands it and stores nothing.
//! The load generator shares its machine with what it measures, so it allocates nothing per request and formats nothing.

pub mod account;
pub mod echo;
mod fleet;
pub mod null;
pub mod reply;
pub mod report;
pub mod run;
pub mod session;
pub mod tally;
pub mod workload;
