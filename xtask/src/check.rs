//! `cargo xtask check`: the stages that must be green, in the order in which they fail fastest, each one timed.
//! The first stage that fails ends the run.

use crate::repository::{Repository, cargo};
use crate::{cost, docs, layers};
use std::env;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// One stage: its name and what it does.
struct Stage {
    name: &'static str,
    run: fn(&Path) -> Result<(), String>,
}

const STAGES: &[Stage] = &[
    Stage { name: "fmt", run: |root| run_cargo(root, &["fmt", "--all", "--check"], &[]) },
    Stage { name: "layers", run: |_| layers::run() },
    Stage { name: "clippy", run: clippy },
    Stage { name: "tests", run: tests },
    Stage { name: "rustdoc", run: rustdoc },
    Stage { name: "docs", run: |_| docs::run() },
    Stage { name: "cost", run: |_| cost::run(&[]) },
];

/// Runs all stages, or those that are named.
pub(crate) fn run(names: &[String]) -> Result<(), String> {
    if let Some(unknown) = names.iter().find(|name| STAGES.iter().all(|stage| stage.name != **name)) {
        let known: Vec<&str> = STAGES.iter().map(|stage| stage.name).collect();
        return Err(format!("unknown stage '{unknown}'; stages: {}", known.join(" ")));
    }
    let root = Repository::read()?.root;
    let mut times: Vec<(&str, Duration)> = Vec::new();
    for stage in STAGES.iter().filter(|stage| names.is_empty() || names.iter().any(|name| name == stage.name))
    {
        println!("== {}", stage.name);
        let start = Instant::now();
        let outcome = (stage.run)(&root);
        times.push((stage.name, start.elapsed()));
        if let Err(message) = outcome {
            report(&times);
            return Err(format!("{message}\nfailed: {}", stage.name));
        }
    }
    report(&times);
    Ok(())
}

fn report(times: &[(&str, Duration)]) {
    println!("\nstage      seconds");
    for (name, time) in times {
        println!("{name:<10} {:>7.1}", time.as_secs_f64());
    }
}

fn clippy(root: &Path) -> Result<(), String> {
    run_cargo(root, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[])?;
    let prototype = ["--package", "golem-engine", "--features", "prototype", "--test", "prototype"];
    run_cargo(root, &[&["clippy"], &prototype[..], &["--", "-D", "warnings"]].concat(), &[])
}

/// The end-to-end tests start the program itself, so it is built first.
fn tests(root: &Path) -> Result<(), String> {
    let mut variables = Vec::new();
    if Repository::read()?.package("golemproxy").is_some() {
        run_cargo(root, &["build", "--package", "golemproxy"], &[])?;
        let target = env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
        let program = root.join(target).join("debug/golemproxy").display().to_string();
        variables.push(("GOLEMPROXY_PROGRAM", program));
    }
    run_cargo(root, &["test", "--workspace", "--quiet", "--no-fail-fast"], &variables)?;
    let prototype = ["--package", "golem-engine", "--features", "prototype", "--test", "prototype"];
    run_cargo(root, &[&["test", "--quiet"], &prototype[..]].concat(), &[])
}

fn rustdoc(root: &Path) -> Result<(), String> {
    let variables = [("RUSTDOCFLAGS", "-D warnings".to_owned())];
    run_cargo(root, &["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"], &variables)
}

fn run_cargo(root: &Path, arguments: &[&str], variables: &[(&str, String)]) -> Result<(), String> {
    let shown = format!("cargo {}", arguments.join(" "));
    println!("{shown}");
    let mut command = Command::new(cargo());
    command.args(arguments).current_dir(root);
    for (name, value) in variables {
        command.env(name, value);
    }
    let status = command.status().map_err(|e| format!("{shown}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown}: {status}")) }
}
