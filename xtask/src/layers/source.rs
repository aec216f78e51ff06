//! A Rust source file as a flat row of tokens with their lines: enough to count code and to find words of the
//! language, and nothing that a comment or a text could fake.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::ops::Range;

/// One token.
pub(super) struct Token {
    /// An identifier, a literal, one character of punctuation, or one bracket.
    pub(super) text: String,
    /// The first and the last line it lies on, counted from 1.
    first: usize,
    last: usize,
}

impl Token {
    /// The line where the token begins.
    pub(super) fn line(&self) -> usize {
        self.first
    }
}

/// The tokens of a file; comments, doc comments too, are left out.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let stream: TokenStream = text.parse().map_err(|e| format!("cannot be read as Rust: {e}"))?;
    let mut tokens = Vec::new();
    flatten(stream, text, &mut tokens);
    Ok(tokens)
}

fn flatten(stream: TokenStream, source: &str, tokens: &mut Vec<Token>) {
    for tree in stream {
        if is_comment(tree.span(), source) {
            continue;
        }
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                push(open, group.span_open(), tokens);
                flatten(group.stream(), source, tokens);
                push(close, group.span_close(), tokens);
            }
            TokenTree::Ident(ident) => push(&ident.to_string(), ident.span(), tokens),
            TokenTree::Punct(punct) => push(&punct.as_char().to_string(), punct.span(), tokens),
            TokenTree::Literal(literal) => push(&literal.to_string(), literal.span(), tokens),
        }
    }
}

/// A doc comment arrives as an attribute whose tokens all carry the comment's place.
fn is_comment(span: Span, source: &str) -> bool {
    let rest = source.get(span.byte_range().start..).unwrap_or_default();
    rest.starts_with("//") || rest.starts_with("/*")
}

fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

fn push(text: &str, span: Span, tokens: &mut Vec<Token>) {
    if !text.is_empty() {
        tokens.push(Token { text: text.to_owned(), first: span.start().line, last: span.end().line });
    }
}

/// How many lines hold code.
pub(super) fn code_lines(tokens: &[Token]) -> usize {
    tokens.iter().flat_map(|token| token.first..=token.last).collect::<BTreeSet<_>>().len()
}

/// Where `words` stand one after the other.
pub(super) fn positions(tokens: &[Token], words: &[&str]) -> Vec<usize> {
    let is_here = |window: &[Token]| window.iter().zip(words).all(|(token, word)| token.text == *word);
    tokens.windows(words.len()).enumerate().filter(|(_, window)| is_here(window)).map(|(at, _)| at).collect()
}

/// The tokens of the test module that is written in the file itself, from its attribute to its last bracket.
pub(super) fn test_module(tokens: &[Token]) -> Option<Range<usize>> {
    let start = *positions(tokens, &["#", "[", "cfg", "(", "test", ")", "]", "mod"]).first()?;
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate().skip(start + 8) {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(start..at + 1);
                }
            }
            ";" if depth == 0 => return None,
            _ => {}
        }
    }
    None
}
