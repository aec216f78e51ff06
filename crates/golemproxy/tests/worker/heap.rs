//! A counting allocator: it counts for the threads that ask for it, each for itself. Everything is passed on to the
//! system's allocator.
#![allow(unsafe_code, reason = "an allocator can only be written with it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// What one thread took from the heap since it was [`watch`]ed.
#[derive(Debug, Default)]
pub(crate) struct Heap {
    calls: AtomicU64,
    bytes: AtomicI64,
}

thread_local! {
    static WATCHED: Cell<Option<&'static Heap>> = const { Cell::new(None) };
}

/// Counts for this thread from now on.
pub(crate) fn watch(heap: &'static Heap) {
    WATCHED.set(Some(heap));
}

impl Heap {
    /// Calls that took memory: allocations and reallocations.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Acquire)
    }

    /// Bytes taken and not given back.
    pub(crate) fn bytes(&self) -> i64 {
        self.bytes.load(Ordering::Acquire)
    }
}

fn count(calls: u64, bytes: i64) {
    // It fails only while the thread ends.
    let watched = WATCHED.try_with(Cell::get).ok().flatten();
    if let Some(heap) = watched {
        heap.calls.fetch_add(calls, Ordering::AcqRel);
        heap.bytes.fetch_add(bytes, Ordering::AcqRel);
    }
}

struct Counting;

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract; counting touches neither
// the memory nor the heap (the thread-local needs no initialisation and has no destructor).
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        // SAFETY: the caller keeps the allocator's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, -(layout.size() as i64));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size as i64 - layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
