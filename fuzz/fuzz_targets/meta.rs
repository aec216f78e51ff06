//! Fuzzer: lines of the meta protocol. All it does lies in `fuzz/bodies/meta.rs`.
#![no_main]

#[path = "../bodies/meta.rs"]
mod meta;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| meta::run(bytes));
