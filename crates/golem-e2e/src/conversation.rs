//! One raw connection, seen from either end: sends bytes, and expects bytes, the end, or nothing more. Every wait has a
//! deadline; a failure shows what was wanted and what came.

use crate::failure::{Failure, Outcome, ensure, shown};
use crate::pacing;
use socket2::SockRef;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long an answer may take unless a test says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What the other end did instead of sending what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Bytes were there.
    Bytes,
    /// The stream has ended, in order or by a reset.
    End,
    /// The deadline has passed.
    Silence,
}

/// A connection and what has come on it.
pub struct Conversation {
    stream: TcpStream,
    /// Received and not yet looked at.
    incoming: Vec<u8>,
    patience: Duration,
    cut: Option<usize>,
}

impl Conversation {
    /// Connects.
    pub fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)
            .map_err(|e| Failure::from(e).during(format!("connect to {address}")))?;
        Self::over(stream)
    }

    /// Takes over a connection, accepted or opened elsewhere.
    pub fn over(stream: TcpStream) -> Outcome<Self> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, incoming: Vec::new(), patience: PATIENCE, cut: None })
    }

    /// Waits at most this long for each thing expected.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// From now on sends at most `bytes` at a time, each piece only when the other end has read the one before. Of what
    /// is sent in one go only the first 8 KiB and the last KiB are cut: the middle of a large value is all alike.
    pub fn cut_into(&mut self, bytes: usize) {
        self.cut = Some(bytes.max(1));
    }

    /// Sends all of it.
    pub fn send(&mut self, bytes: &[u8]) -> Outcome {
        let sent = match self.cut {
            None => self.stream.write_all(bytes).map_err(Failure::from),
            Some(cut) => pacing::send_in_pieces(&mut self.stream, bytes, cut, PATIENCE),
        };
        sent.map_err(|failure| failure.during(format!("sending {}", shown(bytes))))
    }

    /// Expects exactly these bytes next.
    pub fn expect(&mut self, wanted: &[u8]) -> Outcome {
        let deadline = Instant::now() + self.patience;
        while self.incoming.len() < wanted.len() && wanted.starts_with(&self.incoming) {
            let arrival = self.receive(deadline)?;
            if arrival != Arrival::Bytes {
                return Err(unlike(wanted, &self.incoming, arrival));
            }
        }
        if !self.incoming.starts_with(wanted) {
            return Err(unlike(wanted, &self.incoming, Arrival::Bytes));
        }
        self.incoming.drain(..wanted.len());
        Ok(())
    }

    /// Sends a request and expects exactly this reply.
    pub fn ask(&mut self, request: &[u8], reply: &[u8]) -> Outcome {
        self.send(request)?;
        self.expect(reply).map_err(|failure| failure.during(format!("after {}", shown(request))))
    }

    /// Asks again as long as the reply is the line `meanwhile`, and expects this reply in the end: for a server connection
    /// that is not tried again at once.
    pub fn ask_until(&mut self, request: &[u8], reply: &[u8], meanwhile: &[u8]) -> Outcome {
        let deadline = Instant::now() + self.patience;
        loop {
            self.send(request)?;
            let line = self.line()?;
            if line == meanwhile && Instant::now() < deadline {
                continue;
            }
            let Some(rest) = reply.strip_prefix(line.as_slice()) else {
                return Err(unlike(reply, &line, Arrival::Bytes));
            };
            return self.expect(rest);
        }
    }

    /// The next line with its LF.
    pub fn line(&mut self) -> Outcome<Vec<u8>> {
        self.take_line()?.map_err(|arrival| unlike(b"a line\n", &self.incoming, arrival))
    }

    /// The next line with its LF, or what came instead; what was received of it stays.
    pub fn take_line(&mut self) -> Outcome<Result<Vec<u8>, Arrival>> {
        let deadline = Instant::now() + self.patience;
        let mut looked_at = 0;
        loop {
            if let Some(at) = self.incoming[looked_at..].iter().position(|byte| *byte == b'\n') {
                return Ok(Ok(self.incoming.drain(..looked_at + at + 1).collect()));
            }
            looked_at = self.incoming.len();
            let arrival = self.receive(deadline)?;
            if arrival != Arrival::Bytes {
                return Ok(Err(arrival));
            }
        }
    }

    /// The next `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Outcome<Vec<u8>> {
        let deadline = Instant::now() + self.patience;
        while self.incoming.len() < count {
            let arrival = self.receive(deadline)?;
            ensure(
                arrival == Arrival::Bytes,
                format!("{} of {count} bytes, then {arrival:?}", self.incoming.len()),
            )?;
        }
        Ok(self.incoming.drain(..count).collect())
    }

    /// Expects that the other end closes, with nothing more before.
    pub fn expect_end(&mut self) -> Outcome {
        let deadline = Instant::now() + self.patience;
        let arrival = if self.incoming.is_empty() { self.receive(deadline)? } else { Arrival::Bytes };
        match arrival {
            Arrival::End => Ok(()),
            Arrival::Bytes | Arrival::Silence => Err(unlike(b"", &self.incoming, arrival)),
        }
    }

    /// All bytes up to the end of the stream.
    pub fn rest(&mut self) -> Outcome<Vec<u8>> {
        let deadline = Instant::now() + self.patience;
        loop {
            match self.receive(deadline)? {
                Arrival::Bytes => {}
                Arrival::End => return Ok(std::mem::take(&mut self.incoming)),
                Arrival::Silence => return Err(unlike(b"", &self.incoming, Arrival::Silence)),
            }
        }
    }

    /// Whether the other end has closed by now; what it sent before stays to be looked at.
    pub fn has_ended(&mut self) -> Outcome<bool> {
        self.stream.set_nonblocking(true)?;
        let arrival = loop {
            match self.read_once()? {
                Arrival::Bytes => {}
                arrival => break arrival,
            }
        };
        self.stream.set_nonblocking(false)?;
        Ok(arrival == Arrival::End)
    }

    /// Says that nothing more will be sent; answers can still come.
    pub fn end_sending(&mut self) -> Outcome {
        match self.stream.shutdown(Shutdown::Write) {
            Err(error) if error.kind() != ErrorKind::NotConnected => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Closes by a reset, so that the other end sees an error.
    pub fn reset(self) -> Outcome {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))?;
        Ok(())
    }

    /// What has been received and not been looked at.
    pub fn received(&self) -> &[u8] {
        &self.incoming
    }

    fn receive(&mut self, deadline: Instant) -> Outcome<Arrival> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Arrival::Silence);
        }
        self.stream.set_read_timeout(Some(left))?;
        self.read_once()
    }

    /// Reads once. Whoever stops and continues this process interrupts a read that has a timeout, handler or not (signal(7)); that is
    /// no arrival.
    fn read_once(&mut self) -> Outcome<Arrival> {
        let mut chunk = [0; 16384];
        let read = loop {
            match self.stream.read(&mut chunk) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        match read {
            Ok(0) => Ok(Arrival::End),
            Ok(read) => {
                self.incoming.extend_from_slice(&chunk[..read]);
                Ok(Arrival::Bytes)
            }
            Err(error) => match error.kind() {
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Ok(Arrival::End),
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Ok(Arrival::Silence),
                _ => Err(error.into()),
            },
        }
    }
}

fn unlike(wanted: &[u8], received: &[u8], arrival: Arrival) -> Failure {
    let wanted = if wanted.is_empty() { "the end of the stream".to_owned() } else { shown(wanted) };
    let then = match arrival {
        Arrival::Bytes => "",
        Arrival::End => ", then the end",
        Arrival::Silence => ", then nothing more",
    };
    Failure::new(format!("\n  expected {wanted}\n  received {}{then}", shown(received)))
}
