//! From samples to tables: medians, spread, and ratios to nutcracker and to the floor. A ratio is the median of the
//! rounds' ratios: numerator and denominator were measured within seconds of each other.

use super::contestant::{Role, Servers};
use super::rounds::{Measured, Row, Sample};
use super::setting::Setting;
use std::fmt::Write;

/// Markdown, a table per workload.
pub(crate) fn render(setting: Setting, servers: Servers, measured: &[Measured]) -> String {
    let mut text = format!("## {setting}; {servers} servers\n");
    for part in measured {
        let load = part.workload;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n### {} ({}; get/set 90/10, {} keys)\n", load.name, load.pattern, load.keys);
        text.push_str(
            "| | CPU us/request | spread | user us | of nutcracker | of the floor | requests/s | p50 us | p99 us | p99.9 us \
             | cores | generator us | foreign cores |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        let find = |is: &dyn Fn(&Row) -> bool| part.rows.iter().find(|row| is(row));
        let nutcracker = find(&|row| row.contestant == "nutcracker");
        let floor = find(&|row| row.role == Role::Floor);
        for row in &part.rows {
            text.push_str(&line(row, nutcracker, floor));
        }
    }
    text
}

fn line(row: &Row, nutcracker: Option<&Row>, floor: Option<&Row>) -> String {
    let of = |get: &dyn Fn(&Sample) -> f64| median(row.samples.iter().map(get).collect());
    let ratio = |other: Option<&Row>| {
        other.map_or("–".to_string(), |other| {
            let pairs = row.samples.iter().zip(&other.samples);
            format!("{:.3}", median(pairs.map(|(mine, theirs)| mine.cpu_us / theirs.cpu_us).collect()))
        })
    };
    format!(
        "| {} | {:.3} | {:.1} % | {:.2} | {} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.2} | {:.2} | {:.2} |\n",
        row.contestant,
        of(&|sample| sample.cpu_us),
        spread(&row.samples) * 100.0,
        of(&|sample| sample.cpu_us * sample.user_part),
        ratio(nutcracker),
        ratio(floor),
        of(&|sample| sample.rate),
        of(&|sample| sample.p50_us),
        of(&|sample| sample.p99_us),
        of(&|sample| sample.p999_us),
        of(&|sample| sample.cores),
        of(&|sample| sample.generator_us),
        of(&|sample| sample.foreign_cores),
    )
}

/// How far the CPU times of the rounds lie apart, as a part of their median.
fn spread(samples: &[Sample]) -> f64 {
    let times = || samples.iter().map(|sample| sample.cpu_us);
    let most = times().fold(f64::MIN, f64::max);
    let least = times().fold(f64::MAX, f64::min);
    (most - least) / median(times().collect())
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    match numbers.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => numbers[n / 2],
        n => f64::midpoint(numbers[n / 2 - 1], numbers[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Sample, line, median, spread};
    use crate::bench::contestant::Role;

    fn row(name: &str, role: Role, cpu_us: &[f64]) -> Row {
        let sample = |&cpu_us: &f64| Sample {
            cpu_us,
            user_part: 0.5,
            rate: 1000.0,
            p50_us: 1.0,
            p99_us: 2.0,
            p999_us: 3.0,
            cores: 1.0,
            generator_us: 1.5,
            foreign_cores: 0.0,
        };
        Row { contestant: name.to_string(), role, samples: cpu_us.iter().map(sample).collect() }
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let mine = row("golemproxy", Role::Proxy, &[1.0, 2.0, 30.0]);
        let theirs = row("nutcracker", Role::Proxy, &[2.0, 4.0, 60.0]);
        let text = line(&mine, Some(&theirs), None);
        assert!(text.starts_with("| golemproxy | 2.000 | 1450.0 % | 1.00 | 0.500 | – | 1000 |"), "{text}");
    }

    #[test]
    fn median_and_spread_of_few_numbers() {
        assert!((median(vec![4.0, 1.0, 3.0]) - 3.0).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < 1e-9);
        assert!(median(Vec::new()).is_nan());
        assert!((spread(&row("a", Role::Floor, &[9.0, 10.0, 11.0]).samples) - 0.2).abs() < 1e-9);
    }
}
