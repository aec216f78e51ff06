//! Fuzzer: what clients send. All it does lies in `fuzz/bodies/requests.rs`.
#![no_main]

#[path = "../bodies/requests.rs"]
mod requests;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| requests::run(bytes));
