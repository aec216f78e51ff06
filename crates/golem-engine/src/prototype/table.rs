//! The rows of the prototype: what a command is.

/// How a command is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Sent to the server of its key.
    Keyed,
    /// As that, and may be answered late: its last word says how many seconds.
    Blocking,
    /// Begins a transaction.
    Multi,
    /// Ends it.
    Exec,
    /// Its channels are one key.
    Subscribe,
    Unsubscribe,
}

pub(super) struct Row {
    name: &'static [u8],
    pub(super) kind: Kind,
}

impl Row {
    /// Whether it would hold up others, or change what they are told, on a shared connection.
    pub(super) const fn needs_own_lane(&self) -> bool {
        !matches!(self.kind, Kind::Keyed)
    }
}

const fn row(name: &'static [u8], kind: Kind) -> Row {
    Row { name, kind }
}

const TABLE: &[Row] = &[
    row(b"GET", Kind::Keyed),
    row(b"SET", Kind::Keyed),
    row(b"LPUSH", Kind::Keyed),
    row(b"PUBLISH", Kind::Keyed),
    row(b"BLPOP", Kind::Blocking),
    row(b"MULTI", Kind::Multi),
    row(b"EXEC", Kind::Exec),
    row(b"SUBSCRIBE", Kind::Subscribe),
    row(b"UNSUBSCRIBE", Kind::Unsubscribe),
];

pub(super) fn row_of(name: &[u8]) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name.eq_ignore_ascii_case(name))
}
