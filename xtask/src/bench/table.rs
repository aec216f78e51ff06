//! From samples to tables: medians, spread, and ratios to nutcracker and to the floor. A ratio is the median of the
//! rounds' ratios: numerator and denominator were measured within seconds of each other.

use super::contestant::{BARE, Role, Servers};
use super::rounds::{Measured, Row};
use super::sample::{Sample, median};
use super::setting::{Setting, descriptors};
use std::fmt::Write;

const HEAD: &str = "\
| | CPU us/request | spread | user us | of nutcracker | of the bare proxy | of the floor | requests/s | p50 us | p99 us | p99.9 us | cores \
| peak MiB | generator us | foreign cores |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
";

/// Markdown, a table per workload.
pub(crate) fn render(setting: Setting, servers: Servers, measured: &[Measured]) -> String {
    let mut text = format!("## {setting}; {servers} servers\n");
    for part in measured {
        let load = part.workload;
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "\n### {}\n\n{} servers behind the proxies; `golem-bench {}`\n",
            load.name,
            load.servers,
            load.load(descriptors()).join(" ")
        );
        text.push_str(HEAD);
        let beside = Beside::of(part);
        for row in &part.rows {
            text.push_str(&line(row, &beside));
        }
        for extra in [scaled(setting, part), idle(part), equal(part), calls(part), faults(part)] {
            text.push_str(&extra);
        }
    }
    text
}

/// Those that others are compared with.
pub(crate) struct Beside<'a> {
    pub(crate) nutcracker: Option<&'a Row>,
    pub(crate) bare: Option<&'a Row>,
    pub(crate) floor: Option<&'a Row>,
}

impl<'a> Beside<'a> {
    pub(crate) fn of(part: &'a Measured) -> Self {
        let find = |is: &dyn Fn(&Row) -> bool| part.rows.iter().find(|row| is(row));
        Self {
            nutcracker: find(&|row| row.contestant == "nutcracker"),
            bare: find(&|row| row.contestant == BARE),
            floor: find(&|row| row.role == Role::Floor),
        }
    }
}

/// The median of the rounds' ratios of CPU time; none without the other.
pub(crate) fn ratio(row: &Row, other: Option<&Row>) -> Option<f64> {
    let pairs = row.samples.iter().zip(&other?.samples);
    Some(median(pairs.map(|(mine, theirs)| mine.cpu_us / theirs.cpu_us))).filter(|ratio| ratio.is_finite())
}

fn line(row: &Row, beside: &Beside<'_>) -> String {
    if row.samples.is_empty() {
        return String::new();
    }
    let shown = |other| ratio(row, other).map_or("–".to_string(), |ratio: f64| format!("{ratio:.3}"));
    format!(
        "| {} | {:.3} | {:.1} % | {:.2} | {} | {} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.2} | {:.1} | {:.2} | {:.2} |\n",
        row.contestant,
        row.median(|sample| sample.cpu_us),
        spread(&row.samples) * 100.0,
        row.median(|sample| sample.cpu_us * sample.user_part),
        shown(beside.nutcracker),
        shown(beside.bare),
        shown(beside.floor),
        row.median(|sample| sample.rate),
        row.median(|sample| sample.p50_us),
        row.median(|sample| sample.p99_us),
        row.median(|sample| sample.p999_us),
        row.median(|sample| sample.cores),
        row.median(|sample| sample.peak_bytes) / 1_048_576.0,
        row.median(|sample| sample.generator_us),
        row.median(|sample| sample.foreign_cores),
    )
}

/// What more workers bring, compared with the first row; only where nothing is bound to a processor.
fn scaled(setting: Setting, part: &Measured) -> String {
    let Some((first, others)) = part.rows.split_first().filter(|_| setting == Setting::Free) else {
        return String::new();
    };
    let mut text =
        format!("\n| | rate, of {0} | CPU us/request, of {0} |\n|---|---|---|\n", first.contestant);
    for row in others {
        let pairs = row.samples.iter().zip(&first.samples);
        let rate = median(pairs.map(|(mine, theirs)| mine.rate / theirs.rate));
        let cpu = ratio(row, Some(first)).unwrap_or(f64::NAN);
        let _ = writeln!(text, "| {} | {rate:.2} | {cpu:.3} |", row.contestant);
    }
    text
}

/// Memory of idle connections, where there were some.
fn idle(part: &Measured) -> String {
    if !part.workload.is_idle() {
        return String::new();
    }
    let mut text = "\n| | bytes for each idle client |\n|---|---|\n".to_owned();
    for row in &part.rows {
        // Later rounds find the memory of the first ones.
        if let Some(first) = row.samples.first() {
            let _ = writeln!(text, "| {} | {:.0} |", row.contestant, first.idle_bytes);
        }
    }
    text
}

/// Times at one rate for all, where they were measured.
fn equal(part: &Measured) -> String {
    let Some(rate) = part.equal_rate else { return String::new() };
    let mut text = format!(
        "\n{rate:.0} requests per second offered to all:\n\n| | p50 us | p99 us | p99.9 us | p99 of nutcracker | CPU us/request |\n\
         |---|---|---|---|---|---|\n"
    );
    let nutcracker = Beside::of(part).nutcracker;
    for row in part.rows.iter().filter(|row| !row.equal.is_empty()) {
        let of = |get: fn(&Sample) -> f64| median(row.equal.iter().map(get));
        let pairs = nutcracker.into_iter().flat_map(|other| row.equal.iter().zip(&other.equal));
        let ratio = median(pairs.map(|(mine, theirs)| mine.p99_us / theirs.p99_us));
        let ratio = if ratio.is_nan() { "–".to_owned() } else { format!("{ratio:.3}") };
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.0} | {:.0} | {ratio} | {:.3} |",
            row.contestant,
            of(|sample| sample.p50_us),
            of(|sample| sample.p99_us),
            of(|sample| sample.p999_us),
            of(|sample| sample.cpu_us),
        );
    }
    text
}

/// System calls, where they were counted.
fn calls(part: &Measured) -> String {
    let rows: Vec<_> = part.rows.iter().filter_map(|row| Some((row, row.calls.as_ref()?))).collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut text = "\n| | system calls for each request | of these |\n|---|---|---|\n".to_owned();
    for (row, calls) in rows {
        let _ = writeln!(text, "| {} | {:.3} | {} |", row.contestant, calls.all(), calls.words());
    }
    text
}

/// What could not be measured.
fn faults(part: &Measured) -> String {
    let rows = part.rows.iter().filter_map(|row| Some((row, row.fault.as_ref()?)));
    rows.map(|(row, fault)| format!("\n{}: `{}`\n", row.contestant, fault.replace('`', "'"))).collect()
}

/// How far the CPU times of the rounds lie apart, as a part of their median.
fn spread(samples: &[Sample]) -> f64 {
    let times = || samples.iter().map(|sample| sample.cpu_us);
    let most = times().fold(f64::MIN, f64::max);
    let least = times().fold(f64::MAX, f64::min);
    (most - least) / median(times())
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Beside, equal, line, render, scaled, spread};
    use crate::bench::contestant::BARE;
    use crate::bench::contestant::{Role, Servers};
    use crate::bench::rounds::{Measured, Row};
    use crate::bench::sample::Sample;
    use crate::bench::setting::Setting;
    use crate::bench::workload;

    fn row(name: &str, role: Role, cpu_us: &[f64]) -> Row {
        let sample =
            |&cpu_us: &f64| Sample { cpu_us, user_part: 0.5, rate: 1000.0, p99_us: 2.0, ..Sample::default() };
        Row {
            contestant: name.to_string(),
            role,
            samples: cpu_us.iter().map(sample).collect(),
            equal: Vec::new(),
            calls: None,
            fault: None,
        }
    }

    /// A workload in which golemproxy takes half of what nutcracker takes.
    pub(in crate::bench) fn measured(name: &str) -> Measured {
        let mut workloads = workload::chosen(&[name.to_owned()]).unwrap_or_default();
        let mut rows = vec![
            row("golemproxy", Role::Proxy, &[1.0, 2.0, 30.0]),
            row("nutcracker", Role::Proxy, &[2.0, 4.0, 60.0]),
        ];
        rows[0].equal = vec![Sample { p99_us: 3.0, ..Sample::default() }];
        rows[1].equal = vec![Sample { p99_us: 6.0, ..Sample::default() }];
        Measured { workload: workloads.remove(0), rows, equal_rate: Some(700.0) }
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let mut part = measured("50 clients, 1 in flight, 32 B");
        part.rows.push(row(BARE, Role::Proxy, &[0.5, 2.0, 60.0]));
        let text = line(&part.rows[0], &Beside::of(&part));
        assert!(
            text.starts_with("| golemproxy | 2.000 | 1450.0 % | 1.00 | 0.500 | 1.000 | – | 1000 |"),
            "{text}"
        );
        assert!(equal(&part).contains("| golemproxy | 0 | 3 | 0 | 0.500 |"), "{}", equal(&part));
    }

    #[test]
    fn more_workers_are_compared_with_the_first() {
        let part = measured("connection churn");
        let text = scaled(Setting::Free, &part);
        assert!(text.contains("of golemproxy |") && text.contains("| nutcracker | 1.00 | 2.000 |"), "{text}");
        assert_eq!(scaled(Setting::OwnCore, &part), "");
    }

    #[test]
    fn spread_of_few_numbers() {
        assert!((spread(&row("a", Role::Floor, &[9.0, 10.0, 11.0]).samples) - 0.2).abs() < 1e-9);
    }

    #[test]
    fn one_that_fails_is_told_and_the_others_stay() {
        let mut part = measured("10000 idle");
        part.rows[1].fault = Some("no `room`".to_owned());
        part.rows[1].samples.clear();
        let text = render(Setting::OwnCore, Servers::Null, &[part]);
        assert!(text.contains("\nnutcracker: `no 'room'`\n"), "{text}");
        assert!(text.contains("| golemproxy | 2.000 |") && text.contains("--idle 10000"), "{text}");
    }
}
