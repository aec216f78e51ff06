//! A run from end to end: connect, store all keys, warm up, measure, report. One thread conducts, the others make load;
//! they share nothing but the phase, which the conductor alone changes.
//!
//! Invariant: whatever is reported was counted between the same two moments, on all threads and in `/proc`.

use crate::account::{Usage, machine_busy};
use crate::fleet::Fleet;
use crate::report::Report;
use crate::session::Rules;
use crate::tally::Tally;
use crate::workload::{Mix, Requests, Source};
use golem_net::{Driver, Target};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a run measures.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// So long.
    Duration(Duration),
    /// Until so many good replies have come (rounded up to the number of threads).
    Count(u64),
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
    /// How many of 100 requests are `get`.
    pub get_percent: u8,
    /// Size of every value in bytes.
    pub value_size: usize,
    /// Keys.
    pub keys: u32,
    /// Whether all keys are stored first.
    pub preload: bool,
    /// Load before the measured window.
    pub warmup: Duration,
    /// The measured window.
    pub limit: Limit,
    /// For the choice of requests.
    pub seed: u64,
    /// Without any reply for so long the run has failed.
    pub patience: Duration,
    /// The process whose CPU time is reported.
    pub watched: Option<u32>,
    /// Processes that belong to the measurement; what others use is reported as foreign.
    pub companions: Vec<u32>,
}

const GATHERING: u8 = 0;
const WARMING: u8 = 1;
const MEASURING: u8 = 2;
const STOPPED: u8 = 3;

enum News {
    /// Connected, and all keys stored.
    Ready,
    Ended(Result<Part, String>),
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
pub fn run(plan: &Plan) -> Result<Report, String> {
    let requests = Arc::new(Requests::new(plan.keys, plan.value_size));
    let phase = AtomicU8::new(GATHERING);
    let (sender, news) = channel();
    thread::scope(|scope| {
        for thread in 0..plan.threads.max(1) {
            let (sender, requests, phase) = (sender.clone(), Arc::clone(&requests), &phase);
            scope.spawn(move || {
                let result = load(plan, thread, requests, phase, &sender);
                // The conductor no longer listens when another thread has failed.
                let _ = sender.send(News::Ended(result));
            });
        }
        drop(sender);
        let report = conduct(plan, &phase, &news);
        phase.store(STOPPED, Ordering::Release);
        report
    })
}

fn conduct(plan: &Plan, phase: &AtomicU8, news: &Receiver<News>) -> Result<Report, String> {
    let threads = plan.threads.max(1) as usize;
    for _ in 0..threads {
        match news.recv() {
            Ok(News::Ready) => {}
            Ok(News::Ended(Err(what))) => return Err(what),
            Ok(News::Ended(Ok(_))) | Err(_) => return Err("a thread ended before it was told to".to_string()),
        }
    }
    phase.store(WARMING, Ordering::Release);
    let mut parts = Vec::new();
    gather(news, Some(plan.warmup), threads, &mut parts)?;

    let begin = Instant::now();
    let before = Accounts::read(plan)?;
    phase.store(MEASURING, Ordering::Release);
    let wait = match plan.limit {
        Limit::Duration(window) => Some(window),
        Limit::Count(_) => None,
    };
    gather(news, wait, threads, &mut parts)?;
    let after = Accounts::read(plan)?;
    phase.store(STOPPED, Ordering::Release);
    let window = begin.elapsed();
    gather(news, None, threads, &mut parts)?;

    let mut tally = Tally::default();
    let mut rate = 0.0;
    for part in &parts {
        tally.merge(&part.tally);
        rate += part.tally.replies() as f64 / part.window.as_secs_f64().max(1e-9);
    }
    let own = after.own - before.own;
    let watched = after.watched.zip(before.watched).map(|(after, before)| after - before);
    let known =
        own.cpu + watched.map_or(Duration::ZERO, |usage| usage.cpu) + after.companions - before.companions;
    let foreign = (after.busy - before.busy).saturating_sub(known);
    let (connections, rules) = (plan.connections, plan.rules);
    Ok(Report { connections, rules, tally, rate, window, own, watched, foreign })
}

/// Collects the parts of threads that end within `wait` (none: until all have ended).
fn gather(
    news: &Receiver<News>,
    wait: Option<Duration>,
    threads: usize,
    parts: &mut Vec<Part>,
) -> Result<(), String> {
    let end = wait.map(|wait| Instant::now() + wait);
    while wait.is_some() || parts.len() < threads {
        let next = match end {
            Some(end) => news.recv_timeout(end.saturating_duration_since(Instant::now())),
            None => news.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match next {
            Ok(News::Ended(part)) => parts.push(part?),
            Ok(News::Ready) => {}
            Err(RecvTimeoutError::Timeout) => return Ok(()),
            Err(RecvTimeoutError::Disconnected) => return Err("a load thread has died".to_string()),
        }
    }
    Ok(())
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
            own: of(std::process::id())?,
            watched: plan.watched.map(of).transpose()?,
            companions,
            busy: machine_busy().map_err(|error| format!("/proc/stat: {error}"))?,
        })
    }
}

/// One thread's load, from its connections to its tally.
fn load(
    plan: &Plan,
    thread: u32,
    requests: Arc<Requests>,
    phase: &AtomicU8,
    news: &Sender<News>,
) -> Result<Part, String> {
    let threads = plan.threads.max(1);
    let mut driver = Driver::new().map_err(|error| format!("the poller: {error}"))?;
    let mut loader =
        Loader { fleet: Fleet::new(plan.rules, requests), patience: plan.patience, quiet_since: None };
    let share = plan.connections / threads + u32::from(thread < plan.connections % threads);
    for _ in 0..share {
        loader
            .fleet
            .connect(&mut driver, &plan.target)
            .map_err(|error| format!("{}: {error}", plan.target))?;
    }
    while !loader.fleet.is_open() {
        loader.turn(&mut driver)?;
    }
    if plan.preload {
        loader.fleet.begin(Source::Preload { next: thread, step: threads });
        while !loader.fleet.is_settled() {
            loader.turn(&mut driver)?;
        }
    }
    let _ = news.send(News::Ready);
    while phase.load(Ordering::Acquire) == GATHERING {
        loader.fleet.turn(&mut driver)?;
    }
    let seed = plan.seed.wrapping_add(u64::from(thread).wrapping_mul(0x5851_f42d_4c95_7f2d));
    loader.fleet.begin(Source::Mix(Mix::new(seed, plan.get_percent)));
    while phase.load(Ordering::Acquire) == WARMING {
        loader.turn(&mut driver)?;
    }
    let enough = match plan.limit {
        Limit::Duration(_) => u64::MAX,
        Limit::Count(count) => count.div_ceil(u64::from(threads)),
    };
    let begin = Instant::now();
    loader.fleet.tally.begin();
    while phase.load(Ordering::Acquire) == MEASURING && loader.fleet.tally.replies() < enough {
        loader.turn(&mut driver)?;
    }
    Ok(Part { window: begin.elapsed(), tally: loader.fleet.tally })
}

/// A fleet that must not stand still.
struct Loader {
    fleet: Fleet,
    patience: Duration,
    quiet_since: Option<Instant>,
}

impl Loader {
    fn turn(&mut self, driver: &mut Driver) -> Result<(), String> {
        let before = self.fleet.arrivals();
        self.fleet.turn(driver)?;
        if self.fleet.arrivals() != before {
            self.quiet_since = None;
        } else if self.quiet_since.get_or_insert_with(Instant::now).elapsed() > self.patience {
            return Err(format!("no reply came for {} s", self.patience.as_secs_f64()));
        }
        Ok(())
    }
}
