//! Fuzzer: configuration files. All it does lies in `fuzz/bodies/config.rs`.
#![no_main]

#[path = "../bodies/config.rs"]
mod config;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| config::run(bytes));
