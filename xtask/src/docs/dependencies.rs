//! Every external dependency has a row in `docs/dependencies.md`, and every row a dependency.

use super::page::Page;
use crate::repository::Repository;
use std::collections::BTreeSet;

const PAGE: &str = "docs/dependencies.md";

/// Dependencies without a row, and rows without a dependency.
pub(super) fn check(repository: &Repository, pages: &[Page]) -> Vec<String> {
    let Some(page) = pages.iter().find(|page| page.file == PAGE) else {
        return vec![format!("{PAGE} is not there")];
    };
    let used: BTreeSet<&str> = repository
        .packages
        .iter()
        .flat_map(|package| &package.dependencies)
        .filter(|dependency| !dependency.is_member)
        .map(|dependency| dependency.name.as_str())
        .collect();
    let explained: BTreeSet<&str> = page.rows.iter().map(|row| row.word.text.as_str()).collect();
    let missing = used.difference(&explained).map(|name| format!("{PAGE}: lacks a row for {name}"));
    let left = explained.difference(&used).map(|name| format!("{PAGE}: nothing depends on {name} any more"));
    missing.chain(left).collect()
}
