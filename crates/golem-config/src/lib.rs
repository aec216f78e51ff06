//! The configuration of golemproxy: text in, a checked model out, or *all* the problems of the file with their places.
//!
//! It stands before the data path: the application reads the file, hands its text over and builds pools from the
//! [`Config`]. The steps are one module each: `raw` keeps the tree with positions and scalars as their source text
//! (so `redis_auth: 007` stays `007` and a pool may be called `on`), [`keys`] is the table of all keys, `section` reads
//! one map by that table, `address` reads addresses and servers, `pool` and `process` check one map each, `pools`
//! checks the whole file. The rules are nutcracker's where nutcracker has the key; `docs/config.md` lists what differs.
//!
//! No file, environment variable or socket is touched here; host names are not resolved.

mod address;
pub mod difference;
pub mod keys;
mod model;
mod pool;
mod pools;
mod problem;
mod process;
mod raw;
mod scalar;
mod section;
mod suggest;

pub use model::{
    AdminCommands, AsWritten, Config, ListenAddress, ListenTarget, Loaded, MultigetFailure, Pool, Process,
    Server, ServerAddress, Threads,
};
pub use problem::Problem;

use problem::Problems;

/// Reads the text of a configuration file. `file_name` only appears in the problems.
///
/// # Errors
/// Every problem of the file in the order of the text. A file that is not YAML has the one problem where reading
/// stopped, with what was seen before it.
pub fn parse(file_name: &str, text: &str) -> Result<Loaded, Vec<Problem>> {
    let mut problems = Problems::new(file_name);
    let config = raw::read(text, &mut problems).and_then(|root| pools::check(&root, &mut problems));
    problems.finish(config)
}

/// As [`parse`], for the bytes of a file: bytes that are not UTF-8 are one more problem, with their place.
///
/// # Errors
/// As [`parse`].
pub fn parse_bytes(file_name: &str, bytes: &[u8]) -> Result<Loaded, Vec<Problem>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(file_name, text),
        Err(error) => {
            let mut problems = Problems::new(file_name);
            raw::report_not_utf8(bytes, error.valid_up_to(), &mut problems);
            problems.finish(None)
        }
    }
}
