//! From YAML events to the tree: one document, no anchors, tags or directives, no more levels than a configuration has.
//!
//! The events come from a parser with positions; it keeps scalars as text and does not look at duplicate keys, so
//! both are left to the checks. Invariant: recursion ends at [`DEEPEST`], however deep the text nests.

use saphyr_parser::{Event, Marker, Parser, ScanError, Span, StrInput};

use super::{Body, Entry, Node};
use crate::problem::{Place, Position, Problems};

/// The level of list entries: the document is level 0, a pool level 1, the value of a key level 2.
const DEEPEST: usize = 3;

/// The file is no YAML; the reason has been recorded.
struct NotYaml;

/// The root of the only document.
pub(super) fn document(text: &str, problems: &mut Problems) -> Option<Node> {
    let mut builder = Builder { parser: Parser::new_from_str(text), text, above: Vec::new(), problems };
    builder.document().ok().flatten()
}

struct Builder<'t, 'p> {
    parser: Parser<'t, StrInput<'t>>,
    text: &'t str,
    /// The keys above the current place: the pool, then its key.
    above: Vec<String>,
    problems: &'p mut Problems,
}

impl<'t> Builder<'t, '_> {
    fn document(&mut self) -> Result<Option<Node>, NotYaml> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::DocumentStart(_) if root.is_some() => {
                    self.refuse(
                        span.start,
                        "a second YAML document begins",
                        "one file holds one document: delete '---'",
                    );
                    break;
                }
                Event::DocumentStart(_) => self.refuse_directives(span.start),
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) | Event::Alias(_) => {
                    root = Some(self.node(event, span, 0)?);
                }
                Event::SequenceEnd | Event::MappingEnd => {}
            }
        }
        if root.is_none() {
            let start = Position::new(1, 1);
            self.problems.error(Place::of_file(start), "the file is empty", "it needs at least one pool");
        }
        Ok(root)
    }

    /// The element that begins with `event`.
    fn node(&mut self, event: Event<'t>, span: Span, level: usize) -> Result<Node, NotYaml> {
        let position = position(span.start);
        let body = match event {
            Event::Scalar(text, _, anchor, tag) => {
                self.refuse_extras(span.start, anchor, tag.is_some());
                Body::Scalar(text.into_owned())
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_extras(span.start, anchor, tag.is_some());
                if level >= DEEPEST { self.too_deep(span.start)? } else { self.list(level)? }
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_extras(span.start, anchor, tag.is_some());
                if level >= DEEPEST { self.too_deep(span.start)? } else { self.map(level)? }
            }
            // The parser gives no other event where an element begins but an alias.
            _ => {
                self.refuse(span.start, "a YAML alias ('*name') stands here", "write the value out");
                Body::Refused
            }
        };
        Ok(Node { position, body })
    }

    fn list(&mut self, level: usize) -> Result<Body, NotYaml> {
        let mut entries = Vec::new();
        while let Some((event, span)) = self.next()? {
            if event == Event::SequenceEnd {
                break;
            }
            entries.push(self.node(event, span, level + 1)?);
        }
        Ok(Body::List(entries))
    }

    fn map(&mut self, level: usize) -> Result<Body, NotYaml> {
        let mut entries = Vec::new();
        while let Some((event, span)) = self.next()? {
            if event == Event::MappingEnd {
                break;
            }
            // A key that is a list or a map is reported by its level.
            let key = self.node(event, span, DEEPEST)?;
            let Some((event, span)) = self.next()? else { break };
            let Body::Scalar(text) = key.body else {
                self.node(event, span, level + 1)?;
                continue;
            };
            self.above.push(text.clone());
            let value = self.node(event, span, level + 1)?;
            self.above.pop();
            entries.push(Entry { key: text, position: key.position, value });
        }
        Ok(Body::Map(entries))
    }

    /// Reports a list or map below the deepest level and reads to its end.
    fn too_deep(&mut self, start: Marker) -> Result<Body, NotYaml> {
        self.refuse(
            start,
            "a list or map stands where only text can",
            "a file holds pools, a pool holds keys, a key holds a text or a list of texts",
        );
        let mut open = 1_usize;
        while open > 0 {
            match self.next()? {
                Some((Event::SequenceStart(..) | Event::MappingStart(..), _)) => open += 1,
                Some((Event::SequenceEnd | Event::MappingEnd, _)) => open -= 1,
                Some(_) => {}
                None => break,
            }
        }
        Ok(Body::Refused)
    }

    fn refuse_extras(&mut self, start: Marker, anchor: usize, has_tag: bool) {
        if anchor != 0 {
            self.refuse(start, "a YAML anchor ('&name') stands here", "leave it out; values are written out");
        }
        if has_tag {
            self.refuse(
                start,
                "a YAML tag ('!name') stands here",
                "leave it out; the key decides what a value means",
            );
        }
    }

    /// Directives make no event of their own; they stand above the mark that starts the document.
    fn refuse_directives(&mut self, document: Marker) {
        let above = self.text.lines().take(document.line().saturating_sub(1));
        if let Some(line) = above.into_iter().position(|line| line.starts_with('%')) {
            self.problems.error(
                Place::of_file(Position::new(line + 1, 1)),
                "a YAML directive ('%…') stands here",
                "delete the line",
            );
        }
    }

    fn refuse(&mut self, start: Marker, what: &str, instead: &str) {
        let name = |level: usize| self.above.get(level).map(String::as_str);
        let place = Place { position: position(start), pool: name(0), key: name(1) };
        self.problems.error(place, what, instead);
    }

    fn next(&mut self) -> Result<Option<(Event<'t>, Span)>, NotYaml> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(Some(event)),
            None => Ok(None),
            Some(Err(error)) => {
                let what = format!("this is not YAML: {}", error.info());
                self.refuse(*error.marker(), &what, remedy(&error));
                Err(NotYaml)
            }
        }
    }
}

/// What usually mends an error of the parser.
fn remedy(error: &ScanError) -> &'static str {
    let info = error.info();
    if info.contains("tab") {
        "indent with spaces"
    } else if info.contains("quoted") {
        "close the quotes on the same line and put nothing behind them"
    } else if info.contains("expected key") {
        "put one 'key: value' on each line, indented like its neighbours; a value that begins with a bracket or a \
         brace goes in double quotes"
    } else if info.contains("mapping") || info.contains("indent") {
        "put one 'key: value' on each line, with a blank after the colon, indented like its neighbours"
    } else if info.contains("anchor") {
        "aliases ('*name') are not supported: write the value out"
    } else {
        "mend this line or the one above; a value with special characters goes in double quotes"
    }
}

/// Lines of the parser count from 1, its columns from 0.
fn position(marker: Marker) -> Position {
    Position::new(marker.line(), marker.col() + 1)
}
