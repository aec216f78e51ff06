//! Which processor each process runs on, and how many descriptors it may have.

use super::Problem;
use std::fmt;
use std::process::Command;

/// A way to spread the processes over processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Setting {
    /// What is measured has a processor of its own; load generator and servers share another.
    OwnCore,
    /// Everything on one processor: large batches, and no wake-up crosses processors.
    OneCore,
    /// Everything wherever the kernel puts it; for measurements of several workers.
    Free,
}

/// Those that are measured unless one is named.
pub(crate) const USUAL: [Setting; 2] = [Setting::OwnCore, Setting::OneCore];

/// The processors of a setting, as `taskset` lists them.
#[derive(Clone, Debug)]
pub(crate) struct Cores {
    /// Of what is measured.
    pub(crate) measured: String,
    /// Of everything else.
    pub(crate) others: String,
}

impl Setting {
    /// Chooses among the processors that this process may use.
    pub(crate) fn cores(self) -> Result<Cores, Problem> {
        let list = allowed_list()?;
        let allowed = parse(&list).ok_or("/proc/self/status names no processors")?;
        let first = allowed.first().map(usize::to_string);
        let (measured, others) = match self {
            Self::OneCore => (first.clone(), first),
            Self::OwnCore => (allowed.get(1).map(usize::to_string), first),
            Self::Free => (Some(list.clone()), Some(list)),
        };
        match (measured, others) {
            (Some(measured), Some(others)) => Ok(Cores { measured, others }),
            (_, _) => Err(format!("{self}: not enough processors")),
        }
    }

    /// A word for file names.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::OwnCore => "own-core",
            Self::OneCore => "one-core",
            Self::Free => "free",
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OwnCore => "what is measured on a core of its own, everything else on another",
            Self::OneCore => "everything on one core",
            Self::Free => "everything wherever the kernel puts it",
        })
    }
}

/// A command that runs on these processors, with as many descriptors as it may have.
pub(crate) fn pinned(cores: &str, program: &str) -> Command {
    let mut command = Command::new("prlimit");
    command.arg(format!("--nofile={0}:{0}", descriptors())).args(["taskset", "-c", cores, program]);
    command
}

/// How many descriptors a process may have.
pub(crate) fn descriptors() -> u64 {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(1024)
}

/// How many processors this process may use.
pub(crate) fn count() -> usize {
    allowed_list().ok().and_then(|list| parse(&list)).map_or(1, |cores| cores.len())
}

fn allowed_list() -> Result<String, Problem> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| format!("/proc: {error}"))?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    list.map(|list| list.trim().to_owned()).ok_or_else(|| "/proc/self/status names no processors".to_string())
}

/// `0-3,8` as Linux writes it.
fn parse(list: &str) -> Option<Vec<usize>> {
    let mut cores = Vec::new();
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        cores.extend(first.parse::<usize>().ok()?..=last.parse().ok()?);
    }
    Some(cores)
}

#[cfg(test)]
mod tests {
    use super::{count, descriptors, parse};

    #[test]
    fn lists_of_processors_are_read() {
        assert_eq!(parse("0-2,8"), Some(vec![0, 1, 2, 8]));
        assert_eq!(parse("5"), Some(vec![5]));
        assert_eq!(parse(""), None);
        assert!(count() > 0 && descriptors() > 0);
    }
}
