//! The way of lines to their file: whoever logs appends to a queue in memory, and one thread writes it out. When the
//! file takes nothing and the queue is full, lines are dropped, and the log says how many as soon as it can.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use super::line;

/// Bytes that wait at most.
const QUEUE_LIMIT: usize = 1 << 20;

/// How long the end of the process waits for the file.
const PATIENCE: Duration = Duration::from_secs(5);

/// The two ends of the queue; clones are the same queue.
#[derive(Clone)]
pub(super) struct Sink(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    /// Something came into the queue, or it is ending.
    has_work: Condvar,
    /// The thread has ended.
    has_ended: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: Vec<Job>,
    /// Bytes in the jobs.
    length: usize,
    /// Lines dropped since the log said so.
    lost: u64,
    is_ending: bool,
    has_ended: bool,
}

enum Job {
    /// Whole lines to be written.
    Lines(Vec<u8>),
    /// Where all that follows goes.
    Switch(Box<dyn Write + Send>),
}

impl Sink {
    /// A queue whose thread writes to `out`.
    ///
    /// # Errors
    /// No thread can be started.
    pub(super) fn start(out: Box<dyn Write + Send>) -> io::Result<Self> {
        let shared =
            Arc::new(Shared { queue: Mutex::default(), has_work: Condvar::new(), has_ended: Condvar::new() });
        let emptied = Arc::clone(&shared);
        thread::Builder::new().name("log".to_owned()).spawn(move || emptied.write_out(out))?;
        Ok(Self(shared))
    }

    /// Writes what comes from now on to `out`.
    pub(super) fn switch(&self, out: Box<dyn Write + Send>) {
        self.0.lock().jobs.push(Job::Switch(out));
        self.0.has_work.notify_one();
    }

    /// Ends the thread when all is written; gives up after a few seconds.
    pub(super) fn finish(&self) {
        let mut queue = self.0.lock();
        queue.is_ending = true;
        self.0.has_work.notify_one();
        let waited = self.0.has_ended.wait_timeout_while(queue, PATIENCE, |queue| !queue.has_ended);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Shared {
    /// A panic elsewhere leaves the queue whole: each change of it stands for itself.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread.
    fn write_out(&self, mut out: Box<dyn Write + Send>) {
        loop {
            let waiting =
                self.has_work.wait_while(self.lock(), |queue| queue.jobs.is_empty() && !queue.is_ending);
            let mut queue = waiting.unwrap_or_else(PoisonError::into_inner);
            if queue.jobs.is_empty() {
                queue.has_ended = true;
                self.has_ended.notify_all();
                return;
            }
            let jobs = std::mem::take(&mut queue.jobs);
            let lost = std::mem::take(&mut queue.lost);
            queue.length = 0;
            drop(queue);
            let unwritten = write_jobs(jobs, &mut out);
            // What could not be written now is told when something can be.
            let untold = if lost > 0 && out.write_all(gap(lost).as_bytes()).is_err() { lost } else { 0 };
            self.lock().lost += unwritten + untold;
        }
    }
}

/// How many lines could not be written.
fn write_jobs(jobs: Vec<Job>, out: &mut Box<dyn Write + Send>) -> u64 {
    let mut unwritten = 0;
    for job in jobs {
        match job {
            Job::Switch(other) => *out = other,
            Job::Lines(lines) => {
                if out.write_all(&lines).is_err() {
                    unwritten += lines.iter().filter(|byte| **byte == b'\n').count() as u64;
                }
            }
        }
    }
    unwritten
}

/// The line that stands for lost ones.
fn gap(lost: u64) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = line::begin(&mut text, "WARN");
    let _ = writeln!(text, "{lost} lines of the log were lost, since they could not be written");
    text
}

/// One line on its way into the queue.
pub(super) struct Line<'a>(&'a Shared);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut queue = self.0.lock();
        if queue.length + line.len() > QUEUE_LIMIT {
            queue.lost += 1;
            return Ok(line.len());
        }
        queue.length += line.len();
        match queue.jobs.last_mut() {
            Some(Job::Lines(lines)) => lines.extend_from_slice(line),
            Some(Job::Switch(_)) | None => queue.jobs.push(Job::Lines(line.to_vec())),
        }
        self.0.has_work.notify_one();
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(&self.0)
    }
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sink({} bytes waiting)", self.0.lock().length)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::{QUEUE_LIMIT, Sink};
    use std::io::{self, BufRead, BufReader, Write};
    use tracing_subscriber::fmt::MakeWriter;

    #[test]
    fn a_file_that_takes_nothing_costs_lines_but_no_time() {
        let (reader, writer) = io::pipe().unwrap();
        let sink = Sink::start(Box::new(writer)).unwrap();
        let line = [b"x".repeat(1023), b"\n".to_vec()].concat();
        let sent = 4 * QUEUE_LIMIT / line.len();
        for _ in 0..sent {
            sink.make_writer().write_all(&line).unwrap();
        }
        // Nobody has read so far: the pipe and the queue are full.
        let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
        let (mut arrived, mut lost) = (0, 0);
        // Losses are told each time that the thread takes what waits, so more than once if it was late the first time.
        while arrived + lost < sent {
            match lines.next().unwrap().split_once("] WARN ") {
                None => arrived += 1,
                Some((_, told)) => lost += told.split(' ').next().unwrap().parse::<usize>().unwrap(),
            }
        }
        // Kept is what the queue holds, what the thread has taken from it, and what the pipe holds.
        assert!(lost >= sent / 4, "{lost} of {sent}");
        sink.finish();
        drop(sink);
        assert_eq!(lines.next(), None);
        assert_eq!(arrived + lost, sent);
    }
}
