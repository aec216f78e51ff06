//! The result of a run: what was measured, as text for people and as JSON for programs. Last in the way of a run.

use crate::account::Usage;
use crate::session::{Pattern, Rules};
use crate::tally::Tally;
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// The result of a run.
#[derive(Debug)]
pub struct Report {
    /// Connections over all threads.
    pub connections: u32,
    /// How each of them asked.
    pub rules: Rules,
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
    /// What processes that are no part of the measurement used in the window, over all processors.
    pub foreign: Duration,
}

impl Report {
    fn per_reply_us(&self, usage: Usage) -> f64 {
        usage.cpu.as_secs_f64() * 1e6 / (self.tally.replies().max(1)) as f64
    }

    fn foreign_cores(&self) -> f64 {
        self.foreign.as_secs_f64() / self.window.as_secs_f64().max(1e-9)
    }

    fn usage_json(&self, usage: Usage) -> Value {
        json!({
            "cpu_us_per_reply": self.per_reply_us(usage),
            "user_part": usage.user_part(),
            "cpu_s": usage.cpu.as_secs_f64(),
            "cores": usage.cpu.as_secs_f64() / self.window.as_secs_f64().max(1e-9),
            "runs": usage.runs,
        })
    }

    /// The whole report; times of replies in microseconds.
    pub fn json(&self) -> Value {
        let tally = &self.tally;
        json!({
            "connections": self.connections,
            "depth": self.rules.depth,
            "pattern": self.rules.pattern.name(),
            "replies": tally.replies(),
            "rate": self.rate,
            "window_s": self.window.as_secs_f64(),
            "get_hits": tally.hits,
            "get_misses": tally.misses,
            "set_stored": tally.stored,
            "errors": {
                "error": tally.errors,
                "client_error": tally.client_errors,
                "server_error": tally.server_errors,
                "lost_connections": tally.lost_connections,
            },
            "time_us": {
                "p50": tally.percentile_us(50.0),
                "p99": tally.percentile_us(99.0),
                "p99.9": tally.percentile_us(99.9),
                "max": tally.percentile_us(100.0),
            },
            "generator": self.usage_json(self.own),
            "watched": self.watched.map(|usage| self.usage_json(usage)),
            "foreign_cores": self.foreign_cores(),
        })
    }

    fn usage_line(&self, f: &mut fmt::Formatter<'_>, name: &str, usage: Usage) -> fmt::Result {
        let us = self.per_reply_us(usage);
        let user = us * usage.user_part();
        writeln!(
            f,
            "{name:<10} {us:.3} us of CPU per reply (about {user:.2} user, {:.2} system), {:.2} cores",
            us - user,
            usage.cpu.as_secs_f64() / self.window.as_secs_f64().max(1e-9)
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = &self.tally;
        let (connections, depth) = (self.connections, self.rules.depth);
        match self.rules.pattern {
            Pattern::TopUp => writeln!(f, "load       {connections} connections, {depth} in flight on each")?,
            Pattern::Burst => writeln!(f, "load       {connections} connections, bursts of {depth} on each")?,
        }
        writeln!(
            f,
            "replies    {} in {:.2} s: {:.0} per second",
            tally.replies(),
            self.window.as_secs_f64(),
            self.rate
        )?;
        writeln!(f, "get        {} hits, {} misses", tally.hits, tally.misses)?;
        writeln!(f, "set        {} stored", tally.stored)?;
        writeln!(
            f,
            "errors     {} ERROR, {} CLIENT_ERROR, {} SERVER_ERROR, {} connections lost",
            tally.errors, tally.client_errors, tally.server_errors, tally.lost_connections
        )?;
        writeln!(
            f,
            "time       p50 {:.1} us, p99 {:.1} us, p99.9 {:.1} us, longest {:.1} us",
            tally.percentile_us(50.0),
            tally.percentile_us(99.0),
            tally.percentile_us(99.9),
            tally.percentile_us(100.0)
        )?;
        self.usage_line(f, "generator", self.own)?;
        if let Some(usage) = self.watched {
            self.usage_line(f, "watched", usage)?;
        }
        writeln!(f, "foreign    {:.2} cores", self.foreign_cores())
    }
}

#[cfg(test)]
mod tests {
    use super::Report;
    use crate::account::Usage;
    use crate::reply::Reply;
    use crate::session::{Pattern, Rules};
    use crate::tally::Tally;
    use std::time::Duration;

    fn report(pattern: Pattern) -> Report {
        let mut tally = Tally::default();
        tally.begin();
        for _ in 0..1000 {
            tally.record(Reply::Hit, 50_000);
        }
        let used = Usage { cpu: Duration::from_millis(4), user_ticks: 1, system_ticks: 3, runs: 9 };
        Report {
            connections: 50,
            rules: Rules { depth: 16, pattern, verify: false, against_echo: false },
            tally,
            rate: 500.0,
            window: Duration::from_secs(2),
            own: Usage::default(),
            watched: Some(used),
            foreign: Duration::from_millis(500),
        }
    }

    #[test]
    fn cpu_time_is_told_per_reply() {
        let json = report(Pattern::TopUp).json();
        assert_eq!(json["watched"]["cpu_us_per_reply"], 4.0);
        assert_eq!(json["watched"]["user_part"], 0.25);
        assert_eq!(json["replies"], 1000);
        let p50 = json["time_us"]["p50"].as_f64().unwrap_or_default();
        assert!((p50 - 50.0).abs() < 0.1, "{p50}");
    }

    #[test]
    fn text_names_both_processes() {
        let text = report(Pattern::TopUp).to_string();
        assert!(
            text.contains("watched    4.000 us of CPU per reply (about 1.00 user, 3.00 system)"),
            "{text}"
        );
        assert!(text.contains("generator  0.000 us"), "{text}");
        assert!(text.contains("foreign    0.25 cores"), "{text}");
    }

    #[test]
    fn pattern_is_told() {
        for (pattern, name, words) in [
            (Pattern::TopUp, "top-up", "load       50 connections, 16 in flight on each\n"),
            (Pattern::Burst, "burst", "load       50 connections, bursts of 16 on each\n"),
        ] {
            assert_eq!(report(pattern).json()["pattern"], name);
            assert!(report(pattern).to_string().starts_with(words), "{}", report(pattern));
        }
    }
}
