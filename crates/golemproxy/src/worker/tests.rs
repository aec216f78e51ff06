//! A worker without its thread: what it does with the addresses of names.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::Worker;
use crate::mail::{Mail, Question};
use crate::names::Name;
use crate::notices::SaidOfClients;
use golem_engine::counters::{AllCounters, WorkerCounters};
use golem_engine::id::Connection;
use golem_engine::{Setup, WorkerLimits};
use golem_net::{Clock, Driver, Mailbox, mailbox};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::Arc;

const FILE: &str = "main:\n  listen: 127.0.0.1:1\n  timeout: 1000\n  preconnect: true\n  servers:\n    - one:1:1\n    - two:2:1\n";

/// A worker that has asked for the addresses of its two servers, and the mailbox in which it did. The driver wakes whoever
/// would read that, which is nobody.
fn asking() -> (Worker, Mailbox<Mail>, Driver) {
    let pools: Vec<_> =
        golem_config::parse("test", FILE).unwrap().config.pools.into_iter().map(Arc::new).collect();
    let counters = WorkerCounters::new([2].into_iter());
    let setup = Setup {
        pools,
        all: AllCounters([Arc::clone(&counters)].into()),
        counters,
        seed: 1,
        version: "0".to_owned(),
        epoch: 0,
        workers: 1,
        limits: WorkerLimits::default(),
    };
    let (mut worker, _) = Worker::new(setup, Clock::new(), SaidOfClients::default()).unwrap();
    let driver = Driver::new().unwrap();
    let (sender, mail) = mailbox(driver.waker(), None);
    worker.report_to(sender);
    worker.desk.engine.preconnect();
    worker.finish_turn();
    (worker, mail, driver)
}

fn question(mail: &mut Mailbox<Mail>) -> Question {
    match mail.take() {
        Some(Mail::Question(question)) => question,
        other => panic!("{other:?}"),
    }
}

fn name(host: &str, port: u16) -> Name {
    Name { host: host.to_owned(), port }
}

/// How many connections have come since it was asked last.
fn come(listener: &TcpListener) -> usize {
    listener.set_nonblocking(true).unwrap();
    let mut count = 0;
    loop {
        match listener.accept() {
            Ok(_) => count += 1,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return count,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn each_connection_to_a_name_is_asked_for_and_made_once_where_the_answer_says() {
    let (mut worker, mut mail, _driver) = asking();
    let (first, second) = (question(&mut mail), question(&mut mail));
    assert_eq!([first.name, second.name], [name("one", 1), name("two", 2)]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().ok();
    // An answer to a question of a time before a panic: the number is another's now.
    worker.found(first.conn, name("two", 2), address);
    assert_eq!(come(&listener), 0);
    worker.found(first.conn, name("one", 1), address);
    worker.found(first.conn, name("one", 1), address);
    worker.found(first.conn, name("one", 1), None);
    assert_eq!(come(&listener), 1);
    assert!(worker.desk.engine.is_connecting(first.conn));
    assert!(mail.take().is_none());
}

#[test]
fn a_name_without_an_address_fails_the_attempt() {
    let (mut worker, mut mail, _driver) = asking();
    let question = question(&mut mail);
    worker.found(question.conn, question.name, None);
    assert_eq!(worker.desk.engine.server_connections(), 1);
    assert!(!worker.desk.engine.is_connecting(question.conn));
}

#[test]
fn when_a_server_moves_the_address_is_asked_for_again_and_the_old_answer_finds_nobody() {
    let (mut worker, mut mail, _driver) = asking();
    let (first, _) = (question(&mut mail), question(&mut mail));
    let of = worker.desk.engine.server_of(first.conn).unwrap().clone();
    worker.desk.engine.moved(golem_engine::PoolIndex::new(0), of.index);
    worker.finish_turn();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().ok();
    worker.found(first.conn, first.name, address);
    assert_eq!(come(&listener), 0);
    let again = question(&mut mail);
    assert_eq!(again.name, name("one", 1));
    worker.found(again.conn, again.name, address);
    assert_eq!(come(&listener), 1);
    assert!(worker.desk.conn(Connection::Server(again.conn)).is_some());
}
