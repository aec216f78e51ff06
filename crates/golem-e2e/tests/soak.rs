//! The soak, for a few seconds. `cargo xtask soak` runs it for as long as one likes.

use golem_e2e::failure::Outcome;
use golem_e2e::soak::{Options, ReloadOptions, reload, run};
use std::time::Duration;

#[test]
fn clients_that_know_what_they_may_be_told_are_told_nothing_else() -> Outcome {
    let report = run(Options { duration: Duration::from_secs(12), clients: 50, seed: 1, ejects: false })?;
    println!("{report}");
    Ok(())
}

#[test]
fn nobody_notices_that_the_configuration_changes() -> Outcome {
    for workers in [1, 2] {
        let report = reload(ReloadOptions { reloads: 25, clients: 20, workers, seed: 1 })?;
        println!("{report}");
    }
    Ok(())
}
