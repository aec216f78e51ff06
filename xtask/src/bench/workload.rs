//! The workloads: a row each.

use super::Problem;
use std::fmt;

/// When a connection sends its next requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// One for each reply.
    TopUp,
    /// As many together as may be in flight, when all replies have come.
    Burst,
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TopUp => "a request for each reply",
            Self::Burst => "the next burst when all replies have come",
        })
    }
}

/// What the load generator is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    /// How it is called in tables and for `--workload`.
    pub(crate) name: &'static str,
    /// Connections.
    pub(crate) connections: u32,
    /// Requests in flight on each.
    pub(crate) depth: u32,
    /// When they are sent.
    pub(crate) pattern: Pattern,
    /// Bytes of a value.
    pub(crate) value_size: u32,
    /// Keys.
    pub(crate) keys: u32,
}

const fn row(
    name: &'static str,
    connections: u32,
    depth: u32,
    pattern: Pattern,
    value_size: u32,
) -> Workload {
    Workload { name, connections, depth, pattern, value_size, keys: 10_000 }
}

static WORKLOADS: &[Workload] = &[
    row("50 clients, 1 in flight, 32 B", 50, 1, Pattern::TopUp, 32),
    row("500 clients, 1 in flight, 32 B", 500, 1, Pattern::TopUp, 32),
    row("50 clients, 16 in flight, 32 B", 50, 16, Pattern::TopUp, 32),
    row("50 clients, bursts of 16, 32 B", 50, 16, Pattern::Burst, 32),
    row("50 clients, 1 in flight, 4 KiB", 50, 1, Pattern::TopUp, 4096),
];

/// Those whose name contains one of `texts`; all, when there are none.
pub(crate) fn chosen(texts: &[String]) -> Result<Vec<Workload>, Problem> {
    let is_wanted =
        |workload: &&Workload| texts.is_empty() || texts.iter().any(|text| workload.name.contains(text));
    let found: Vec<Workload> = WORKLOADS.iter().filter(is_wanted).copied().collect();
    if found.is_empty() {
        let names: Vec<&str> = WORKLOADS.iter().map(|workload| workload.name).collect();
        return Err(format!("no workload is called like that; there are: {}", names.join("; ")));
    }
    Ok(found)
}
