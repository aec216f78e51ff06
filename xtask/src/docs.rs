//! `cargo xtask docs`: what the documents name must exist. Links resolve, paths are there, configuration keys, flags
//! and counters are known to the code, and every dependency has its reason written down.

mod dependencies;
mod links;
mod names;
mod page;
mod paths;

use crate::repository::Repository;
use page::Page;

/// Reads every document and lists all that is wrong.
pub(crate) fn run() -> Result<(), String> {
    let repository = Repository::read()?;
    let mut pages = Vec::new();
    for file in repository.files.iter().filter(|file| file.ends_with(".md") && !file.starts_with("testdata/"))
    {
        pages.push(Page::read(file, &repository.text(file)?));
    }
    let mut problems = dependencies::check(&repository, &pages);
    problems.extend(links::check(&repository, &pages));
    problems.extend(paths::check(&repository, &pages));
    problems.extend(names::check(&repository, &pages)?);
    if !problems.is_empty() {
        return Err(format!("{}\n{} mistakes in the documents", problems.join("\n"), problems.len()));
    }
    println!("docs: {} pages name only what exists", pages.len());
    Ok(())
}
