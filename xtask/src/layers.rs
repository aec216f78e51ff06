//! `cargo xtask layers`: who may use whom, and what no source file may hold. All breaches are listed in one run.

mod edges;
mod source;
mod source_rules;

use crate::repository::Repository;

/// Checks dependencies and source files.
pub(crate) fn run() -> Result<(), String> {
    let repository = Repository::read()?;
    let mut breaches = edges::check(&repository)?;
    let mut sources = 0;
    for file in repository.files.iter().filter(|file| file.ends_with(".rs")) {
        breaches.extend(source_rules::check(file, &repository.text(file)?));
        sources += 1;
    }
    if !breaches.is_empty() {
        return Err(format!("{}\n{} breaches of the layers", breaches.join("\n"), breaches.len()));
    }
    println!("layers: {} packages and {sources} source files keep the rules", repository.packages.len());
    Ok(())
}
