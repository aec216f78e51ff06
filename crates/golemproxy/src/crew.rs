//! The threads of the workers. A worker that panics begins anew on the same thread, without its clients, while the others go
//! on; when panics come too often, so that restarting does not help, the worker ends with a defect, and the process with it.

use crate::defect::Defect;
use crate::logging::PROCESS;
use crate::mail::{Event, Mail};
use crate::worker::Worker;
use golem_net::{Counts, Sender};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// So many panics of all workers within [`WINDOW`] end the process.
const TOO_MANY: usize = 3;
/// How long a panic counts.
const WINDOW: Duration = Duration::from_secs(60);

/// The panics of the last minute, of all workers of a process; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Panics(Arc<Mutex<Vec<Instant>>>);

impl Panics {
    /// One more at `now`. Whether its worker may begin anew.
    pub fn note(&self, now: Instant) -> bool {
        let mut lately = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lately.retain(|past| now.saturating_duration_since(*past) < WINDOW);
        lately.push(now);
        lately.len() < TOO_MANY
    }
}

/// Starts the thread of worker number `number`; the supervisor is told by `mail` when it ends.
///
/// # Errors
/// The system has no more threads.
pub fn start(
    number: usize,
    worker: Worker,
    mail: Sender<Mail>,
    panics: Panics,
) -> io::Result<JoinHandle<()>> {
    Builder::new().name(format!("worker-{number}")).spawn(move || {
        let last_words = Event::Defect(Defect(format!("worker {number} has panicked")));
        let mut farewell = Farewell { mail, last_words: Some(last_words) };
        let end = work(number, worker, &panics);
        farewell.last_words = Some(match end {
            Ok(outcome) => {
                let outcome = outcome.map(drop);
                Event::WorkerEnded(outcome.map_err(|error| format!("worker {number}: {error}")))
            }
            Err(defect) => Event::Defect(defect),
        });
    })
}

/// Works until the worker has nothing left to do, or its poller fails; begins anew after a panic.
///
/// # Errors
/// Workers have panicked too often.
pub fn work(number: usize, mut worker: Worker, panics: &Panics) -> Result<io::Result<Counts>, Defect> {
    let mut has_panicked = false;
    loop {
        // What a panic leaves half done is given up by `begin_anew`, which is within reach of the next try itself.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            if has_panicked {
                let clients = worker.begin_anew();
                tracing::error!(target: PROCESS, "worker {number} begins anew; its {clients} clients are closed");
            }
            worker.work()
        }));
        if let Ok(end) = outcome {
            return Ok(end.map(|()| worker.counts()));
        }
        if !panics.note(Instant::now()) {
            let seconds = WINDOW.as_secs();
            return Err(Defect(format!("workers have panicked {TOO_MANY} times within {seconds} seconds")));
        }
        has_panicked = true;
    }
}

/// Tells the supervisor when a worker ends, whatever ends it.
struct Farewell {
    mail: Sender<Mail>,
    last_words: Option<Event>,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        if let Some(event) = self.last_words.take() {
            // At the end of the process nobody is there to be told.
            let _ = self.mail.send(Mail::Event(event));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Panics, WINDOW};
    use std::time::{Duration, Instant};

    #[test]
    fn the_third_panic_within_a_minute_is_one_too_many() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let window = WINDOW.as_millis() as u64;
        let panics = Panics::default();
        let of_another_worker = panics.clone();
        assert!(panics.note(at(0)));
        assert!(of_another_worker.note(at(10)));
        assert!(panics.note(at(window)), "the first does not count any more");
        assert!(!of_another_worker.note(at(window + 9)), "the second still does");
        assert!(!panics.note(at(window + 10)));
        assert!(panics.note(at(3 * window)));
    }
}
