//! The result of a run: what was measured, as text for people (here) and for programs (`report/json`, `report/hdr`). Last
//! in the way of a run.

mod hdr;
mod json;

use crate::account::Usage;
use crate::mix::Operation;
use crate::session::{Pattern, Rules};
use crate::tally::{Tally, Times, percentile_us};
use std::fmt;
use std::time::Duration;

/// The percentiles that are told.
const PERCENTILES: [(&str, f64); 7] = [
    ("p50", 50.0),
    ("p90", 90.0),
    ("p95", 95.0),
    ("p99", 99.0),
    ("p99.9", 99.9),
    ("p99.99", 99.99),
    ("max", 100.0),
];

/// The result of a run.
#[derive(Debug)]
pub struct Report {
    /// Connections over all threads.
    pub connections: u32,
    /// Connections that said nothing.
    pub idle: u32,
    /// How each of them asked.
    pub rules: Rules,
    /// Requests per second that were to be sent; none in a closed loop.
    pub offered: Option<f64>,
    /// What was counted.
    pub tally: Tally,
    /// Good replies per second inside the window, over all threads.
    pub rate: f64,
    /// The length of the window.
    pub window: Duration,
    /// What the load generator itself used in the window.
    pub own: Usage,
    /// What the watched process used in the window.
    pub watched: Option<Usage>,
    /// The most memory that the watched process had at a time, in bytes.
    pub peak: Option<u64>,
    /// Memory of the watched process for each idle connection, in bytes.
    pub idle_bytes: Option<f64>,
    /// What processes that are no part of the measurement used in the window, over all processors.
    pub foreign: Duration,
}

impl Report {
    /// Operations that were counted.
    fn operations(&self) -> impl Iterator<Item = (Operation, u64)> {
        let counted = Operation::ALL.into_iter().map(|operation| (operation, self.tally.count(operation)));
        counted.filter(|(_, count)| *count > 0)
    }

    /// The part of the replies that one operation has, of the rate.
    fn rate_of(&self, count: u64) -> f64 {
        self.rate * count as f64 / self.tally.replies().max(1) as f64
    }

    /// Values that came, of those that were asked for; none when none were.
    fn hit_ratio(&self) -> Option<f64> {
        let asked = self.tally.hits + self.tally.misses;
        (asked > 0).then(|| self.tally.hits as f64 / asked as f64)
    }

    fn per_reply_us(&self, usage: Usage) -> f64 {
        usage.cpu.as_secs_f64() * 1e6 / (self.tally.replies().max(1)) as f64
    }

    fn cores(&self, cpu: Duration) -> f64 {
        cpu.as_secs_f64() / self.window.as_secs_f64().max(1e-9)
    }

    fn load_line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (connections, depth) = (self.connections, self.rules.depth);
        write!(f, "load       {connections} connections, ")?;
        match self.rules.pattern {
            Pattern::TopUp => write!(f, "{depth} in flight on each")?,
            Pattern::Burst => write!(f, "bursts of {depth} on each")?,
        }
        if let Some(rate) = self.offered {
            write!(f, ", {rate} requests per second offered")?;
        }
        if self.rules.requests_per_connection > 0 {
            write!(f, ", closed after {} requests", self.rules.requests_per_connection)?;
        }
        if self.idle > 0 {
            write!(f, "; {} more that say nothing", self.idle)?;
        }
        writeln!(f)
    }

    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{:<10} {:>10} {:>10} {:>9}", "", "replies", "per s", "mean us")?;
        for (name, _) in PERCENTILES {
            write!(f, " {name:>9}")?;
        }
        writeln!(f)?;
        for (operation, count) in self.operations() {
            self.table_line(f, operation.name(), count, self.tally.times(operation))?;
        }
        let all = self.tally.all_times();
        self.table_line(f, "all", self.tally.replies(), all.as_ref())?;
        writeln!(f)
    }

    fn table_line(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        count: u64,
        times: Option<&Times>,
    ) -> fmt::Result {
        let mean = times.map_or(0.0, Times::mean) / 1000.0;
        write!(f, "{name:<10} {count:>10} {:>10.0} {mean:>9.1}", self.rate_of(count))?;
        for (_, percent) in PERCENTILES {
            write!(f, " {:>9.1}", percentile_us(times, percent))?;
        }
        writeln!(f)
    }

    fn failures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = &self.tally;
        writeln!(
            f,
            "errors     {} ERROR, {} CLIENT_ERROR, {} SERVER_ERROR, {} connections lost, {} not made",
            tally.errors,
            tally.client_errors,
            tally.server_errors,
            tally.lost_connections,
            tally.failed_connects
        )?;
        for (text, count) in &tally.texts {
            writeln!(f, "           {count} x {text}")?;
        }
        if tally.lost_requests > 0 {
            writeln!(f, "lost       {} requests on connections that were lost", tally.lost_requests)?;
        }
        if tally.unanswered > 0 && self.offered.is_some() {
            let oldest_us = tally.oldest_unanswered_ns as f64 / 1000.0;
            writeln!(f, "unanswered {} at the end, the oldest for {oldest_us:.1} us", tally.unanswered)?;
        }
        Ok(())
    }

    fn usage_line(&self, f: &mut fmt::Formatter<'_>, name: &str, usage: Usage) -> fmt::Result {
        let us = self.per_reply_us(usage);
        let user = us * usage.user_part();
        writeln!(
            f,
            "{name:<10} {us:.3} us of CPU per reply (about {user:.2} user, {:.2} system), {:.2} cores",
            us - user,
            self.cores(usage.cpu)
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = &self.tally;
        self.load_line(f)?;
        let window_s = self.window.as_secs_f64();
        writeln!(f, "replies    {} in {window_s:.2} s: {:.0} per second", tally.replies(), self.rate)?;
        if let Some(ratio) = self.hit_ratio() {
            writeln!(f, "values     {} hits, {} misses: {:.4}", tally.hits, tally.misses, ratio)?;
        }
        self.failures(f)?;
        self.table(f)?;
        self.usage_line(f, "generator", self.own)?;
        if let Some(usage) = self.watched {
            self.usage_line(f, "watched", usage)?;
        }
        if let Some(peak) = self.peak {
            writeln!(f, "memory     {:.1} MiB at most", peak as f64 / 1_048_576.0)?;
        }
        if let Some(bytes) = self.idle_bytes {
            writeln!(f, "idle       {bytes:.0} bytes for each connection that says nothing")?;
        }
        writeln!(f, "foreign    {:.2} cores", self.cores(self.foreign))
    }
}

#[cfg(test)]
mod tests;
