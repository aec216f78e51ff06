//! nutcracker's twelve levels, and what each lets through.

use tracing_subscriber::filter::{LevelFilter, Targets};

/// The largest level.
pub const HIGHEST: u8 = 11;

/// The target of lines that appear at every level: start, signals, end.
pub const PROCESS: &str = "process";

/// What is logged at `level`: 0 nothing else than the lines of the process, 1 to 3 errors, 4 warnings, 5 what changes,
/// 6 and above each connection.
pub(super) fn filter(level: u8) -> Targets {
    let most = match level {
        0 => LevelFilter::OFF,
        1..=3 => LevelFilter::ERROR,
        4 => LevelFilter::WARN,
        5 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    Targets::new().with_default(most).with_target(PROCESS, most.max(LevelFilter::INFO))
}
