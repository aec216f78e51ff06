//! One direction of a connection: bytes in order, room for so many, and how it ends.

/// How a direction ends, once its bytes are through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Open,
    Finished,
    Reset,
}

#[derive(Debug)]
pub(crate) struct Pipe {
    bytes: Vec<u8>,
    at: usize,
    room: usize,
    pub(crate) end: End,
}

impl Pipe {
    pub(crate) const fn new(room: usize) -> Self {
        Self { bytes: Vec::new(), at: 0, room, end: End::Open }
    }

    pub(crate) const fn len(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that it would take now.
    pub(crate) const fn free(&self) -> usize {
        self.room.saturating_sub(self.len())
    }

    pub(crate) const fn set_room(&mut self, room: usize) {
        self.room = room;
    }

    /// Takes from the front of `bytes` what there is room for and says how much that was.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.free());
        self.bytes.extend_from_slice(&bytes[..count]);
        count
    }

    /// Drops what is in it.
    pub(crate) fn empty(&mut self) {
        self.take(usize::MAX);
    }

    /// Takes at most `most` bytes off the front.
    pub(crate) fn take(&mut self, most: usize) -> Vec<u8> {
        let end = self.at + most.min(self.len());
        let taken = self.bytes[self.at..end].to_vec();
        self.at = end;
        if self.at == self.bytes.len() {
            self.bytes.clear();
            self.at = 0;
        } else if self.at > 64 * 1024 && self.at > self.bytes.len() / 2 {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        taken
    }

    /// Everything on its way is lost.
    pub(crate) fn reset(&mut self) {
        self.bytes.clear();
        self.at = 0;
        self.end = End::Reset;
    }

    /// No more bytes come, unless it has ended already.
    pub(crate) fn finish(&mut self) {
        if self.end == End::Open {
            self.end = End::Finished;
        }
    }
}
