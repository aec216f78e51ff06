//! Names that stand for a while: looked up again and again, and needed now by these servers, now by others.

use super::{A, B, Desk, address, addresses, name, server};
use crate::names::News;

#[test]
fn a_name_in_use_is_looked_up_again_and_again() {
    let mut desk = Desk::at(A, 1000);
    let mut waits = Vec::new();
    for _ in 0..50 {
        let before = desk.now;
        desk.wait(899);
        assert!(desk.lookups.is_empty(), "too early");
        while desk.lookups.is_empty() {
            desk.wait(1);
        }
        waits.push((desk.now.0 - before.0) / 1000);
        desk.gives(&[B, A]);
    }
    assert!(waits.iter().all(|wait| (900..=1101).contains(wait)), "{waits:?}");
    assert!(waits.iter().min() < Some(&950) && waits.iter().max() > Some(&1050), "they vary: {waits:?}");
    assert_eq!((desk.told(), desk.news.len()), (Vec::new(), 0));
}

#[test]
fn a_move_is_noticed_although_nobody_connects() {
    let mut desk = Desk::at(A, 1000);
    desk.wait(1101);
    desk.fails();
    desk.wait(1101);
    desk.gives(&[B]);
    assert!(matches!(desk.news[..], [News::Failed { .. }, News::Moved { .. }]), "{:?}", desk.news);
    desk.wait(1101);
    desk.gives(&[B]);
    assert_eq!(desk.news.len(), 2);
}

#[test]
fn a_lookup_for_a_connection_puts_the_next_one_off_and_none_is_made_twice() {
    let mut desk = Desk::at(A, 1000);
    desk.wait(800);
    desk.asks(1);
    desk.wait(5000);
    assert_eq!(desk.lookups.len(), 1, "one is under way");
    desk.gives(&[A]);
    desk.wait(899);
    assert!(desk.lookups.is_empty());
    desk.wait(202);
    assert_eq!(desk.lookups.len(), 1);
}

#[test]
fn the_shortest_interval_of_those_who_share_a_name_counts_and_none_is_shorter_than_100_ms() {
    let mut desk = Desk::at(A, 0);
    assert_eq!(desk.names.next_deadline(), None);
    let all = [0, 60_000, 1].map(|interval| (name("one"), server(0, interval)));
    desk.names.serve(all.clone(), desk.now);
    desk.wait(89);
    assert!(desk.lookups.is_empty());
    desk.wait(22);
    desk.gives(&[B]);
    assert_eq!(desk.last.as_ref().map(|change| change.servers.len()), Some(3), "all of them move");
    desk.names.serve(all.into_iter().take(2), desk.now);
    desk.wait(111);
    desk.gives(&[B]);
    desk.wait(50_000);
    assert!(desk.lookups.is_empty());
}

#[test]
fn what_is_known_of_a_name_stays_while_it_is_needed_and_no_longer() {
    let mut desk = Desk::at(A, 1000);
    desk.names.serve([(name("one"), server(5, 1000)), (name("two"), server(6, 1000))], desk.now);
    desk.asks(1);
    desk.fails();
    assert_eq!(desk.told(), [(1, address(A))]);
    desk.names.serve([(name("two"), server(0, 1000))], desk.now);
    desk.wait(10_000);
    assert!(desk.lookups.is_empty(), "nobody needs it any more");
    // A worker that does not know it yet may still ask.
    desk.asks(2);
    desk.fails();
    assert_eq!(desk.told(), [(2, None)]);
    assert_eq!(desk.names.entries.len(), 1);
    // Looked up while it is given up, and needed again.
    desk.asks_for("two", 3);
    desk.names.serve([], desk.now);
    desk.names.serve([(name("two"), server(0, 0))], desk.now);
    desk.gives(&[B]);
    assert_eq!(desk.told(), [(3, address(B))]);
    desk.asks_for("two", 4);
    desk.names.serve([], desk.now);
    desk.gives(&[B]);
    assert_eq!((desk.told().len(), desk.names.entries.len()), (1, 0));
}

#[test]
fn the_servers_that_have_a_name_when_the_news_is_told_are_told_it() {
    let mut desk = Desk::at(A, 0);
    desk.asks(1);
    let (id, _) = desk.lookups.remove(0);
    desk.names.resolved(id, Ok(addresses(&[B])), desk.now);
    desk.names.serve([(name("one"), server(7, 0)), (name("one"), server(9, 0))], desk.now);
    desk.carry_out();
    assert_eq!(desk.last.map(|change| change.servers), Some([7, 9].into()));
}

#[test]
fn a_lookup_that_is_due_is_not_put_off_by_other_servers() {
    let mut desk = Desk::at(A, 1000);
    for _ in 0..11 {
        desk.wait(100);
        desk.names.serve([(name("one"), server(0, 1000))], desk.now);
    }
    desk.wait(2);
    assert_eq!(desk.lookups.len(), 1);
}
