//! SIGINT and SIGTERM end a run as if its time were over, so that what was measured is reported. The second one ends the
//! process.

use golem_net::{CloseReason, ConnId, Driver, Handler, Mailbox, Signal, Signals, Slices, mailbox};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, thread};

/// Signals are caught until the process ends.
pub(super) struct Interrupt {
    flag: Arc<AtomicBool>,
    _signals: Arc<Signals>,
}

impl Interrupt {
    pub(super) fn catch() -> io::Result<Self> {
        let driver = Driver::new()?;
        let (sender, mailbox) = mailbox(driver.waker(), None);
        let signals = Arc::new(Signals::catch(sender)?);
        let flag = Arc::new(AtomicBool::new(false));
        let (raised, caught) = (Arc::clone(&flag), Arc::clone(&signals));
        thread::Builder::new()
            .name("interrupt".to_owned())
            .spawn(move || wait(driver, mailbox, &raised, &caught))?;
        Ok(Self { flag, _signals: signals })
    }

    /// True once it was asked to end.
    pub(super) fn flag(&self) -> &AtomicBool {
        &self.flag
    }
}

fn wait(mut driver: Driver, mut mailbox: Mailbox<Signal>, raised: &AtomicBool, caught: &Signals) {
    while driver.turn(&mut Nobody, None).is_ok() {
        while let Some(signal) = mailbox.take() {
            if matches!(signal, Signal::Interrupt | Signal::Terminate) {
                raised.store(true, Ordering::Relaxed);
                caught.end_at_once();
            }
        }
    }
}

/// A driver without connections.
struct Nobody;

impl Handler for Nobody {
    fn accepted(&mut self, _listener: u32, _conn: ConnId) -> Option<u64> {
        None
    }

    fn received(&mut self, _user: u64, _bytes: &[u8]) {}

    fn end_of_stream(&mut self, _user: u64) {}

    fn closed(&mut self, _user: u64, _reason: CloseReason) {}

    fn output<'a>(&'a self, _user: u64, _slices: &mut Slices<'a>) {}

    fn sent(&mut self, _user: u64, _n: usize) {}
}
