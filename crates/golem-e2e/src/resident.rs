//! How much memory a process takes, as the kernel counts it.

use crate::failure::{Failure, Outcome};
use std::fs;

/// Bytes that the process has in memory now.
pub fn resident_memory(process: u32) -> Outcome<u64> {
    status(process, "VmRSS:")
}

/// The most that it ever had.
pub fn peak_memory(process: u32) -> Outcome<u64> {
    status(process, "VmHWM:")
}

fn status(process: u32, field: &str) -> Outcome<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes
        .map(|number| number << 10)
        .ok_or_else(|| Failure::new(format!("no {field} of process {process}")))
}
