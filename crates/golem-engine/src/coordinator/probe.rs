//! A probe: the one question whose answer decides whether an ejected server comes back. No client's request is spent on it.

use crate::pool::PoolIndex;
use crate::time::Time;
use alloc::vec::Vec;
use core::time::Duration;
use golem_ring::ServerIndex;

/// What a probe sends.
pub const PROBE: &[u8] = b"version\r\n";

/// Connecting and answering may take so long.
const TIMEOUT: Duration = Duration::from_secs(1);
/// No version is longer.
const LINE_MOST: usize = 512;

/// A probe of a coordinator; no other ever has the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProbeId(pub u64);

/// What the bytes so far say about the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing yet.
    Unknown,
    /// It answers as it should.
    Well,
    /// It does not.
    Unwell,
}

/// See the top of the file.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) id: ProbeId,
    pub(super) pool: PoolIndex,
    pub(super) server: ServerIndex,
    since: Time,
    answer: Vec<u8>,
}

impl Probe {
    pub(super) const fn new(id: ProbeId, pool: PoolIndex, server: ServerIndex, now: Time) -> Self {
        Self { id, pool, server, since: now, answer: Vec::new() }
    }

    /// After this the server has not answered.
    pub(super) fn deadline(&self) -> Time {
        self.since.after(TIMEOUT)
    }

    /// Takes more of the answer.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Verdict {
        let room = LINE_MOST.saturating_sub(self.answer.len());
        self.answer.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        let end = memchr::memchr(b'\n', &self.answer);
        match end.and_then(|end| self.answer.get(..=end)) {
            Some(line) if line.starts_with(b"VERSION ") && line.ends_with(b"\r\n") => Verdict::Well,
            Some(_) => Verdict::Unwell,
            None if self.answer.len() >= LINE_MOST => Verdict::Unwell,
            None => Verdict::Unknown,
        }
    }
}
