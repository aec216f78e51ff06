//! The times of all replies as a distribution of percentiles, in the text form that HdrHistogram's own tools write and its
//! plotters read. Values are microseconds.

use super::Report;
use crate::tally::Times;
use std::fmt::Write;

/// Lines for each halving of the distance to 100 %.
const TICKS: u32 = 5;

impl Report {
    /// The distribution; only its head when nothing was counted.
    pub fn hdr(&self) -> String {
        let mut text = format!(
            "{:>12} {:>14} {:>10} {:>14}\n\n",
            "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
        );
        let Some(times) = self.tally.all_times() else { return text };
        let mut count = 0;
        for step in times.iter_quantiles(TICKS) {
            let part = step.quantile_iterated_to();
            let value_us = step.value_iterated_to() as f64 / 1000.0;
            count += step.count_since_last_iteration();
            // Writing to a String cannot fail.
            let _ = if part < 1.0 {
                writeln!(text, "{value_us:>12.3} {part:>2.12} {count:>10} {:>14.2}", 1.0 / (1.0 - part))
            } else {
                writeln!(text, "{value_us:>12.3} {part:>2.12} {count:>10}")
            };
        }
        foot(&times, &mut text);
        text
    }
}

fn foot(times: &Times, text: &mut String) {
    let us = |ns: f64| ns / 1000.0;
    let _ = writeln!(
        text,
        "#[Mean    = {:>12.3}, StdDeviation   = {:>12.3}]\n#[Max     = {:>12.3}, Total count    = {:>12}]\n\
         #[Buckets = {:>12}, SubBuckets     = {:>12}]",
        us(times.mean()),
        us(times.stdev()),
        us(times.max() as f64),
        times.len(),
        times.buckets(),
        2048
    );
}
