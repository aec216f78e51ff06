//! One accepted connection of a fake server: what it has read, and what it is going to do.

use crate::faults::State;
use crate::stage::Stage;
use crate::world::plan::Out;
use golem_memserver::Session;
use std::collections::VecDeque;

/// One accepted connection.
pub(super) struct Conn {
    pub(super) link: usize,
    pub(super) session: Session,
    pub(super) input: Vec<u8>,
    /// Bytes of requests that are through.
    pub(super) heard: u64,
    /// Bytes of a body that was refused before it had come.
    pub(super) swallow: usize,
    pub(super) script: VecDeque<Out>,
    /// It sends nothing before this time; `u64::MAX`: never again.
    pub(super) silent_until: u64,
    /// It reads nothing before this time.
    pub(super) unread_until: u64,
    /// Everything was said and done.
    pub(super) is_over: bool,
    /// This request was looked at for an early error.
    pub(super) is_considered: bool,
    /// Faults that it may still commit while it has nothing to do; without an end a history would have none.
    pub(super) idle_faults: u32,
    /// What it said is not what it should have said: somebody may wait for the rest for ever.
    pub(super) owes: bool,
}

impl Conn {
    pub(super) fn new(link: usize) -> Self {
        Self {
            link,
            session: Session::new(),
            input: Vec::new(),
            heard: 0,
            swallow: 0,
            script: VecDeque::new(),
            silent_until: 0,
            unread_until: 0,
            is_over: false,
            is_considered: false,
            idle_faults: 3,
            owes: false,
        }
    }

    /// Where it stands while nothing of a reply is planned.
    pub(super) fn waits(&self, stage: &Stage) -> State {
        let is_asked = !self.input.is_empty() || !stage.links[self.link].outward.is_empty();
        if is_asked { State::Waiting } else { State::Idle }
    }

    pub(super) fn state(&self, stage: &Stage) -> State {
        self.script.iter().find_map(Out::state).unwrap_or_else(|| self.waits(stage))
    }
}
