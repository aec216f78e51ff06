//! `md5`: the first word of the digest. Ketama takes its points from whole digests.

/// The digest of `bytes` as four little-endian words, in order.
pub(crate) fn words(bytes: &[u8]) -> [u32; 4] {
    let digest = ::md5::compute(bytes).0;
    core::array::from_fn(|i| super::little_endian(&digest[4 * i..4 * i + 4]))
}

pub(super) fn hash(key: &[u8]) -> u32 {
    words(key)[0]
}
