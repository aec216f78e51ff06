//! What a server does wrong on demand, as data. Faults touch only what is sent: commands are executed all the same, as
//! by a server whose replies are late, lost or damaged on their way.

use std::time::Duration;

/// The faults of one server, for all its clients. None is the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Close new connections as soon as they are accepted. Open ones go on.
    pub refuse: bool,
    /// Send nothing. The replies are kept, and sent when this ends.
    pub silence: bool,
    /// Send replies this much later.
    pub delay: Option<Duration>,
    /// Close each connection when it has been sent this many bytes, counted from when the faults were set or the
    /// connection was accepted.
    pub cut_after: Option<usize>,
    /// Send bytes that no request asked for.
    pub garbage: Option<Garbage>,
}

/// Bytes that are no replies, sent whenever there are replies to what one read has brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Garbage {
    /// In place of these replies.
    Instead(Vec<u8>),
    /// Behind them.
    After(Vec<u8>),
}

impl Garbage {
    /// Spoils replies.
    pub(crate) fn spoil(&self, replies: &mut Vec<u8>) {
        match self {
            Self::Instead(bytes) => replies.clone_from(bytes),
            Self::After(bytes) => replies.extend_from_slice(bytes),
        }
    }
}
