//! Which processor each process runs on.

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
}

/// Both.
pub(crate) const ALL: [Setting; 2] = [Setting::OwnCore, Setting::OneCore];

/// The processors of a setting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    /// Of what is measured.
    pub(crate) measured: usize,
    /// Of everything else.
    pub(crate) others: usize,
}

impl Setting {
    /// Chooses among the processors that this process may use.
    pub(crate) fn cores(self) -> Result<Cores, Problem> {
        let allowed = allowed()?;
        let first = allowed.first().copied();
        let measured = match self {
            Self::OneCore => first,
            Self::OwnCore => allowed.get(1).copied(),
        };
        match (measured, first) {
            (Some(measured), Some(others)) => Ok(Cores { measured, others }),
            (_, _) => Err(format!("{self}: not enough processors")),
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OwnCore => "what is measured on a core of its own, everything else on another",
            Self::OneCore => "everything on one core",
        })
    }
}

/// A command that runs on one processor.
pub(crate) fn pinned(core: usize, program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.arg("-c").arg(core.to_string()).arg(program);
    command
}

fn allowed() -> Result<Vec<usize>, Problem> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| format!("/proc: {error}"))?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    list.and_then(|list| parse(list.trim()))
        .ok_or_else(|| "/proc/self/status names no processors".to_string())
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
    use super::parse;

    #[test]
    fn lists_of_processors_are_read() {
        assert_eq!(parse("0-2,8"), Some(vec![0, 1, 2, 8]));
        assert_eq!(parse("5"), Some(vec![5]));
        assert_eq!(parse(""), None);
    }
}
