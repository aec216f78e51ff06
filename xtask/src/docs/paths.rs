//! Paths and crate names set as code: `crates/golem-net/src/driver.rs`, `worker.rs`, `golem-ring`. A part in capitals or
//! with a star stands for any name (`testdata/mapping/NAME.tsv`).

use super::page::Page;
use crate::repository::Repository;

/// Folders of the repository; what begins with one of them is meant as a path, also when it is gone.
const FOLDERS: &[&str] =
    &["crates", "xtask", "docs", "testdata", "conf", "fuzz", "tests", ".ci", ".cargo", ".github"];

/// Every path or crate that is named and not there.
pub(super) fn check(repository: &Repository, pages: &[Page]) -> Vec<String> {
    let mut problems = Vec::new();
    for page in pages {
        for piece in &page.code {
            if let Some(problem) = judge(repository, &piece.text) {
                problems.push(format!("{}:{}: {problem}", page.file, piece.line));
            }
        }
    }
    problems
}

fn judge(repository: &Repository, word: &str) -> Option<String> {
    let path = word.trim_start_matches("./").trim_end_matches('/');
    let is_plain =
        !path.is_empty() && !path.contains(|c: char| c.is_whitespace() || "(){}<>=,;'\"|&$".contains(c));
    if !is_plain {
        return None;
    }
    let folder = path.split('/').next().unwrap_or_default();
    let is_path = path.contains('/') && FOLDERS.contains(&folder);
    let is_source = path.ends_with(".rs");
    if is_path && !repository.has(path) {
        return Some(format!("path {word} is not there"));
    }
    if !is_path && is_source && !repository.files.iter().any(|file| ends_like(file, path)) {
        return Some(format!("no file {word} in the repository"));
    }
    let is_crate = path.starts_with("golem-") && !path.contains(['/', '.', ':', '*']);
    if is_crate && repository.package(path).is_none() {
        return Some(format!("there is no crate {word}"));
    }
    None
}

impl Repository {
    /// Whether a file or a folder matches the path from the root.
    pub(super) fn has(&self, path: &str) -> bool {
        let wanted: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        self.files.iter().any(|file| {
            let parts: Vec<&str> = file.split('/').collect();
            parts.len() >= wanted.len() && parts.iter().zip(&wanted).all(|(part, like)| is_like(part, like))
        })
    }
}

fn ends_like(file: &str, path: &str) -> bool {
    let parts: Vec<&str> = file.split('/').rev().collect();
    let wanted: Vec<&str> = path.split('/').rev().collect();
    parts.len() >= wanted.len() && parts.iter().zip(&wanted).all(|(part, like)| is_like(part, like))
}

/// One part of a path against a pattern: `*` or a word in capitals stands for anything.
fn is_like(part: &str, like: &str) -> bool {
    let (stem, ending) = like.split_once('.').map_or((like, None), |(stem, ending)| (stem, Some(ending)));
    let stands_for_any =
        stem.contains('*') || (stem.len() > 1 && stem.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
    if part == like {
        return true;
    }
    stands_for_any && ending.is_none_or(|ending| part.ends_with(&format!(".{ending}")))
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::repository::Repository;
    use std::path::PathBuf;

    #[test]
    fn only_what_looks_like_a_path_is_looked_up() {
        let files = ["crates/golem-net/src/driver.rs", "testdata/mapping/modula.tsv", "README.md"];
        let files = files.map(str::to_owned).to_vec();
        let repository = Repository { root: PathBuf::new(), files, packages: Vec::new() };
        for fine in
            ["crates/golem-net/", "driver.rs", "src/driver.rs", "testdata/mapping/NAME.tsv", "a/b", "get k"]
        {
            assert_eq!(judge(&repository, fine), None, "{fine}");
        }
        for gone in ["crates/golem-net/src/poll.rs", "poll.rs", "testdata/mapping/NAME.yml", "golem-net"] {
            assert!(judge(&repository, gone).is_some(), "{gone}");
        }
    }
}
