//! The four of Fowler, Noll and Vo; bytes are sign-extended. Of the 64-bit ones only the low half is ever returned, and the low
//! half depends on low halves alone, so they are 32-bit loops with the low half of start value and prime.

use super::sign_extended;

const START_32: u32 = 0x811c_9dc5;
const PRIME_32: u32 = 0x0100_0193;
const START_64_LOW: u32 = 0x8422_2325;
const PRIME_64_LOW: u32 = 0x0000_01b3;

fn fnv_1(start: u32, prime: u32, key: &[u8]) -> u32 {
    key.iter().fold(start, |value, &byte| value.wrapping_mul(prime) ^ sign_extended(byte))
}

fn fnv_1a(start: u32, prime: u32, key: &[u8]) -> u32 {
    key.iter().fold(start, |value, &byte| (value ^ sign_extended(byte)).wrapping_mul(prime))
}

pub(super) fn hash_1_64(key: &[u8]) -> u32 {
    fnv_1(START_64_LOW, PRIME_64_LOW, key)
}

pub(super) fn hash_1a_64(key: &[u8]) -> u32 {
    fnv_1a(START_64_LOW, PRIME_64_LOW, key)
}

pub(super) fn hash_1_32(key: &[u8]) -> u32 {
    fnv_1(START_32, PRIME_32, key)
}

pub(super) fn hash_1a_32(key: &[u8]) -> u32 {
    fnv_1a(START_32, PRIME_32, key)
}
