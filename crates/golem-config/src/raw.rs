//! The tree of a file: maps, lists and scalars with their places, scalars as their source text.
//!
//! It stands between the YAML events and the checks. No scalar is ever read as a number, a date or a truth value here.
//! Invariant: a tree is at most three levels deep, whatever the file nests, and what was cut off has been reported.

mod build;

use std::borrow::Cow;

use crate::problem::{Place, Position, Problems};

/// One element of the tree.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) position: Position,
    pub(crate) body: Body,
}

/// What an element holds.
#[derive(Debug)]
pub(crate) enum Body {
    /// The text of a scalar, quotes and folding undone.
    Scalar(String),
    /// The entries of a sequence.
    List(Vec<Node>),
    /// The entries of a mapping in the order of the file, duplicates included.
    Map(Vec<Entry>),
    /// Something that has already been reported.
    Refused,
}

/// A key and its value.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) position: Position,
    pub(crate) value: Node,
}

/// Reads one YAML document. `None` if it could not be read to its end or has none; the reason is recorded.
pub(crate) fn read(text: &str, problems: &mut Problems) -> Option<Node> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(offset) = text.find(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')) {
        problems.error(
            Place::of_file(position_of(text.as_bytes(), offset)),
            "a control character stands in the text",
            "a configuration file is plain text; delete the character",
        );
        return None;
    }
    build::document(&blanks_after_keys(text), problems)
}

/// Makes blanks of the tabs between a key and its value. They are good YAML and nutcracker reads them, but the parser
/// refuses them in front of a letter or digit. One character stands for another, so places stay right.
fn blanks_after_keys(text: &str) -> Cow<'_, str> {
    if !text.contains(":\t") {
        return Cow::Borrowed(text);
    }
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | '"' | '\'');
    let line = |line: &str| match line.split_once(':') {
        Some((key, rest)) if key.chars().all(is_word) => {
            let value = rest.trim_start_matches('\t');
            format!("{key}:{}{value}", " ".repeat(rest.len() - value.len()))
        }
        _ => line.to_owned(),
    };
    Cow::Owned(text.split_inclusive('\n').map(line).collect())
}

/// Records that `bytes` stop being UTF-8 at `offset`.
pub(crate) fn report_not_utf8(bytes: &[u8], offset: usize, problems: &mut Problems) {
    problems.error(
        Place::of_file(position_of(bytes, offset)),
        "the text is not UTF-8 from here on",
        "save the file as UTF-8",
    );
}

/// The line and column of the byte at `offset`, which must be preceded by valid UTF-8.
fn position_of(bytes: &[u8], offset: usize) -> Position {
    let before = &bytes[..offset];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let column = before[start..].iter().filter(|byte| (**byte & 0xc0) != 0x80).count() + 1;
    Position::new(line, column)
}

#[cfg(test)]
mod tests {
    use super::blanks_after_keys;

    #[test]
    fn tabs_after_a_key_become_blanks_and_others_stay() {
        for (text, read) in [
            ("a:\t\tb\n", "a:  b\n"),
            ("  \"a\":\tb\tc\r\n- x:\ty", "  \"a\": b\tc\r\n- x: y"),
            ("a: b # c:\td\n", "a: b # c:\td\n"),
            ("# c:\td\n", "# c:\td\n"),
            ("\ta:\tb\n", "\ta:\tb\n"),
        ] {
            assert_eq!(blanks_after_keys(text), read);
        }
    }
}
