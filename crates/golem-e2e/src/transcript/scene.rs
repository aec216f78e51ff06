//! The text of a transcript file as scenes: named conversations of one or several clients.

use super::pattern::Pattern;
use crate::failure::{Failure, Outcome, ensure};

/// One conversation.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) name: String,
    pub(super) steps: Vec<Step>,
}

/// One line of a conversation.
#[derive(Debug)]
pub(super) struct Step {
    /// Counted from 1 in its file.
    pub(super) line: usize,
    pub(super) action: Action,
}

/// What happens.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// `>`: the client sends this.
    Send(Pattern),
    /// `<`: the client receives this.
    Expect(Pattern),
    /// `< \{closed}`: the connection is closed, with nothing more before.
    ExpectClosed,
    /// `! client NAME`: from here on this client acts; it connects when it is first named.
    Client(String),
    /// `! end`: the client ends its sending side.
    End,
    /// `! reset`: the client resets the connection.
    Reset,
}

/// Reads a file.
pub(super) fn parse(text: &str) -> Outcome<Vec<Scene>> {
    let mut scenes: Vec<Scene> = Vec::new();
    for (line, content) in numbered(text) {
        let at = |failure: Failure| failure.during(format!("line {line}"));
        if let Some(name) = content.strip_prefix("== ") {
            ensure(
                scenes.iter().all(|scene| scene.name != name),
                format!("line {line}: '{name}' is there twice"),
            )?;
            scenes.push(Scene { name: name.to_owned(), steps: Vec::new() });
        } else {
            let action = action(content).map_err(at)?;
            let scene = scenes.last_mut().ok_or_else(|| at(Failure::new("no '== name' before it")))?;
            scene.steps.push(Step { line, action });
        }
    }
    Ok(scenes)
}

/// The lines that say something, with their numbers.
pub(super) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// Reads one line of a scene.
pub(super) fn action(line: &str) -> Outcome<Action> {
    let (mark, rest) = match line.split_once(' ') {
        Some((mark, rest)) => (mark, rest),
        None => (line, ""),
    };
    match (mark, rest) {
        (">", _) => Ok(Action::Send(Pattern::parse(rest)?)),
        ("<", "\\{closed}") => Ok(Action::ExpectClosed),
        ("<", _) => {
            let pattern = Pattern::parse(rest)?;
            ensure(pattern.ends_with_line(), "an expected line needs its line end")?;
            Ok(Action::Expect(pattern))
        }
        ("!", "end") => Ok(Action::End),
        ("!", "reset") => Ok(Action::Reset),
        ("!", _) => match rest.strip_prefix("client ") {
            Some(name) => Ok(Action::Client(name.to_owned())),
            None => Err(Failure::new(format!("fault '{rest}' is not known"))),
        },
        _ => Err(Failure::new(format!("a line begins with '==', '>', '<' or '!', not with '{mark}'"))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, parse};
    use crate::failure::Outcome;

    #[test]
    fn a_file_becomes_scenes() -> Outcome {
        let text = "# about\n== first\n> get a\n< END\n\n== second\n! client b\n! end\n< \\{closed}\n";
        let scenes = parse(text)?;
        assert_eq!(scenes.len(), 2);
        assert_eq!(scenes[0].steps[1].line, 4);
        assert_eq!(scenes[1].steps[0].action, Action::Client("b".to_owned()));
        assert_eq!(scenes[1].steps[2].action, Action::ExpectClosed);
        Ok(())
    }

    #[test]
    fn mistakes_name_their_line() {
        for (text, line) in [("> a\n", "line 1"), ("== a\n? b\n", "line 2"), ("== a\n== a\n", "line 2")] {
            let failure = parse(text).map(|_| String::new()).unwrap_or_else(|failure| failure.to_string());
            assert!(failure.contains(line), "{failure}");
        }
    }
}
