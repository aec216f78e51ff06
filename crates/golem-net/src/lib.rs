//! Everything golemproxy asks of the operating system: the driver (poller, listeners, connections), mailboxes between
//! threads, the clock, signals, daemonising, limits. It knows nothing of caches, protocols or configuration.
//!
//! It is the only crate with `unsafe` code; every block says why it is sound.

pub mod clock;
pub mod daemon;
pub mod driver;
pub mod echo;
pub mod listener;
pub mod machine;
pub mod mailbox;
pub mod reason;
pub mod resolve;
pub mod signals;
pub mod stream;
pub mod target;
pub mod waker;

pub use clock::Clock;
pub use daemon::{Starter, daemonise};
pub use driver::{ConnId, Counts, Driver, Handler, PipeSlot, ReadTarget, Slices};
pub use listener::{ListenSpec, Listener, Reserved};
pub use mailbox::{Mailbox, Sender, mailbox};
pub use reason::{Cause, CloseReason};
pub use resolve::{Resolved, Resolver, resolve};
pub use signals::{Signal, Signals};
pub use stream::Stream;
pub use target::Target;
pub use waker::Waker;
