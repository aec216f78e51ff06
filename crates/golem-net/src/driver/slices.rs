//! The unsent bytes of one connection, as the list that one vectored write takes. It lives on the stack for the time of
//! the write, and is filled without being cleared first: a flush happens for every connection in every turn.

use crate::driver::PipeSlot;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::{fmt, slice};

const CAPACITY: usize = 64;

/// Up to 64 slices of bytes to be written, in order.
pub struct Slices<'a> {
    /// The first `length` are filled.
    items: [MaybeUninit<IoSlice<'a>>; CAPACITY],
    length: usize,
    bytes: usize,
    pipe: Option<(PipeSlot, usize)>,
    /// How many of the slices, and of the bytes, come before the pipe.
    before: (usize, usize),
}

impl<'a> Slices<'a> {
    /// How many slices fit.
    pub const CAPACITY: usize = CAPACITY;

    /// No slices.
    pub const fn new() -> Self {
        Self {
            items: [const { MaybeUninit::uninit() }; CAPACITY],
            length: 0,
            bytes: 0,
            pipe: None,
            before: (0, 0),
        }
    }

    /// Appends bytes. An answer of `false` says that there was no room, and that more need not be tried. Empty ones are
    /// left out.
    pub fn push(&mut self, bytes: &'a [u8]) -> bool {
        if bytes.is_empty() {
            return true;
        }
        let Some(item) = self.items.get_mut(self.length) else { return false };
        item.write(IoSlice::new(bytes));
        self.length += 1;
        self.bytes += bytes.len();
        true
    }

    /// Behind what was pushed come so many bytes that lie in a pipe. What is pushed from now on comes behind them.
    pub const fn follow(&mut self, pipe: PipeSlot, bytes: usize) {
        self.before = (self.length, self.bytes);
        self.pipe = Some((pipe, bytes));
    }

    /// The pipe among the slices, and how many bytes of it.
    pub const fn pipe(&self) -> Option<(PipeSlot, usize)> {
        self.pipe
    }

    /// How many bytes the slices have together, those before the pipe if there is one.
    pub const fn bytes(&self) -> usize {
        if self.pipe.is_some() { self.before.1 } else { self.bytes }
    }

    /// Whether there is nothing to write.
    pub const fn is_empty(&self) -> bool {
        self.length == 0 && self.pipe.is_none()
    }

    /// Whether no further slice fits.
    pub const fn is_full(&self) -> bool {
        self.length == CAPACITY
    }

    /// The slices, those before the pipe if there is one.
    pub fn as_slices(&self) -> &[IoSlice<'a>] {
        let before = if self.pipe.is_some() { self.before.0 } else { self.length };
        self.all().get(..before).unwrap_or_default()
    }

    /// The slices behind the pipe.
    pub fn behind(&self) -> &[IoSlice<'a>] {
        let before = if self.pipe.is_some() { self.before.0 } else { self.length };
        self.all().get(before..).unwrap_or_default()
    }

    fn all(&self) -> &[IoSlice<'a>] {
        let first = self.items.as_ptr().cast::<IoSlice<'a>>();
        // SAFETY: `MaybeUninit<T>` has the layout of `T`, and `push` has filled the first `length` items.
        unsafe { slice::from_raw_parts(first, self.length) }
    }
}

impl Default for Slices<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Slices<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slices({} with {} bytes)", self.length, self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::Slices;
    use crate::driver::PipeSlot;

    #[test]
    fn takes_up_to_64_slices_in_order_and_leaves_out_empty_ones() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut slices = Slices::new();
        assert!(slices.is_empty());
        assert!(slices.push(&[]));
        for at in 0..Slices::CAPACITY {
            assert!(slices.push(&bytes[at..at + 2]));
        }
        assert!(slices.is_full());
        assert!(!slices.push(&bytes));
        assert_eq!(slices.bytes(), 128);
        assert_eq!(slices.as_slices().len(), 64);
        for (at, slice) in slices.as_slices().iter().enumerate() {
            assert_eq!(**slice, bytes[at..at + 2]);
        }
    }

    #[test]
    fn what_is_behind_a_pipe_is_kept_apart() {
        let mut slices = Slices::new();
        slices.push(b"head");
        slices.follow(PipeSlot(3), 100);
        assert!(slices.behind().is_empty());
        slices.push(b"END");
        assert_eq!((slices.bytes(), slices.as_slices().len(), &*slices.as_slices()[0]), (4, 1, &b"head"[..]));
        assert_eq!((slices.behind().len(), &*slices.behind()[0]), (1, &b"END"[..]));
        assert_eq!(slices.pipe(), Some((PipeSlot(3), 100)));
        let mut slices = Slices::new();
        slices.follow(PipeSlot(0), 1);
        assert!(!slices.is_empty() && slices.as_slices().is_empty() && slices.bytes() == 0);
    }
}
