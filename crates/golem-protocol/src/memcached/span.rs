//! Positions inside one line or one reply: plain numbers without a lifetime, so that they can be kept beside the bytes.

/// The bytes `start..end`, counted from the first byte of the line (or of the reply item) that was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Position of the first byte.
    pub start: u32,
    /// Position after the last byte.
    pub end: u32,
}

impl Span {
    /// The span of no bytes.
    pub const EMPTY: Self = Self { start: 0, end: 0 };

    /// The bytes `start..end`. Lines and reply headers are far shorter than 4 GiB: [`super::Limits`] sees to that.
    #[inline]
    pub(crate) const fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// Number of bytes.
    #[inline]
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    /// Whether it covers no byte.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// The bytes it covers in `text`; none if it does not lie inside.
    #[inline]
    pub fn of(self, text: &[u8]) -> &[u8] {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}
