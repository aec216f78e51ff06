//! What fake servers do wrong, and in which state of a connection it can happen.

use crate::coverage::Meeting;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Refused,
    ConnectPending,
    ConnectReset,
    TooMany,
    Eof,
    Reset,
    HalfClose,
    Silence,
    Delay,
    Late,
    Garbage,
    SlowReading,
    WrongKey,
    ExtraBytes,
    MissingEnd,
    ErrorLine,
    ErrorInside,
    EarlyError,
    /// The server goes down with all its connections, and comes back later.
    Crash,
    /// The server stops, with all its connections, and goes on later.
    Stop,
    /// Time leaps for everybody.
    TimeJump,
    /// A worker learns that the server is out of the ring.
    Ejected,
    /// A worker learns that it is in again.
    Restored,
}

/// Where a server connection stands, as its engine sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Connecting,
    Idle,
    Waiting,
    MidLine,
    MidValue,
    MidLarge,
    /// It is the coordinator's, which asks whether an ejected server is well.
    Probing,
}

impl Fault {
    pub(crate) const ALL: &[Self] = &[
        Self::Refused,
        Self::ConnectPending,
        Self::ConnectReset,
        Self::TooMany,
        Self::Eof,
        Self::Reset,
        Self::HalfClose,
        Self::Silence,
        Self::Delay,
        Self::Late,
        Self::Garbage,
        Self::SlowReading,
        Self::WrongKey,
        Self::ExtraBytes,
        Self::MissingEnd,
        Self::ErrorLine,
        Self::ErrorInside,
        Self::EarlyError,
        Self::Crash,
        Self::Stop,
        Self::TimeJump,
        Self::Ejected,
        Self::Restored,
    ];

    /// Those that a single connection or reply can have.
    pub(crate) const OF_CONNECTIONS: &[Self] = Self::ALL.split_at(18).0;

    /// Those that can happen at any time on an established connection.
    pub(crate) const EVERYWHERE: &[Self] = &[
        Self::Eof,
        Self::Reset,
        Self::HalfClose,
        Self::Silence,
        Self::Delay,
        Self::Late,
        Self::Garbage,
        Self::SlowReading,
    ];
}

impl Meeting for Fault {
    type State = State;
    const ALL: &[Self] = Self::ALL;
    const STATES: &[State] = State::ALL;

    /// The states in which it can happen: a wrong key needs a reply, an established connection is refused no more.
    fn states(self) -> &'static [State] {
        match self {
            Self::Refused | Self::ConnectPending | Self::ConnectReset => &[State::Connecting, State::Probing],
            Self::TooMany => &[State::Idle, State::Waiting, State::Probing],
            Self::Eof
            | Self::Reset
            | Self::HalfClose
            | Self::Silence
            | Self::Delay
            | Self::Late
            | Self::Garbage => &[
                State::Idle,
                State::Waiting,
                State::MidLine,
                State::MidValue,
                State::MidLarge,
                State::Probing,
            ],
            Self::SlowReading => {
                &[State::Idle, State::Waiting, State::MidLine, State::MidValue, State::MidLarge]
            }
            Self::WrongKey | Self::EarlyError => &[State::Waiting],
            Self::ErrorLine => &[State::Waiting, State::Probing],
            Self::ExtraBytes => &[State::Idle, State::Waiting, State::Probing],
            Self::MissingEnd | Self::ErrorInside => &[State::MidLine],
            Self::Crash | Self::Stop | Self::TimeJump => State::ALL,
            Self::Ejected | Self::Restored => State::ALL.split_at(6).0,
        }
    }
}

impl State {
    const ALL: &[Self] = &[
        Self::Connecting,
        Self::Idle,
        Self::Waiting,
        Self::MidLine,
        Self::MidValue,
        Self::MidLarge,
        Self::Probing,
    ];
}
