//! What the fuzzers of the scanners begin with, and what they found.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../../../fuzz/bodies/meta.rs"]
mod meta;
#[path = "../../../fuzz/bodies/replay.rs"]
mod replay;
#[path = "../../../fuzz/bodies/replies.rs"]
mod replies;
#[path = "../../../fuzz/bodies/requests.rs"]
mod requests;

use replay::replay;

#[test]
fn fuzzed_requests_keep_their_promises() {
    replay("requests", requests::run);
}

#[test]
fn fuzzed_replies_keep_their_promises() {
    replay("replies", replies::run);
}

#[test]
fn fuzzed_meta_lines_keep_their_promises() {
    replay("meta", meta::run);
}
