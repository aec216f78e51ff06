//! A relay before a server: what the server answers goes on in small pieces, each one only when the reader has taken the
//! one before, so that every reply spans many reads.

use crate::failure::Outcome;
use crate::pacing;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How long the reader of the pieces may pause.
const PATIENCE: Duration = Duration::from_secs(10);

/// A listening relay.
pub struct Relay {
    address: SocketAddr,
    is_ending: Arc<AtomicBool>,
}

impl Relay {
    /// Relays every connection to `server`, replies in pieces of at most `cut` bytes (of each large read only both ends).
    pub fn start(server: SocketAddr, cut: usize) -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let is_ending = Arc::new(AtomicBool::new(false));
        let ending = Arc::clone(&is_ending);
        thread::spawn(move || {
            for client in listener.incoming() {
                if ending.load(Ordering::Acquire) {
                    break;
                }
                // A connection that cannot be relayed is closed; its client sees that.
                let _ = client.map_err(Into::into).and_then(|client| join(&client, server, cut));
            }
        });
        Ok(Self { address, is_ending })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.is_ending.store(true, Ordering::Release);
        // Wakes the thread that accepts.
        TcpStream::connect(self.address).ok();
    }
}

fn join(client: &TcpStream, server: SocketAddr, cut: usize) -> Outcome {
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let requests = (client.try_clone()?, server.try_clone()?);
    let replies = (server, client.try_clone()?);
    thread::spawn(move || copy(requests.0, requests.1, None));
    thread::spawn(move || copy(replies.0, replies.1, Some(cut)));
    Ok(())
}

/// Copies until one side ends, then ends the other.
fn copy(mut from: TcpStream, mut to: TcpStream, cut: Option<usize>) {
    let mut chunk = [0; 65536];
    loop {
        let read = from.read(&mut chunk).unwrap_or(0);
        let is_sent = match cut {
            None => to.write_all(&chunk[..read]).is_ok(),
            Some(cut) => pacing::send_in_pieces(&mut to, &chunk[..read], cut, PATIENCE).is_ok(),
        };
        if read == 0 || !is_sent {
            break;
        }
    }
    // Either end may be gone already.
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}
