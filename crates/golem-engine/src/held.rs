//! Reply bytes that wait with their request: for the rest of the reply, or for the replies before it. Most replies never
//! do, so a request has room for a pointer only; the chain behind it is borrowed like a buffer.

use crate::buffers::Buffers;
use crate::chain::Chain;
use alloc::boxed::Box;

/// See the top of the file.
#[derive(Debug, Default)]
pub(crate) struct Held(Option<Box<Chain>>);

impl Held {
    /// Bytes that are held.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |chain| chain.len())
    }

    /// Whether none is.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that its buffers take.
    pub(crate) fn room(&self) -> usize {
        self.0.as_ref().map_or(0, |chain| chain.room())
    }

    /// Copies `bytes` behind what is held.
    pub(crate) fn append(&mut self, bytes: &[u8], buffers: &mut Buffers) {
        if !bytes.is_empty() {
            self.0.get_or_insert_with(|| buffers.take_chain()).append(bytes, buffers);
        }
    }

    /// Moves all of `chain` behind what is held.
    pub(crate) fn append_chain(&mut self, chain: Chain, buffers: &mut Buffers) {
        self.0.get_or_insert_with(|| buffers.take_chain()).append_chain(chain, buffers);
    }

    /// Moves all that is held behind what `out` has.
    #[inline]
    pub(crate) fn leave(&mut self, out: &mut Chain, buffers: &mut Buffers) {
        if let Some(mut held) = self.0.take() {
            out.take_all(&mut held, buffers);
            buffers.give_chain(held);
        }
    }

    /// Drops what is held.
    pub(crate) fn clear(&mut self, buffers: &mut Buffers) {
        if let Some(mut held) = self.0.take() {
            held.empty(buffers);
            buffers.give_chain(held);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Held;
    use crate::buffers::Buffers;
    use crate::chain::Chain;
    use alloc::vec::Vec;

    #[test]
    fn what_is_held_leaves_in_order_and_its_chain_is_used_again() {
        let (mut buffers, mut out) = (Buffers::default(), Chain::new(0));
        let mut held = Held::default();
        held.append(b"", &mut buffers);
        assert!(held.0.is_none() && held.is_empty());
        held.append(b"VALUE ", &mut buffers);
        let mut large = Chain::new(0);
        large.append(b"k 0 1", &mut buffers);
        held.append_chain(large, &mut buffers);
        assert_eq!(held.len(), 11);
        held.leave(&mut out, &mut buffers);
        assert_eq!(out.slices().flatten().copied().collect::<Vec<_>>(), b"VALUE k 0 1");
        let mut other = Held::default();
        other.append(b"x", &mut buffers);
        other.clear(&mut buffers);
        assert_eq!(other.len(), 0);
        Held::default().leave(&mut out, &mut buffers);
        assert_eq!(out.len(), 11);
    }
}
