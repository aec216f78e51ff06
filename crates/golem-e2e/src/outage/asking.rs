//! Clients that ask for their keys, one at a time, as fast as they are answered; a value must be that of its key.

use crate::failure::{Failure, Outcome};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// What clients have seen since it was last taken.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// How long each answer took.
    pub(super) micros: Vec<u32>,
    /// Requests that got an error line.
    pub(super) failed: usize,
}

impl Tally {
    /// Requests that have ended.
    pub(super) fn done(&self) -> usize {
        self.micros.len() + self.failed
    }
}

/// Clients at work, until it is dropped.
pub(super) struct Crowd {
    tally: Arc<Mutex<Tally>>,
    is_over: Arc<AtomicBool>,
    streams: Vec<TcpStream>,
    threads: Vec<JoinHandle<()>>,
}

impl Crowd {
    /// One client for each list of keys.
    pub(super) fn start(address: SocketAddr, keys: impl Iterator<Item = Vec<String>>) -> Outcome<Self> {
        let (tally, is_over) = (Arc::default(), Arc::default());
        let mut crowd = Self { tally, is_over, streams: Vec::new(), threads: Vec::new() };
        for keys in keys {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            crowd.streams.push(stream.try_clone()?);
            let (tally, is_over) = (Arc::clone(&crowd.tally), Arc::clone(&crowd.is_over));
            crowd.threads.push(thread::spawn(move || {
                if let Err(failure) = ask(stream, &keys, &tally, &is_over)
                    && !is_over.load(Ordering::SeqCst)
                {
                    panic!("{failure}");
                }
            }));
        }
        Ok(crowd)
    }

    /// What was seen since the last time.
    pub(super) fn take(&self) -> Tally {
        std::mem::take(&mut *self.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        for stream in &self.streams {
            // One that waits for a stopped server is not answered any more.
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        for thread in self.threads.drain(..) {
            assert!(thread.join().is_ok(), "a client got a wrong reply");
        }
    }
}

fn ask(stream: TcpStream, keys: &[String], tally: &Mutex<Tally>, is_over: &AtomicBool) -> Outcome {
    let mut replies = BufReader::new(stream.try_clone()?);
    let (mut requests, mut line) = (stream, String::new());
    let mut read = |line: &mut String| -> Outcome {
        line.clear();
        if replies.read_line(line)? == 0 {
            return Err(Failure::new("the client was closed"));
        }
        Ok(())
    };
    for key in keys.iter().cycle() {
        if is_over.load(Ordering::SeqCst) {
            return Ok(());
        }
        let begin = Instant::now();
        requests.write_all(format!("get {key}\r\n").as_bytes())?;
        read(&mut line)?;
        if line.starts_with("VALUE ") {
            let head = format!("VALUE {key} 0 {}\r\n", key.len());
            let is_right = line == head && read(&mut line).is_ok() && line.trim_end() == key;
            if !is_right || read(&mut line).is_err() {
                return Err(Failure::new(format!("'{line}' for {key}")));
            }
        }
        let micros = u32::try_from(begin.elapsed().as_micros()).unwrap_or(u32::MAX);
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        match line.as_str() {
            "END\r\n" => tally.micros.push(micros),
            error if error.starts_with("SERVER_ERROR ") => tally.failed += 1,
            other => return Err(Failure::new(format!("'{other}' for {key}"))),
        }
    }
    Ok(())
}
