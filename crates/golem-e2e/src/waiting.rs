//! Waiting for what no connection and no pipe tells: a file that appears, another process that is gone. It looks again and
//! again, at once when it is so, and gives up after a while.

use crate::failure::{Failure, Outcome};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(2);

/// Waits until it `is_so`; `what` names it.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> Outcome<bool>) -> Outcome {
    let deadline = Instant::now() + PATIENCE;
    while !is_so()? {
        if Instant::now() > deadline {
            return Err(Failure::new(format!("waited in vain until {what}")));
        }
        thread::park_timeout(PAUSE);
    }
    Ok(())
}

/// Waits until the file holds `text`; the answer is all of it.
pub fn wait_for_text(path: &Path, text: &str) -> Outcome<String> {
    let mut held = String::new();
    wait_until("the file holds the text", || {
        held = fs::read_to_string(path).unwrap_or_default();
        Ok(held.contains(text))
    })
    .map_err(|failure| failure.during(format!("'{text}' in {}, which holds:\n{held}", path.display())))?;
    Ok(held)
}
