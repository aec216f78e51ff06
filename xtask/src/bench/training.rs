//! Loads for a program that counts its own ways: those of the comparison that keep it busy, each over null servers.

use super::Problem;
use super::contestant::{Contestant, Servers};
use super::setting::Setting;
use super::stage::Stage;
use super::workload::chosen;
use std::path::Path;

/// A part of the names of those loads that are played. Of several that differ only in number one is enough.
const LOADS: [&str; 8] = [
    "50 clients, 1 in flight, 32 B",
    "500 clients, 1 in flight",
    "50 clients, 16 in flight",
    "50 clients, 1 in flight, 4 KiB",
    "50 clients, 1 in flight, 64 KiB",
    "multiget of 10 over 2",
    "multiget of 100 over 10",
    "connection churn",
];

/// Has `program` work through all of them, for so many seconds each, and end in order, so that its counts are written into the
/// folder `counts`. The load generator lies in `release`.
pub(crate) fn work_through(
    release: &Path,
    program: &Path,
    counts: &Path,
    seconds: f64,
) -> Result<(), Problem> {
    let server = Servers::Null.server(release);
    let proxy = Contestant::proxy("golemproxy", &format!("{} -c {{golem_conf}} -s 0", program.display()));
    let flags = ["--duration", &seconds.to_string(), "--warmup", "0"].map(str::to_owned);
    for workload in chosen(&LOADS.map(str::to_owned))? {
        eprintln!("{}", workload.name);
        let stage = Stage::new(Setting::Free, &release.join("golem-bench"), &server, &workload)?;
        let mut running = stage.start(&proxy)?;
        stage.measure(&running, proxy.role, &flags)?;
        running.end()?;
    }
    let written = std::fs::read_dir(counts).map_err(|error| format!("{}: {error}", counts.display()))?;
    if written.count() == 0 {
        return Err(format!("nothing was written into {}", counts.display()));
    }
    Ok(())
}
