//! The doors of the engine: what is written when.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::Engine;
use crate::id::Connection;
use crate::rig;
use crate::time::Time;
use alloc::vec::Vec;

/// As [`rig::asked`], with the requests written.
fn asked(requests: &[u8]) -> (Engine, Connection, Connection) {
    let (mut engine, client, server) = rig::asked(requests);
    assert_eq!(written(&mut engine), [server]);
    (engine, client, server)
}

/// What is written at the end of a turn.
fn written(engine: &mut Engine) -> Vec<Connection> {
    core::iter::from_fn(|| engine.next_dirty()).collect()
}

#[test]
fn output_waits_for_one_turn_while_more_replies_are_due() {
    let (mut engine, client, server) = asked(b"get a\r\nget b\r\nget c\r\n");
    engine.begin_turn(Time(100));
    engine.received(server, b"END\r\n");
    assert_eq!(written(&mut engine), []);
    assert_eq!(engine.next_deadline(), Some(Time(100)), "the next turn is due at once");
    engine.begin_turn(Time(101));
    engine.received(server, b"END\r\n");
    assert_eq!(written(&mut engine), [client], "together, and no longer than one turn");
    assert_eq!(engine.output(client).map(<[u8]>::len).sum::<usize>(), 10);
    engine.sent(client, 10);
    engine.begin_turn(Time(102));
    engine.received(server, b"END\r\n");
    assert_eq!(written(&mut engine), [client], "nothing more is due");
}

#[test]
fn output_that_waits_leaves_in_the_next_turn_whatever_comes() {
    let (mut engine, client, server) = asked(b"get a\r\nget b\r\n");
    engine.received(server, b"END\r\n");
    assert_eq!(written(&mut engine), []);
    engine.begin_turn(Time(1));
    assert_eq!(written(&mut engine), [client]);
    engine.sent(client, 5);
    assert_ne!(engine.next_deadline(), Some(Time(1)));
}

#[test]
fn a_lone_request_and_a_long_output_do_not_wait() {
    let (mut engine, client, server) = asked(b"get a\r\n");
    engine.received(server, b"END\r\n");
    assert_eq!(written(&mut engine), [client]);
    let (mut engine, client, server) = asked(b"get a\r\nget b\r\n");
    let reply = [b"VALUE a 0 9000\r\n", [b'x'; 9000].as_slice(), b"\r\nEND\r\n"].concat();
    engine.received(server, &reply);
    assert_eq!(written(&mut engine), [client]);
}

#[test]
fn a_client_that_goes_while_its_output_waits_is_forgotten() {
    let (mut engine, client, server) = asked(b"get a\r\nget b\r\n");
    engine.received(server, b"END\r\n");
    assert_eq!(written(&mut engine), []);
    engine.closed(client, crate::failure::Failure::ConnectionReset);
    engine.begin_turn(Time(1));
    written(&mut engine);
    assert_eq!(engine.output(client).count(), 0);
    engine.check().unwrap();
}

#[test]
fn gathers_of_clients_that_have_gone_are_used_again() {
    let (mut engine, client, server) = asked(b"get a b\r\n");
    let room = |engine: &mut Engine| engine.take_gather(crate::gather::Rule::Values).room();
    assert_eq!(room(&mut engine), 0);
    engine.closed(client, crate::failure::Failure::ConnectionReset);
    assert!(room(&mut engine) > 0);
    engine.received(server, b"END\r\n");
    engine.check().unwrap();
}

#[test]
fn replies_gather_when_many_are_due_and_few_come() {
    let (mut engine, _, server) = asked(&b"get a\r\n".repeat(12));
    for turn in 1..4 {
        engine.begin_turn(Time(100_000 * turn));
        engine.received(server, b"END\r\n");
    }
    assert_eq!(engine.gather_for(), None, "they rise slowly from nothing");
    for _ in 0..60 {
        engine.pace.begin_turn();
        engine.pace.note_reply(Time(0), Time(100_000));
    }
    assert_eq!(engine.gather_for(), Some(core::time::Duration::from_micros(200)));
}
