//! Accepted differences of one program: which scenes go otherwise there, why, and how. Each one is checked; one that no
//! longer occurs fails.

use super::scene::{Step, action, numbered};
use crate::failure::{Failure, Outcome, ensure};

/// One entry of a list of differences.
pub(super) struct Difference {
    /// `file/scene`, or `file/*` for every scene of the file that has no entry of its own.
    pub(super) scene: String,
    pub(super) reason: String,
    pub(super) way: Way,
}

/// How the scene goes instead.
pub(super) enum Way {
    /// The program closes the connection without the answer.
    Closes,
    /// The program answers nothing and waits for more.
    Waits,
    /// It depends on timing inside the program whether the scene goes as written; nothing is demanded.
    Varies,
    /// As these lines say.
    Otherwise(Vec<Step>),
}

/// Reads a list.
pub(super) fn parse(text: &str) -> Outcome<Vec<Difference>> {
    let mut list: Vec<Difference> = Vec::new();
    for (line, content) in numbered(text) {
        let at = |failure: Failure| failure.during(format!("line {line}"));
        if let Some(scene) = content.strip_prefix("== ") {
            ensure(
                list.iter().all(|entry| entry.scene != scene),
                format!("line {line}: '{scene}' is there twice"),
            )?;
            let way = Way::Otherwise(Vec::new());
            list.push(Difference { scene: scene.to_owned(), reason: String::new(), way });
            continue;
        }
        let entry = list.last_mut().ok_or_else(|| at(Failure::new("no '== file/scene' before it")))?;
        if let Some(reason) = content.strip_prefix("because ") {
            entry.reason = reason.to_owned();
            continue;
        }
        match (content, &mut entry.way) {
            ("closes", way) => *way = Way::Closes,
            ("waits", way) => *way = Way::Waits,
            ("varies", way) => *way = Way::Varies,
            (_, Way::Otherwise(steps)) => steps.push(Step { line, action: action(content).map_err(at)? }),
            (_, Way::Closes | Way::Waits | Way::Varies) => {
                return Err(at(Failure::new("nothing follows 'closes', 'waits' or 'varies'")));
            }
        }
    }
    for entry in &list {
        ensure(!entry.reason.is_empty(), format!("'{}' has no 'because'", entry.scene))?;
        let is_said = !matches!(&entry.way, Way::Otherwise(steps) if steps.is_empty());
        ensure(is_said, format!("'{}' does not say what happens instead", entry.scene))?;
    }
    Ok(list)
}

/// The entry for a scene: its own, else its file's.
pub(super) fn find<'a>(list: &'a [Difference], file: &str, scene: &str) -> Option<&'a Difference> {
    let own = format!("{file}/{scene}");
    let whole = format!("{file}/*");
    list.iter().find(|entry| entry.scene == own).or_else(|| list.iter().find(|entry| entry.scene == whole))
}

#[cfg(test)]
mod tests {
    use super::{find, parse};
    use crate::failure::Outcome;

    #[test]
    fn an_entry_of_its_own_comes_before_that_of_the_file() -> Outcome {
        let list = parse("== a/*\nbecause x\ncloses\n== a/b\nbecause y\n> get\n< END\n")?;
        assert_eq!(find(&list, "a", "b").map(|entry| entry.reason.as_str()), Some("y"));
        assert_eq!(find(&list, "a", "c").map(|entry| entry.reason.as_str()), Some("x"));
        assert!(find(&list, "b", "b").is_none());
        Ok(())
    }

    #[test]
    fn an_entry_says_why_and_how() {
        assert!(parse("== a/b\ncloses\n").is_err());
        assert!(parse("== a/b\nbecause x\n").is_err());
        assert!(parse("== a/b\nbecause x\ncloses\n> more\n").is_err());
    }
}
