//! Brings the spellings of nutcracker (GNU `getopt_long`) and of golemproxy in Go (its `flag` package) into one form,
//! `--name` or `--name=value`, before the arguments are judged.
//!
//! getopt: bundled letters with a value behind the last (`-dv5`), the value in the next word whatever it begins with,
//! unambiguous prefixes of long names. Go: any name with one or two dashes (`-stats-port=0`, `--s 0`), truth values
//! (`-d=false`). A word that neither knows is left as it is, so that the judge can name it. Where the two contradict each
//! other, a whole long name behind one dash is a name (`-config FILE`), not a bundle (`-c onfig`).
//!
//! The names come from the definition of the command itself; there is no second list.

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command};

/// The arguments in the one form. The first one, the name of the program, stays.
///
/// # Errors
/// A long name is cut so short that it may be several; the text names them.
pub(super) fn normalise(
    command: &Command,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Vec<OsString>, String> {
    let mut arguments = arguments.into_iter();
    let mut written: Vec<OsString> = arguments.next().into_iter().collect();
    let mut command = command;
    while let Some(argument) = arguments.next() {
        let Some(text) = argument.to_str() else {
            written.push(argument);
            continue;
        };
        if text == "--" {
            written.push(argument);
            written.extend(arguments);
            break;
        }
        if let Some((option, value)) = named(command, text)? {
            write(option, value, &mut arguments, &mut written);
        } else if let Some(letters) =
            text.strip_prefix('-').filter(|rest| !rest.is_empty() && !rest.starts_with('-'))
        {
            bundle(command, letters, &mut arguments, &mut written);
        } else {
            // Flags behind the name of a command are the command's.
            command = command.find_subcommand(text).unwrap_or(command);
            written.push(argument);
        }
    }
    Ok(written)
}

/// The option that a word names in full or by a prefix, with what stands behind its `=`. Not a bundle.
fn named<'c, 't>(command: &'c Command, text: &'t str) -> Result<Option<(&'c Arg, Option<&'t str>)>, String> {
    let (word, value) = match text.split_once('=') {
        Some((word, value)) => (word, Some(value)),
        None => (text, None),
    };
    let option = match word.strip_prefix("--") {
        Some(name) => match only_letter(name).and_then(|letter| by_letter(command, letter)) {
            None => by_prefix(command, name)?,
            found => found,
        },
        None => word.strip_prefix('-').filter(|name| name.len() > 1).and_then(|name| by_name(command, name)),
    };
    Ok(option.map(|option| (option, value)))
}

/// Letters behind one dash: flags, of which the last may take the rest or the next word as its value.
fn bundle(
    command: &Command,
    letters: &str,
    arguments: &mut impl Iterator<Item = OsString>,
    written: &mut Vec<OsString>,
) {
    let mut rest = letters.chars();
    while let Some(letter) = rest.next() {
        let Some(option) = by_letter(command, letter) else {
            written.push(format!("-{letter}{}", rest.as_str()).into());
            return;
        };
        let behind = rest.as_str();
        let value = behind.strip_prefix('=');
        if takes_value(option) && !behind.is_empty() {
            return write(option, value.or(Some(behind)), arguments, written);
        }
        write(option, value, arguments, written);
        if value.is_some() {
            return;
        }
    }
}

/// Writes an option in the one form, with the next word if its value is still missing.
fn write(
    option: &Arg,
    value: Option<&str>,
    arguments: &mut impl Iterator<Item = OsString>,
    written: &mut Vec<OsString>,
) {
    let mut word = OsString::from("--");
    word.push(option.get_long().unwrap_or_default());
    let value = match value {
        Some(value) if !takes_value(option) => match truth(value) {
            Some(true) => None,
            Some(false) => return,
            None => Some(OsString::from(value)),
        },
        Some(value) => Some(OsString::from(value)),
        None if takes_value(option) => arguments.next(),
        None => None,
    };
    if let Some(value) = value {
        word.push(OsStr::new("="));
        word.push(value);
    }
    written.push(word);
}

/// The truth values of Go's flags.
fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// The letter of a name that is one letter long.
fn only_letter(name: &str) -> Option<char> {
    let mut letters = name.chars();
    letters.next().filter(|_| letters.next().is_none())
}

fn takes_value(option: &Arg) -> bool {
    option.get_action().takes_values()
}

fn by_letter(command: &Command, letter: char) -> Option<&Arg> {
    command.get_arguments().find(|option| option.get_short() == Some(letter) && option.get_long().is_some())
}

fn by_name<'c>(command: &'c Command, name: &str) -> Option<&'c Arg> {
    command.get_arguments().find(|option| names(option).any(|known| known == name))
}

/// The only option one of whose names begins with `prefix`, or the one that has it as a whole name.
fn by_prefix<'c>(command: &'c Command, prefix: &str) -> Result<Option<&'c Arg>, String> {
    if prefix.is_empty() {
        return Ok(None);
    }
    if let Some(whole) = by_name(command, prefix) {
        return Ok(Some(whole));
    }
    let begins = |option: &&Arg| names(option).any(|known| known.starts_with(prefix));
    match command.get_arguments().filter(begins).collect::<Vec<_>>()[..] {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        ref several => {
            let names = several.iter().filter_map(|option| option.get_long());
            let names: Vec<_> = names.map(|name| format!("'--{name}'")).collect();
            Err(format!("'--{prefix}' is ambiguous: it may be {}", names.join(" or ")))
        }
    }
}

fn names(option: &Arg) -> impl Iterator<Item = &str> {
    option.get_long().into_iter().chain(option.get_all_aliases().unwrap_or_default())
}
