//! What fake servers do wrong, and the table that shows which fault met a connection in which state.

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
}

const FAULTS: usize = Fault::ALL.len();
const STATES: usize = State::ALL.len();

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
    ];

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

    /// The states in which it can happen: a wrong key needs a reply, an established connection is refused no more.
    const fn states(self) -> &'static [State] {
        match self {
            Self::Refused | Self::ConnectPending | Self::ConnectReset => &[State::Connecting],
            Self::TooMany => &[State::Idle, State::Waiting],
            Self::Eof
            | Self::Reset
            | Self::HalfClose
            | Self::Silence
            | Self::Delay
            | Self::Late
            | Self::Garbage
            | Self::SlowReading => {
                &[State::Idle, State::Waiting, State::MidLine, State::MidValue, State::MidLarge]
            }
            Self::WrongKey | Self::ErrorLine | Self::EarlyError => &[State::Waiting],
            Self::ExtraBytes => &[State::Idle, State::Waiting],
            Self::MissingEnd | Self::ErrorInside => &[State::MidLine],
        }
    }
}

impl State {
    const ALL: &[Self] =
        &[Self::Connecting, Self::Idle, Self::Waiting, Self::MidLine, Self::MidValue, Self::MidLarge];
}

/// How often each fault met each state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage {
    counts: [[u64; STATES]; FAULTS],
}

impl Coverage {
    pub(crate) const fn note(&mut self, fault: Fault, state: State) {
        self.counts[fault as usize][state as usize] += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (row, from) in self.counts.iter_mut().zip(&other.counts) {
            for (count, more) in row.iter_mut().zip(from) {
                *count += more;
            }
        }
    }

    /// Meetings that can happen and did not.
    pub(crate) fn gaps(&self) -> Vec<(Fault, State)> {
        let all =
            Fault::ALL.iter().flat_map(|&fault| fault.states().iter().map(move |&state| (fault, state)));
        all.filter(|&(fault, state)| self.counts[fault as usize][state as usize] == 0).collect()
    }

    pub(crate) fn table(&self) -> String {
        let mut text = format!("{:<15}", "");
        for state in State::ALL {
            text += &format!("{:>11}", format!("{state:?}"));
        }
        for &fault in Fault::ALL {
            text += &format!("\n{:<15}", format!("{fault:?}"));
            for &state in State::ALL {
                let count = self.counts[fault as usize][state as usize];
                let cell = if fault.states().contains(&state) { count.to_string() } else { "-".to_owned() };
                text += &format!("{cell:>11}");
            }
        }
        text
    }
}
