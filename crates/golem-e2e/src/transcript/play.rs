//! Plays one scene against an address and tells whether it went as written.

use super::pattern::Memory;
use super::scene::{Action, Step};
use crate::conversation::{Arrival, Conversation};
use crate::failure::{Failure, Outcome, shown};
use std::collections::BTreeMap;
use std::mem;
use std::net::SocketAddr;
use std::time::Duration;

/// How a scene is played.
#[derive(Clone, Copy)]
pub(super) struct Stage {
    pub(super) address: SocketAddr,
    /// Clients send pieces of at most this many bytes.
    pub(super) cut: Option<usize>,
    pub(super) patience: Duration,
}

/// The first point where a scene did not go as written.
pub(super) struct Deviation {
    /// The line in its file; 0 for the end of the scene.
    pub(super) line: usize,
    /// What came: other bytes, the end, or nothing.
    pub(super) arrival: Arrival,
    pub(super) text: String,
    /// Nothing more came when the client then ended its side.
    pub(super) is_mute: bool,
}

/// The clients of a scene.
struct Clients {
    stage: Stage,
    open: BTreeMap<String, Conversation>,
    current: String,
    unsent: Vec<u8>,
}

/// Plays the steps; `None` means that all went as written, and that no client was sent anything more.
pub(super) fn play(steps: &[Step], stage: Stage) -> Outcome<Option<Deviation>> {
    let mut clients = Clients { stage, open: BTreeMap::new(), current: "a".to_owned(), unsent: Vec::new() };
    let mut memory = Memory::new();
    for step in steps {
        if let Some(deviation) =
            clients.act(step, &mut memory).map_err(|f| f.during(format!("line {}", step.line)))?
        {
            return Ok(Some(deviation));
        }
    }
    if !clients.flush()? {
        return Ok(Some(deviation(0, Arrival::End, "while the last lines were sent".to_owned())));
    }
    clients.finish()
}

impl Clients {
    /// Lines that follow each other are sent as one; so everything but another line flushes first.
    fn act(&mut self, step: &Step, memory: &mut Memory) -> Outcome<Option<Deviation>> {
        if let Action::Send(pattern) = &step.action {
            self.unsent.extend(pattern.bytes(memory)?);
            return Ok(None);
        }
        if !self.flush()? {
            return Ok(Some(deviation(
                step.line,
                Arrival::End,
                "the connection was closed before".to_owned(),
            )));
        }
        match &step.action {
            Action::Send(_) => Ok(None),
            Action::Client(name) => {
                self.current.clone_from(name);
                self.client()?;
                Ok(None)
            }
            Action::End => self.client()?.end_sending().map(|()| None),
            Action::Reset => {
                self.client()?;
                let client = self.open.remove(&self.current);
                client.map_or(Ok(()), Conversation::reset).map(|()| None)
            }
            Action::ExpectClosed => {
                let ended = self.client()?.expect_end();
                let seen = self.client()?.received().is_empty();
                self.open.remove(&self.current);
                let arrival = if seen { Arrival::Silence } else { Arrival::Bytes };
                Ok(ended.err().map(|failure| deviation(step.line, arrival, failure.to_string())))
            }
            Action::Expect(pattern) => {
                let mut received = Vec::new();
                for _ in 0..pattern.lines() {
                    match self.client()?.take_line()? {
                        Ok(line) => received.extend(line),
                        Err(arrival) => return self.missed(step, &pattern.shown(), arrival).map(Some),
                    }
                }
                if pattern.matches(&received, memory)? {
                    return Ok(None);
                }
                let text = format!("\n  expected {}\n  received {}", pattern.shown(), shown(&received));
                Ok(Some(deviation(step.line, Arrival::Bytes, text)))
            }
        }
    }

    /// A line did not come. When nothing came at all, the client ends its side to learn whether that was all.
    fn missed(&mut self, step: &Step, wanted: &str, arrival: Arrival) -> Outcome<Deviation> {
        let client = self.client()?;
        let received = client.received().to_vec();
        let is_mute = arrival == Arrival::Silence && received.is_empty() && {
            client.end_sending()?;
            client.expect_end().is_ok()
        };
        let text = format!("\n  expected {wanted}\n  received {}, then {arrival:?}", shown(&received));
        Ok(Deviation { line: step.line, arrival, text, is_mute })
    }

    fn client(&mut self) -> Outcome<&mut Conversation> {
        if !self.open.contains_key(&self.current) {
            let mut client = Conversation::open(self.stage.address)?;
            client.set_patience(self.stage.patience);
            if let Some(cut) = self.stage.cut {
                client.cut_into(cut);
            }
            self.open.insert(self.current.clone(), client);
        }
        self.open.get_mut(&self.current).ok_or_else(|| Failure::new("no such client"))
    }

    /// Sends what waits; false when the connection is gone. A connection that was closed may still hold the answer, so
    /// only a client that expects nothing more notices.
    fn flush(&mut self) -> Outcome<bool> {
        let unsent = mem::take(&mut self.unsent);
        if unsent.is_empty() {
            return Ok(true);
        }
        let client = self.client()?;
        Ok(client.send(&unsent).is_ok() || client.expect_end().is_err())
    }

    /// Every client ends its side; then nothing may come but the end.
    fn finish(&mut self) -> Outcome<Option<Deviation>> {
        for (name, client) in &mut self.open {
            client.end_sending()?;
            if let Err(failure) = client.expect_end() {
                let arrival = if client.received().is_empty() { Arrival::Silence } else { Arrival::Bytes };
                return Ok(Some(deviation(0, arrival, format!("client {name} at its end: {failure}"))));
            }
        }
        Ok(None)
    }
}

fn deviation(line: usize, arrival: Arrival, text: String) -> Deviation {
    Deviation { line, arrival, text, is_mute: false }
}
