//! Signals as messages: the handlers only note that a signal came, and a small sleeping thread passes it on to the
//! mailbox of the thread that decides. Several of one kind that come together may arrive as one.

use crate::mailbox::Sender;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2};
use signal_hook::flag;
use signal_hook::iterator::Handle;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// The signals that mean something to a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// SIGHUP.
    HangUp,
    /// SIGUSR1.
    User1,
    /// SIGUSR2.
    User2,
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
    /// SIGTTIN.
    TtyIn,
    /// SIGTTOU.
    TtyOut,
}

static SIGNALS: &[(i32, Signal, &str)] = &[
    (SIGHUP, Signal::HangUp, "SIGHUP"),
    (SIGUSR1, Signal::User1, "SIGUSR1"),
    (SIGUSR2, Signal::User2, "SIGUSR2"),
    (SIGTERM, Signal::Terminate, "SIGTERM"),
    (SIGINT, Signal::Interrupt, "SIGINT"),
    (SIGTTIN, Signal::TtyIn, "SIGTTIN"),
    (SIGTTOU, Signal::TtyOut, "SIGTTOU"),
];

impl Signal {
    /// The system's number.
    pub fn number(self) -> i32 {
        SIGNALS.iter().find(|(_, signal, _)| *signal == self).map_or(0, |(number, _, _)| *number)
    }

    /// The system's name, as `SIGHUP`.
    pub fn name(self) -> &'static str {
        SIGNALS.iter().find(|(_, signal, _)| *signal == self).map_or("", |(_, _, name)| name)
    }

    fn from_number(number: i32) -> Option<Self> {
        SIGNALS.iter().find(|(known, _, _)| *known == number).map(|(_, signal, _)| *signal)
    }
}

/// Catching of signals, until it is dropped; after that they are ignored.
#[derive(Debug)]
pub struct Signals {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
    is_final: Arc<AtomicBool>,
}

impl Signals {
    /// From now on none of the signals has its default effect; each is sent to `receiver`, wrapped as its message type
    /// wants. Not to be called before `daemonise`, since it starts a thread.
    ///
    /// # Errors
    /// The handlers cannot be installed, or no thread started.
    pub fn catch<T: From<Signal> + Send + 'static>(receiver: Sender<T>) -> io::Result<Self> {
        let is_final = Arc::new(AtomicBool::new(false));
        for ending in [SIGTERM, SIGINT] {
            flag::register_conditional_shutdown(ending, 1, Arc::clone(&is_final))?;
        }
        let mut incoming = signal_hook::iterator::Signals::new(SIGNALS.iter().map(|(number, _, _)| *number))?;
        let handle = incoming.handle();
        let thread = thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in incoming.forever().filter_map(Signal::from_number) {
                // A full mailbox has signals enough; a closed one belongs to a process that is ending.
                let _ = receiver.send(T::from(signal));
            }
        })?;
        Ok(Self { handle, thread: Some(thread), is_final })
    }

    /// From now on SIGTERM and SIGINT end the process at once, with exit code 1, whatever it does. For a process that is
    /// ending already.
    pub fn end_at_once(&self) {
        self.is_final.store(true, Ordering::SeqCst);
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
