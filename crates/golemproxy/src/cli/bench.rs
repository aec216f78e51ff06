//! `golemproxy bench`: its flags. What it does is in the crate golem-bench.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::Done;
use super::arguments::HelpFlag;

/// The flags of `bench`.
#[derive(Debug, Args)]
pub(super) struct BenchArguments {
    #[command(flatten)]
    help: HelpFlag,
    #[command(flatten)]
    load: golem_bench::cli::Arguments,
}

/// Makes load, and reports.
pub(super) fn run(arguments: &BenchArguments, out: &mut impl Write) -> Done {
    if golem_bench::cli::execute(&arguments.load, out)? {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("golemproxy: some requests failed");
    Ok(ExitCode::FAILURE)
}
