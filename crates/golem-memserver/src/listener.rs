//! A server of the core over a socket: one thread, any number of clients, and a handle for the owner, through which
//! faults are set, the store is looked at, and the thread is stopped.

use crate::faults::Faults;
use crate::store::{Options, Store};
use golem_net::{Clock, Driver, ListenSpec, Listener, Mailbox, Sender, Target, mailbox};
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{Builder, JoinHandle};

mod clients;

use clients::Clients;

/// Something to be done on the server's thread.
type Job = Box<dyn FnOnce(&mut Clients, &mut Driver) + Send>;

/// What the owner wants of the server's thread.
enum Message {
    Do(Job),
    Stop,
}

/// A running server. It stops when this is dropped.
pub struct MemServer {
    address: Target,
    sender: Sender<Message>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl MemServer {
    /// Starts a server at `address` (port 0: the system chooses one). `options.started_at` is set to the time of day.
    ///
    /// # Errors
    /// The system's: address in use or not available, no descriptors, no thread.
    pub fn start(address: &Target, options: Options) -> io::Result<Self> {
        Self::start_with(address, options, Faults::default())
    }

    /// Starts a server that has faults from its first connection on.
    ///
    /// # Errors
    /// As `start`.
    pub fn start_with(address: &Target, mut options: Options, faults: Faults) -> io::Result<Self> {
        let listener = Listener::bind(&ListenSpec::new(address.clone()))?;
        let address = listener.address()?;
        let mut driver = Driver::new()?;
        driver.listen(listener, 0)?;
        let (sender, mailbox) = mailbox(driver.waker(), None);
        let clock = Clock::new();
        options.started_at = clock.wall(0) / 1_000_000;
        let clients = Clients::new(Store::new(options), clock, faults);
        let thread =
            Builder::new().name("memserver".to_owned()).spawn(move || serve(driver, clients, mailbox))?;
        Ok(Self { address, sender, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> &Target {
        &self.address
    }

    /// The internet address where it listens; none for a Unix socket.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.address {
            Target::Tcp(address) => Some(*address),
            Target::Unix(_) => None,
        }
    }

    /// Sets all faults. When this returns they are in force.
    ///
    /// # Errors
    /// The server's thread has ended.
    pub fn set_faults(&self, faults: Faults) -> io::Result<()> {
        self.run(move |clients, _| clients.set_faults(faults))
    }

    /// Closes all connections; new ones are accepted.
    ///
    /// # Errors
    /// The server's thread has ended.
    pub fn disconnect_all(&self) -> io::Result<()> {
        self.run(Clients::disconnect_all)
    }

    /// How many clients are connected.
    ///
    /// # Errors
    /// The server's thread has ended.
    pub fn clients(&self) -> io::Result<usize> {
        self.run(|clients, _| clients.count())
    }

    /// Looks at the store, or changes it, between two turns of the server's thread.
    ///
    /// # Errors
    /// The server's thread has ended.
    pub fn with_store<T, F>(&self, look: F) -> io::Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Store) -> T + Send + 'static,
    {
        self.run(move |clients, _| look(clients.store()))
    }

    /// Stops listening, closes all connections and waits for the thread to end.
    ///
    /// # Errors
    /// What ended the thread before.
    pub fn stop(mut self) -> io::Result<()> {
        self.end()
    }

    /// Has something done on the server's thread and waits for it.
    fn run<T, F>(&self, what: F) -> io::Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Clients, &mut Driver) -> T + Send + 'static,
    {
        let (done, result) = mpsc::sync_channel(1);
        let job = move |clients: &mut Clients, driver: &mut Driver| {
            // The receiver waits below; were it gone, nobody would miss the result.
            let _ = done.send(what(clients, driver));
        };
        let ended = || io::Error::other("the server's thread has ended");
        self.sender.send(Message::Do(Box::new(job))).map_err(|_| ended())?;
        result.recv().map_err(|_| ended())
    }

    fn end(&mut self) -> io::Result<()> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        // An answer that the mailbox is closed means that the thread has ended already.
        let _ = self.sender.send(Message::Stop);
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the server's thread panicked")))
    }
}

impl Drop for MemServer {
    fn drop(&mut self) {
        // Who wants to know what ended the thread calls `stop`.
        let _ = self.end();
    }
}

/// The server's thread.
fn serve(mut driver: Driver, mut clients: Clients, mut mailbox: Mailbox<Message>) -> io::Result<()> {
    loop {
        let timeout = clients.timeout();
        driver.turn(&mut clients, timeout)?;
        while let Some(message) = mailbox.take() {
            match message {
                Message::Do(job) => job(&mut clients, &mut driver),
                Message::Stop => return Ok(()),
            }
        }
        clients.after_turn(&mut driver);
    }
}
