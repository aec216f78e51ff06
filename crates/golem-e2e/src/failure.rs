//! What a test says when it fails: one text that names what was wanted and what came. Tests return it, so that a
//! failure can also be an expected one (a listed difference) without unwinding.

use std::fmt;
use std::io;

/// Why a test failed.
pub struct Failure(String);

/// What tests and the harness return.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The same failure, after a line that says what was going on.
    pub fn during(self, what: impl fmt::Display) -> Self {
        Self(format!("{what}: {}", self.0))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The test runner prints a returned error with `Debug`.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}", self.0)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Fails with `text` unless `is_true`.
pub fn ensure(is_true: bool, text: impl Into<String>) -> Outcome {
    if is_true { Ok(()) } else { Err(Failure::new(text)) }
}

/// Bytes as a reader can compare them; long ones lose their middle.
pub fn shown(bytes: &[u8]) -> String {
    const HALF: usize = 200;
    if bytes.len() <= 2 * HALF {
        return format!("\"{}\"", bytes.escape_ascii());
    }
    let (head, tail) = (&bytes[..HALF], &bytes[bytes.len() - HALF..]);
    format!("\"{}\" … {} bytes … \"{}\"", head.escape_ascii(), bytes.len() - 2 * HALF, tail.escape_ascii())
}
