//! A server as a whole goes down, or stops, and comes back. What it holds stays: it is the way to it that fails.

use super::Server;
use super::conn::Conn;
use crate::coverage::Coverage;
use crate::faults::{Fault, State};
use crate::link::Attempt;
use crate::oracle::book::Book;
use crate::stage::Stage;
use golem_engine::Failure;

/// A time in which nothing comes from a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outage {
    /// When it ends, in microseconds.
    pub(crate) until: u64,
    /// It refuses, where a server that has stopped only says nothing.
    is_crash: bool,
}

impl Server {
    pub(super) const fn is_down(&self) -> bool {
        self.outage.is_some()
    }

    /// Whether it refuses whatever comes.
    pub(super) fn has_crashed(&self) -> bool {
        self.outage.is_some_and(|outage| outage.is_crash)
    }

    /// It goes down, or stops.
    pub(crate) fn go_down(
        &mut self,
        wait: u64,
        stage: &mut Stage,
        book: &mut Book,
        coverage: &mut Coverage<Fault>,
    ) {
        if self.outage.is_some() {
            return;
        }
        let is_crash = stage.dice.one_in(2);
        let fault = if is_crash { Fault::Crash } else { Fault::Stop };
        stage.note(|| format!("server {}: {fault:?} for {wait} µs", self.number));
        book.faults[self.number] += 1;
        self.outage = Some(Outage { until: stage.now + wait, is_crash });
        self.note_all(fault, stage, coverage);
        if is_crash {
            self.conns.retain(|conn| !conn.is_over);
            for conn in self.conns.drain(..) {
                let link = &mut stage.links[conn.link];
                if stage.dice.one_in(2) { link.peer_resets() } else { link.peer_closes() }
            }
            self.lose_probes(stage);
            self.refuse_attempts(stage);
        }
    }

    /// Notes what happens to all its connections at once.
    pub(crate) fn note_all(&self, fault: Fault, stage: &Stage, coverage: &mut Coverage<Fault>) {
        for conn in self.conns.iter().filter(|conn| !conn.is_over && !stage.links[conn.link].closed) {
            coverage.note(fault, conn.state(stage));
        }
        for _ in self.hanging.iter().chain(&self.knocking).filter(|link| !stage.links[**link].closed) {
            coverage.note(fault, State::Connecting);
        }
        for _ in &self.probed {
            coverage.note(fault, State::Probing);
        }
    }

    /// Whether an attempt to connect comes while it is down, and is seen to.
    pub(super) fn meets_outage(&mut self, link: usize, stage: &mut Stage) -> bool {
        if self.has_crashed() {
            stage.links[link].attempt = Attempt::Failed(Failure::ConnectionRefused);
        } else if self.is_down() && stage.dice.one_in(2) {
            // The system takes connections for a process that has stopped.
            stage.links[link].attempt = Attempt::Made;
            self.conns.push(Conn::new(link));
        } else if self.is_down() {
            self.knocking.push(link);
        }
        self.is_down()
    }

    /// It comes back if it is time.
    pub(crate) fn look_at_outage(&mut self, stage: &mut Stage) {
        if self.outage.is_some_and(|outage| outage.until <= stage.now) {
            self.come_back(stage);
        }
    }

    pub(super) fn come_back(&mut self, stage: &mut Stage) {
        if self.outage.take().is_some() {
            stage.progress = true;
            stage.note(|| format!("server {} is back", self.number));
        }
        for link in self.knocking.drain(..) {
            if !stage.links[link].closed {
                stage.links[link].attempt = Attempt::Made;
                self.conns.push(Conn::new(link));
            }
        }
    }

    fn refuse_attempts(&mut self, stage: &mut Stage) {
        for link in self.hanging.drain(..).chain(self.knocking.drain(..)) {
            if !stage.links[link].closed {
                stage.links[link].attempt = Attempt::Failed(Failure::ConnectionReset);
            }
        }
    }
}
