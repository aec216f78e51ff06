//! `golemproxy demo`: its flags. What it does is in the module `demo` of the crate.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::Done;
use super::arguments::HelpFlag;
use crate::demo::{DemoOptions, demo};

/// The flags of `demo`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub(super) struct DemoArguments {
    #[command(flatten)]
    help: HelpFlag,
    /// How many cache servers, 1 to 64
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=64))]
    servers: u16,
    /// Where the pool listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:21211", value_parser = NonEmptyStringValueParser::new())]
    listen: String,
}

/// Serves the demo until a signal ends the process.
pub(super) fn run(arguments: &DemoArguments, out: &mut impl Write) -> Done {
    demo(&DemoOptions { servers: arguments.servers, listen: arguments.listen.clone() }, out)?;
    Ok(ExitCode::SUCCESS)
}
