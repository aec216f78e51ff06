//! The report for programs.

use super::{PERCENTILES, Report};
use crate::account::Usage;
use crate::mix::Operation;
use crate::tally::{Times, percentile_us};
use serde_json::{Map, Value, json};

impl Report {
    /// The whole report; times of replies in microseconds, memory in bytes.
    pub fn json(&self) -> Value {
        let tally = &self.tally;
        let operations: Map<String, Value> = self
            .operations()
            .map(|(operation, count)| {
                let times = times_json(tally.times(operation));
                let row = json!({ "replies": count, "rate": self.rate_of(count), "time_us": times });
                (operation.name().to_owned(), row)
            })
            .collect();
        let said: Map<String, Value> =
            tally.texts.iter().map(|(text, count)| (text.clone(), json!(count))).collect();
        json!({
            "connections": self.connections,
            "idle_connections": self.idle,
            "depth": self.rules.depth,
            "pattern": self.rules.pattern.name(),
            "requests_per_connection": self.rules.requests_per_connection,
            "offered_rate": self.offered,
            "replies": tally.replies(),
            "rate": self.rate,
            "window_s": self.window.as_secs_f64(),
            "get_hits": tally.hits,
            "get_misses": tally.misses,
            "hit_ratio": self.hit_ratio(),
            "set_stored": tally.count(Operation::Set),
            "operations": operations,
            "errors": {
                "error": tally.errors,
                "client_error": tally.client_errors,
                "server_error": tally.server_errors,
                "lost_connections": tally.lost_connections,
                "failed_connects": tally.failed_connects,
                "lost_requests": tally.lost_requests,
                "said": said,
            },
            "unanswered": tally.unanswered,
            "oldest_unanswered_us": tally.oldest_unanswered_ns as f64 / 1000.0,
            "time_us": times_json(tally.all_times().as_ref()),
            "generator": self.usage_json(self.own),
            "watched": self.watched.map(|usage| self.usage_json(usage)),
            "peak_memory_bytes": self.peak,
            "idle_connection_bytes": self.idle_bytes,
            "foreign_cores": self.cores(self.foreign),
        })
    }

    fn usage_json(&self, usage: Usage) -> Value {
        json!({
            "cpu_us_per_reply": self.per_reply_us(usage),
            "user_part": usage.user_part(),
            "cpu_s": usage.cpu.as_secs_f64(),
            "cores": self.cores(usage.cpu),
            "runs": usage.runs,
        })
    }
}

fn times_json(times: Option<&Times>) -> Value {
    let mut all: Map<String, Value> = PERCENTILES
        .iter()
        .map(|(name, percent)| ((*name).to_owned(), json!(percentile_us(times, *percent))))
        .collect();
    all.insert("mean".to_owned(), json!(times.map_or(0.0, Times::mean) / 1000.0));
    Value::Object(all)
}
