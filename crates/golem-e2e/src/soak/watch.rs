//! Watches the memory and the descriptors of the proxy: flat while it works, and back where they were when everybody has gone.

use super::ending::Ending;
use crate::failure::{Outcome, ensure};
use crate::resident::resident_memory;
use crate::statistics::{document, figures};
use crate::waiting::wait_until;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(500);

/// What allocators and tables may keep of what once was needed.
const KEPT: u64 = 48 << 20;

/// Memory and descriptors at one time.
#[derive(Clone, Copy, Default)]
struct Look {
    memory: u64,
    descriptors: usize,
}

/// All looks at one process.
pub(super) struct Watch {
    process: u32,
    stats: SocketAddr,
    start: Look,
    looks: Vec<Look>,
    end: Look,
}

impl Watch {
    /// Begins before any client has come, but for those that looked whether it serves.
    pub(super) fn begin(process: u32, stats: SocketAddr) -> Outcome<Self> {
        wait_until("nobody looks whether it serves", || Ok(gauge(stats, "/client_connections")? == 0))?;
        let start = look(process)?;
        Ok(Self { process, stats, start, looks: Vec::new(), end: Look::default() })
    }

    /// Looks until the end.
    pub(super) fn look_on(&mut self, ending: &Ending) -> Outcome {
        while !ending.wait(INTERVAL) {
            self.looks.push(look(self.process)?);
        }
        Ok(())
    }

    /// Everybody has gone: what is left are the connections to servers, as the statistics count them.
    pub(super) fn end(&mut self) -> Outcome {
        let (process, stats, start) = (self.process, self.stats, self.start);
        let mut end = Look::default();
        let waited = wait_until("descriptors and memory are back", || {
            let kept = gauge(stats, "/server_connections")?;
            end = look(process)?;
            Ok(end.descriptors <= start.descriptors + kept && end.memory < start.memory + KEPT)
        });
        self.end = end;
        waited.map_err(|failure| failure.during(format!("at the start {start}, now {end}")))?;
        let quarter = self.looks.len() / 4;
        let early = most(&self.looks[quarter..2 * quarter]);
        let late = most(&self.looks[3 * quarter..]);
        ensure(
            late.memory <= early.memory + early.memory / 4 + (16 << 20)
                && late.descriptors <= early.descriptors + early.descriptors / 4 + 20,
            format!("they grow: {early} in the second quarter, {late} in the last"),
        )
    }
}

/// The most of each.
fn most(looks: &[Look]) -> Look {
    looks.iter().fold(Look::default(), |most, look| Look {
        memory: most.memory.max(look.memory),
        descriptors: most.descriptors.max(look.descriptors),
    })
}

fn look(process: u32) -> Outcome<Look> {
    let descriptors = fs::read_dir(format!("/proc/{process}/fd"))?.count();
    Ok(Look { memory: resident_memory(process)?, descriptors })
}

/// A gauge of all pools or servers together.
fn gauge(stats: SocketAddr, name: &str) -> Outcome<usize> {
    let figures = figures(&document(stats)?)?;
    let counts = figures.iter().filter(|(path, _)| path.ends_with(name));
    Ok(counts.filter_map(|(_, count)| count.parse::<usize>().ok()).sum())
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} MB, {} descriptors", self.memory as f64 / f64::from(1 << 20), self.descriptors)
    }
}

impl fmt::Display for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quarter = self.looks.len() / 4;
        writeln!(f, "proxy at the start          {}", self.start)?;
        for (name, from) in [("first", 0), ("second", 1), ("third", 2), ("last", 3)] {
            let most = most(&self.looks[from * quarter..(from + 1) * quarter]);
            writeln!(f, "  most in the {name:<6} quarter {most}")?;
        }
        write!(f, "proxy when all have gone    {}", self.end)
    }
}
