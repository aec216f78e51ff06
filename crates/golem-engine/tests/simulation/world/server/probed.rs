//! What a server does with the coordinator's probes: it answers, in pieces, or does one of the things that it does wrong
//! elsewhere too.

use super::Server;
use crate::coverage::Coverage;
use crate::faults::{Fault, State};
use crate::stage::Stage;
use golem_engine::Failure;
use golem_engine::coordinator::ProbeId;

/// A probe as its server sees it.
#[derive(Debug)]
pub(crate) struct Probed {
    probe: ProbeId,
    /// It does nothing before this time.
    pub(crate) from: u64,
    /// What it is going to say, of which `at` bytes were said.
    says: Vec<u8>,
    at: usize,
    /// The whole answer is that it is well.
    is_sound: bool,
    /// How it ends the connection then.
    ends: Option<Failure>,
}

const SECOND: usize = 1_000_000;

/// What a server that is ill elsewhere does to probes as well.
const FAULTS: &[Fault] = &[
    Fault::Refused,
    Fault::ConnectPending,
    Fault::ConnectReset,
    Fault::TooMany,
    Fault::Eof,
    Fault::Reset,
    Fault::HalfClose,
    Fault::Silence,
    Fault::Delay,
    Fault::Late,
    Fault::Garbage,
    Fault::ErrorLine,
    Fault::ExtraBytes,
];

impl Server {
    /// Looks at the probes that have come, and answers one.
    pub(crate) fn meet_probes(&mut self, stage: &mut Stage, coverage: &mut Coverage<Fault>) {
        let waiting: Vec<ProbeId> =
            stage.office.probes.iter().filter(|(_, of)| *of == self.number).map(|(id, _)| *id).collect();
        self.probed.retain(|probed| waiting.contains(&probed.probe));
        for probe in waiting {
            if !self.probed.iter().any(|probed| probed.probe == probe) {
                stage.progress = true;
                let probed = self.plan(probe, stage, coverage);
                self.probed.push(probed);
            }
        }
        if !self.probed.is_empty() && stage.dice.one_in(2) {
            self.answer(stage.dice.below(self.probed.len()), stage);
        }
    }

    fn plan(&self, probe: ProbeId, stage: &mut Stage, coverage: &mut Coverage<Fault>) -> Probed {
        let mut probed =
            Probed { probe, from: stage.now, says: Vec::new(), at: 0, is_sound: true, ends: None };
        let version = format!("VERSION 1.6.{}\r\n", 18 + self.number).into_bytes();
        if self.has_crashed() {
            (probed.is_sound, probed.ends) = (false, Some(Failure::ConnectionRefused));
            return probed;
        }
        let is_ill = self.manners.one_in > 0 && stage.dice.one_in(3);
        let fault = if is_ill { Some(stage.dice.pick(FAULTS)) } else { None };
        let cut = stage.dice.below(version.len());
        let (says, ends): (&[u8], _) = match fault {
            Some(Fault::Refused) => (b"", Some(Failure::ConnectionRefused)),
            Some(Fault::ConnectReset) => (b"", Some(Failure::ConnectionReset)),
            Some(Fault::Reset) => (&version[..cut], Some(Failure::ConnectionReset)),
            Some(Fault::Eof | Fault::HalfClose) => (&version[..cut], Some(Failure::ConnectionClosed)),
            Some(Fault::ConnectPending) => (b"", None),
            Some(Fault::Silence) => (&version[..cut], None),
            Some(Fault::Garbage) => (b"\x02stray\r\n", None),
            Some(Fault::TooMany) => (b"ERROR Too many open connections\r\n", Some(Failure::ConnectionClosed)),
            Some(Fault::ErrorLine) => (b"SERVER_ERROR temporary failure\r\n", None),
            Some(Fault::ExtraBytes) => (b"EXTRA\r\nVERSION 1.6.18\r\n", None),
            Some(Fault::Late) => {
                probed.from += stage.dice.between(SECOND, 2 * SECOND) as u64;
                (&version[..], None)
            }
            Some(Fault::Delay) => {
                probed.from += stage.dice.below(SECOND / 2) as u64;
                probed.says = version;
                coverage.note(Fault::Delay, State::Probing);
                return probed;
            }
            Some(
                Fault::SlowReading
                | Fault::WrongKey
                | Fault::MissingEnd
                | Fault::ErrorInside
                | Fault::EarlyError
                | Fault::Crash
                | Fault::Stop
                | Fault::TimeJump
                | Fault::Ejected
                | Fault::Restored,
            )
            | None => {
                probed.says = version;
                return probed;
            }
        };
        (probed.says, probed.ends, probed.is_sound) = (says.to_vec(), ends, fault == Some(Fault::Late));
        if let Some(fault) = fault {
            coverage.note(fault, State::Probing);
            stage.note(|| format!("server {}: {fault:?} to {probe:?}", self.number));
        }
        probed
    }

    fn answer(&mut self, place: usize, stage: &mut Stage) {
        let is_silent = self.is_down() && !self.has_crashed();
        let probed = &mut self.probed[place];
        if is_silent || probed.from > stage.now {
            return;
        }
        let count = stage.cut(probed.says.len() - probed.at);
        if count > 0 {
            let bytes = probed.says[probed.at..probed.at + count].to_vec();
            probed.at += count;
            stage.progress = true;
            self.has_vouched |= probed.is_sound && probed.at == probed.says.len();
            stage.probe_hears(probed.probe, &bytes);
        } else if let Some(failure) = probed.ends {
            let probe = self.probed.swap_remove(place).probe;
            stage.progress = true;
            stage.probe_lost(probe, failure);
        }
    }

    /// The server goes down, and the connections of probes with it.
    pub(super) fn lose_probes(&mut self, stage: &mut Stage) {
        for probed in std::mem::take(&mut self.probed) {
            stage.probe_lost(probed.probe, Failure::ConnectionReset);
        }
    }
}
