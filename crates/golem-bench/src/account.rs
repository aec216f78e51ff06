//! What a process has used: CPU time and switches, from Linux's own accounting in `/proc`. Read at both ends of the
//! measured window, so that start and warm-up do not count.
//!
//! The total is the sum over the process's threads of what the scheduler counted (`schedstat`, nanoseconds); the kernel
//! knows the split into user and system time only by the ticks of its timer (`stat`, hundredths of a second), so the
//! split is an estimate and the total is not. A thread that is running is counted up to its last tick.

use std::path::Path;
use std::time::Duration;
use std::{fs, io, ops};

/// What was used up to a moment, or between two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time, user and system, of all threads that live.
    pub cpu: Duration,
    /// Ticks (1/100 s) in user mode.
    pub user_ticks: u64,
    /// Ticks (1/100 s) in the kernel.
    pub system_ticks: u64,
    /// Times that a thread was put on a processor.
    pub runs: u64,
}

impl Usage {
    /// Of the process `pid`.
    ///
    /// # Errors
    /// When there is no such process, or `/proc` is not Linux's.
    pub fn of(pid: u32) -> io::Result<Self> {
        let folder = Path::new("/proc").join(pid.to_string());
        let mut usage = Self::default();
        for task in fs::read_dir(folder.join("task"))? {
            // A thread may end between the listing and the reading.
            if let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) {
                let (cpu, runs) = scheduled(&text).ok_or_else(|| unreadable("schedstat"))?;
                usage.cpu += cpu;
                usage.runs += runs;
            }
        }
        let stat = fs::read_to_string(folder.join("stat"))?;
        (usage.user_ticks, usage.system_ticks) = ticks(&stat).ok_or_else(|| unreadable("stat"))?;
        Ok(usage)
    }

    /// Of this process, with its threads that have ended.
    ///
    /// # Errors
    /// As those of `of`.
    pub fn own() -> io::Result<Self> {
        let used = golem_net::machine::process_cpu_time()?;
        Ok(Self { cpu: Duration::from_micros(used.user + used.system), ..Self::of(std::process::id())? })
    }

    /// The part of the CPU time that was spent in user mode, 0 to 1; an estimate, see above.
    pub fn user_part(&self) -> f64 {
        let all = self.user_ticks + self.system_ticks;
        if all == 0 { 0.0 } else { self.user_ticks as f64 / all as f64 }
    }
}

impl ops::Sub for Usage {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            user_ticks: self.user_ticks.saturating_sub(earlier.user_ticks),
            system_ticks: self.system_ticks.saturating_sub(earlier.system_ticks),
            runs: self.runs.saturating_sub(earlier.runs),
        }
    }
}

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Its part of what is resident (`Pss`).
    pub held: u64,
    /// The most that was resident at a time since it started (`VmHWM`).
    pub peak: u64,
}

impl Memory {
    /// Of the process `pid`.
    ///
    /// # Errors
    /// When there is no such process, it may not be looked at, or `/proc` is not Linux's.
    pub fn of(pid: u32) -> io::Result<Self> {
        let read = |file: &str, name: &str| {
            let text = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join(file))?;
            kibibytes(&text, name).ok_or_else(|| unreadable(file))
        };
        Ok(Self { held: read("smaps_rollup", "Pss:")?, peak: read("status", "VmHWM:")? })
    }
}

/// The bytes behind a name at the beginning of a line.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = rest.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(number * 1024)
}

/// How long the machine's processors have been busy, summed, in hundredths of a second; time that a hypervisor took away
/// counts as busy.
///
/// # Errors
/// When `/proc/stat` is not Linux's.
pub fn machine_busy() -> io::Result<Duration> {
    let text = fs::read_to_string("/proc/stat")?;
    busy(&text).ok_or_else(|| unreadable("stat"))
}

fn unreadable(file: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{file} in /proc is not as Linux writes it"))
}

/// Time on a processor and number of runs; the field between them is time spent waiting for one.
fn scheduled(text: &str) -> Option<(Duration, u64)> {
    let mut fields = text.split_ascii_whitespace();
    let cpu_ns = fields.next()?.parse().ok()?;
    let runs = fields.nth(1)?.parse().ok()?;
    Some((Duration::from_nanos(cpu_ns), runs))
}

/// Fields 14 and 15 of `/proc/PID/stat`; the second field, the name, may hold blanks and brackets.
fn ticks(text: &str) -> Option<(u64, u64)> {
    let (_, after_name) = text.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace();
    let user = fields.nth(11)?.parse().ok()?;
    let system = fields.next()?.parse().ok()?;
    Some((user, system))
}

/// The first line: user nice system idle iowait irq softirq steal guest guest_nice. Guests are in user already.
fn busy(text: &str) -> Option<Duration> {
    let mut fields = text.lines().next()?.split_ascii_whitespace();
    if fields.next()? != "cpu" {
        return None;
    }
    let numbers: Vec<u64> = fields.map_while(|field| field.parse().ok()).take(8).collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, steal] = numbers[..] else {
        return None;
    };
    Some(Duration::from_millis((user + nice + system + irq + softirq + steal) * 10))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::{Memory, Usage, busy, kibibytes, scheduled, ticks};
    use std::time::{Duration, Instant};

    #[test]
    fn fields_are_found_behind_any_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 100 0 0 0 31 42 0 0 20 0 1 0 5 6 7";
        assert_eq!(ticks(stat), Some((31, 42)));
        assert_eq!(scheduled("73316948 2570971 3\n"), Some((Duration::from_nanos(73_316_948), 3)));
        assert_eq!((ticks("7 (a"), scheduled("1 2")), (None, None));
        assert_eq!(busy("cpu  1 2 3 400 500 4 5 6 7 0\ncpu0 1\n"), Some(Duration::from_millis(210)));
        assert_eq!(busy("cpu0 1"), None);
    }

    #[test]
    fn work_is_seen() {
        let before = Usage::of(std::process::id()).unwrap();
        let begin = Instant::now();
        let mut sum = 0u64;
        while begin.elapsed() < Duration::from_millis(50) || Usage::of(std::process::id()).unwrap() == before
        {
            sum = sum.wrapping_add(std::hint::black_box(1));
        }
        assert!((Usage::of(std::process::id()).unwrap() - before).cpu > Duration::ZERO);
        assert!(sum > 0);
    }

    #[test]
    fn memory_is_seen() {
        assert_eq!(kibibytes("Rss:  1 kB\nPss:              12 kB\n", "Pss:"), Some(12 * 1024));
        assert_eq!(kibibytes("Rss:  1 kB\n", "Pss:"), None);
        let memory = Memory::of(std::process::id()).unwrap();
        assert!(memory.held > 0 && memory.peak >= 4096, "{memory:?}");
    }

    #[test]
    fn process_that_is_not_there_is_an_error() {
        // Process ids end at 2^22.
        assert!(Usage::of(u32::MAX).is_err());
    }
}
