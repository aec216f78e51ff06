//! `golemproxy check`: says that a configuration file is ok and what it means, or everything that is wrong with it.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use golem_config::Loaded;

use super::Done;
use super::arguments::{ConfFile, HelpFlag};
use crate::config_file::{self, LoadError};
use crate::{settings, start_lines};

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
        writeln!(out, "{}", start_lines::pool(pool, workers))?;
    }
    for warning in &loaded.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    Ok(())
}
