//! One stored item: its bytes and the marks that the meta commands show. Sizes and slab classes are those that
//! memcached 1.6.18 would report on a 64-bit machine, so that size limits fall on the same byte.

use std::sync::Arc;

/// Bytes of bookkeeping that memcached keeps for each item.
const HEADER: usize = 48;
/// Bytes of the cas value.
const CAS: usize = 8;
/// Bytes of the flags, which are kept only when they are not zero.
const FLAGS: usize = 4;
/// Items larger than this are stored in pieces, and cannot be counted up or down.
const CHUNK_MAX: usize = 512 * 1024;

/// A stored item. Times are in seconds on the store's own scale (see `Store::seconds`).
#[derive(Clone, Debug)]
pub struct Item {
    pub(crate) key: Arc<[u8]>,
    pub(crate) data: Vec<u8>,
    pub(crate) flags: u32,
    pub(crate) expires: u32,
    pub(crate) used_at: u32,
    pub(crate) cas: u64,
    pub(crate) fetched: bool,
    pub(crate) active: bool,
    pub(crate) stale: bool,
    pub(crate) token_sent: bool,
    pub(crate) key_binary: bool,
}

impl Item {
    /// An item that is not linked yet: it has no cas value and was never fetched.
    pub(crate) fn new(key: &[u8], flags: u32, expires: u32, data: Vec<u8>) -> Self {
        Self {
            key: Arc::from(key),
            data,
            flags,
            expires,
            used_at: 0,
            cas: 0,
            fetched: false,
            active: false,
            stale: false,
            token_sent: false,
            key_binary: false,
        }
    }

    /// The key, decoded where it was given in base64.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The value.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The client's flags.
    pub fn flags(&self) -> u32 {
        self.flags
    }

    /// The cas value.
    pub fn cas(&self) -> u64 {
        self.cas
    }

    /// Was it marked stale by `md … I`?
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// Does it ever expire?
    pub fn is_volatile(&self) -> bool {
        self.expires != 0
    }

    /// The size in bytes that counts against the memory limit.
    pub fn size(&self) -> usize {
        size_of_item(self.key.len(), self.flags, self.data.len())
    }

    /// Is it stored in pieces?
    pub(crate) fn is_chunked(&self) -> bool {
        self.size() > CHUNK_MAX
    }
}

/// The size in bytes of an item, its line end included as the real server does.
pub(crate) fn size_of_item(key: usize, flags: u32, data: usize) -> usize {
    HEADER + key + 1 + if flags == 0 { 0 } else { FLAGS } + data + 2 + CAS
}

/// The number of the slab class that an item of `size` bytes falls into, with memcached's default growth factor.
pub(crate) fn slab_class(size: usize) -> u32 {
    let (mut class, mut chunk) = (1, 96usize);
    while class < 62 && chunk < CHUNK_MAX * 4 / 5 {
        chunk = chunk.next_multiple_of(8);
        if size <= chunk {
            return class;
        }
        chunk = chunk * 5 / 4;
        class += 1;
    }
    class
}
