//! `soak MINUTES CLIENTS SEED`: what `cargo xtask soak` starts. golemproxy is the program that `GOLEMPROXY_PROGRAM` names.

use golem_e2e::failure::{Failure, Outcome};
use golem_e2e::soak::{Options, run};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

fn main() -> ExitCode {
    match options().and_then(run) {
        Ok(report) => {
            println!("{report}\nno wrong reply");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("FAILED: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Outcome<Options> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [minutes, clients, seed] = words.as_slice() else {
        return Err(Failure::new("soak MINUTES CLIENTS SEED"));
    };
    let duration = Duration::try_from_secs_f64(number::<f64>(minutes)? * 60.0);
    let duration = duration.map_err(|error| Failure::new(format!("{minutes} minutes: {error}")))?;
    Ok(Options { duration, clients: number(clients)?, seed: number(seed)? })
}

fn number<T: FromStr>(word: &str) -> Outcome<T> {
    word.parse().map_err(|_| Failure::new(format!("'{word}' is no number")))
}
