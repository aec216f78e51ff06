//! The corpus of transcripts against every program that should hold them: the real server first, then the proxies with
//! their lists of accepted differences.

use golem_e2e::failure::Outcome;
use golem_e2e::target::Target;
use golem_e2e::transcript::check;

#[test]
fn real_memcached_holds_every_transcript() -> Outcome {
    check(&Target::memcached()?)
}

#[test]
fn real_memcached_holds_every_transcript_in_pieces_of_16_bytes() -> Outcome {
    check(&Target::memcached()?.cut_into(16))
}

#[test]
fn nutcracker_over_one_server_differs_as_listed() -> Outcome {
    check(&Target::nutcracker(1)?)
}

#[test]
fn nutcracker_over_three_servers_differs_as_listed() -> Outcome {
    check(&Target::nutcracker(3)?)
}
