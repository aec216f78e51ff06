//! System calls per request, counted by strace in a pass of its own, since it slows down what it counts.

use super::Problem;
use serde_json::{Map, Value};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A count that is going on.
pub(crate) struct Counting {
    strace: Child,
    file: PathBuf,
}

/// System calls by name, for each request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    /// Most frequent first.
    by_name: Vec<(String, f64)>,
}

impl Counting {
    /// Begins to count the calls of a process and all its threads; what was counted goes through `file`.
    pub(crate) fn begin(process: u32, file: PathBuf) -> Result<Self, Problem> {
        let mut strace = Command::new("strace")
            .args(["-c", "-f", "-p", &process.to_string(), "-o"])
            .arg(&file)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("strace: {error}"))?;
        let said = strace.stderr.take().ok_or("strace has no standard error")?;
        let mut lines = BufReader::new(said).lines();
        let first = lines.next().and_then(Result::ok).unwrap_or_default();
        let this = Self { strace, file };
        if !first.contains("attached") {
            return Err(format!("strace -p {process}: {first}"));
        }
        // It may say more, and must not be kept waiting for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(this)
    }

    /// Ends the count: the calls for each of so many requests.
    pub(crate) fn end(mut self, requests: f64) -> Result<Calls, Problem> {
        let interrupted = Command::new("kill").args(["-INT", &self.strace.id().to_string()]).status();
        interrupted.map_err(|error| format!("kill: {error}"))?;
        self.strace.wait().map_err(|error| format!("strace: {error}"))?;
        let text =
            fs::read_to_string(&self.file).map_err(|error| format!("{}: {error}", self.file.display()))?;
        Ok(Calls::read(&text, requests))
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}

impl Calls {
    /// The table of `strace -c`: share, seconds, time of each, calls, errors where there are some, name.
    fn read(table: &str, requests: f64) -> Self {
        let mut by_name: Vec<(String, f64)> = Vec::new();
        for line in table.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (Some(calls), Some(name)) = (words.get(3), words.last()) else { continue };
            if let (Ok(calls), true) = (calls.parse::<f64>(), words.len() >= 5 && *name != "total") {
                by_name.push(((*name).to_owned(), calls / requests));
            }
        }
        by_name.sort_by(|one, other| other.1.total_cmp(&one.1));
        Self { by_name }
    }

    /// All of them together.
    pub(crate) fn all(&self) -> f64 {
        self.by_name.iter().map(|(_, calls)| calls).sum()
    }

    /// The frequent ones, in words.
    pub(crate) fn words(&self) -> String {
        let frequent = self.by_name.iter().filter(|(_, calls)| *calls >= 0.005);
        let words: Vec<String> = frequent.map(|(name, calls)| format!("{name} {calls:.3}")).collect();
        words.join(", ")
    }

    pub(crate) fn json(&self) -> Value {
        let all: Map<String, Value> =
            self.by_name.iter().map(|(name, calls)| (name.clone(), (*calls).into())).collect();
        Value::Object(all)
    }
}

#[cfg(test)]
mod tests {
    use super::Calls;

    const TABLE: &str = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.010000          10      1000         5 recvfrom
 40.00    0.000100          10       500           sendto
  0.00    0.000000           0         1           brk
------ ----------- ----------- --------- --------- ----------------
100.00    0.010100          10      1501         5 total
";

    #[test]
    fn table_of_strace_is_read() {
        let calls = Calls::read(TABLE, 500.0);
        assert!((calls.all() - 3.002).abs() < 1e-9);
        assert_eq!(calls.words(), "recvfrom 2.000, sendto 1.000");
        assert_eq!(calls.json()["sendto"], 1.0);
    }
}
