//! `golemproxy check`: says that a configuration file is ok and what it means, or everything that is wrong with it.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use golem_config::{Loaded, Pool};

use super::Done;
use super::arguments::{ConfFile, HelpFlag};
use crate::config_file::{self, LoadError};
use crate::settings;

/// The flags of `check`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    help: HelpFlag,
    #[command(flatten)]
    pub(super) conf_file: ConfFile,
}

/// Exit code 0 for a good file, with or without warnings; 1 for a wrong one.
pub(super) fn run(arguments: &CheckArguments, out: &mut impl Write) -> Done {
    let path = arguments.conf_file.path();
    match config_file::load(&path) {
        Ok(loaded) => {
            writeln!(out, "{}: ok", path.display())?;
            describe(&loaded, out)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error @ LoadError::Wrong(_)) => {
            writeln!(out, "{error}")?;
            Ok(ExitCode::FAILURE)
        }
        Err(error @ LoadError::Unreadable { .. }) => Err(error.into()),
    }
}

fn describe(loaded: &Loaded, out: &mut impl Write) -> std::io::Result<()> {
    let workers = settings::workers(loaded.config.process.threads);
    for pool in &loaded.config.pools {
        writeln!(out, "{}", pool_line(pool, workers))?;
    }
    for warning in &loaded.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    Ok(())
}

/// One line: where the pool listens, how it spreads keys, and how many connections each server will see at most.
fn pool_line(pool: &Pool, workers: usize) -> String {
    let connections = u64::from(pool.server_connections);
    let total = connections.saturating_mul(u64::try_from(workers).unwrap_or(u64::MAX));
    format!(
        "pool '{}': {}, {}, {} over {}; {} x {} = at most {total} to each server",
        pool.name,
        pool.listen.source,
        counted(pool.servers.len(), "server"),
        pool.distribution.name(),
        pool.hash.name(),
        counted(workers, "worker"),
        counted(pool.server_connections as usize, "connection"),
    )
}

fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}
