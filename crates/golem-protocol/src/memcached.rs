//! The memcached text protocol with its meta commands, both directions. `line` finds a request's line, `parse` says
//! what it asks, `reply` reads what a server answers, `texts` holds the lines that the proxy writes itself.
//!
//! Source followed: `doc/protocol.txt` of memcached 1.6, and what Debian's memcached 1.6.18 does where that is silent.

mod command;
pub mod invariants;
mod key;
mod line;
mod number;
mod parse;
mod reply;
mod request;
mod search;
mod span;
pub mod texts;

pub use command::{Command, Group, Shape};
pub use key::{DECODED_KEY_MAX, decode_key};
pub use line::{LineScan, scan_line};
pub use parse::{parse_line, scan_get};
pub use reply::{ErrorKind, ReplyScan, Status, is_hidden, scan_hit, scan_reply, scan_value};
pub use request::{Keys, Limits, Parsed, Refusal, Request, Then, keys_of};
pub use span::Span;
