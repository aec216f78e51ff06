//! The application: command line, supervisor and workers around the engine. It holds neither knowledge of a protocol
//! nor decisions about routes; those are the engine's.

pub mod cli;
pub mod config_file;
pub mod coordination;
pub mod crew;
pub mod defect;
pub mod demo;
pub mod descriptors;
pub mod doors;
pub mod logging;
pub mod mail;
pub mod names;
pub mod notices;
pub mod pid_file;
mod placement;
pub mod places;
pub mod reload;
pub mod room;
pub mod serve;
pub mod settings;
mod start_lines;
pub mod statistics;
pub mod supervisor;
pub mod worker;
