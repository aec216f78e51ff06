//! `outage`: what `cargo xtask outage` starts. golemproxy is the program that `GOLEMPROXY_PROGRAM` names.

use golem_e2e::failure::Outcome;
use golem_e2e::outage::{Ejection, Isolation, ejection, isolation};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("FAILED: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Outcome {
    for timeout in [Some(1000), None] {
        let phase = Duration::from_secs(4);
        println!("{}", isolation(Isolation { timeout, clients: 8, rounds: 5, phase })?);
    }
    println!("{}", ejection(Ejection { workers: 4, clients: 200, limit: 2, rounds: 6 })?);
    Ok(())
}
