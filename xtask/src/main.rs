//! `cargo xtask COMMAND`: the project's own checks and measurements. This file only finds the command; each command is a module.
//!
//! Nothing here is needed to build or run golemproxy.

mod bench;
mod check;
mod cost;
mod docs;
mod layers;
mod optimized;
mod outage;
mod repository;
mod soak;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  check      everything that must be green before a change is merged, each stage timed
  layers     allowed dependencies, and the rules on source files
  docs       names, paths and links in the documents, and the reasons for dependencies
  bench      golemproxy beside nutcracker, the floor and no proxy at all: cargo xtask bench --help
  cost       instructions of a request, held against what was written down
  optimized  golemproxy built with a profile of itself at work: cargo xtask optimized --help
  outage     what a stopped server costs the clients of others, and a killed one until it is ejected
  soak       every reply checked while servers are killed and stopped: cargo xtask soak --help
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    let outcome = match command {
        "bench" => bench::run(rest),
        "check" => check::run(rest),
        "cost" => cost::run(rest),
        "layers" => layers::run(),
        "docs" => docs::run(),
        "optimized" => optimized::run(rest),
        "outage" => outage::run(),
        "soak" => soak::run(rest),
        "help" | "-h" | "--help" => {
            print!("{USAGE}");
            Ok(())
        }
        unknown => Err(format!("unknown command '{unknown}'\n\n{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{}", message.trim_end());
            ExitCode::FAILURE
        }
    }
}
