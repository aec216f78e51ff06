//! `one_at_a_time` by Bob Jenkins, from start value 0; bytes are sign-extended.

use super::sign_extended;

pub(super) fn hash(key: &[u8]) -> u32 {
    let mut value = 0_u32;
    for &byte in key {
        value = value.wrapping_add(sign_extended(byte));
        value = value.wrapping_add(value << 10);
        value ^= value >> 6;
    }
    value = value.wrapping_add(value << 3);
    value ^= value >> 11;
    value.wrapping_add(value << 15)
}
