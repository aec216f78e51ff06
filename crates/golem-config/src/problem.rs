//! What is wrong with a file, where, and what would be right; and the list in which a run collects all of it.
//!
//! Invariant: a run that recorded a problem never gives out a model.

use std::fmt;

use crate::model::{Config, Loaded};

/// One thing that is wrong (or, among the warnings, doubtful) in a configuration file.
///
/// Its `Display` is one line: `FILE:LINE:COLUMN: pool 'P': key 'K': what; instead`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The name of the file as it was given.
    pub file: String,
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters, counted from 1.
    pub column: u32,
    /// The pool it lies in; `golemproxy` for the process-wide settings; none for the file as a whole.
    pub pool: Option<String>,
    /// The key it lies in.
    pub key: Option<String>,
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub instead: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        match self.pool.as_deref() {
            Some(crate::keys::PROCESS) => write!(f, "settings '{}': ", crate::keys::PROCESS)?,
            Some(pool) => write!(f, "pool '{}': ", pool.escape_debug())?,
            None => {}
        }
        if let Some(key) = &self.key {
            write!(f, "key '{}': ", key.escape_debug())?;
        }
        write!(f, "{}; {}", self.what, self.instead)
    }
}

/// A place in the text, both counted from 1; the order is the order of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Position {
    /// Both counted from 1; what exceeds 32 bits is cut to the largest.
    pub(crate) fn new(line: usize, column: usize) -> Self {
        let narrow = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Self { line: narrow(line), column: narrow(column) }
    }
}

/// Where a problem lies: the place in the text and the names around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) position: Position,
    pub(crate) pool: Option<&'a str>,
    pub(crate) key: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// A place that belongs to no pool.
    pub(crate) fn of_file(position: Position) -> Self {
        Self { position, pool: None, key: None }
    }

    /// A place in a pool (or in the process-wide settings).
    pub(crate) fn of_pool(position: Position, pool: &'a str) -> Self {
        Self { position, pool: Some(pool), key: None }
    }

    /// The same pool, at `key`.
    pub(crate) fn at_key(self, position: Position, key: &'a str) -> Self {
        Self { position, key: Some(key), ..self }
    }
}

/// Collects the problems and warnings of one run.
pub(crate) struct Problems {
    file: String,
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Problems {
    pub(crate) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), errors: Vec::new(), warnings: Vec::new() }
    }

    /// Records what makes the file unusable.
    pub(crate) fn error(&mut self, place: Place<'_>, what: impl Into<String>, instead: impl Into<String>) {
        let problem = self.problem(place, what.into(), instead.into());
        self.errors.push(problem);
    }

    /// Records what is accepted but probably not meant.
    pub(crate) fn warn(&mut self, place: Place<'_>, what: impl Into<String>, instead: impl Into<String>) {
        let problem = self.problem(place, what.into(), instead.into());
        self.warnings.push(problem);
    }

    /// The model with its warnings, if nothing was wrong; else everything that was, in the order of the text.
    pub(crate) fn finish(mut self, config: Option<Config>) -> Result<Loaded, Vec<Problem>> {
        self.errors.sort_by_key(|problem| (problem.line, problem.column));
        self.warnings.sort_by_key(|problem| (problem.line, problem.column));
        match config {
            Some(config) if self.errors.is_empty() => Ok(Loaded { config, warnings: self.warnings }),
            _ => Err(self.errors),
        }
    }

    fn problem(&self, place: Place<'_>, what: String, instead: String) -> Problem {
        Problem {
            file: self.file.clone(),
            line: place.position.line,
            column: place.position.column,
            pool: place.pool.map(str::to_owned),
            key: place.key.map(str::to_owned),
            what,
            instead,
        }
    }
}
