//! One Markdown document, taken apart into what the checks look at: words set as code, code blocks, links, headings
//! and the first column of tables.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::ops::Range;

/// A piece of text and the line where it stands.
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) line: usize,
}

/// A word set as code in the first column of a table, and what that column is headed with.
pub(super) struct Row {
    pub(super) heading: String,
    pub(super) word: Piece,
}

/// A document.
#[derive(Default)]
pub(super) struct Page {
    pub(super) file: String,
    /// Words set as code in running text and tables.
    pub(super) code: Vec<Piece>,
    /// Lines of code blocks.
    pub(super) block_lines: Vec<Piece>,
    pub(super) links: Vec<Piece>,
    /// Headings as link targets.
    pub(super) anchors: Vec<String>,
    pub(super) rows: Vec<Row>,
}

/// Where in the document the reader stands.
#[derive(Default)]
struct Place {
    heading: Option<String>,
    is_block: bool,
    is_table_head: bool,
    column: usize,
    first_heading: String,
}

impl Page {
    /// Takes a document apart.
    pub(super) fn read(file: &str, text: &str) -> Self {
        let mut page = Self { file: file.to_owned(), ..Self::default() };
        let mut place = Place::default();
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            page.take(event, &range, text, &mut place);
        }
        page
    }

    fn take(&mut self, event: Event<'_>, range: &Range<usize>, text: &str, place: &mut Place) {
        let line = text[..range.start].matches('\n').count() + 1;
        match event {
            Event::Start(tag) => self.start(tag, line, place),
            Event::End(tag) => self.end(tag, place),
            Event::Code(code) => {
                self.words(&code, place);
                if !place.is_table_head && place.column == 1 {
                    let word = Piece { text: code.to_string(), line };
                    self.rows.push(Row { heading: place.first_heading.to_lowercase(), word });
                }
                self.code.push(Piece { text: code.into_string(), line });
            }
            Event::Text(words) if place.is_block => {
                let lines = words.lines().enumerate();
                self.block_lines
                    .extend(lines.map(|(n, words)| Piece { text: words.to_owned(), line: line + n }));
            }
            Event::Text(words) => self.words(&words, place),
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>, line: usize, place: &mut Place) {
        match tag {
            Tag::Heading { .. } => place.heading = Some(String::new()),
            Tag::CodeBlock(_) => place.is_block = true,
            Tag::TableHead => (place.is_table_head, place.column) = (true, 0),
            Tag::TableRow => place.column = 0,
            Tag::TableCell => {
                place.column += 1;
                if place.is_table_head && place.column == 1 {
                    place.first_heading.clear();
                }
            }
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.links.push(Piece { text: dest_url.into_string(), line });
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd, place: &mut Place) {
        match tag {
            TagEnd::Heading(_) => self.anchors.extend(place.heading.take().map(|heading| anchor(&heading))),
            TagEnd::CodeBlock => place.is_block = false,
            TagEnd::TableHead => place.is_table_head = false,
            TagEnd::Table => place.column = 0,
            _ => {}
        }
    }

    fn words(&mut self, words: &str, place: &mut Place) {
        if let Some(heading) = &mut place.heading {
            heading.push_str(words);
        }
        if place.is_table_head && place.column == 1 {
            place.first_heading.push_str(words);
        }
    }
}

/// A heading as the hosting site writes it into links.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn a_page_is_taken_apart() {
        let text = "# The `way` of a get, once\n\n[x](a.md#b) `one`\n\n| Key | is |\n|---|---|\n| `k` | `v` |\n\n\
                    after `two`\n\n```sh\nfirst\nsecond\n```\n";
        let page = Page::read("p.md", text);
        assert_eq!(page.anchors, ["the-way-of-a-get-once"]);
        assert_eq!(page.links[0].text, "a.md#b");
        let rows: Vec<_> =
            page.rows.iter().map(|r| (r.heading.as_str(), r.word.text.as_str(), r.word.line)).collect();
        assert_eq!(rows, [("key", "k", 7)]);
        let code: Vec<_> = page.code.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(code, ["way", "one", "k", "v", "two"]);
        let block: Vec<_> = page.block_lines.iter().map(|piece| (piece.text.as_str(), piece.line)).collect();
        assert_eq!(block, [("first", 12), ("second", 13)]);
    }
}
