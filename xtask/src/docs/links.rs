//! Relative links: the file is there, and so is the heading behind `#`. Links to other sites are not followed.

use super::page::Page;
use crate::repository::Repository;
use std::path::{Component, Path};

/// Every link that leads nowhere.
pub(super) fn check(repository: &Repository, pages: &[Page]) -> Vec<String> {
    let mut problems = Vec::new();
    for page in pages {
        for link in &page.links {
            if link.text.contains("://") || link.text.starts_with("mailto:") {
                continue;
            }
            let (path, heading) = link.text.split_once('#').unwrap_or((&link.text, ""));
            let target = if path.is_empty() { Some(page.file.clone()) } else { resolve(&page.file, path) };
            let is_there = target.as_ref().is_some_and(|target| repository.has(target));
            let heading_is_there = heading.is_empty()
                || pages.iter().any(|other| {
                    Some(&other.file) == target.as_ref()
                        && other.anchors.iter().any(|anchor| anchor == heading)
                });
            if !is_there {
                problems.push(format!("{}:{}: link to {path}, which is not there", page.file, link.line));
            } else if !heading_is_there {
                problems.push(format!("{}:{}: no heading #{heading} in that page", page.file, link.line));
            }
        }
    }
    problems
}

/// The path of a link from the root, unless it leaves the repository.
fn resolve(page: &str, link: &str) -> Option<String> {
    let mut parts: Vec<String> = page.split('/').map(str::to_owned).collect();
    parts.pop();
    for component in Path::new(link).components() {
        match component {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::ParentDir => {
                parts.pop()?;
            }
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn links_are_read_from_the_folder_of_their_page() {
        assert_eq!(resolve("docs/a.md", "../README.md").as_deref(), Some("README.md"));
        assert_eq!(resolve("docs/a.md", "b/c.md").as_deref(), Some("docs/b/c.md"));
        assert_eq!(resolve("README.md", "../x"), None);
        assert_eq!(resolve("README.md", "/etc/x"), None);
    }
}
