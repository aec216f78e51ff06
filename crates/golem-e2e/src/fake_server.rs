//! A server that plays a script: the test gives the function that serves each connection, and what it finds wrong fails
//! the test at the end. For servers that die in the middle of a value, answer too early, or say nothing at all.

use crate::conversation::Conversation;
use crate::failure::{Failure, Outcome};
use socket2::{Domain, Socket, Type};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

/// A listening server and its threads.
pub struct FakeServer {
    address: SocketAddr,
    /// The address from which the connection comes that ends the server.
    farewell: Arc<OnceLock<SocketAddr>>,
    acceptor: Option<JoinHandle<Vec<JoinHandle<Outcome>>>>,
}

impl FakeServer {
    /// Serves each connection, counted from 0, with `script`. A connection ends when its script returns; a script that
    /// wants to stay silent expects the end.
    pub fn start(script: impl Fn(usize, Conversation) -> Outcome + Send + Sync + 'static) -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let farewell = Arc::new(OnceLock::new());
        let last = Arc::clone(&farewell);
        let script = Arc::new(script);
        let acceptor = thread::spawn(move || {
            let mut served = Vec::new();
            for stream in listener.incoming() {
                let from = stream.as_ref().ok().and_then(|stream| stream.peer_addr().ok());
                if from.is_some() && from == last.get().copied() {
                    break;
                }
                let number = served.len();
                let script = Arc::clone(&script);
                served.push(thread::spawn(move || {
                    let conversation = Conversation::over(stream?)?;
                    let outcome = script(number, conversation);
                    outcome
                        .map_err(|failure| failure.during(format!("connection {number} to the fake server")))
                }));
            }
            served
        });
        Ok(Self { address, farewell, acceptor: Some(acceptor) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, waits for the scripts that run, and tells what they found wrong. Whoever is connected must
    /// close first where a script waits for that.
    pub fn finish(mut self) -> Outcome {
        let acceptor = self.stop().ok_or_else(|| Failure::new("the fake server cannot be ended"))?;
        let served = acceptor.join().map_err(|_| Failure::new("the fake server panicked"))?;
        for script in served {
            script.join().map_err(|_| Failure::new("a script panicked"))??;
        }
        Ok(())
    }

    /// The acceptor waits in `accept`; a last connection, known by where it comes from, ends it when all that came before
    /// has been accepted.
    fn stop(&mut self) -> Option<JoinHandle<Vec<JoinHandle<Outcome>>>> {
        let acceptor = self.acceptor.take()?;
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).ok()?;
        self.farewell.set(socket.local_addr().ok()?.as_socket()?).ok()?;
        socket.connect(&self.address.into()).ok()?;
        Some(acceptor)
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        // Scripts that still run end by their own deadlines.
        drop(self.stop());
    }
}
