//! One line of a transcript: bytes, and places where a number, a remembered number or anything may stand.

use crate::failure::{Failure, Outcome};
use std::collections::BTreeMap;

/// Numbers that a conversation has remembered.
pub(super) type Memory = BTreeMap<String, Vec<u8>>;

/// A line to send or to expect, with its CR LF unless the transcript leaves it off.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Item>);

#[derive(Debug, PartialEq, Eq)]
enum Item {
    Bytes(Vec<u8>),
    /// Decimal digits; remembered when they have a name.
    Number(Option<String>),
    Remembered(String),
    /// Whatever stands before the bytes that follow.
    Any,
}

impl Pattern {
    /// Reads the text of a line: `\` escapes, `\{…}` places, a last `\` for "no line end".
    pub(super) fn parse(text: &str) -> Outcome<Self> {
        let mut items = Vec::new();
        let mut bytes = Vec::new();
        let mut rest = text;
        let mut has_line_end = true;
        while let Some(at) = rest.find('\\') {
            bytes.extend_from_slice(&rest.as_bytes()[..at]);
            rest = &rest[at + 1..];
            if rest.is_empty() {
                has_line_end = false;
            } else if let Some(inside) = rest.strip_prefix('{') {
                let (place, after) =
                    inside.split_once('}').ok_or_else(|| Failure::new("'\\{' without '}'"))?;
                rest = after;
                match place_of(place)? {
                    Item::Bytes(repeated) => bytes.extend(repeated),
                    item => {
                        items.push(Item::Bytes(std::mem::take(&mut bytes)));
                        items.push(item);
                    }
                }
            } else {
                let (byte, after) = escaped(rest)?;
                bytes.push(byte);
                rest = after;
            }
        }
        bytes.extend_from_slice(rest.as_bytes());
        if has_line_end {
            bytes.extend_from_slice(b"\r\n");
        }
        items.push(Item::Bytes(bytes));
        items.retain(|item| !matches!(item, Item::Bytes(bytes) if bytes.is_empty()));
        Ok(Self(items))
    }

    /// How many line ends the expected bytes hold.
    pub(super) fn lines(&self) -> usize {
        let count = |item: &Item| match item {
            Item::Bytes(bytes) => bytes.iter().filter(|byte| **byte == b'\n').count(),
            Item::Number(_) | Item::Remembered(_) | Item::Any => 0,
        };
        self.0.iter().map(count).sum()
    }

    /// Whether nothing stands after the last line end, so that reading whole lines reads it.
    pub(super) fn ends_with_line(&self) -> bool {
        matches!(self.0.last(), Some(Item::Bytes(bytes)) if bytes.ends_with(b"\n"))
    }

    /// The bytes to send.
    pub(super) fn bytes(&self, memory: &Memory) -> Outcome<Vec<u8>> {
        let mut all = Vec::new();
        for item in &self.0 {
            match item {
                Item::Bytes(bytes) => all.extend_from_slice(bytes),
                Item::Remembered(name) => all.extend_from_slice(remembered(memory, name)?),
                Item::Number(_) | Item::Any => return Err(Failure::new("only known bytes can be sent")),
            }
        }
        Ok(all)
    }

    /// Whether `received` is such a line; remembers what has a name.
    pub(super) fn matches(&self, received: &[u8], memory: &mut Memory) -> Outcome<bool> {
        let mut rest = received;
        for (at, item) in self.0.iter().enumerate() {
            let taken = match item {
                Item::Bytes(bytes) => rest.starts_with(bytes).then_some(bytes.len()),
                Item::Remembered(name) => {
                    let bytes = remembered(memory, name)?;
                    rest.starts_with(bytes).then_some(bytes.len())
                }
                Item::Number(name) => {
                    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                    if let Some(name) = name {
                        memory.insert(name.clone(), rest[..digits].to_vec());
                    }
                    (digits > 0).then_some(digits)
                }
                Item::Any => match self.0.get(at + 1) {
                    Some(Item::Bytes(next)) => rest.windows(next.len()).position(|window| window == next),
                    _ => return Err(Failure::new("\\{any} must stand before known bytes")),
                },
            };
            let Some(taken) = taken else { return Ok(false) };
            rest = &rest[taken..];
        }
        Ok(rest.is_empty())
    }

    /// The line for a report.
    pub(super) fn shown(&self) -> String {
        let piece = |item: &Item| match item {
            Item::Bytes(bytes) => {
                let text = bytes.escape_ascii().to_string();
                if text.len() > 200 { format!("{}…{} bytes", &text[..100], bytes.len()) } else { text }
            }
            Item::Number(_) => "\\{number}".to_owned(),
            Item::Remembered(name) => format!("\\{{{name}}}"),
            Item::Any => "\\{any}".to_owned(),
        };
        self.0.iter().map(piece).collect()
    }
}

fn remembered<'a>(memory: &'a Memory, name: &str) -> Outcome<&'a [u8]> {
    memory.get(name).map(Vec::as_slice).ok_or_else(|| Failure::new(format!("nothing remembered as '{name}'")))
}

/// `number`, `name=number`, `any`, `250*k`, or the name of something remembered.
fn place_of(text: &str) -> Outcome<Item> {
    if let Some((count, what)) = text.split_once('*') {
        let count: usize = count.parse().map_err(|_| Failure::new(format!("'{count}' is not a count")))?;
        return Ok(Item::Bytes(unescaped(what)?.repeat(count)));
    }
    match text {
        "number" => Ok(Item::Number(None)),
        "any" => Ok(Item::Any),
        _ => match text.split_once('=') {
            Some((name, "number")) => Ok(Item::Number(Some(name.to_owned()))),
            Some(_) => Err(Failure::new(format!("'\\{{{text}}}' is not known"))),
            None => Ok(Item::Remembered(text.to_owned())),
        },
    }
}

/// A text without places as bytes.
fn unescaped(text: &str) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let (byte, after) = escaped(&rest[at + 1..])?;
        bytes.push(byte);
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

/// The byte behind a `\`, and what follows.
fn escaped(text: &str) -> Outcome<(u8, &str)> {
    if let Some(hex) = text.strip_prefix('x') {
        let byte = hex.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        return byte.map(|byte| (byte, &hex[2..])).ok_or_else(|| Failure::new("\\x wants two hex digits"));
    }
    let byte = match text.as_bytes().first() {
        Some(b'\\') => b'\\',
        Some(b'r') => b'\r',
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'0') => 0,
        Some(b's') => b' ',
        _ => return Err(Failure::new(format!("'\\{text}' is no escape"))),
    };
    Ok((byte, &text[1..]))
}

#[cfg(test)]
mod tests {
    use super::{Memory, Pattern};
    use crate::failure::Outcome;

    #[test]
    fn escapes_become_bytes() -> Outcome {
        let pattern = Pattern::parse("a\\tb\\x00\\\\\\{3*xy}\\s")?;
        assert_eq!(pattern.bytes(&Memory::new())?, b"a\tb\0\\xyxyxy \r\n");
        assert_eq!(Pattern::parse("get a\\n\\")?.bytes(&Memory::new())?, b"get a\n");
        for wrong in ["\\q", "\\x0", "\\{", "\\{a=b}", "\\{z*a}"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
        Ok(())
    }

    #[test]
    fn numbers_are_matched_and_remembered() -> Outcome {
        let mut memory = Memory::new();
        let value = Pattern::parse("VALUE a 0 1 \\{cas=number}")?;
        assert!(value.matches(b"VALUE a 0 1 17\r\n", &mut memory)?);
        assert!(!value.matches(b"VALUE a 0 1 \r\n", &mut Memory::new())?);
        assert_eq!(Pattern::parse("cas a 0 0 1 \\{cas}")?.bytes(&memory)?, b"cas a 0 0 1 17\r\n");
        assert!(Pattern::parse("HD c\\{cas} t\\{number}")?.matches(b"HD c17 t5\r\n", &mut memory)?);
        assert!(!Pattern::parse("HD c\\{cas}")?.matches(b"HD c18\r\n", &mut memory)?);
        Ok(())
    }

    #[test]
    fn anything_ends_where_the_known_bytes_begin() -> Outcome {
        let any = Pattern::parse("VERSION \\{any}")?;
        assert!(any.matches(b"VERSION 1.6.18 x\r\n", &mut Memory::new())?);
        assert!(!any.matches(b"VERSION 1.6.18\r\nEND\r\n", &mut Memory::new())?);
        assert_eq!(any.lines(), 1);
        Ok(())
    }
}
