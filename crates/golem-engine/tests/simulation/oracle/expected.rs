//! What a client waits for: one entry per request, in order.

use super::value::Piece;

/// Whether a request may stay without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// It must be answered.
    Never,
    /// Quiet: some answers are not shown.
    Maybe,
    /// `noreply`: it must not be answered.
    Always,
}

/// What is stored by a storage request: a piece, or, without one, no data or a number.
pub(crate) type Data = Option<Piece>;

/// How a storage request stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Set,
    Add,
    Replace,
    Append,
    Prepend,
    Cas,
}

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Values {
        keys: Vec<Vec<u8>>,
        cas: bool,
    },
    Store {
        key: Vec<u8>,
        mode: Mode,
        data: Data,
    },
    Delete {
        key: Vec<u8>,
    },
    Touch {
        key: Vec<u8>,
    },
    Count {
        key: Vec<u8>,
    },
    MetaGet {
        key: Vec<u8>,
        opaque: String,
        with_value: bool,
        quiet: bool,
    },
    MetaSet {
        key: Vec<u8>,
        opaque: String,
        mode: Mode,
        data: Data,
        quiet: bool,
    },
    MetaDelete {
        key: Vec<u8>,
        opaque: String,
        quiet: bool,
    },
    MetaCount {
        key: Vec<u8>,
        opaque: String,
        with_value: bool,
        quiet: bool,
    },
    MetaDebug {
        key: Vec<u8>,
    },
    /// Answered by the proxy with a line that starts so.
    Line {
        starts: &'static str,
    },
    /// Refused by the proxy with a line that starts so; perhaps the client is closed then.
    Refused {
        starts: &'static str,
        closes: bool,
    },
    /// Data that do not end where they should.
    BadChunk {
        key: Vec<u8>,
    },
    /// As too large, after its key was deleted.
    TooLarge {
        key: Vec<u8>,
    },
    /// To every server.
    Everywhere,
    Stats,
    Quit,
}

impl Asked {
    /// The keys that it is about.
    pub(crate) fn keys(&self) -> &[Vec<u8>] {
        match self {
            Self::Values { keys, .. } => keys,
            Self::Store { key, .. }
            | Self::Delete { key }
            | Self::Touch { key }
            | Self::Count { key }
            | Self::MetaGet { key, .. }
            | Self::MetaSet { key, .. }
            | Self::MetaDelete { key, .. }
            | Self::MetaCount { key, .. }
            | Self::MetaDebug { key }
            | Self::TooLarge { key } => std::slice::from_ref(key),
            Self::Line { .. }
            | Self::BadChunk { .. }
            | Self::Refused { .. }
            | Self::Everywhere
            | Self::Stats
            | Self::Quit => &[],
        }
    }
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = format!("{self:?}");
        let end = name.find([' ', '{']).unwrap_or(name.len());
        f.write_str(&name[..end])?;
        for key in self.keys() {
            write!(f, " {}", crate::stage::shown(&key[..key.len().min(12)]))?;
        }
        Ok(())
    }
}

/// One request that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) asked: Asked,
    pub(crate) silence: Silence,
    /// Where it starts in what the client sends, and where its first line ends.
    pub(crate) start: u64,
    pub(crate) line: u64,
    /// Where its last byte stands.
    pub(crate) end: u64,
    /// When its last byte reached the engine.
    pub(crate) delivered: Option<u64>,
    /// The word that its worker followed when its first line was there: it cannot have been routed under an earlier one.
    pub(crate) from: Option<usize>,
    /// The word that its worker followed when it must have been routed.
    pub(crate) to: Option<usize>,
}

impl Expected {
    pub(crate) const fn new(asked: Asked, silence: Silence, (start, line, end): (u64, u64, u64)) -> Self {
        Self { asked, silence, start, line, end, delivered: None, from: None, to: None }
    }

    /// The words under one of which it was routed, if its worker follows `now`.
    pub(crate) fn words(&self, now: usize) -> std::ops::RangeInclusive<usize> {
        let to = self.to.unwrap_or(now);
        self.from.unwrap_or(to)..=to
    }
}
