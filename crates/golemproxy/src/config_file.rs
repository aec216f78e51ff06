//! Reading the configuration file: the only place that opens it.
//!
//! The checks themselves are those of `golem-config`, which touches no files.

use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use golem_config::{Loaded, Problem};

/// The file of golemproxy, relative to the working directory.
const OWN: &str = "conf/golemproxy.yml";

/// The file of nutcracker, relative to the working directory.
const NUTCRACKERS: &str = "conf/nutcracker.yml";

/// The file that is read when the command line names none: `conf/golemproxy.yml` if there is one, else
/// `conf/nutcracker.yml`.
pub fn default_path() -> PathBuf {
    let own = Path::new(OWN);
    if own.exists() { own.to_owned() } else { PathBuf::from(NUTCRACKERS) }
}

/// Why there is no configuration.
#[derive(Debug)]
pub enum LoadError {
    /// The file cannot be read.
    Unreadable {
        /// The file.
        file: String,
        /// The system's reason.
        reason: io::Error,
    },
    /// The file is wrong: all its problems.
    Wrong(Vec<Problem>),
}

impl fmt::Display for LoadError {
    /// One problem per line, without a line end behind the last one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, reason } => write!(f, "cannot read '{file}': {reason}"),
            Self::Wrong(problems) => {
                let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
        }
    }
}

impl std::error::Error for LoadError {}

/// Reads and checks a configuration file.
///
/// # Errors
/// The file cannot be read, or it has problems.
pub fn load(path: &Path) -> Result<Loaded, LoadError> {
    let file = path.display().to_string();
    match fs::read(path) {
        Ok(bytes) => golem_config::parse_bytes(&file, &bytes).map_err(LoadError::Wrong),
        Err(reason) => Err(LoadError::Unreadable { file, reason }),
    }
}
