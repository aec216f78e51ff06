//! Tables that show what met a connection in which state, and how often. A gap in one means that histories do not show what
//! they should.

use std::fmt::Debug;

/// Something that happens to connections.
pub(crate) trait Meeting: Copy + PartialEq + Debug + 'static {
    type State: Copy + PartialEq + Debug + 'static;
    const ALL: &'static [Self];
    const STATES: &'static [Self::State];

    /// The states in which it can happen.
    fn states(self) -> &'static [Self::State];
}

/// How often each met each state.
#[derive(Clone, Debug)]
pub(crate) struct Coverage<M: Meeting> {
    counts: Vec<(M, M::State, u64)>,
}

impl<M: Meeting> Default for Coverage<M> {
    fn default() -> Self {
        let all = M::ALL.iter().flat_map(|&what| M::STATES.iter().map(move |&state| (what, state, 0)));
        Self { counts: all.collect() }
    }
}

impl<M: Meeting> Coverage<M> {
    pub(crate) fn note(&mut self, what: M, state: M::State) {
        let found = self.counts.iter_mut().find(|entry| entry.0 == what && entry.1 == state);
        found.expect("every meeting has a place").2 += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (entry, from) in self.counts.iter_mut().zip(&other.counts) {
            entry.2 += from.2;
        }
    }

    /// Meetings that can happen and did not.
    pub(crate) fn gaps(&self) -> Vec<(M, M::State)> {
        let can_be = |entry: &&(M, M::State, u64)| entry.0.states().contains(&entry.1);
        let gaps = self.counts.iter().filter(can_be).filter(|entry| entry.2 == 0);
        gaps.map(|&(what, state, _)| (what, state)).collect()
    }

    pub(crate) fn table(&self) -> String {
        let mut text = format!("{:<15}", "");
        for state in M::STATES {
            text += &format!("{:>11}", format!("{state:?}"));
        }
        for row in self.counts.chunks(M::STATES.len()) {
            text += &format!("\n{:<15}", format!("{:?}", row[0].0));
            for &(what, state, count) in row {
                let can_be = what.states().contains(&state);
                let cell = if can_be || count > 0 { count.to_string() } else { "-".to_owned() };
                text += &format!("{cell:>11}");
            }
        }
        text
    }
}
