//! The measurements of the bad day work, and what does not depend on time holds.

use golem_e2e::failure::{Outcome, ensure};
use golem_e2e::outage::{Ejection, Isolation, ejection, isolation};
use std::time::Duration;

#[test]
fn clients_of_other_servers_are_served_while_one_is_stopped() -> Outcome {
    let phase = Duration::from_millis(200);
    let report = isolation(Isolation { timeout: None, clients: 2, rounds: 1, phase })?.to_string();
    ensure(report.ends_with("failed requests: 0"), report)
}

#[test]
fn a_server_that_is_back_fails_nobody_and_an_idle_restart_ejects_nobody() -> Outcome {
    let report = ejection(Ejection { workers: 2, clients: 20, limit: 2, rounds: 1 })?.to_string();
    ensure(report.contains("afterwards 0\n") && report.contains("idle server: 0 ejected"), report)
}
