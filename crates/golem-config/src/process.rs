//! The check of the process-wide settings under `golemproxy:`.
//!
//! What is not given stays unset, so that the command line can tell "not given" from "given as the default".

use std::time::Duration;

use crate::keys;
use crate::model::{Process, Threads};
use crate::problem::{Place, Problems};
use crate::raw::Entry;
use crate::section::Section;

/// The settings of the map `golemproxy:`, which may be absent.
pub(crate) fn check(place: Place<'_>, entries: &[Entry], problems: &mut Problems) -> Process {
    let section = Section::open(place, entries, keys::PROCESS_KEYS, keys::POOL_KEYS, problems);
    let (worker_soft_limit, worker_hard_limit) =
        section.limits(&keys::WORKER_SOFT_LIMIT, &keys::WORKER_HARD_LIMIT, problems);
    Process {
        threads: threads(&section, problems),
        log: section.text(&keys::LOG, problems),
        log_level: section.optional_number(&keys::LOG_LEVEL, problems),
        stats_addr: section.text(&keys::STATS_ADDR, problems),
        stats_port: section.optional_number(&keys::STATS_PORT, problems),
        pid_file: section.text(&keys::PID_FILE, problems),
        shutdown_delay: Duration::from_millis(section.number(&keys::SHUTDOWN_DELAY, problems)),
        worker_soft_limit,
        worker_hard_limit,
        shutdown_timeout: Duration::from_millis(section.number(&keys::SHUTDOWN_TIMEOUT, problems)),
        reload_on_hup: section.switch(&keys::RELOAD_ON_HUP, problems),
        given: section.as_written(),
    }
}

fn threads(section: &Section<'_>, problems: &mut Problems) -> Threads {
    match section.scalar(&keys::THREADS, problems) {
        Some(given) if given.text != keys::THREADS.default => {
            section.optional_number(&keys::THREADS, problems).map_or(Threads::Auto, Threads::Count)
        }
        _ => Threads::Auto,
    }
}
