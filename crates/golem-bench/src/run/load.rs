//! One thread of load, from its connections to its tally, and the stage on which all threads are.

use super::{Limit, News, Part, Plan};
use crate::fleet::Fleet;
use crate::workload::{Source, Workload};
use golem_net::Driver;
use golem_net::machine::be_woken_on_time;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

const GATHERING: u8 = 0;
const WARMING: u8 = 1;
const MEASURING: u8 = 2;
const STOPPED: u8 = 3;
/// So many connections of a thread are being made at a time, which is no more than a listening socket can keep.
const CONNECTING: usize = 128;

/// Where the run stands; the conductor alone changes it.
#[derive(Debug, Default)]
pub(super) struct Stage {
    phase: AtomicU8,
    /// The last glance that was asked for.
    glance: AtomicU32,
}

impl Stage {
    pub(super) fn warm(&self) {
        self.phase.store(WARMING, Ordering::Release);
    }

    pub(super) fn measure(&self) {
        self.phase.store(MEASURING, Ordering::Release);
    }

    pub(super) fn stop(&self) {
        self.phase.store(STOPPED, Ordering::Release);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.phase() == STOPPED
    }

    pub(super) fn ask_for_glance(&self, number: u32) {
        self.glance.store(number, Ordering::Relaxed);
    }

    fn phase(&self) -> u8 {
        self.phase.load(Ordering::Acquire)
    }
}

/// Makes load until the stage says that it is over.
pub(super) fn load(
    plan: &Plan,
    thread: u32,
    workload: Arc<Workload>,
    stage: &Stage,
    news: &Sender<News>,
) -> Result<Box<Part>, String> {
    let threads = plan.threads.max(1);
    let mut driver = Driver::new().map_err(|error| format!("the poller: {error}"))?;
    let mut loader = Loader {
        fleet: Fleet::new(plan.rules, workload, plan.target.clone()),
        patience: plan.patience,
        quiet_since: None,
    };
    let share = plan.connections / threads + u32::from(thread < plan.connections % threads);
    for number in 0..share {
        let connected = loader.fleet.connect(&mut driver, number * threads + thread);
        connected.map_err(|error| format!("{}: {error}", plan.target))?;
        while loader.fleet.connecting() > CONNECTING {
            loader.turn(&mut driver)?;
        }
    }
    while !loader.fleet.is_open() {
        loader.turn(&mut driver)?;
    }
    if plan.preload {
        loader.fleet.begin(Source::First { next: thread, step: threads });
        while !loader.fleet.is_settled() {
            loader.turn(&mut driver)?;
        }
    }
    let _ = news.send(News::Ready);
    while stage.phase() == GATHERING {
        loader.fleet.turn(&mut driver)?;
    }
    loader.fleet.outlive_losses();
    loader.begin(plan, thread);
    while stage.phase() == WARMING {
        loader.turn(&mut driver)?;
    }
    let enough = match plan.limit {
        Limit::Duration(_) | Limit::Endless => u64::MAX,
        Limit::Count(count) => count.div_ceil(u64::from(threads)),
    };
    let begin = Instant::now();
    let mut glance = 0;
    loader.fleet.tally.begin();
    while stage.phase() == MEASURING && loader.fleet.tally.replies() < enough {
        loader.turn(&mut driver)?;
        let asked_for = stage.glance.load(Ordering::Relaxed);
        if asked_for != glance {
            glance = asked_for;
            let _ = news.send(News::Glance(glance, Box::new(loader.fleet.tally.clone())));
        }
    }
    let window = begin.elapsed();
    loader.fleet.note_unanswered();
    Ok(Box::new(Part { window, tally: loader.fleet.tally }))
}

/// A fleet that must not stand still.
struct Loader {
    fleet: Fleet,
    patience: Duration,
    quiet_since: Option<Instant>,
}

impl Loader {
    fn begin(&mut self, plan: &Plan, thread: u32) {
        let source = Source::Load { thread, next: 0 };
        match plan.rate {
            None => self.fleet.begin(source),
            Some(rate) => {
                be_woken_on_time();
                let threads = f64::from(plan.threads.max(1));
                // The threads take turns.
                let delay = Duration::from_secs_f64(f64::from(thread) / rate.max(1e-3));
                self.fleet.begin_at_rate(source, rate / threads, delay);
            }
        }
    }

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
