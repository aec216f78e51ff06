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

#[test]
fn golemproxy_with_one_worker_over_one_server_differs_as_listed() -> Outcome {
    check(&Target::golemproxy(1, 1, None)?)
}

#[test]
fn golemproxy_with_one_worker_over_three_servers_differs_as_listed() -> Outcome {
    check(&Target::golemproxy(1, 3, None)?)
}

#[test]
fn golemproxy_with_four_workers_differs_as_listed() -> Outcome {
    check(&Target::golemproxy(4, 3, None)?)
}

#[test]
fn golemproxy_differs_as_listed_when_clients_send_16_bytes_at_a_time() -> Outcome {
    check(&Target::golemproxy(1, 3, None)?.cut_into(16))
}

#[test]
fn golemproxy_differs_as_listed_when_servers_send_16_bytes_at_a_time() -> Outcome {
    check(&Target::golemproxy(1, 3, Some(16))?)
}
