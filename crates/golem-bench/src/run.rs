//! A run from end to end: connect, store all keys, warm up, measure, report. One thread conducts, the others make load
//! (`run/load`); they share nothing but the phase, which the conductor alone changes.
//!
//! Invariant: whatever is reported was counted between the same two moments, on all threads and in `/proc`.

mod load;

use crate::account::{Memory, Usage, machine_busy};
use crate::idle::Idle;
use crate::live::{Glance, Glances};
use crate::report::Report;
use crate::session::Rules;
use crate::tally::Tally;
use crate::workload::{Outline, Workload};
use golem_net::Target;
use load::{Stage, load};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// How long a run measures.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// So long.
    Duration(Duration),
    /// Until so many good replies have come (rounded up to the number of threads).
    Count(u64),
    /// Until it is told to stop.
    Endless,
}

/// Everything that a run needs to know.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is measured.
    pub target: Target,
    /// Threads, each with its own connections (at least 1).
    pub threads: u32,
    /// Connections over all threads.
    pub connections: u32,
    /// Depth and checks.
    pub rules: Rules,
    /// What is asked.
    pub outline: Outline,
    /// Requests per second over all threads; without, a closed loop.
    pub rate: Option<f64>,
    /// Connections beside, which ask once and then say nothing.
    pub idle: u32,
    /// Whether all keys are stored first.
    pub preload: bool,
    /// Load before the measured window.
    pub warmup: Duration,
    /// The measured window.
    pub limit: Limit,
    /// Without any reply for so long the run has failed.
    pub patience: Duration,
    /// The process whose CPU time is reported.
    pub watched: Option<u32>,
    /// Processes that belong to the measurement; what others use is reported as foreign.
    pub companions: Vec<u32>,
}

/// Who looks on while a run goes on.
#[derive(Default)]
pub struct Onlooker<'a> {
    /// When it becomes true, the run ends as if its time were over.
    pub stop: Option<&'a AtomicBool>,
    /// Is told every second how it goes.
    pub live: Option<&'a mut dyn FnMut(&Glance)>,
}

/// How often the conductor looks whether it has been told to stop.
const LOOK: Duration = Duration::from_millis(50);

/// What a thread says.
enum News {
    /// Connected, and all keys stored.
    Ready,
    /// What has been counted so far, in answer to this request for it.
    Glance(u32, Box<Tally>),
    Ended(Result<Box<Part>, String>),
}

/// What one thread has to report.
struct Part {
    tally: Tally,
    window: Duration,
}

/// Carries the plan out.
///
/// # Errors
/// Says why there is no result: no connection, a wrong reply, no reply, a process that cannot be watched.
pub fn run(plan: &Plan, onlooker: Onlooker<'_>) -> Result<Report, String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let name = now.as_nanos() as u64 ^ u64::from(std::process::id());
    let workload = Arc::new(Workload::new(&plan.outline, plan.threads, name)?);
    let stage = Stage::default();
    let (sender, news) = channel();
    thread::scope(|scope| {
        for thread in 0..plan.threads.max(1) {
            let (sender, workload, stage) = (sender.clone(), Arc::clone(&workload), &stage);
            scope.spawn(move || {
                let result = load(plan, thread, workload, stage, &sender);
                // The conductor no longer listens when another thread has failed.
                let _ = sender.send(News::Ended(result));
            });
        }
        drop(sender);
        let mut conductor =
            Conductor { plan, stage: &stage, news: &news, parts: Vec::new(), glances: None, onlooker };
        let report = conductor.conduct(&workload);
        stage.stop();
        report
    })
}

struct Conductor<'a, 'b> {
    plan: &'a Plan,
    stage: &'a Stage,
    news: &'a Receiver<News>,
    parts: Vec<Part>,
    /// While the window is measured and somebody looks on.
    glances: Option<Glances>,
    onlooker: Onlooker<'b>,
}

impl Conductor<'_, '_> {
    fn conduct(&mut self, workload: &Workload) -> Result<Report, String> {
        let plan = self.plan;
        self.wait_until_ready()?;
        let bare = plan.watched.map(memory_of).transpose()?;
        let idle = Idle::new(plan.idle, &plan.target, workload, plan.patience)?;
        let crowded = plan.watched.map(memory_of).transpose()?;
        self.stage.warm();
        self.gather(Some(plan.warmup))?;

        let begin = Instant::now();
        let before = Accounts::read(plan)?;
        self.stage.measure();
        if self.onlooker.live.is_some() {
            self.glances = Some(Glances::new(self.threads()));
        }
        let wait = match plan.limit {
            Limit::Duration(window) => Some(window),
            Limit::Count(_) | Limit::Endless => None,
        };
        self.gather(wait)?;
        let after = Accounts::read(plan)?;
        self.stage.stop();
        let window = begin.elapsed();
        self.glances = None;
        self.gather(None)?;
        let peak = plan.watched.map(memory_of).transpose()?.map(|memory| memory.peak);
        let idle_bytes = bare
            .zip(crowded)
            .filter(|_| idle.count() > 0)
            .map(|(bare, crowded)| crowded.held.saturating_sub(bare.held) as f64 / idle.count() as f64);
        Ok(self.report(window, &before, &after, peak, idle_bytes))
    }

    fn report(
        &self,
        window: Duration,
        before: &Accounts,
        after: &Accounts,
        peak: Option<u64>,
        idle_bytes: Option<f64>,
    ) -> Report {
        let plan = self.plan;
        let mut tally = Tally::default();
        let mut rate = 0.0;
        for part in &self.parts {
            tally.merge(&part.tally);
            rate += part.tally.replies() as f64 / part.window.as_secs_f64().max(1e-9);
        }
        let own = after.own - before.own;
        let watched = after.watched.zip(before.watched).map(|(after, before)| after - before);
        let known = own.cpu + watched.map_or(Duration::ZERO, |usage| usage.cpu) + after.companions
            - before.companions;
        let foreign = (after.busy - before.busy).saturating_sub(known);
        Report {
            connections: plan.connections,
            idle: plan.idle,
            rules: plan.rules,
            offered: plan.rate,
            tally,
            rate,
            window,
            own,
            watched,
            peak,
            idle_bytes,
            foreign,
        }
    }

    fn threads(&self) -> usize {
        self.plan.threads.max(1) as usize
    }

    fn wait_until_ready(&self) -> Result<(), String> {
        for _ in 0..self.threads() {
            match self.news.recv() {
                Ok(News::Ready) => {}
                Ok(News::Ended(Err(what))) => return Err(what),
                Ok(News::Ended(Ok(_)) | News::Glance(..)) | Err(_) => {
                    return Err("a thread ended before it was told to".to_string());
                }
            }
        }
        Ok(())
    }

    /// Collects the parts of threads that end within `wait` (none: until all have ended, or it is told to stop).
    fn gather(&mut self, wait: Option<Duration>) -> Result<(), String> {
        let end = wait.and_then(|wait| Instant::now().checked_add(wait));
        while end.is_some() || self.parts.len() < self.threads() {
            let left = end.map_or(LOOK, |end| end.saturating_duration_since(Instant::now()));
            match self.news.recv_timeout(left.min(LOOK)) {
                Ok(News::Ended(part)) => self.parts.push(*part?),
                Ok(News::Ready) => {}
                Ok(News::Glance(number, tally)) => {
                    let whole = self.glances.as_mut().and_then(|glances| glances.add(number, &tally));
                    if let (Some(glance), Some(live)) = (whole, &mut self.onlooker.live) {
                        live(&glance);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    let is_over = end.is_some_and(|end| Instant::now() >= end);
                    if is_over || self.is_told_to_stop() {
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Err("a load thread has died".to_string()),
            }
            if let Some(number) = self.glances.as_mut().and_then(Glances::next) {
                self.stage.ask_for_glance(number);
            }
        }
        Ok(())
    }

    /// Not once the threads have been stopped: then their parts are waited for.
    fn is_told_to_stop(&self) -> bool {
        !self.stage.is_stopped() && self.onlooker.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

fn memory_of(pid: u32) -> Result<Memory, String> {
    Memory::of(pid).map_err(|error| format!("process {pid}: {error}"))
}

struct Accounts {
    own: Usage,
    watched: Option<Usage>,
    companions: Duration,
    busy: Duration,
}

impl Accounts {
    fn read(plan: &Plan) -> Result<Self, String> {
        let of = |pid: u32| Usage::of(pid).map_err(|error| format!("process {pid}: {error}"));
        let mut companions = Duration::ZERO;
        for pid in &plan.companions {
            companions += of(*pid)?.cpu;
        }
        Ok(Self {
            own: Usage::own().map_err(|error| format!("this process: {error}"))?,
            watched: plan.watched.map(of).transpose()?,
            companions,
            busy: machine_busy().map_err(|error| format!("/proc/stat: {error}"))?,
        })
    }
}
