//! Signals, in a process of their own.
#![allow(clippy::unwrap_used, reason = "a test")]

use golem_net::echo::Echo;
use golem_net::{Driver, Signal, Signals, mailbox};

#[test]
fn signals_become_messages_that_wake_the_driver() {
    let mut driver = Driver::new().unwrap();
    let (sender, mut incoming) = mailbox::<Signal>(driver.waker(), None);
    let catching = Signals::catch(sender).unwrap();
    let mut echo = Echo::default();
    for signal in [
        Signal::HangUp,
        Signal::User1,
        Signal::User2,
        Signal::Terminate,
        Signal::Interrupt,
        Signal::TtyIn,
        Signal::TtyOut,
    ] {
        // SAFETY: no memory is involved; the signal is caught.
        assert_eq!(unsafe { libc::kill(libc::getpid(), signal.number()) }, 0);
        let got = loop {
            if let Some(got) = incoming.take() {
                break got;
            }
            echo.turn(&mut driver, None).unwrap();
        };
        assert_eq!(got, signal);
        assert!(got.name().starts_with("SIG"));
    }
    drop(catching);
}
