//! `cargo xtask outage`: builds golemproxy and the measurements of the bad day for release, and runs them. What they do lies in
//! golem-e2e (`outage.rs`); this file only starts them.

use crate::soak::{build, release_folder, succeed};
use std::process::Command;

/// Runs the task.
pub(crate) fn run() -> Result<(), String> {
    build("outage")?;
    let release = release_folder()?;
    succeed(Command::new(release.join("outage")).env("GOLEMPROXY_PROGRAM", release.join("golemproxy")))
}
