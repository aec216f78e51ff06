//! The load generator with which golemproxy is measured, the floor against which it is measured, and servers that cost as
//! little as they can.
//!
//! What is asked follows from a seed (`workload` with `mix`, `popularity`, `sizes`, `names`, `value`); connections ask it
//! in one of three languages and check every reply (`session` → `protocol`, `reply`, `private`), on the driver that the
//! proxy itself uses (`fleet`), as fast as replies come or at a fixed rate (`pace`). `run` conducts, `account` reads what
//! processes used, `tally` counts, `live` and `report` tell. The floor (`echo`) answers the same load without
//! understanding it; the null server (`null`) understands it and stores nothing; the bare proxy (`bare`) is the least that a
//! proxy can be. `outbox` holds what they have to say. `cli` is the command line of all this.
//!
//! The load generator shares its machine with what it measures, so it allocates nothing per request and formats nothing.

pub mod account;
pub mod bare;
pub mod cli;
pub mod echo;
mod fleet;
mod idle;
pub mod live;
pub mod mix;
pub mod names;
pub mod null;
mod outbox;
mod pace;
pub mod popularity;
mod private;
pub mod protocol;
mod random;
mod reply;
pub mod report;
pub mod run;
pub mod session;
pub mod sizes;
pub mod tally;
pub mod value;
pub mod workload;
