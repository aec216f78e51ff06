//! One map of the file read by a table of keys: reports keys that are unknown or given twice and values of the wrong
//! kind, and gives out typed values.
//!
//! Invariant: a reader always returns something usable, and has recorded a problem if that is not what the file says;
//! so one run finds every problem of a map.

use crate::keys::{self, Key, Kind};
use crate::model::AsWritten;
use crate::problem::{Place, Problems};
use crate::raw::{Body, Entry, Node};
use crate::scalar::{NumberError, number, quoted, size};
use crate::suggest::nearest;

/// A map with the rows of the table that it uses.
pub(crate) struct Section<'a> {
    place: Place<'a>,
    given: Vec<(&'static Key, &'a Entry)>,
}

/// A scalar that the file gives for a key.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    pub(crate) text: &'a str,
    pub(crate) place: Place<'a>,
}

impl<'a> Section<'a> {
    /// Sorts the entries of a map by `table`; `other` is the table of the other kind of map, for better advice.
    pub(crate) fn open(
        place: Place<'a>,
        entries: &'a [Entry],
        table: &'static [Key],
        other: &'static [Key],
        problems: &mut Problems,
    ) -> Self {
        let mut given: Vec<(&'static Key, &'a Entry)> = Vec::new();
        for entry in entries {
            let at = place.at_key(entry.position, &entry.key);
            let Some(key) = keys::find(table, &entry.key) else {
                problems.error(at, "there is no such key", advice(&entry.key, table, other));
                continue;
            };
            match given.iter().find(|(known, _)| known.name == key.name) {
                Some((_, first)) => problems.error(
                    at,
                    format!("the key is given again, first in line {}", first.position.line),
                    "keep one of the two",
                ),
                None => given.push((key, entry)),
            }
        }
        Self { place, given }
    }

    /// The keys that the file gives, in its order, with what it says of them; lists are written in one line.
    pub(crate) fn as_written(&self) -> AsWritten {
        AsWritten(self.given.iter().map(|(key, entry)| (key.name, one_line(&entry.value))).collect())
    }

    /// The place of `key`: its own where the file gives it, else that of the map.
    pub(crate) fn place_of(&self, key: &Key) -> Place<'a> {
        match self.entry(key) {
            Some(entry) => self.place.at_key(entry.position, key.name),
            None => self.place,
        }
    }

    /// Whether the file gives `key`, rightly or wrongly.
    pub(crate) fn has(&self, key: &Key) -> bool {
        self.entry(key).is_some()
    }

    /// The scalar of `key`, if it is given. Empty ones and lists are problems.
    pub(crate) fn scalar(&self, key: &Key, problems: &mut Problems) -> Option<Given<'a>> {
        let entry = self.entry(key)?;
        let given = self.scalar_of(key, &entry.value, problems)?;
        if given.text.is_empty() {
            let place = self.place.at_key(entry.position, key.name);
            problems.error(place, "it has no value", format!("write {}", key.expected()));
            return None;
        }
        Some(given)
    }

    /// The entries of the list of `key`, if it is given. `None` too if it is no list, which is a problem.
    pub(crate) fn list(&self, key: &Key, problems: &mut Problems) -> Option<Vec<Given<'a>>> {
        let entry = self.entry(key)?;
        let place = self.place.at_key(entry.position, key.name);
        let instead = || format!("write {}", key.expected());
        match &entry.value.body {
            Body::List(nodes) => {
                let mut entries = Vec::new();
                for node in nodes {
                    let Some(given) = self.scalar_of(key, node, problems) else { continue };
                    if given.text.is_empty() {
                        problems.error(given.place, "the list has an empty entry", instead());
                    } else {
                        entries.push(given);
                    }
                }
                return Some(entries);
            }
            Body::Scalar(text) if text.is_empty() => problems.error(place, "it has no value", instead()),
            Body::Scalar(text) => {
                let what = format!("{} is no list", quoted(text));
                problems.error(place.at_key(entry.value.position, key.name), what, instead());
            }
            Body::Map(_) => problems.error(place, "it holds keys of its own instead of a list", instead()),
            Body::Refused => {}
        }
        None
    }

    /// `true` or `false`.
    pub(crate) fn switch(&self, key: &Key, problems: &mut Problems) -> bool {
        let given = self.scalar(key, problems);
        match given.map_or(key.default, |given| given.text) {
            "true" => true,
            "false" => false,
            text => {
                self.wrong(key, format!("{} is neither true nor false", quoted(text)), problems);
                false
            }
        }
    }

    /// The number of a key, its default if it is not given.
    pub(crate) fn number<T: TryFrom<u64> + Default>(&self, key: &Key, problems: &mut Problems) -> T {
        if let Some(value) = self.optional_number(key, problems) {
            return value;
        }
        read_number(key.kind, key.default).ok().and_then(|value| T::try_from(value).ok()).unwrap_or_default()
    }

    /// The number of a key, if it is given.
    pub(crate) fn optional_number<T: TryFrom<u64>>(&self, key: &Key, problems: &mut Problems) -> Option<T> {
        let given = self.scalar(key, problems)?;
        let read = read_number(key.kind, given.text);
        let value = read.and_then(|value| T::try_from(value).map_err(|_| NumberError::OutOfRange));
        match value {
            Ok(value) => return Some(value),
            Err(NumberError::NotDigits) => {
                self.wrong(key, format!("{} is not a whole number", quoted(given.text)), problems);
            }
            Err(NumberError::OutOfRange) => {
                self.wrong(key, format!("{} is out of range", quoted(given.text)), problems);
            }
        }
        None
    }

    /// A soft limit and the hard limit behind it, which must not be below it.
    pub(crate) fn limits(&self, soft_key: &Key, hard_key: &Key, problems: &mut Problems) -> (u64, u64) {
        let (soft, hard) = (self.number(soft_key, problems), self.number(hard_key, problems));
        if soft > hard {
            let blamed = if self.has(hard_key) { hard_key } else { soft_key };
            problems.error(
                self.place_of(blamed),
                format!("the hard limit of {hard} bytes is below the soft limit of {soft}"),
                format!("raise {} or lower {}", hard_key.name, soft_key.name),
            );
        }
        (soft, hard)
    }

    /// The value of a key that is one word of a list; the default if the file's is none of them.
    pub(crate) fn word<T>(
        &self,
        key: &Key,
        read: impl Fn(&str) -> Option<T>,
        problems: &mut Problems,
    ) -> Option<T> {
        let text = self.scalar(key, problems).map_or(key.default, |given| given.text);
        let value = read(text);
        if value.is_none() {
            self.wrong(key, format!("{} is not known", quoted(text)), problems);
        }
        value
    }

    /// Any text, if it is given.
    pub(crate) fn text(&self, key: &Key, problems: &mut Problems) -> Option<String> {
        self.scalar(key, problems).map(|given| given.text.to_owned())
    }

    /// Records that the value of `key` is wrong, with what its row says would be right.
    pub(crate) fn wrong(&self, key: &Key, what: String, problems: &mut Problems) {
        let Some(entry) = self.entry(key) else { return };
        let mut instead = format!("write {}", key.expected());
        if let Body::Scalar(text) = &entry.value.body
            && let Some(word) = nearest(text, key.kind.words().into_iter())
        {
            instead = format!("did you mean '{word}'? {instead}");
        }
        problems.error(self.place.at_key(entry.value.position, key.name), what, instead);
    }

    fn entry(&self, key: &Key) -> Option<&'a Entry> {
        self.given.iter().find(|(known, _)| known.name == key.name).map(|(_, entry)| *entry)
    }

    fn scalar_of(&self, key: &Key, node: &'a Node, problems: &mut Problems) -> Option<Given<'a>> {
        let place = self.place.at_key(node.position, key.name);
        let what = match &node.body {
            Body::Scalar(text) => return Some(Given { text, place }),
            Body::List(_) => "it has a list instead of one value",
            Body::Map(_) => "it holds keys of its own instead of one value",
            Body::Refused => return None,
        };
        problems.error(place, what, format!("write {}", key.expected()));
        None
    }
}

fn read_number(kind: Kind, text: &str) -> Result<u64, NumberError> {
    match kind {
        Kind::Number { min, max } => number(text, min, max),
        Kind::Size { min, max } => size(text, min, max),
        Kind::Threads { max } => number(text, 1, max),
        Kind::Listen
        | Kind::Servers
        | Kind::Hash
        | Kind::HashTag
        | Kind::Distribution
        | Kind::Switch
        | Kind::OneOf(_)
        | Kind::SomeOf(_)
        | Kind::Text
        | Kind::File
        | Kind::Host => Err(NumberError::NotDigits),
    }
}

/// What to do about an unknown key: another place, another spelling, and the list of all.
fn advice(name: &str, table: &'static [Key], other: &'static [Key]) -> String {
    let names = || table.iter().map(|key| key.name);
    let all = names().collect::<Vec<_>>().join(", ");
    if keys::find(other, name).is_some() {
        return match other.first().map(|key| key.name) {
            Some("listen") => format!("it belongs into a pool; the keys here are {all}"),
            _ => format!(
                "it belongs under '{}:' at the top level; the keys of a pool are {all}",
                keys::PROCESS
            ),
        };
    }
    match nearest(name, names()) {
        Some(word) => format!("did you mean '{word}'? The keys here are {all}"),
        None => format!("the keys here are {all}"),
    }
}

/// A value as text in one line.
fn one_line(node: &Node) -> String {
    match &node.body {
        Body::Scalar(text) => text.clone(),
        Body::List(nodes) => {
            let items: Vec<String> = nodes.iter().map(one_line).collect();
            format!("[{}]", items.join(", "))
        }
        Body::Map(_) | Body::Refused => String::new(),
    }
}
