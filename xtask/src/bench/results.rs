//! What is written at the end: the tables, the samples for programs, and pictures of the ratios.

use super::Problem;
use super::chart::Chart;
use super::contestant::Servers;
use super::rounds::Measured;
use super::setting::Setting;
use super::table::{Beside, ratio, render};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// One setting and what was measured in it.
pub(crate) struct Results {
    pub(crate) setting: Setting,
    pub(crate) servers: Servers,
    pub(crate) measured: Vec<Measured>,
}

impl Results {
    /// The tables, in Markdown.
    pub(crate) fn tables(&self) -> String {
        render(self.setting, self.servers, &self.measured)
    }

    /// All samples.
    pub(crate) fn json(&self) -> Value {
        let samples = |samples: &[super::sample::Sample]| -> Vec<Value> {
            samples.iter().map(super::sample::Sample::json).collect()
        };
        let workloads: Vec<Value> = self
            .measured
            .iter()
            .map(|part| {
                let rows: Vec<Value> = part
                    .rows
                    .iter()
                    .map(|row| {
                        json!({
                            "contestant": row.contestant,
                            "rounds": samples(&row.samples),
                            "equal_load": samples(&row.equal),
                            "system_calls": row.calls.as_ref().map(super::calls::Calls::json),
                            "fault": row.fault,
                        })
                    })
                    .collect();
                json!({ "workload": part.workload.name, "equal_rate": part.equal_rate, "rows": rows })
            })
            .collect();
        json!({ "setting": self.setting.word(), "servers": self.servers.to_string(), "workloads": workloads })
    }

    /// CPU time as a part of nutcracker's; where nutcracker is not there, in microseconds.
    fn chart(&self) -> Chart {
        let mut series: Vec<String> = Vec::new();
        for row in self.measured.iter().flat_map(|part| &part.rows) {
            if !series.contains(&row.contestant) {
                series.push(row.contestant.clone());
            }
        }
        let is_beside = self.measured.iter().any(|part| Beside::of(part).nutcracker.is_some());
        let group = |part: &Measured| {
            let number = |name: &String| {
                let row = part.rows.iter().find(|row| row.contestant == *name)?;
                if is_beside {
                    return ratio(row, Beside::of(part).nutcracker);
                }
                Some(row.median(|sample| sample.cpu_us)).filter(|us| us.is_finite())
            };
            (part.workload.name.to_owned(), series.iter().map(number).collect::<Vec<_>>())
        };
        let parts = self.measured.iter().filter(|part| !part.workload.is_idle());
        let groups: Vec<(String, Vec<Option<f64>>)> = parts.map(group).collect();
        let largest =
            groups.iter().flat_map(|(_, values)| values.iter().flatten()).copied().fold(0.0, f64::max);
        let what =
            if is_beside { "CPU time per request, of nutcracker's" } else { "CPU time per request, us" };
        Chart {
            title: format!("{what}; {}; {} servers", self.setting, self.servers),
            series,
            groups,
            most: if is_beside { largest.clamp(0.1, 2.0) } else { largest.max(0.1) },
        }
    }
}

/// Writes `FILE`, and beside it, with its name, the samples and a picture for each setting, which `FILE` shows.
pub(crate) fn write(file: &Path, head: &str, all: &[Results]) -> Result<(), Problem> {
    let mut text = head.to_owned();
    for results in all {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let picture = format!("{stem}-{}-{}.svg", results.servers, results.setting.word());
        put(&file.with_file_name(&picture), &results.chart().svg())?;
        let tables = results.tables();
        let (heading, rest) = tables.split_once('\n').unwrap_or((&tables, ""));
        text.push_str(&format!("\n{heading}\n\n![{}]({picture})\n{rest}", results.setting));
    }
    let samples: Vec<Value> = all.iter().map(Results::json).collect();
    let description: Vec<&str> = head.lines().map(|line| line.trim_start_matches("- ")).collect();
    let document = json!({ "description": description, "settings": samples });
    put(&file.with_extension("json"), &format!("{document}\n"))?;
    put(file, &text)
}

fn put(file: &Path, text: &str) -> Result<(), Problem> {
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::{Results, write};
    use crate::bench::contestant::Servers;
    use crate::bench::setting::Setting;
    use crate::bench::table::tests::measured;
    use serde_json::Value;
    use std::fs;

    #[test]
    fn table_samples_and_picture_are_written_beside_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let results = Results {
            setting: Setting::OwnCore,
            servers: Servers::Null,
            measured: vec![measured("connection churn"), measured("10000 idle")],
        };
        write(&folder.path().join("run.md"), "# Run\n\n- machine: x\n", &[results]).unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(
            read("run.md").contains("(run-null-own-core.svg)\n\n### connection churn"),
            "{}",
            read("run.md")
        );
        assert!(read("run-null-own-core.svg").contains(">0.50<"));
        let json: Value = serde_json::from_str(&read("run.json")).unwrap();
        let first = &json["settings"][0]["workloads"][0]["rows"][0];
        assert_eq!(
            (&first["contestant"], &first["rounds"][1]["cpu_us"]),
            (&"golemproxy".into(), &2.0.into())
        );
    }
}
