//! What `cargo xtask soak` starts: `soak MINUTES CLIENTS SEED`, `soak --eject MINUTES CLIENTS SEED` or
//! `soak --reloads COUNT CLIENTS WORKERS SEED`. golemproxy is the program that `GOLEMPROXY_PROGRAM` names.

use golem_e2e::failure::{Failure, Outcome};
use golem_e2e::soak::{Options, ReloadOptions, reload, run};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

fn main() -> ExitCode {
    match soak() {
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

fn soak() -> Outcome<String> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match *words.as_slice() {
        [minutes, clients, seed] => run(timed(minutes, clients, seed, false)?),
        ["--eject", minutes, clients, seed] => run(timed(minutes, clients, seed, true)?),
        ["--reloads", reloads, clients, workers, seed] => reload(ReloadOptions {
            reloads: number(reloads)?,
            clients: number(clients)?,
            workers: number(workers)?,
            seed: number(seed)?,
        }),
        _ => Err(Failure::new(
            "soak [--eject] MINUTES CLIENTS SEED, or soak --reloads COUNT CLIENTS WORKERS SEED",
        )),
    }
}

fn timed(minutes: &str, clients: &str, seed: &str, ejects: bool) -> Outcome<Options> {
    let duration = Duration::try_from_secs_f64(number::<f64>(minutes)? * 60.0);
    let duration = duration.map_err(|error| Failure::new(format!("{minutes} minutes: {error}")))?;
    Ok(Options { duration, clients: number(clients)?, seed: number(seed)?, ejects })
}

fn number<T: FromStr>(word: &str) -> Outcome<T> {
    word.parse().map_err(|_| Failure::new(format!("'{word}' is no number")))
}
