//! golemproxy, the application: command line, supervisor, workers, logging. It knows no protocol and makes no routing
//! decision; those are the engine's.

pub mod notices;
pub mod places;
pub mod supervisor;
pub mod worker;
