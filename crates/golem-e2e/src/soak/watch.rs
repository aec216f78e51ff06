//! Watches the memory and the descriptors of the proxy: flat while it works, and back where they were when everybody has gone.
//! Pipes come when large values do and go a second after the last; they are counted apart, and have a number of their own that
//! they never exceed.

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

/// Ends of pipes that a worker may have open (docs/operations.md, descriptors).
const PIPE_ENDS: usize = 64;

/// Memory and descriptors at one time.
#[derive(Clone, Copy, Default)]
struct Look {
    memory: u64,
    /// But for ends of pipes.
    descriptors: usize,
    pipe_ends: usize,
}

/// All looks at one process.
pub(super) struct Watch {
    process: u32,
    stats: SocketAddr,
    workers: usize,
    start: Look,
    looks: Vec<Look>,
    end: Look,
}

impl Watch {
    /// Begins before any client has come, but for those that looked whether it serves.
    pub(super) fn begin(process: u32, stats: SocketAddr, workers: usize) -> Outcome<Self> {
        wait_until("nobody looks whether it serves", || Ok(gauge(stats, "/client_connections")? == 0))?;
        let start = look(process)?;
        Ok(Self { process, stats, workers, start, looks: Vec::new(), end: Look::default() })
    }

    /// Looks until the end.
    pub(super) fn look_on(&mut self, ending: &Ending) -> Outcome {
        while !ending.wait(INTERVAL) {
            let look = look(self.process)?;
            ensure(
                look.pipe_ends <= self.start.pipe_ends + self.workers * PIPE_ENDS,
                format!("more pipes than {} workers may have: {look}", self.workers),
            )?;
            self.looks.push(look);
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
            Ok(end.descriptors <= start.descriptors + kept
                && end.pipe_ends == start.pipe_ends
                && end.memory < start.memory + KEPT)
        });
        self.end = end;
        waited.map_err(|failure| failure.during(format!("at the start {start}, now {end}")))?;
        let [_, early, _, late] = self.quarters();
        ensure(
            late.memory <= early.memory + early.memory / 4 + (16 << 20)
                && late.descriptors <= early.descriptors + early.descriptors / 4 + 20,
            format!("they grow: {early} in the second quarter, {late} in the last"),
        )
    }

    /// The most of each quarter of the time.
    fn quarters(&self) -> [Look; 4] {
        let count = self.looks.len();
        std::array::from_fn(|quarter| most(&self.looks[quarter * count / 4..(quarter + 1) * count / 4]))
    }
}

/// The most of each.
fn most(looks: &[Look]) -> Look {
    looks.iter().fold(Look::default(), |most, look| Look {
        memory: most.memory.max(look.memory),
        descriptors: most.descriptors.max(look.descriptors),
        pipe_ends: most.pipe_ends.max(look.pipe_ends),
    })
}

fn look(process: u32) -> Outcome<Look> {
    let mut look = Look { memory: resident_memory(process)?, descriptors: 0, pipe_ends: 0 };
    for entry in fs::read_dir(format!("/proc/{process}/fd"))? {
        // One that has been closed since is nothing any more.
        match fs::read_link(entry?.path()) {
            Ok(what) if what.as_os_str().as_encoded_bytes().starts_with(b"pipe:") => look.pipe_ends += 1,
            Ok(_) => look.descriptors += 1,
            Err(_) => {}
        }
    }
    Ok(look)
}

/// A gauge of all pools or servers together.
fn gauge(stats: SocketAddr, name: &str) -> Outcome<usize> {
    let figures = figures(&document(stats)?)?;
    let counts = figures.iter().filter(|(path, _)| path.ends_with(name));
    Ok(counts.filter_map(|(_, count)| count.parse::<usize>().ok()).sum())
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = self.memory as f64 / f64::from(1 << 20);
        write!(f, "{memory:.1} MB, {} descriptors, {} ends of pipes", self.descriptors, self.pipe_ends)
    }
}

impl fmt::Display for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "proxy at the start          {}", self.start)?;
        for (name, most) in ["first", "second", "third", "last"].into_iter().zip(self.quarters()) {
            writeln!(f, "  most in the {name:<6} quarter {most}")?;
        }
        write!(f, "proxy when all have gone    {}", self.end)
    }
}
