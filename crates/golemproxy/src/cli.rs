//! The command line: what to do, read from the arguments, and doing it.
//!
//! The flags are nutcracker's and those of golemproxy in Go, in all their spellings; `spelling` brings them into one
//! form, `arguments` holds their definition, and each command has a file. Like nutcracker, what the flags `-h`, `-V`,
//! `-D` and `-t` print goes to standard error; what a command prints is its product and goes to standard output.
//!
//! Exit codes are 0, 1 and, after a panic, 70 (see `docs/operations.md`).

mod arguments;
mod bench;
mod check;
mod demo;
mod ring;
mod route;
mod spelling;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use arguments::{Arguments, Subcommand};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches};

use crate::{config_file, defect, serve, statistics};

/// What the flags say about serving. What is `None` was not given: the file decides, then the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeOptions {
    /// `-c`, or its default.
    pub config_file: PathBuf,
    /// `-d`: go to the background.
    pub daemonise: bool,
    /// `-o`.
    pub log_file: Option<PathBuf>,
    /// `-v`, 0 to 11.
    pub log_level: Option<u8>,
    /// `-a`: host name, address, or a path that begins with `/`.
    pub stats_addr: Option<String>,
    /// `-s`; 0 turns the statistics port off.
    pub stats_port: Option<u16>,
    /// `-p`.
    pub pid_file: Option<PathBuf>,
    /// Flags that were given and have no effect here, each with the reason.
    pub without_effect: Vec<String>,
}

/// What the command line asks for.
#[derive(Debug)]
enum Action {
    Help,
    Version,
    DescribeStatistics,
    TestConfiguration(ServeOptions),
    Serve(ServeOptions),
    Command(Subcommand),
}

/// Does what the arguments of the process say.
pub fn main() -> ExitCode {
    let done = defect::caught("the main thread", || {
        Ok(match read(std::env::args_os()) {
            Ok(action) => perform(action),
            Err(error) => refuse(&error),
        })
    });
    done.unwrap_or_else(|error| fail(&*error))
}

/// What the arguments, of which the first is the name of the program, ask for.
fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Action, clap::Error> {
    let mut command = Arguments::command();
    command.build();
    let arguments = spelling::normalise(&command, arguments)
        .map_err(|ambiguous| command.error(ErrorKind::UnknownArgument, ambiguous))?;
    let matches = command.try_get_matches_from_mut(arguments)?;
    let arguments = Arguments::from_arg_matches(&matches)?;
    Ok(match arguments {
        Arguments { help: true, .. } => Action::Help,
        Arguments { version: true, .. } => Action::Version,
        Arguments { describe_stats: true, .. } => Action::DescribeStatistics,
        Arguments { command: Some(command), .. } => Action::Command(command),
        Arguments { test_conf: true, .. } => Action::TestConfiguration(arguments.serve_options()),
        other => Action::Serve(other.serve_options()),
    })
}

fn perform(action: Action) -> ExitCode {
    match action {
        Action::Help => {
            eprint!("{}{}", version_block(), Arguments::command().render_help());
            ExitCode::SUCCESS
        }
        Action::Version => {
            eprint!("{}", version_block());
            ExitCode::SUCCESS
        }
        Action::DescribeStatistics => {
            eprint!("{}{}", version_block(), statistics::description());
            ExitCode::SUCCESS
        }
        Action::TestConfiguration(options) => {
            say_what_has_no_effect(&options);
            test_configuration(&options.config_file)
        }
        Action::Serve(options) => {
            say_what_has_no_effect(&options);
            match serve::serve(&options) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => fail(&*error),
            }
        }
        Action::Command(command) => {
            let mut out = io::stdout().lock();
            let done = match command {
                Subcommand::Check(arguments) => check::run(&arguments, &mut out),
                Subcommand::Route(arguments) => route::run(&arguments, &mut io::stdin().lock(), &mut out),
                Subcommand::Ring(arguments) => ring::run(&arguments, &mut out),
                Subcommand::Demo(arguments) => demo::run(&arguments, &mut out),
                Subcommand::Bench(arguments) => bench::run(&arguments, &mut out),
            };
            match done.and_then(|code| out.flush().map(|()| code).map_err(Into::into)) {
                Ok(code) => code,
                // Whoever read the output has had enough of it, as `head` after its lines: nothing to tell anybody.
                Err(error) if is_broken_pipe(&*error) => ExitCode::FAILURE,
                Err(error) => fail(&*error),
            }
        }
    }
}

fn say_what_has_no_effect(options: &ServeOptions) {
    for note in &options.without_effect {
        eprintln!("golemproxy: {note}");
    }
}

fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// How a command ends: with an exit code after it has said everything, or with a reason that is still to be said.
type Done = Result<ExitCode, Box<dyn std::error::Error>>;

/// `-t`, with nutcracker's lines; unlike nutcracker it says what is wrong.
fn test_configuration(file: &Path) -> ExitCode {
    let shown = file.display();
    match config_file::load(file) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                eprintln!("warning: {warning}");
            }
            eprintln!("golemproxy: configuration file '{shown}' syntax is ok");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            eprintln!("golemproxy: configuration file '{shown}' syntax is invalid");
            ExitCode::FAILURE
        }
    }
}

fn version_block() -> String {
    format!("This is golemproxy-{}\nasync event backend: epoll\n\n", env!("CARGO_PKG_VERSION"))
}

fn fail(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    eprintln!("golemproxy: {error}");
    ExitCode::from(defect::exit_code(error))
}

/// The help of a command, which is no failure, or what is wrong with the arguments.
fn refuse(error: &clap::Error) -> ExitCode {
    // clap takes any word for a command, and would blame the flags before it.
    if error.kind() == ErrorKind::ArgumentConflict
        && let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand)
    {
        eprintln!("error: '{word}' is no flag; the flags of a command stand behind its name");
        return ExitCode::FAILURE;
    }
    // Nothing is left to do when the message cannot be written.
    let _ = error.print();
    if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[cfg(test)]
mod tests;
