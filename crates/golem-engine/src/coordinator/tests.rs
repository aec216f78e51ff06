//! The coordinator alone: reports and answers go in, and its orders are looked at.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::{Change, Coordinator, Order, ProbeId, Report, Snapshot};
use crate::counters::{AllCounters, PoolCounters, ServerCounters, WorkerCounters};
use crate::failure::Failure;
use crate::pool::{PoolIndex, ServerOf};
use crate::succession::Succession;
use crate::time::Time;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use golem_ring::ServerIndex;

const POOL: PoolIndex = PoolIndex::new(0);
/// The retry timeout, in microseconds.
const RETRY: u64 = 10_000_000;

struct Desk {
    coordinator: Coordinator,
    pool: Arc<golem_config::Pool>,
    counters: AllCounters,
    number: u64,
}

/// What the coordinator ordered in one turn.
#[derive(Debug, Default)]
struct Said {
    probes: Vec<(ProbeId, usize)>,
    ended: Vec<ProbeId>,
    published: Vec<Arc<Snapshot>>,
    changes: Vec<Change>,
    reloads: Vec<Arc<Succession>>,
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Desk {
    fn new(servers: usize, percent: u32) -> Self {
        let list: String = (0..servers).map(|n| format!("    - 127.0.0.1:{}:1 s{n}\n", 7000 + n)).collect();
        let text = format!(
            "a:\n  listen: 127.0.0.1:1\n  timeout: 100\n  auto_eject_hosts: true\n  server_retry_timeout: 10000\n  \
             eject_max_percent: {percent}\n  servers:\n{list}"
        );
        let pools: Vec<_> =
            golem_config::parse("a", &text).unwrap().config.pools.into_iter().map(Arc::new).collect();
        let counters = WorkerCounters::new([servers].into_iter());
        let all = AllCounters([Arc::clone(&counters)].into());
        let coordinator = Coordinator::new(&pools, counters, 1_000);
        Self { coordinator, pool: Arc::clone(&pools[0]), counters: all, number: 0 }
    }

    /// A turn at `now`, in which `happens`.
    fn turn(&mut self, now: u64, happens: impl FnOnce(&mut Coordinator)) -> Said {
        self.coordinator.begin_turn(Time(now));
        happens(&mut self.coordinator);
        self.coordinator.expire();
        let mut said = Said::default();
        while let Some(order) = self.coordinator.next_order() {
            match order {
                Order::Probe { probe, of } => said.probes.push((probe, of.index.index())),
                Order::EndProbe(probe) => said.ended.push(probe),
                Order::Publish(snapshot) => {
                    assert!(snapshot.number() > self.number, "numbers grow");
                    self.number = snapshot.number();
                    said.published.push(snapshot);
                }
                Order::Reload(next) => said.reloads.push(next),
                Order::Notice(change) => said.changes.push(change),
            }
        }
        said
    }

    fn report(&mut self, now: u64, server: u32) -> Said {
        let seen = self.number;
        self.turn(now, |coordinator| {
            coordinator.report(Report { pool: POOL, server: ServerIndex::new(server), seen });
        })
    }

    /// The one probe that starts at `now`.
    fn probe(&mut self, now: u64) -> ProbeId {
        let said = self.turn(now, |_| {});
        assert_eq!(said.probes.len(), 1, "{said:?}");
        said.probes[0].0
    }

    fn answer(&mut self, now: u64, probe: ProbeId, bytes: &[u8]) -> Said {
        self.turn(now, |coordinator| coordinator.probe_received(probe, bytes))
    }

    fn of(&self, server: u32) -> ServerOf {
        ServerOf { pool: Arc::clone(&self.pool), index: ServerIndex::new(server) }
    }

    fn due(&self) -> Option<u64> {
        self.coordinator.next_deadline().map(|time| time.0)
    }

    fn pool_counter(&self, name: &str) -> i64 {
        let place = PoolCounters::TABLE.iter().position(|row| row.0 == name).unwrap();
        self.counters.pool(0)[place]
    }

    fn server_counter(&self, server: usize, name: &str) -> i64 {
        let place = ServerCounters::TABLE.iter().position(|row| row.0 == name).unwrap();
        self.counters.server(0, server)[place]
    }
}

const fn server(number: u32) -> ServerIndex {
    ServerIndex::new(number)
}

#[test]
fn the_first_report_ejects_for_all_and_further_ones_change_nothing() {
    let mut desk = Desk::new(3, 100);
    assert_eq!(desk.due(), None, "nothing is probed while all are in");
    let said = desk.report(5, 1);
    let [snapshot] = &said.published[..] else { panic!("{said:?}") };
    assert!([0, 1, 2].map(|n| snapshot.is_ejected(server(n))) == [false, true, false]);
    assert_eq!(said.changes, [Change::Ejected { of: desk.of(1), hold: seconds(10), left: 2 }]);
    let said = desk.report(6, 1);
    assert!(said.published.is_empty() && said.changes.is_empty());
    assert_eq!(["server_ejects", "server_restores"].map(|name| desk.pool_counter(name)), [1, 0]);
    assert_eq!(["server_ejected_at", "ejected"].map(|name| desk.server_counter(1, name)), [1_005, 1]);
    assert_eq!(desk.due(), Some(5 + RETRY));
    assert!(desk.coordinator.snapshots().all(|snapshot| snapshot.ejected() == 1));
}

#[test]
fn a_server_returns_by_the_probe_that_it_answers() {
    let mut desk = Desk::new(2, 100);
    desk.report(0, 0);
    assert!(desk.turn(RETRY - 1, |_| {}).probes.is_empty());
    let probe = desk.probe(RETRY);
    assert!(desk.turn(RETRY + 1, |_| {}).probes.is_empty(), "one at a time");
    assert!(desk.answer(RETRY + 2, probe, b"VERSION 1.").ended.is_empty());
    let said = desk.answer(RETRY + 3, probe, b"6.18\r\n");
    assert_eq!(said.ended, [probe]);
    assert!(!said.published[0].is_ejected(server(0)));
    let after = Duration::from_micros(RETRY + 3);
    assert_eq!(said.changes, [Change::Restored { of: desk.of(0), after }]);
    assert_eq!(desk.due(), None);
    assert_eq!([desk.pool_counter("server_restores"), desk.server_counter(0, "ejected")], [1, 0]);
    assert_ne!(desk.server_counter(0, "server_ejected_at"), 0, "it stays after the return");
}

#[test]
fn a_probe_that_fails_is_repeated_after_the_retry_timeout() {
    let answers: [&[u8]; 4] = [b"ERROR Too many open connections\r\n", b"VERSION 1\n", b"\r\n", &[b'V'; 600]];
    for answer in answers {
        let mut desk = Desk::new(2, 100);
        desk.report(0, 0);
        let probe = desk.probe(RETRY);
        let said = desk.answer(RETRY + 7, probe, answer);
        assert_eq!(said.ended, [probe], "{}", answer.escape_ascii());
        assert!(said.published.is_empty() && said.changes.is_empty());
        assert_eq!(desk.due(), Some(2 * RETRY));
        let probe = desk.probe(2 * RETRY);
        desk.turn(2 * RETRY + 1, |coordinator| coordinator.probe_lost(probe, Failure::ConnectionRefused));
        assert_eq!(desk.due(), Some(3 * RETRY));
        assert_eq!(desk.server_counter(0, "probes_failed"), 2);
    }
}

#[test]
fn a_probe_without_an_answer_ends_after_a_second() {
    let mut desk = Desk::new(2, 100);
    desk.report(0, 0);
    let probe = desk.probe(RETRY);
    assert_eq!(desk.due(), Some(RETRY + 1_000_000));
    assert_eq!(desk.turn(RETRY + 1_000_000, |_| {}).ended, [probe]);
    let said = desk.answer(RETRY + 1_000_001, probe, b"VERSION 1.6.18\r\n");
    assert!(said.published.is_empty(), "an answer that comes too late is none");
    assert_eq!(desk.due(), Some(2 * RETRY));
}

#[test]
fn a_server_that_fails_again_at_once_is_held_out_longer() {
    let mut desk = Desk::new(2, 100);
    let mut now = 0;
    for times in [1, 2, 4, 4] {
        let said = desk.report(now, 0);
        let [Change::Ejected { hold, .. }] = said.changes[..] else { panic!("{said:?}") };
        assert_eq!(hold, seconds(10 * times));
        assert_eq!(desk.due(), Some(now + times * RETRY));
        now += times * RETRY;
        let probe = desk.probe(now);
        desk.answer(now, probe, b"VERSION 1.6.18\r\n");
        now += RETRY;
    }
    // Having been well for longer than that, it begins anew.
    desk.report(now + 1, 0);
    assert_eq!(desk.due(), Some(now + 1 + RETRY));
}

#[test]
fn too_many_are_never_ejected() {
    let mut desk = Desk::new(3, 34);
    assert_eq!(desk.report(0, 0).published.len(), 1);
    let said = desk.report(1, 1);
    assert!(said.published.is_empty());
    assert_eq!(said.changes, [Change::Kept { of: desk.of(1), out: 1 }]);
    assert!(desk.report(2, 1).changes.is_empty(), "it is said once");
    assert_eq!(["server_kept", "server_ejects"].map(|name| desk.pool_counter(name)), [2, 1]);
    // There is room again.
    let probe = desk.probe(RETRY);
    desk.answer(RETRY, probe, b"VERSION 1.6.18\r\n");
    assert_eq!(desk.report(RETRY + 1, 1).published.len(), 1);
}

#[test]
fn all_servers_can_be_out() {
    let mut desk = Desk::new(2, 100);
    desk.report(0, 0);
    let said = desk.report(1, 1);
    assert_eq!(said.published[0].ejected(), 2);
    let [Change::Ejected { left: 0, .. }] = said.changes[..] else { panic!("{said:?}") };
}

#[test]
fn a_report_from_before_the_return_says_nothing_of_the_time_after() {
    let mut desk = Desk::new(2, 100);
    let old = Report { pool: POOL, server: server(0), seen: 0 };
    desk.report(0, 0);
    let probe = desk.probe(RETRY);
    desk.answer(RETRY, probe, b"VERSION 1.6.18\r\n");
    assert!(desk.turn(RETRY + 1, |coordinator| coordinator.report(old)).published.is_empty());
    assert_eq!(desk.report(RETRY + 2, 0).published.len(), 1);
}

#[test]
fn a_pool_that_retries_at_once_is_probed_ten_times_a_second_at_most() {
    let mut desk = Desk::new(2, 100);
    let pool = &mut desk.coordinator.pools[0];
    Arc::make_mut(&mut pool.settings).server_retry_timeout = Duration::ZERO;
    desk.report(0, 0);
    assert_eq!(desk.due(), Some(100_000));
    let probe = desk.probe(100_000);
    desk.turn(100_001, |coordinator| coordinator.probe_lost(probe, Failure::ConnectionRefused));
    assert_eq!(desk.due(), Some(200_000));
}
