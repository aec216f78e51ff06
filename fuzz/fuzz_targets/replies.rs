//! Fuzzer: what servers answer. All it does lies in `fuzz/bodies/replies.rs`.
#![no_main]

#[path = "../bodies/replies.rs"]
mod replies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| replies::run(bytes));
