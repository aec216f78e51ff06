//! What befalls clients, and where their connections stand then, as their engine sees it.

use super::client::Client;
use crate::coverage::{Coverage, Meeting};
use crate::stage::Stage;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The client closes, resets, or sends no more.
    Closes,
    Resets,
    HalfCloses,
    /// The engine reads it no more, because it holds too much.
    Paused,
    /// The engine closes it, since nothing came from it.
    Idle,
    /// The process ends.
    Left,
    /// A server is ejected, or comes back.
    Ejection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing is asked, and nothing to be read.
    Idle,
    /// In the middle of a request's first line, of its data, or of large data.
    MidLine,
    MidData,
    MidLarge,
    /// Replies are waited for.
    Waiting,
    /// Replies have not been read.
    Unread,
}

impl Meeting for Event {
    type State = Standing;
    const ALL: &[Self] =
        &[Self::Closes, Self::Resets, Self::HalfCloses, Self::Paused, Self::Idle, Self::Left, Self::Ejection];
    const STATES: &[Standing] = &[
        Standing::Idle,
        Standing::MidLine,
        Standing::MidData,
        Standing::MidLarge,
        Standing::Waiting,
        Standing::Unread,
    ];

    fn states(self) -> &'static [Standing] {
        match self {
            Self::Closes | Self::Resets | Self::HalfCloses | Self::Paused | Self::Left | Self::Ejection => {
                Self::STATES
            }
            // One that waits for replies, or does not read them, is not idle.
            Self::Idle => &[Standing::Idle, Standing::MidLine, Standing::MidData, Standing::MidLarge],
        }
    }
}

/// A payload that is not shorter is collected as a large one.
const LARGE: u64 = 16 * 1024;

impl Client {
    fn standing(&self, stage: &Stage) -> Standing {
        let link = &stage.links[self.link];
        if let Some((line, end)) = self.verdict.begun(link.delivered) {
            return match () {
                () if link.delivered < line => Standing::MidLine,
                () if end - line >= LARGE => Standing::MidLarge,
                () => Standing::MidData,
            };
        }
        match () {
            () if !link.outward.is_empty() || link.blocked => Standing::Unread,
            () if self.verdict.is_owed(link.delivered) => Standing::Waiting,
            () => Standing::Idle,
        }
    }

    /// Notes what befalls this client now.
    pub(crate) fn note(&mut self, event: Event, stage: &Stage) {
        if !self.is_gone {
            self.events.push((event, self.standing(stage)));
        }
    }

    /// All that befell it, added to a table.
    pub(crate) fn tell_events(&self, coverage: &mut Coverage<Event>) {
        for &(event, standing) in &self.events {
            coverage.note(event, standing);
        }
    }
}
