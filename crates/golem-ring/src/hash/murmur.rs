//! `murmur`: Austin Appleby's MurmurHash2, words little-endian, seeded from the length.

use super::little_endian;

const MULTIPLIER: u32 = 0x5bd1_e995;
const SHIFT: u32 = 24;

pub(super) fn hash(key: &[u8]) -> u32 {
    let length = key.len() as u32;
    let mut value = 0xdead_beef_u32.wrapping_mul(length) ^ length;
    let (blocks, tail) = key.as_chunks::<4>();
    for block in blocks {
        let mut word = u32::from_le_bytes(*block).wrapping_mul(MULTIPLIER);
        word ^= word >> SHIFT;
        value = value.wrapping_mul(MULTIPLIER) ^ word.wrapping_mul(MULTIPLIER);
    }
    if !tail.is_empty() {
        value = (value ^ little_endian(tail)).wrapping_mul(MULTIPLIER);
    }
    value ^= value >> 13;
    value = value.wrapping_mul(MULTIPLIER);
    value ^ (value >> 15)
}
