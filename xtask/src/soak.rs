//! `cargo xtask soak`: builds golemproxy and the soak for release, and runs it for so long. What it does lies in golem-e2e
//! (`soak.rs`); this file only starts it.

use crate::repository::{Repository, cargo};
use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, iter};

/// The options of `cargo xtask soak`.
#[derive(Parser)]
#[command(
    name = "cargo xtask soak",
    about = "Checks every reply through golemproxy while its servers are killed and stopped"
)]
struct Options {
    /// Minutes for which the servers are troubled.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// With `auto_eject_hosts`.
    #[arg(long)]
    eject: bool,
    /// So many reloads instead, each of another configuration; half of the servers that one removes are killed.
    #[arg(long, conflicts_with_all = ["minutes", "eject"], value_parser = clap::value_parser!(u32).range(1..))]
    reloads: Option<u32>,
    /// Workers of golemproxy while its configuration changes.
    #[arg(long, default_value_t = 2, requires = "reloads", value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// Clients that check every reply.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    clients: u32,
    /// Everything at random comes from it; without it, from the time.
    #[arg(long)]
    seed: Option<u64>,
}

/// Runs the task.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let name = "cargo xtask soak".to_owned();
    let options = Options::parse_from(iter::once(&name).chain(arguments));
    build("soak")?;
    let release = release_folder()?;
    let seed = options.seed.unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() & 0xffff_ffff)
    });
    let told = options.seed.map_or_else(|| format!(" --seed {seed}"), |_| String::new());
    println!("cargo xtask soak {}{told}", arguments.join(" "));
    let mut soak = Command::new(release.join("soak"));
    soak.args(options.words(seed));
    succeed(soak.env("GOLEMPROXY_PROGRAM", release.join("golemproxy")))
}

impl Options {
    /// The command line of the soak.
    fn words(&self, seed: u64) -> Vec<String> {
        let mut words = Vec::new();
        match self.reloads {
            Some(reloads) => {
                words.push("--reloads".to_owned());
                words.extend(
                    [reloads, self.clients, u32::from(self.workers)].map(|number| number.to_string()),
                );
            }
            None => {
                words.extend(self.eject.then(|| "--eject".to_owned()));
                words.extend([self.minutes.to_string(), self.clients.to_string()]);
            }
        }
        words.push(seed.to_string());
        words
    }
}

/// Builds golemproxy and a program of golem-e2e for release.
pub(crate) fn build(program: &str) -> Result<(), String> {
    let root = Repository::read()?.root;
    for package in [&["--package", "golemproxy"][..], &["--package", "golem-e2e", "--bin", program]] {
        let mut build = Command::new(cargo());
        succeed(build.args(["build", "--release"]).args(package).current_dir(&root))?;
    }
    Ok(())
}

/// Runs a command to its good end.
pub(crate) fn succeed(command: &mut Command) -> Result<(), String> {
    let shown = format!("{command:?}");
    let status = command.status().map_err(|error| format!("{shown}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown}: {status}")) }
}

/// The release folder beside the one in which this program lies.
pub(crate) fn release_folder() -> Result<PathBuf, String> {
    let program = env::current_exe().map_err(|error| format!("where this program lies: {error}"))?;
    let target = program.parent().and_then(Path::parent);
    Ok(target.ok_or("this program does not lie in a target folder")?.join("release"))
}
