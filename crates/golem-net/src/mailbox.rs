//! Mailboxes: messages from other threads to the thread of one driver, which is woken. An empty mailbox costs its reader
//! one atomic load and no lock, so that a worker may look at it in every turn.

use crate::waker::Waker;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Makes a mailbox whose reader is woken by `waker`. With a `capacity`, sending to a full mailbox fails.
pub fn mailbox<T>(waker: Waker, capacity: Option<usize>) -> (Sender<T>, Mailbox<T>) {
    let shared = Arc::new(Shared {
        queue: Mutex::new(VecDeque::new()),
        length: AtomicUsize::new(0),
        closed: AtomicBool::new(false),
        capacity: capacity.unwrap_or(usize::MAX),
        waker,
    });
    (Sender { shared: Arc::clone(&shared) }, Mailbox { shared })
}

struct Shared<T> {
    queue: Mutex<VecDeque<T>>,
    /// The queue's length, written under the lock.
    length: AtomicUsize,
    closed: AtomicBool,
    capacity: usize,
    waker: Waker,
}

impl<T> Shared<T> {
    /// A panic of another holder leaves the queue whole: every change of it is one call.
    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sending side; cloned for every sender.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

/// Why a message was not taken; it is given back.
#[derive(Debug, PartialEq, Eq)]
pub enum SendError<T> {
    /// The mailbox is full.
    Full(T),
    /// Its reader is gone.
    Closed(T),
}

impl<T> Sender<T> {
    /// Puts a message in and wakes the reader.
    ///
    /// # Errors
    /// The mailbox is full, or its reader is gone.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        let mut queue = self.shared.lock();
        if self.shared.closed.load(Ordering::Acquire) {
            return Err(SendError::Closed(message));
        }
        if queue.len() >= self.shared.capacity {
            return Err(SendError::Full(message));
        }
        queue.push_back(message);
        self.shared.length.store(queue.len(), Ordering::Release);
        drop(queue);
        self.shared.waker.wake();
        Ok(())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({} waiting)", self.shared.length.load(Ordering::Relaxed))
    }
}

/// The reading side, for the thread of the driver. Dropping it closes the mailbox.
pub struct Mailbox<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Mailbox<T> {
    /// Takes the oldest message, if there is one.
    pub fn take(&mut self) -> Option<T> {
        if self.shared.length.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut queue = self.shared.lock();
        let message = queue.pop_front();
        self.shared.length.store(queue.len(), Ordering::Release);
        message
    }
}

impl<T> Drop for Mailbox<T> {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        // Messages that nobody will read may own descriptors.
        let unread = std::mem::take(&mut *self.shared.lock());
        drop(unread);
    }
}

impl<T> fmt::Debug for Mailbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailbox({} waiting)", self.shared.length.load(Ordering::Relaxed))
    }
}
