//! Histories told step by step, one sentence each: the cases of the protocol's page, what others get wrong, and the
//! invariants of the engine.

mod cases;
mod connecting;
mod counting;
mod cuts;
mod doubt;
mod ejection;
mod invariants;
mod leaving;
mod limits;
mod losses;
mod meta;
mod moved;
mod moving;
mod peers;
mod piping;
mod reconnecting;
mod reloading;
mod reloading_clients;
mod repeating;
mod restoring;
mod script;
mod server_limits;
mod stats;
mod uploads;
mod worker_limits;
