//! One measurement: what the load generator reports of one run.

use super::Problem;
use serde_json::{Value, json};

/// One measurement.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    /// CPU time of what is measured, per reply.
    pub(crate) cpu_us: f64,
    /// The part of it spent in user mode.
    pub(crate) user_part: f64,
    /// Replies per second.
    pub(crate) rate: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    /// How much of its processors the measured process used.
    pub(crate) cores: f64,
    /// The most memory that it has had at a time since it started, in bytes.
    pub(crate) peak_bytes: f64,
    /// Its memory for each idle connection; NaN when there were none.
    pub(crate) idle_bytes: f64,
    /// CPU time of the load generator, per reply.
    pub(crate) generator_us: f64,
    /// Processors that were busy with something that is not part of the run.
    pub(crate) foreign_cores: f64,
}

impl Sample {
    /// What a report says.
    pub(crate) fn of(report: &Value) -> Result<Self, Problem> {
        let number = |path: &str| {
            report
                .pointer(path)
                .and_then(Value::as_f64)
                .ok_or_else(|| format!("golem-bench's report has no {path}"))
        };
        if number("/get_misses")? > 0.0 {
            return Err("keys that were stored are not found".to_owned());
        }
        Ok(Self {
            cpu_us: number("/watched/cpu_us_per_reply")?,
            user_part: number("/watched/user_part")?,
            rate: number("/rate")?,
            p50_us: number("/time_us/p50")?,
            p99_us: number("/time_us/p99")?,
            p999_us: number("/time_us/p99.9")?,
            cores: number("/watched/cores")?,
            peak_bytes: number("/peak_memory_bytes")?,
            idle_bytes: number("/idle_connection_bytes").unwrap_or(f64::NAN),
            generator_us: number("/generator/cpu_us_per_reply")?,
            foreign_cores: number("/foreign_cores")?,
        })
    }

    /// For programs; what was not measured is null.
    pub(crate) fn json(&self) -> Value {
        json!({
            "cpu_us": self.cpu_us,
            "user_part": self.user_part,
            "rate": self.rate,
            "p50_us": self.p50_us,
            "p99_us": self.p99_us,
            "p99.9_us": self.p999_us,
            "cores": self.cores,
            "peak_bytes": self.peak_bytes,
            "idle_connection_bytes": self.idle_bytes,
            "generator_us": self.generator_us,
            "foreign_cores": self.foreign_cores,
        })
    }
}

/// The middle of some numbers; NaN of none.
pub(crate) fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    match numbers.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => numbers[n / 2],
        n => f64::midpoint(numbers[n / 2 - 1], numbers[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::{Sample, median};
    use serde_json::json;

    #[test]
    fn median_of_few_numbers() {
        assert!((median([4.0, 1.0, 3.0]) - 3.0).abs() < 1e-9);
        assert!((median([4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < 1e-9);
        assert!(median([]).is_nan());
    }

    #[test]
    fn report_must_be_whole_and_have_found_what_was_stored() {
        let mut report = json!({
            "get_misses": 0, "rate": 5.0, "peak_memory_bytes": 7, "foreign_cores": 0.0,
            "watched": { "cpu_us_per_reply": 1.0, "user_part": 0.5, "cores": 1.0 },
            "time_us": { "p50": 1.0, "p99": 2.0, "p99.9": 3.0 },
            "generator": { "cpu_us_per_reply": 0.5 },
        });
        assert!(Sample::of(&report).is_ok_and(|sample| sample.idle_bytes.is_nan()));
        report["get_misses"] = json!(1);
        assert!(Sample::of(&report).is_err_and(|what| what.contains("not found")));
        assert!(Sample::of(&json!({})).is_err());
    }
}
