//! The defect that makes a worker panic: whoever receives the lines of the log panics at one of them, in the middle of what the
//! worker does.

use std::fmt::{Debug, Write};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};

/// A line that a worker logs in the middle of taking a client in.
pub(crate) const A_CLIENT_COMES: &str = ": client from ";

/// What the next line has in it at which a worker panics; it does so once, or each time.
static TRAP: Mutex<Option<(&str, Times)>> = Mutex::new(None);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    Once,
    Always,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Receives the lines of the log, and panics in the trap.
struct Log;

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, _field: &Field, value: &dyn Debug) {
        write!(self.0, "{value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let mut trap = lock(&TRAP);
        if let Some((what, times)) = *trap
            && text.0.contains(what)
        {
            if times == Times::Once {
                *trap = None;
            }
            drop(trap);
            panic!("expected by a test");
        }
    }
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

/// Installs the log. One test at a time, since there is one trap.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    static LOG: Once = Once::new();
    let turn = lock(&TURN);
    LOG.call_once(|| tracing::subscriber::set_global_default(Log).unwrap());
    *lock(&TRAP) = None;
    turn
}

pub(crate) fn set_trap(what: &'static str, times: Times) {
    *lock(&TRAP) = Some((what, times));
}
