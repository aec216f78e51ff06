//! Configuration keys, flags and counters that the documents name. A key or a counter is known when the crate that
//! owns it holds the word as a text or an identifier; a flag, when the program's own help shows it.

use super::page::Page;
use crate::repository::{Repository, cargo, output_and_errors};
use std::collections::BTreeSet;
use std::process::Command;

/// A kind of name and where it comes from.
struct Source {
    /// Heading of the first column of the tables that list such names.
    heading: &'static str,
    /// Crates whose source holds them.
    crates: &'static [&'static str],
}

const KEY: Source = Source { heading: "key", crates: &["golem-config"] };
const COUNTER: Source = Source { heading: "counter", crates: &["golemproxy", "golem-engine"] };

/// The program's commands that print a help of their own.
const COMMANDS: &[&[&str]] = &[
    &["--help"],
    &["check", "--help"],
    &["route", "--help"],
    &["ring", "--help"],
    &["demo", "--help"],
    &["bench", "--help"],
];

/// Every name that the code does not know. What has no code yet is not judged, and said so.
pub(super) fn check(repository: &Repository, pages: &[Page]) -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    for source in [KEY, COUNTER] {
        let Some(known) = words(repository, source.crates)? else {
            println!("docs: no {} yet, names of a {} not judged", source.crates.join(", "), source.heading);
            continue;
        };
        for page in pages {
            let in_tables = page.rows.iter().filter(|row| row.heading == source.heading).map(|row| &row.word);
            let in_prose =
                page.code.iter().filter(|piece| source.heading == KEY.heading && is_setting(&piece.text));
            for piece in in_tables.chain(in_prose) {
                let name = piece.text.split(':').next().unwrap_or_default();
                if !known.contains(name) {
                    let (file, line, heading) = (&page.file, piece.line, source.heading);
                    problems.push(format!("{file}:{line}: no {heading} '{name}' in the code"));
                }
            }
        }
    }
    problems.extend(check_flags(repository, pages)?);
    Ok(problems)
}

/// Words of a crate's source, or nothing when none of the crates exists.
fn words(repository: &Repository, crates: &[&str]) -> Result<Option<BTreeSet<String>>, String> {
    let mut words = BTreeSet::new();
    for package in crates.iter().filter_map(|name| repository.package(name)) {
        let folder = format!("{}/src/", package.folder);
        for file in repository.files.iter().filter(|file| file.starts_with(&folder) && file.ends_with(".rs"))
        {
            let text = repository.text(file)?;
            let found = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            words.extend(found.filter(|word| !word.is_empty()).map(str::to_owned));
        }
    }
    Ok(if words.is_empty() { None } else { Some(words) })
}

/// `name:` or `name: value`, as in the configuration file.
fn is_setting(code: &str) -> bool {
    let Some((name, rest)) = code.split_once(':') else { return false };
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_name && (rest.is_empty() || rest.starts_with(' '))
}

fn check_flags(repository: &Repository, pages: &[Page]) -> Result<Vec<String>, String> {
    if repository.package("golemproxy").is_none() {
        println!("docs: no golemproxy yet, its flags not judged");
        return Ok(Vec::new());
    }
    let mut help = String::new();
    for command in COMMANDS {
        let run = ["run", "--quiet", "--package", "golemproxy", "--"];
        let mut program = Command::new(cargo());
        help.push_str(&output_and_errors(program.args(run).args(*command).current_dir(&repository.root))?);
    }
    let known: BTreeSet<&str> = flags(&help).collect();
    let mut problems = Vec::new();
    for page in pages {
        for piece in page.code.iter().chain(&page.block_lines) {
            let Some(arguments) = arguments(&piece.text) else { continue };
            for flag in flags(arguments).filter(|flag| !known.contains(flag)) {
                problems.push(format!("{}:{}: golemproxy has no flag {flag}", page.file, piece.line));
            }
        }
    }
    Ok(problems)
}

/// The part of a line that golemproxy reads: all of it when it begins with a flag, else what follows the program.
fn arguments(line: &str) -> Option<&str> {
    let line = line.trim_start().trim_start_matches("$ ");
    let is_flag =
        line.starts_with('-') && line[1..].starts_with(|c: char| c == '-' || c.is_ascii_alphabetic());
    if is_flag {
        return Some(line);
    }
    if line.starts_with("cargo run") {
        return line.split_once(" -- ").map(|(_, rest)| rest);
    }
    let (program, rest) = line.split_once(' ')?;
    (program == "golemproxy" || program.ends_with("/golemproxy")).then_some(rest)
}

/// `-c`, `--conf-file`, `-config`: without values and brackets.
fn flags(text: &str) -> impl Iterator<Item = &str> {
    let words = text
        .split(|c: char| c.is_whitespace() || "[](),|".contains(c))
        .take_while(|word| !word.starts_with('#'));
    words.filter_map(|word| {
        let name = word.split('=').next().unwrap_or_default().trim_end_matches(['.', ':', ';']);
        let letters = name.trim_start_matches('-');
        let is_flag = name.starts_with('-') && letters.starts_with(|c: char| c.is_ascii_alphabetic());
        is_flag.then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::{arguments, flags, is_setting};

    fn found(line: &str) -> Vec<&str> {
        arguments(line).map(|rest| flags(rest).collect()).unwrap_or_default()
    }

    #[test]
    fn flags_of_golemproxy_are_told_from_those_of_others() {
        assert_eq!(found("golemproxy -c FILE --stats-port=0"), ["-c", "--stats-port"]);
        assert_eq!(found("cargo run --release -- demo --servers N  # or --more"), ["--servers"]);
        assert_eq!(found("-t"), ["-t"]);
        assert_eq!(found("target/release/golemproxy ring [--vs OTHER]"), ["--vs"]);
        assert!(found("memcached -I 8m").is_empty());
        assert!(found("- a list").is_empty());
    }

    #[test]
    fn settings_are_told_from_other_code() {
        assert!(is_setting("hash_tag:"));
        assert!(is_setting("threads: auto"));
        assert!(!is_setting("host:port"));
        assert!(!is_setting("CLIENT_ERROR: x"));
        assert!(!is_setting("golem_config::parse"));
    }
}
