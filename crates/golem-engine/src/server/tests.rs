//! What a connection knows of the requests that wait there.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::{Expect, LATE_IN_A_ROW, Link, ServerConn};
use crate::buffers::Buffers;
use crate::crowding::WAITING_MOST;
use crate::id::RequestId;
use crate::pool::{PoolIndex, ServerOf};
use crate::rig;
use crate::table::Id;
use crate::time::Time;
use alloc::vec;
use core::time::Duration;
use golem_protocol::memcached::Shape;
use golem_ring::ServerIndex;

const TIMEOUT: Duration = Duration::from_millis(1);

/// A connection in use.
fn conn() -> ServerConn {
    let pool = PoolIndex::new(0);
    let of = ServerOf { pool: rig::settings(), index: ServerIndex::new(0) };
    let mut conn = ServerConn::new((pool, of, 0), alloc::sync::Arc::default(), (Time(0), Time(500)));
    conn.link = Link::Up;
    conn
}

/// A request of `size` bytes is put into the outbox at a time.
fn ask(conn: &mut ServerConn, buffers: &mut Buffers, size: usize, since: u64) {
    conn.outbox.append(&vec![b'x'; size], buffers);
    conn.expect(Expect::whole(RequestId::of(0, 0), 0, size, Time(since), Shape::StoreLine));
    conn.check().unwrap();
}

fn write(conn: &mut ServerConn, buffers: &mut Buffers, count: usize) {
    conn.outbox.advance(count, buffers);
    conn.written(count);
    conn.check().unwrap();
}

fn queues(conn: &ServerConn) -> [i64; 4] {
    let counters = &conn.counters;
    [&counters.in_queue, &counters.in_queue_bytes, &counters.out_queue, &counters.out_queue_bytes]
        .map(|gauge| gauge.get())
}

#[test]
fn a_queue_that_was_long_gives_its_memory_back() {
    for (most, capacity) in [(4096, 4096), (4097, 0)] {
        let (mut conn, mut buffers) = (conn(), Buffers::default());
        (0..most).for_each(|_| ask(&mut conn, &mut buffers, 0, 0));
        conn.written(0);
        while conn.pop().is_some() {}
        assert_eq!(conn.fifo.capacity(), capacity);
    }
}

#[test]
fn what_is_written_is_told_from_what_waits() {
    let (mut conn, mut buffers) = (conn(), Buffers::default());
    for size in [10, 20, 30] {
        ask(&mut conn, &mut buffers, size, 0);
    }
    assert_eq!(queues(&conn), [3, 60, 0, 0]);
    write(&mut conn, &mut buffers, 9);
    assert_eq!((queues(&conn), conn.unsent), ([3, 60, 0, 0], (3, 60, 9)));
    write(&mut conn, &mut buffers, 1);
    assert_eq!((queues(&conn), conn.unsent), ([2, 50, 1, 10], (2, 50, 0)));
    write(&mut conn, &mut buffers, 25);
    assert_eq!((queues(&conn), conn.unsent), ([1, 30, 2, 30], (1, 30, 5)));
    conn.pop();
    assert_eq!(queues(&conn), [1, 30, 1, 20]);
    conn.pop();
    conn.pop();
    assert_eq!((queues(&conn), conn.unsent, conn.lead), ([0; 4], (0, 0, 0), 25), "answered too early");
    ask(&mut conn, &mut buffers, 7, 0);
    write(&mut conn, &mut buffers, 26);
    assert_eq!((queues(&conn), conn.unsent, conn.lead), ([1, 7, 0, 0], (1, 7, 1), 0));
    write(&mut conn, &mut buffers, 6);
    assert_eq!((queues(&conn), conn.unsent), ([0, 0, 1, 7], (0, 0, 0)));
}

#[test]
fn the_oldest_request_that_is_not_late_says_when_to_look() {
    let (mut conn, mut buffers) = (conn(), Buffers::default());
    assert_eq!((conn.deadline(Some(TIMEOUT)), conn.all_are_late()), (None, true));
    ask(&mut conn, &mut buffers, 5, 100);
    ask(&mut conn, &mut buffers, 5, 300);
    write(&mut conn, &mut buffers, 10);
    assert_eq!((conn.deadline(Some(TIMEOUT)), conn.deadline(None)), (Some(Time(1100)), None));
    assert!(conn.next_late(Time(1099), TIMEOUT).is_none());
    assert_eq!(
        conn.next_late(Time(1100), TIMEOUT).map(|told| (told.since, told.discard)),
        Some((Time(100), false))
    );
    assert!(conn.next_late(Time(1100), TIMEOUT).is_none());
    assert_eq!((conn.deadline(Some(TIMEOUT)), conn.all_are_late()), (Some(Time(1300)), false));
    assert!(conn.next_late(Time(5000), TIMEOUT).is_some() && conn.all_are_late());
    assert_eq!(conn.deadline(Some(TIMEOUT)), Some(Time(3100)), "three timeouts after the first was queued");
    assert_eq!(conn.gives_up(Time(3099), Some(TIMEOUT)), None);
    assert!(conn.gives_up(Time(3100), Some(TIMEOUT)).is_some() && conn.gives_up(Time(9999), None).is_none());
    conn.link = Link::Connecting;
    assert_eq!(conn.deadline(Some(TIMEOUT)), Some(Time(500)));
    assert_eq!(conn.gives_up(Time(499), None), None);
    assert!(conn.gives_up(Time(500), None).is_some());
}

#[test]
fn late_replies_in_a_row_end_a_connection() {
    let (mut conn, mut buffers) = (conn(), Buffers::default());
    for round in 0..2 {
        for _ in 0..LATE_IN_A_ROW {
            assert_eq!(conn.gives_up(Time(1000), Some(TIMEOUT)), None);
            ask(&mut conn, &mut buffers, 1, 0);
            write(&mut conn, &mut buffers, 1);
            assert!(conn.next_late(Time(1000), TIMEOUT).is_some());
            conn.pop();
        }
        assert_eq!(conn.gives_up(Time(1000), Some(TIMEOUT)), None, "nothing waits");
        ask(&mut conn, &mut buffers, 1, 900);
        assert!(conn.gives_up(Time(1000), Some(TIMEOUT)).is_some(), "round {round}");
        write(&mut conn, &mut buffers, 1);
        conn.pop();
        assert_eq!(conn.late_row, 0, "one in time");
    }
}

#[test]
fn late_requests_are_taken_out_from_behind_what_was_written() {
    let (mut conn, mut buffers) = (conn(), Buffers::default());
    for (size, since) in [(10, 0), (20, 1), (30, 2), (40, 3), (50, 900)] {
        ask(&mut conn, &mut buffers, size, since);
        conn.keys.push(&[size as u8]);
        conn.fifo.back_mut().unwrap().keys = (1, 1);
    }
    write(&mut conn, &mut buffers, 15);
    assert_eq!(conn.first_withdrawable(), 2, "a byte of the second has left");
    let now = Time(1003);
    while conn.next_late(now, TIMEOUT).is_some() {}
    assert_eq!(conn.late, 2);
    let taken = conn.withdraw_late(now, TIMEOUT, &mut buffers);
    assert_eq!(taken.iter().map(|expect| expect.size).collect::<vec::Vec<_>>(), [30, 40]);
    conn.check().unwrap();
    assert_eq!((conn.outbox.len(), queues(&conn)), (15 + 50, [2, 70, 1, 10]));
    assert_eq!(conn.keys.iter().collect::<vec::Vec<_>>(), [[10], [20], [50]]);
    assert!(conn.withdraw_late(now, TIMEOUT, &mut buffers).is_empty());
    write(&mut conn, &mut buffers, 15);
    assert_eq!(conn.first_withdrawable(), 2);
}

#[test]
fn so_many_requests_may_wait_for_a_connection_that_is_being_made() {
    let mut conn = conn();
    conn.link = Link::Connecting;
    (1..WAITING_MOST)
        .for_each(|_| conn.expect(Expect::whole(RequestId::of(0, 0), 0, 0, Time(0), Shape::OkLine)));
    assert!(!conn.is_crowded());
    conn.expect(Expect::whole(RequestId::of(0, 0), 0, 0, Time(0), Shape::OkLine));
    assert!(conn.is_crowded());
    conn.come_up(Time(0));
    assert!(!conn.is_crowded());
}

#[test]
fn a_connection_is_busy_beyond_half_of_its_limit_and_crowded_at_it() {
    for link in [Link::Connecting, Link::Up] {
        let (mut conn, mut buffers) = (conn(), Buffers::default());
        conn.limit = 1000;
        conn.come_up(Time(0));
        conn.link = link;
        ask(&mut conn, &mut buffers, 500, 0);
        assert_eq!([conn.may_be_busy(), conn.is_busy(), conn.is_crowded()], [false; 3]);
        ask(&mut conn, &mut buffers, 1, 0);
        assert_eq!([conn.may_be_busy(), conn.is_busy(), conn.is_crowded()], [true, true, false]);
        ask(&mut conn, &mut buffers, 498, 0);
        assert!(!conn.is_crowded());
        ask(&mut conn, &mut buffers, 1, 0);
        assert!(conn.is_crowded());
    }
}

#[test]
fn the_usual_reply_is_recognised_only_where_nothing_special_is_to_be_done() {
    let reply = b"VALUE a 0 1\r\nx\r\nEND\r\n";
    let asked = |change: fn(&mut ServerConn, &mut Expect)| {
        let mut conn = conn();
        conn.keys.push(b"a");
        conn.keys.push(b"b");
        let mut expect = Expect::whole(RequestId::of(0, 0), 1, 0, Time(0), Shape::Values);
        change(&mut conn, &mut expect);
        conn.expect(expect);
        conn.scan_hit(reply)
    };
    assert_eq!(asked(|_, _| {}), Some(reply.len()));
    assert_eq!(asked(|_, expect| expect.discard = true), None);
    assert_eq!(asked(|_, expect| expect.keys = (2, 2)), None);
    assert_eq!(asked(|_, expect| expect.part = 0), None);
    assert_eq!(asked(|_, expect| expect.shape = Shape::MetaGet), None);
    assert_eq!(asked(|conn, _| conn.reply_begun = true), None);
    assert_eq!(asked(|conn, _| conn.keys.skip(1)), None);
    assert_eq!(conn().scan_hit(reply), None);
}

#[test]
fn values_are_taken_for_the_next_key_of_their_own_request_only() {
    let mut conn = conn();
    [&b"a"[..], b"b", b"c"].into_iter().for_each(|key| conn.keys.push(key));
    let part = |number, keys| Expect {
        part: number,
        keys: (keys, keys),
        ..Expect::whole(RequestId::of(number, 0), keys, 0, Time(0), Shape::Values)
    };
    conn.expect(part(0, 2));
    conn.expect(part(1, 1));
    assert_eq!(conn.next_value(b"VALUE b 0 1\r\nx\r\n"), None, "a miss of a comes first: read with care");
    assert_eq!(conn.next_value(b"VALUE a 0 1\r\nx\r"), None, "not whole");
    assert_eq!(conn.next_value(b"VALUE a 0 1\r\nx\r\nVALUE b 0 1\r\n"), Some((0, 16)));
    assert_eq!(conn.next_value(b"VALUE b 0 1\r\ny\r\nEND\r\n"), Some((1, 16)));
    assert_eq!(conn.next_value(b"VALUE c 0 1\r\nz\r\nEND\r\n"), None, "that is for the next request");
    assert!(conn.pop().is_some());
    assert_eq!(conn.next_value(b"VALUE c 0 1\r\nz\r\nEND\r\n"), Some((0, 16)));
}
