//! Faults, committed: what happens on the connection, and the note of it in the book and in the table.

use super::Server;
use crate::coverage::Coverage;
use crate::faults::{Fault, State};
use crate::oracle::book::Book;
use crate::stage::Stage;
use crate::world::plan::sound;

impl Server {
    pub(super) fn err_idle(
        &mut self,
        place: usize,
        fault: Fault,
        stage: &mut Stage,
        book: &mut Book,
        coverage: &mut Coverage<Fault>,
    ) {
        let conn = &mut self.conns[place];
        if !Fault::EVERYWHERE.contains(&fault) || conn.idle_faults == 0 {
            return;
        }
        conn.idle_faults -= 1;
        if fault == Fault::Garbage {
            conn.script.extend(sound(b"\x02stray\r\n"));
        }
        self.commit(place, fault, State::Idle, stage, book, coverage);
    }

    pub(super) fn commit(
        &mut self,
        place: usize,
        fault: Fault,
        state: State,
        stage: &mut Stage,
        book: &mut Book,
        coverage: &mut Coverage<Fault>,
    ) {
        stage.progress = true;
        book.faults[self.number] += 1;
        coverage.note(fault, state);
        let conn = &mut self.conns[place];
        stage.note(|| format!("server {}: {fault:?} while {state:?} on link {}", self.number, conn.link));
        let link = &mut stage.links[conn.link];
        match fault {
            Fault::Eof => link.peer_closes(),
            Fault::Reset => link.peer_resets(),
            Fault::HalfClose => {
                link.peer_finishes();
                conn.script.clear();
                conn.silent_until = u64::MAX;
                conn.owes = true;
            }
            Fault::TooMany => {
                link.inward.write(b"ERROR Too many open connections\r\n");
                link.peer_closes();
            }
            Fault::Silence => {
                conn.silent_until = u64::MAX;
                conn.owes = true;
            }
            Fault::Delay => {
                conn.silent_until = stage.now + stage.dice.below(self.timeout as usize / 2) as u64
            }
            Fault::Late => {
                let wait = stage.dice.between(self.timeout as usize, self.timeout as usize * 5 / 2);
                conn.silent_until = stage.now + wait as u64;
            }
            Fault::SlowReading => {
                conn.unread_until = stage.now + stage.dice.below(self.timeout as usize * 2) as u64;
            }
            Fault::Garbage | Fault::MissingEnd => conn.owes = true,
            Fault::WrongKey
            | Fault::ExtraBytes
            | Fault::ErrorLine
            | Fault::ErrorInside
            | Fault::EarlyError
            | Fault::Refused
            | Fault::ConnectPending
            | Fault::ConnectReset
            | Fault::Crash
            | Fault::Stop
            | Fault::TimeJump
            | Fault::Ejected
            | Fault::Restored => {}
        }
        conn.is_over = matches!(fault, Fault::Eof | Fault::Reset | Fault::TooMany);
    }
}
