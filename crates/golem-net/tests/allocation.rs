//! What the driver takes from the heap: nothing in warm turns, next to nothing for an idle connection. The counting
//! allocator counts the measuring thread only, and only where asked.
#![allow(clippy::unwrap_used, reason = "a test")]

use golem_net::driver::{ConnId, Handler};
use golem_net::echo::Echo;
use golem_net::{Driver, Stream};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

struct Counting;

thread_local! {
    static IS_COUNTING: Cell<bool> = const { Cell::new(false) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    if IS_COUNTING.get() {
        CALLS.set(CALLS.get() + 1);
        BYTES.set(BYTES.get() + bytes);
    }
}

// SAFETY: everything is passed on to the system's allocator; counting uses no heap.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the allocator's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Calls to the allocator, and the growth of the heap in bytes.
fn counted(work: impl FnOnce()) -> (usize, isize) {
    CALLS.set(0);
    BYTES.set(0);
    IS_COUNTING.set(true);
    work();
    IS_COUNTING.set(false);
    (CALLS.get(), BYTES.get())
}

fn pairs(number: usize) -> (Vec<Stream>, Vec<UnixStream>) {
    (0..number)
        .map(|_| {
            let (ours, theirs) = UnixStream::pair().unwrap();
            (Stream::from_unix(ours).unwrap(), theirs)
        })
        .unzip()
}

#[test]
fn warm_turns_do_not_touch_the_heap() {
    let mut driver = Driver::new().unwrap();
    let mut echo = Echo::default();
    let (streams, mut peers) = pairs(50);
    for stream in streams {
        let user = driver.connections() as u64;
        let conn = driver.adopt(stream, user).unwrap();
        assert_eq!(echo.accepted(0, conn), Some(user));
    }
    let mut run = |rounds: usize| {
        let mut calls = 0;
        for round in 0..rounds {
            let mut bytes = [9; 2000];
            let length = 1 + round % bytes.len();
            for peer in &mut peers {
                peer.write_all(&bytes[..length]).unwrap();
            }
            let before = driver.counts().bytes_written;
            calls += counted(|| {
                while driver.counts().bytes_written < before + 50 * length as u64 {
                    echo.turn(&mut driver, Some(Duration::from_secs(5))).unwrap();
                }
            })
            .0;
            for peer in &mut peers {
                peer.read_exact(&mut bytes[..length]).unwrap();
            }
        }
        calls
    };
    assert!(run(2000) > 0, "the counting does not work");
    assert_eq!(run(2000), 0);
}

#[test]
fn an_idle_connection_costs_less_than_100_bytes() {
    let mut driver = Driver::new().unwrap();
    let (streams, _peers) = pairs(300);
    let mut ids: Vec<ConnId> = Vec::with_capacity(300);
    let (_, bytes) = counted(|| {
        for stream in streams {
            let user = ids.len() as u64;
            ids.push(driver.adopt(stream, user).unwrap());
        }
    });
    // The list of streams was freed meanwhile: 4 bytes each.
    assert!((bytes + 4 * 300) / 300 < 100, "{bytes} bytes for 300 connections");
}
