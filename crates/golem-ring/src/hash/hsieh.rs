//! `hsieh`: Paul Hsieh's SuperFastHash, but started from 0 instead of the length. Of the tail only the third byte of three is
//! sign-extended; a single byte is not.

use super::{little_endian, sign_extended};

pub(super) fn hash(key: &[u8]) -> u32 {
    let (blocks, tail) = key.as_chunks::<4>();
    let mut value = 0_u32;
    for block in blocks {
        value = value.wrapping_add(little_endian(&block[..2]));
        let mixed = (little_endian(&block[2..]) << 11) ^ value;
        value = (value << 16) ^ mixed;
        value = value.wrapping_add(value >> 11);
    }
    match *tail {
        [a, b, c] => {
            value = value.wrapping_add(little_endian(&[a, b]));
            value ^= value << 16;
            value ^= sign_extended(c) << 18;
            value = value.wrapping_add(value >> 11);
        }
        [a, b] => {
            value = value.wrapping_add(little_endian(&[a, b]));
            value ^= value << 11;
            value = value.wrapping_add(value >> 17);
        }
        [a] => {
            value = value.wrapping_add(u32::from(a));
            value ^= value << 10;
            value = value.wrapping_add(value >> 1);
        }
        _ => {}
    }
    value ^= value << 3;
    value = value.wrapping_add(value >> 5);
    value ^= value << 4;
    value = value.wrapping_add(value >> 17);
    value ^= value << 25;
    value.wrapping_add(value >> 6)
}
