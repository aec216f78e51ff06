//! `cargo xtask cost`: what a request costs in instructions, counted by callgrind, held against what was written down. Unlike
//! times, instructions are the same on every run and on a busy machine, so the smallest loss is seen.
//!
//! Each thing is counted with two numbers of rounds, and the difference taken, so that starting up does not count. The counted
//! programs are examples of golem-engine.

use crate::repository::{Repository, cargo};
use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, iter};

/// Where it is written down.
const FILE: &str = "docs/benchmarks/instructions.tsv";
/// More than this part above what was written down is a loss, with the compiler that it was written down with.
const TOLERANCE: f64 = 0.02;
/// The same with another compiler.
const OTHER_COMPILER: f64 = 0.15;

/// What is counted.
struct Counted {
    name: &'static str,
    /// Program and arguments, but for the rounds.
    command: &'static [&'static str],
    /// As many as give a second under callgrind.
    rounds: u32,
}

const COUNTED: &[Counted] = &[
    Counted { name: "engine, 50 clients, 1 in flight", command: &["cost", "50", "1", "1"], rounds: 100 },
    Counted { name: "engine, 50 clients, 16 in flight", command: &["cost", "50", "16", "1"], rounds: 10 },
    Counted { name: "engine, a key of 100 in a request", command: &["cost", "50", "1", "100"], rounds: 2 },
    Counted { name: "scanning a request", command: &["parts", "requests"], rounds: 2000 },
    Counted { name: "scanning a reply", command: &["parts", "replies"], rounds: 2000 },
    Counted { name: "asking the ring, 10 servers", command: &["parts", "ring"], rounds: 20 },
];

/// The options of `cargo xtask cost`.
#[derive(Parser)]
#[command(
    name = "cargo xtask cost",
    about = "Counts the instructions of a request, and compares them with what was written down"
)]
struct Options {
    /// Write the counts down instead: they become what is compared with.
    #[arg(long)]
    write: bool,
}

/// Runs the task.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let name = "cargo xtask cost".to_owned();
    let options = Options::parse_from(iter::once(&name).chain(arguments));
    let root = Repository::read()?.root;
    let examples = build(&root)?;
    let mut counts = Vec::new();
    for counted in COUNTED {
        counts.push((counted.name, count(&examples, counted)?));
    }
    let compiler = output(Command::new("rustc").arg("--version"))?.trim().to_owned();
    let file = root.join(FILE);
    if options.write {
        return fs::write(&file, table(&compiler, &counts)).map_err(|error| format!("{FILE}: {error}"));
    }
    let written = fs::read_to_string(&file).map_err(|error| format!("{FILE}: {error}"))?;
    let losses = compare(&written, &compiler, &counts);
    if losses.is_empty() {
        return Ok(());
    }
    Err(format!("{}\nwhere that is meant to be so: cargo xtask cost --write", losses.join("\n")))
}

/// The folder of the examples, built for release.
fn build(root: &Path) -> Result<PathBuf, String> {
    let mut build = Command::new(cargo());
    build
        .args(["build", "--release", "--quiet", "--package", "golem-engine", "--examples"])
        .current_dir(root);
    let status = build.status().map_err(|error| format!("cargo build: {error}"))?;
    if !status.success() {
        return Err(format!("cargo build of the examples: {status}"));
    }
    let program = env::current_exe().map_err(|error| format!("where this program lies: {error}"))?;
    let target = program.parent().and_then(Path::parent);
    Ok(target.ok_or("this program does not lie in a target folder")?.join("release/examples"))
}

/// Instructions for each thing.
fn count(examples: &Path, counted: &Counted) -> Result<f64, String> {
    let one = instructions(examples, counted, counted.rounds)?;
    let two = instructions(examples, counted, counted.rounds * 2)?;
    Ok((two.instructions - one.instructions) / (two.things - one.things))
}

struct Run {
    instructions: f64,
    things: f64,
}

fn instructions(examples: &Path, counted: &Counted, rounds: u32) -> Result<Run, String> {
    let (program, arguments) = counted.command.split_first().ok_or("an empty command")?;
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(examples.join(program))
        .args(arguments)
        .arg(rounds.to_string());
    let done = valgrind.output().map_err(|error| format!("valgrind: {error}"))?;
    let (said, told) = (String::from_utf8_lossy(&done.stderr), String::from_utf8_lossy(&done.stdout));
    let run = collected(&said).zip(things(&told)).filter(|_| done.status.success());
    let (instructions, things) = run.ok_or_else(|| format!("{valgrind:?}: {}\n{said}", done.status))?;
    Ok(Run { instructions, things })
}

/// What callgrind says of all instructions.
fn collected(said: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.split_once("Collected :"))?;
    line.1.trim().parse().ok()
}

/// The number with which a program's output begins: how many requests there were.
fn things(told: &str) -> Option<f64> {
    told.split_whitespace().next()?.parse().ok()
}

fn table(compiler: &str, counts: &[(&str, f64)]) -> String {
    let rows: String = counts.iter().map(|(name, count)| format!("{name}\t{count:.0}\n")).collect();
    format!("# Instructions, counted by cargo xtask cost\n# {compiler}\n{rows}")
}

/// Prints the counts beside those that were written down, and tells the losses.
fn compare(written: &str, compiler: &str, counts: &[(&str, f64)]) -> Vec<String> {
    let is_same_compiler = written.lines().any(|line| line == format!("# {compiler}"));
    let tolerance = if is_same_compiler { TOLERANCE } else { OTHER_COMPILER };
    let mut losses = Vec::new();
    for (name, count) in counts {
        let before =
            written.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('\t')?.parse().ok());
        let Some(before): Option<f64> = before else {
            losses.push(format!("{name}: not in {FILE}"));
            continue;
        };
        let change = count / before - 1.0;
        println!("{name:<34} {count:>8.0} instructions, {:+.1} %", change * 100.0);
        if change > tolerance {
            losses.push(format!(
                "{name}: {count:.0} instructions instead of {before:.0}, which is more than {:.0} % more",
                tolerance * 100.0
            ));
        }
    }
    losses
}

fn output(command: &mut Command) -> Result<String, String> {
    let done = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::{collected, compare, table, things};

    #[test]
    fn what_callgrind_and_the_programs_say_is_read() {
        let said = "==1== Events    : Ir\n==1== Collected : 1234567\n==1== \n";
        assert_eq!((collected(said), things("5000 requests, 7 bytes")), (Some(1_234_567.0), Some(5000.0)));
        assert_eq!((collected("valgrind: no"), things("x")), (None, None));
    }

    #[test]
    fn more_than_a_little_more_is_a_loss() {
        let written = table("rustc 1", &[("a", 1000.0), ("b", 100.0)]);
        let losses = |compiler, a| compare(&written, compiler, &[("a", a), ("b", 50.0)]);
        assert!(losses("rustc 1", 1019.0).is_empty());
        assert!(losses("rustc 1", 1021.0)[0].starts_with("a: 1021 instructions instead of 1000"));
        assert!(losses("rustc 2", 1021.0).is_empty());
        assert!(!losses("rustc 2", 1151.0).is_empty());
        assert_eq!(compare(&written, "rustc 1", &[("c", 1.0)]).len(), 1);
    }
}
