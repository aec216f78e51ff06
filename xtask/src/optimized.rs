//! `cargo xtask optimized`: golemproxy built with a profile of itself at work. It is built so that it counts which ways are taken,
//! works through loads of every kind over null servers, and is built again with what it counted.
//!
//! Invariant: the program that results differs from a release build in its machine code only.

use crate::bench::training;
use crate::repository::{Repository, cargo, output};
use crate::soak::{release_folder, succeed};
use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, iter};

/// The options of `cargo xtask optimized`.
#[derive(Parser)]
#[command(
    name = "cargo xtask optimized",
    about = "Builds golemproxy with a profile of itself at work: TARGET/optimized/golemproxy"
)]
struct Options {
    /// Seconds of each load.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

/// Runs the task.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let name = "cargo xtask optimized".to_owned();
    let options = Options::parse_from(iter::once(&name).chain(arguments));
    let root = Repository::read()?.root;
    let merge = profile_tool()?;
    let release = release_folder()?;
    let target = release.parent().ok_or("the release folder has no parent")?;
    let folder = target.join("optimized");
    let counts = folder.join("counts");
    if counts.exists() {
        fs::remove_dir_all(&counts).map_err(|error| format!("{}: {error}", counts.display()))?;
    }
    let counting = build(&root, &folder, &format!("-Cprofile-generate={}", counts.display()))?;
    succeed(
        Command::new(cargo())
            .args(["build", "--release", "--package", "golem-bench", "--target-dir"])
            .arg(target)
            .current_dir(&root),
    )?;
    training::work_through(&release, &counting, &counts, options.seconds)?;
    let profile = folder.join("golemproxy.profdata");
    succeed(Command::new(merge).arg("merge").arg("-o").arg(&profile).arg(&counts))?;
    let built = build(&root, &folder, &format!("-Cprofile-use={}", profile.display()))?;
    let result = folder.join("golemproxy");
    fs::copy(&built, &result).map_err(|error| format!("{}: {error}", result.display()))?;
    println!("{}", result.display());
    Ok(())
}

/// Builds golemproxy for release with these flags of the compiler; says where it is. The flags make it another build, in a folder
/// of its own.
fn build(root: &Path, folder: &Path, flags: &str) -> Result<PathBuf, String> {
    let target = folder.join("build");
    succeed(
        Command::new(cargo())
            .args(["build", "--release", "--package", "golemproxy", "--target-dir"])
            .arg(&target)
            .env("RUSTFLAGS", flags)
            .current_dir(root),
    )?;
    Ok(target.join("release").join("golemproxy"))
}

/// The compiler's own tool for profiles; that of another version may not read them.
fn profile_tool() -> Result<PathBuf, String> {
    let libraries = output(Command::new("rustc").args(["--print", "target-libdir"]))?;
    let tool = Path::new(libraries.trim()).with_file_name("bin").join("llvm-profdata");
    if tool.exists() {
        Ok(tool)
    } else {
        Err(format!("{} is missing: rustup component add llvm-tools", tool.display()))
    }
}
