//! The unsent bytes of one connection of a server or of the bare proxy. A short value is copied into the text; of a long one
//! of the null server only the place is noted, since all its values end alike: its bytes leave from where they lie.
//!
//! Invariant: what `slices` shows begins with the first byte that `sent` has not been told of.

use golem_net::Slices;
use std::collections::VecDeque;

/// Fillers up to this length are copied; from here on a slice of its own is cheaper than the copy.
const COPIED_MAX: usize = 2048;
/// So much text that has gone is kept in the buffer while some has not.
const GONE_MAX: usize = 64 * 1024;

/// Replies on their way out.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    text: Vec<u8>,
    /// How much of the text has gone.
    text_sent: usize,
    /// Places in the text before which a filler goes.
    fillers: VecDeque<usize>,
    /// How much of the first of these fillers has gone.
    filler_sent: usize,
}

impl Outbox {
    /// Whether everything has gone.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.fillers.is_empty()
    }

    pub(crate) fn push(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
    }

    /// Appends the filler, which is the same for each value of this server.
    pub(crate) fn push_filler(&mut self, filler: &[u8]) {
        if filler.len() <= COPIED_MAX {
            self.push(filler);
        } else {
            self.fillers.push_back(self.text.len());
        }
    }

    /// What is to be written next.
    pub(crate) fn slices<'a>(&'a self, filler: &'a [u8], slices: &mut Slices<'a>) {
        let mut begin = self.text_sent;
        let mut filler_sent = self.filler_sent;
        for &place in &self.fillers {
            if !slices.push(&self.text[begin..place]) || !slices.push(&filler[filler_sent..]) {
                return;
            }
            begin = place;
            filler_sent = 0;
        }
        slices.push(&self.text[begin..]);
    }

    /// So many bytes have gone.
    pub(crate) fn sent(&mut self, filler_len: usize, mut n: usize) {
        loop {
            let place = self.fillers.front().copied();
            let text = n.min(place.unwrap_or(self.text.len()) - self.text_sent);
            self.text_sent += text;
            n -= text;
            if n == 0 || place.is_none() {
                break;
            }
            let filler = n.min(filler_len - self.filler_sent);
            self.filler_sent += filler;
            n -= filler;
            if self.filler_sent == filler_len {
                self.filler_sent = 0;
                self.fillers.pop_front();
            }
        }
        if self.fillers.is_empty() && self.text_sent == self.text.len() {
            self.text.clear();
            self.text_sent = 0;
        } else if self.text_sent > GONE_MAX && self.text_sent > self.text.len() / 2 {
            // A connection that is never idle would grow for ever.
            self.text.drain(..self.text_sent);
            for place in &mut self.fillers {
                *place -= self.text_sent;
            }
            self.text_sent = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{COPIED_MAX, GONE_MAX, Outbox};
    use golem_net::Slices;
    use std::collections::VecDeque;

    fn shown(outbox: &Outbox, filler: &[u8]) -> Vec<u8> {
        let mut slices = Slices::new();
        outbox.slices(filler, &mut slices);
        let mut bytes = Vec::with_capacity(slices.bytes());
        for slice in slices.as_slices() {
            bytes.extend_from_slice(slice);
        }
        bytes
    }

    #[test]
    fn whatever_leaves_at_a_time_the_bytes_are_the_same() {
        for length in [1, COPIED_MAX, COPIED_MAX + 1, 5000] {
            let filler: Vec<u8> = (b'a'..=b'z').cycle().take(length).collect();
            let wanted = [b"one ", &filler[..], &filler[..], b" two ", &filler[..]].concat();
            for at_a_time in [1, 7, 2049, 1 << 20] {
                let mut outbox = Outbox::default();
                outbox.push(b"one ");
                outbox.push_filler(&filler);
                outbox.push_filler(&filler);
                outbox.push(b" two ");
                outbox.push_filler(&filler);
                let mut gone = Vec::new();
                while !outbox.is_empty() {
                    let next = shown(&outbox, &filler);
                    let n = next.len().min(at_a_time);
                    gone.extend_from_slice(&next[..n]);
                    outbox.sent(filler.len(), n);
                }
                assert!(gone == wanted, "filler {length}, {at_a_time} at a time");
            }
        }
    }

    #[test]
    fn text_that_has_gone_is_dropped_though_more_always_waits() {
        let filler = vec![b'f'; COPIED_MAX + 1];
        let mut outbox = Outbox::default();
        let mut waiting = VecDeque::new();
        for _ in 0..300 {
            outbox.push(&[b't'; 1000]);
            outbox.push_filler(&filler);
            waiting.extend(std::iter::repeat_n(b't', 1000).chain(filler.iter().copied()));
            if waiting.len() > 3 * (1000 + filler.len()) {
                let n = 1000 + filler.len();
                assert!(shown(&outbox, &filler).iter().eq(&waiting));
                outbox.sent(filler.len(), n);
                waiting.drain(..n);
            }
        }
        assert!(!outbox.is_empty());
        assert!(outbox.text.len() < 3 * GONE_MAX, "{}", outbox.text.len());
    }
}
