//! The log of the process: `tracing` events as lines of text, on standard error or in a file, written by a thread of
//! their own so that no worker ever waits for a disk or a terminal.
//!
//! Events are filtered by level before they are formatted: what is switched off costs one atomic load. Lines with the
//! target [`PROCESS`] (start, signals, end) appear at every level, as in nutcracker.

mod levels;
mod line;
mod sink;

use crate::{defect, settings};
use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tracing_subscriber::Registry;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;

pub use levels::{HIGHEST, PROCESS};
use sink::Sink;

/// Where lines go: an open file, standard error, or nowhere.
#[derive(Debug)]
pub enum Destination {
    /// Standard error.
    Stderr,
    /// This file, which was opened by this name.
    File(PathBuf, File),
    /// Nowhere.
    Nowhere,
}

impl Destination {
    /// Opens what the settings ask for. A file is created with mode 0644 if it is not there, and appended to if it is.
    ///
    /// # Errors
    /// The file that was named cannot be opened; the text says which and why.
    pub fn open(log: &settings::Log) -> Result<Self, String> {
        match log {
            settings::Log::Stderr => Ok(Self::Stderr),
            settings::Log::File(path) => open(path)
                .map(|file| Self::File(path.clone(), file))
                .map_err(|error| format!("cannot open the log file '{}': {error}", path.display())),
            settings::Log::FileIfPossible(path) => {
                Ok(open(path).map_or(Self::Nowhere, |file| Self::File(path.clone(), file)))
            }
        }
    }

    /// Whether lines go where standard error does not.
    pub fn is_file(&self) -> bool {
        matches!(self, Self::File(..))
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o644).open(path)
}

/// The running log. Dropping it writes what waits, for a few seconds at most.
#[derive(Debug)]
pub struct Logger {
    sink: Sink,
    filter: reload::Handle<Targets, Registry>,
    level: u8,
    /// The file's name, to open it again.
    path: Option<PathBuf>,
}

impl Logger {
    /// Starts the log of the process, and its thread: not to be called before going to the background.
    ///
    /// # Errors
    /// There is a log already, or no thread can be started.
    pub fn start(destination: Destination, level: u8) -> io::Result<Self> {
        let (logger, subscriber) = Self::new(destination, level)?;
        tracing::subscriber::set_global_default(subscriber).map_err(io::Error::other)?;
        // A daemon's standard error leads nowhere.
        std::panic::set_hook(Box::new(
            |panic| tracing::error!(target: PROCESS, "{}", defect::describe(panic)),
        ));
        Ok(logger)
    }

    fn new(destination: Destination, level: u8) -> io::Result<(Self, impl tracing::Subscriber)> {
        let (path, sink) = match destination {
            Destination::Stderr => (None, Sink::start(Box::new(io::stderr()))?),
            Destination::File(path, file) => (Some(path), Sink::start(Box::new(file))?),
            Destination::Nowhere => (None, Sink::start(Box::new(io::sink()))?),
        };
        let (filter, handle) = reload::Layer::new(levels::filter(level));
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .event_format(line::Lines)
            .with_writer(sink.clone());
        let subscriber = tracing_subscriber::registry().with(filter).with(lines);
        Ok((Self { sink, filter: handle, level, path }, subscriber))
    }

    /// One level more, up to the highest; the new one, if it is another.
    pub fn raise(&mut self) -> Option<u8> {
        self.set_level((self.level + 1).min(HIGHEST))
    }

    /// One level less, down to 0; the new one, if it is another.
    pub fn lower(&mut self) -> Option<u8> {
        self.set_level(self.level.saturating_sub(1))
    }

    /// From now on what is logged goes there. What waits still goes to where it went.
    pub fn redirect(&mut self, destination: Destination) {
        let (path, out): (_, Box<dyn io::Write + Send>) = match destination {
            Destination::Stderr => (None, Box::new(io::stderr())),
            Destination::File(path, file) => (Some(path), Box::new(file)),
            Destination::Nowhere => (None, Box::new(io::sink())),
        };
        self.path = path;
        self.sink.switch(out);
    }

    /// Another level, 0 to 11.
    pub fn set(&mut self, level: u8) {
        self.set_level(level.min(HIGHEST));
    }

    fn set_level(&mut self, level: u8) -> Option<u8> {
        if level == self.level || self.filter.reload(levels::filter(level)).is_err() {
            return None;
        }
        self.level = level;
        Some(level)
    }

    /// Opens the log file anew by its name, for what is logged from now on. What waits still goes to the old one.
    /// False if the log is no file.
    ///
    /// # Errors
    /// It cannot be opened; the log stays where it is.
    pub fn reopen(&self) -> Result<bool, String> {
        let Some(path) = &self.path else { return Ok(false) };
        let told = |error: &dyn Display| format!("cannot open the log file '{}': {error}", path.display());
        let file = open(path).map_err(|error| told(&error))?;
        self.sink.switch(Box::new(file));
        Ok(true)
    }
}

impl Drop for Logger {
    fn drop(&mut self) {
        self.sink.finish();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::{Destination, Logger, PROCESS};
    use crate::settings::Log;
    use std::fs;
    use tempfile::tempdir;

    /// The texts in a log file, without time.
    fn texts(path: &std::path::Path) -> Vec<String> {
        let log = fs::read_to_string(path).unwrap();
        log.lines().map(|line| line.split_once("] ").unwrap().1.to_owned()).collect()
    }

    #[test]
    fn lines_go_to_the_file_that_has_the_name_and_only_up_to_the_level() {
        let folder = tempdir().unwrap();
        let (path, old) = (folder.path().join("log"), folder.path().join("old"));
        let destination = Destination::open(&Log::File(path.clone())).unwrap();
        let (mut logger, subscriber) = Logger::new(destination, 4).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!("one");
            tracing::info!("hidden");
            fs::rename(&path, &old).unwrap();
            tracing::error!("two\nlines\tand\r");
            assert_eq!(logger.reopen(), Ok(true));
            assert_eq!(logger.raise(), Some(5));
            tracing::info!("three");
            for level in (0..5).rev() {
                assert_eq!(logger.lower(), Some(level));
            }
            assert_eq!(logger.lower(), None);
            tracing::error!("hidden");
            tracing::info!(target: PROCESS, "four");
        });
        drop(logger);
        assert_eq!(texts(&old), ["WARN one", "ERROR two\\nlines\\tand\\r"]);
        assert_eq!(texts(&path), ["INFO three", "INFO four"]);
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_an_error_unless_it_is_only_a_wish() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("none/log");
        let refused = Destination::open(&Log::File(path.clone())).unwrap_err();
        assert!(refused.contains("none/log': No such file"), "{refused}");
        assert!(matches!(Destination::open(&Log::FileIfPossible(path)), Ok(Destination::Nowhere)));
    }
}
