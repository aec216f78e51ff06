//! On what the figures were measured: machine, kernel, commit, programs, command.

use std::fs;
use std::process::Command;

/// A few lines of Markdown.
pub(crate) fn describe(arguments: &[String]) -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = field(&cpus, "model name").unwrap_or("unknown processor");
    let count = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory_kib: u64 = field(&memory, "MemTotal")
        .and_then(|text| text.trim_end_matches(" kB").parse().ok())
        .unwrap_or_default();
    let kernel = fs::read_to_string("/proc/version").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "- command: `cargo xtask bench {}`\n- machine: {count} x {model}, {} MiB\n- kernel: {}\n- commit: {}\n\
         - programs: {}; {}; {}\n- load average at the start: {}\n",
        arguments.join(" "),
        memory_kib / 1024,
        kernel.split(" (").next().unwrap_or_default(),
        output("git", &["describe", "--always", "--dirty", "--abbrev=12"]),
        output("nutcracker", &["--version"]),
        output("memcached", &["--version"]),
        output("rustc", &["--version"]),
        load.trim(),
    )
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}

/// The first line that a program says about itself, on either of its outputs.
fn output(program: &str, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).output() else {
        return format!("{program} not found");
    };
    let bytes = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().to_string()
}
