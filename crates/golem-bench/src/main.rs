//! The program of the load generator; what it does is in `cli`.

use clap::Parser;
use golem_bench::cli::{Arguments, execute};
use std::io;
use std::process::ExitCode;

/// Load for memcached or Redis, or for a proxy before them, in which every reply is checked.
#[derive(Parser)]
#[command(name = "golem-bench", version)]
struct Program {
    #[command(flatten)]
    arguments: Arguments,
}

fn main() -> ExitCode {
    match execute(&Program::parse().arguments, &mut io::stdout().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("golem-bench: some requests failed");
            ExitCode::FAILURE
        }
        Err(what) => {
            eprintln!("golem-bench: {what}");
            ExitCode::FAILURE
        }
    }
}
