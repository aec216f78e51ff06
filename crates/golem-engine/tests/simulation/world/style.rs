//! How a client behaves, whatever it asks.

use crate::dice::Dice;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Whenever something is there.
    Eagerly,
    /// A little, now and then.
    Slowly,
    /// Only when everything was sent.
    AfterSending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Sends `quit`.
    Quit,
    /// Sends its end of stream, and waits for the rest.
    HalfClose,
    /// Waits for everything, then closes.
    Close,
    /// Closes after so many bytes, wherever that is.
    CloseAt(u64),
    /// Resets after so many bytes, wherever that is.
    ResetAt(u64),
    /// Sends no more after so many bytes, and stays. Only where idle clients are closed.
    StopAt(u64),
    /// Stays when everything is answered. Only where idle clients are closed.
    Stay,
}

#[derive(Clone, Debug)]
pub(crate) struct Style {
    /// Requests that it sends in all.
    pub(crate) requests: usize,
    /// Requests that may be unanswered at a time.
    pub(crate) depth: usize,
    pub(crate) reads: Reads,
    pub(crate) ending: Ending,
    /// It takes its time before it asks.
    pub(crate) thinks: bool,
    /// Room of the pipes to and from the proxy.
    pub(crate) room: (usize, usize),
}

impl Style {
    pub(crate) fn random(may_stay: bool, dice: &mut Dice) -> Self {
        let ending = match dice.below(if may_stay { 12 } else { 8 }) {
            0 | 1 => Ending::Quit,
            2 | 3 => Ending::HalfClose,
            4 | 5 => Ending::Close,
            6 => Ending::CloseAt(dice.below(5000) as u64),
            8 | 9 => Ending::StopAt(dice.below(5000) as u64),
            10 | 11 => Ending::Stay,
            _ => Ending::ResetAt(dice.below(20_000) as u64),
        };
        let reads =
            dice.pick(&[Reads::Eagerly, Reads::Eagerly, Reads::Eagerly, Reads::Slowly, Reads::AfterSending]);
        let depth = dice.pick(&[1, 1, 2, 4, 16, 1000]);
        Self {
            requests: dice.pick(&[3, 10, 25, 40]),
            // One that waits for replies which it does not read would wait for itself.
            depth: if reads == Reads::AfterSending { usize::MAX } else { depth },
            reads,
            ending,
            thinks: false,
            room: (dice.pick(&[100, 4096, 65_536, 1 << 20]), dice.pick(&[100, 4096, 65_536, 1 << 20])),
        }
    }
}
