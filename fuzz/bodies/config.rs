//! A configuration file of any bytes: no panic, every problem with a place inside the file and with words, every accepted
//! model within its documented limits.

#[path = "../../crates/golem-config/tests/promises/model.rs"]
mod model;

use golem_config::parse_bytes;

/// All bytes are the file.
pub(crate) fn run(bytes: &[u8]) {
    model::check(&String::from_utf8_lossy(bytes), &parse_bytes("F", bytes));
}
