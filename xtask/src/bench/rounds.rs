//! The rounds: per setting and workload everything is started once; then each contestant is measured once per round, and a
//! round is over before the next begins. Behind them, where they are wanted: the same rounds at one rate for all, and a
//! count of system calls.

use super::Problem;
use super::calls::Calls;
use super::children::Running;
use super::contestant::{Contestant, Role};
use super::sample::{Sample, median};
use super::setting::Setting;
use super::stage::Stage;
use super::workload::Workload;
use std::path::PathBuf;
use std::time::Duration;

/// Of what the slowest proxy that is compared with can do, so much is offered to all.
const EQUAL_PART: f64 = 0.7;

/// How often, how long, and what.
pub(crate) struct Plan {
    /// The load generator.
    pub(crate) bench: PathBuf,
    /// How one of the servers is started.
    pub(crate) server: Contestant,
    pub(crate) rounds: u32,
    pub(crate) window: Duration,
    pub(crate) warmup: Duration,
    /// Measure times at one rate for all, too.
    pub(crate) equal_load: bool,
    /// Count system calls, too.
    pub(crate) calls: bool,
}

/// One contestant in one workload.
pub(crate) struct Row {
    pub(crate) contestant: String,
    pub(crate) role: Role,
    /// Round by round.
    pub(crate) samples: Vec<Sample>,
    /// Round by round, at one rate for all.
    pub(crate) equal: Vec<Sample>,
    pub(crate) calls: Option<Calls>,
    /// Why there is nothing, or no more.
    pub(crate) fault: Option<Problem>,
}

/// One workload and its rows.
pub(crate) struct Measured {
    pub(crate) workload: Workload,
    pub(crate) rows: Vec<Row>,
    /// The rate that was offered to all, in requests per second.
    pub(crate) equal_rate: Option<f64>,
}

impl Row {
    fn new(contestant: &Contestant) -> Self {
        Self {
            contestant: contestant.name.clone(),
            role: contestant.role,
            samples: Vec::new(),
            equal: Vec::new(),
            calls: None,
            fault: None,
        }
    }

    /// The middle of what the rounds say.
    pub(crate) fn median(&self, of: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples.iter().map(of))
    }
}

/// Measures all contestants in all workloads.
pub(crate) fn measure(
    plan: &Plan,
    setting: Setting,
    contestants: &[Contestant],
    workloads: &[Workload],
) -> Result<Vec<Measured>, Problem> {
    let mut all = Vec::new();
    for workload in workloads {
        let stage = Stage::new(setting, &plan.bench, &plan.server, workload)?;
        all.push(Round { plan, setting, workload, stage: &stage }.measure(contestants));
    }
    Ok(all)
}

struct Round<'a> {
    plan: &'a Plan,
    setting: Setting,
    workload: &'a Workload,
    stage: &'a Stage,
}

impl Round<'_> {
    /// What goes wrong with one contestant is told in its row, and the others go on.
    fn measure(&self, contestants: &[Contestant]) -> Measured {
        let mut entries: Vec<(Row, Option<Running>)> = Vec::new();
        for contestant in contestants {
            let mut row = Row::new(contestant);
            let running = self.stage.start(contestant).map_err(|what| row.fault = Some(what)).ok();
            entries.push((row, running));
        }
        let time = ["--duration", &self.plan.window.as_secs_f64().to_string(), "--warmup"].map(str::to_owned);
        let time = [&time[..], &[self.plan.warmup.as_secs_f64().to_string()]].concat();
        self.rounds(self.plan.rounds, "", &mut entries, |stage, row, process| {
            row.samples.push(stage.measure(process, row.role, &time)?);
            Ok(())
        });
        let equal_rate = self.equal_rate(&entries);
        if let Some(rate) = equal_rate {
            let flags = [&time[..], &["--rate".to_owned(), rate.to_string()]].concat();
            self.rounds(self.plan.rounds, ", equal load", &mut entries, |stage, row, process| {
                row.equal.push(stage.measure(process, row.role, &flags)?);
                Ok(())
            });
        }
        if self.plan.calls && !self.workload.is_idle() {
            self.rounds(1, ", system calls", &mut entries, |stage, row, process| {
                row.calls = Some(stage.count_calls(process, row.role, self.workload.counted)?);
                Ok(())
            });
        }
        let rows = entries.into_iter().map(|(row, _)| row).collect();
        Measured { workload: *self.workload, rows, equal_rate }
    }

    fn rounds(
        &self,
        rounds: u32,
        what: &str,
        entries: &mut [(Row, Option<Running>)],
        mut each: impl FnMut(&Stage, &mut Row, &Running) -> Result<(), Problem>,
    ) {
        let (setting, name) = (self.setting, self.workload.name);
        for round in 1..=rounds {
            for (row, running) in &mut *entries {
                let Some(process) = running.as_ref().filter(|_| row.fault.is_none()) else { continue };
                eprintln!("{setting}; {name}{what}: round {round} of {rounds}, {}", row.contestant);
                if let Err(fault) = each(self.stage, row, process) {
                    eprintln!("{fault}");
                    row.fault = Some(fault);
                }
            }
        }
    }

    /// A part of what nutcracker can do; where it is not there, of what the slowest proxy can.
    fn equal_rate(&self, entries: &[(Row, Option<Running>)]) -> Option<f64> {
        if !self.plan.equal_load || !self.workload.has_rate() {
            return None;
        }
        let proxies = || entries.iter().map(|(row, _)| row).filter(|row| row.role == Role::Proxy);
        let rate = |row: &Row| Some(row.median(|sample| sample.rate)).filter(|rate| rate.is_finite());
        let nutcracker = proxies().find(|row| row.contestant == "nutcracker").and_then(rate);
        let slowest = || proxies().filter_map(rate).min_by(f64::total_cmp);
        nutcracker.or_else(slowest).map(|rate| (rate * EQUAL_PART).round())
    }
}
