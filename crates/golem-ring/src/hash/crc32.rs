//! `crc32a` is the CRC-32 of zlib; `crc32` is what libmemcached made of it: only 15 bits.

pub(super) fn hash_a(key: &[u8]) -> u32 {
    crc32fast::hash(key)
}

/// How many values [`hash`] makes.
pub(super) const VALUES: u64 = 1 << 15;

pub(super) fn hash(key: &[u8]) -> u32 {
    (hash_a(key) >> 16) & (VALUES as u32 - 1)
}
