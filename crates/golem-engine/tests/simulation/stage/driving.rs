//! The driver's part: one turn of one engine, with its wishes carried out and its output written, cut in any way that a
//! kernel may cut it. The engine is checked after every call.

use super::{Arrival, Cuts, SCRATCH, Stage, Worker, number_of, shown};
use crate::link::{Attempt, Finish, Link, Period};
use crate::pipe::End;
use golem_engine::id::Connection;
use golem_engine::{Failure, ReadTarget, Time, Wish};

impl Stage {
    /// What one turn of a worker does: tell what happened, look at the timers, carry out, write.
    pub(crate) fn turn(&mut self, worker: usize) {
        let now = Time(self.now);
        self.workers[worker].engine.begin_turn(now);
        self.take_mail(worker);
        for link in self.ready(worker) {
            if self.links[link].is_readable() && (self.cuts != Cuts::Mixed || !self.dice.one_in(4)) {
                self.progress = true;
                self.serve(link);
            }
        }
        let is_due = self.wants_turn(worker);
        self.workers[worker].engine.expire();
        if is_due {
            self.verify(worker);
        }
        self.finish_turn(worker);
    }

    /// The links of a worker that have something to tell, in some order.
    fn ready(&mut self, worker: usize) -> Vec<usize> {
        let links = self.workers[worker].links.values().copied();
        let mut ready: Vec<usize> = links.filter(|&link| self.links[link].is_readable()).collect();
        if self.is_shuffled {
            for last in (1..ready.len()).rev() {
                ready.swap(last, self.dice.below(last + 1));
            }
        }
        ready
    }

    pub(super) fn finish_turn(&mut self, worker: usize) {
        self.carry_out(worker);
        let again: Vec<usize> =
            self.workers[worker].links.values().copied().filter(|&link| self.links[link].blocked).collect();
        for link in again {
            self.flush(link);
        }
        loop {
            self.carry_out(worker);
            let Some(connection) = self.workers[worker].engine.next_dirty() else { break };
            if let Some(&link) = self.workers[worker].links.get(&connection)
                && !self.links[link].blocked
            {
                self.flush(link);
            }
        }
        self.workers[worker].gone.clear();
        self.progress |= self.wants_turn(worker);
    }

    /// Whether a worker's next turn is due at once: there is output that waits for it.
    pub(crate) fn wants_turn(&self, worker: usize) -> bool {
        self.workers[worker].engine.next_deadline().is_some_and(|at| at.0 <= self.now)
    }

    /// Preconnects, as the worker does when it starts.
    pub(crate) fn preconnect(&mut self) {
        for worker in 0..self.workers.len() {
            self.workers[worker].engine.preconnect();
            self.finish_turn(worker);
        }
    }

    /// Tells the engine one thing that happened on a link: as much as one read brings.
    fn serve(&mut self, at: usize) {
        let link = &mut self.links[at];
        let (worker, connection) = (link.worker, link.connection);
        match link.attempt {
            Attempt::Pending => return,
            Attempt::Made => {
                link.attempt = Attempt::Over;
                if let Connection::Server(id) = connection {
                    self.note(|| format!("{connection:?} connected"));
                    self.workers[worker].engine.connected(id);
                    let queued = self.workers[worker].engine.unsent(connection);
                    let periods = self.links[at].periods.iter_mut();
                    periods.for_each(|period| period.queued = period.queued.min(queued as u64));
                }
            }
            Attempt::Failed(failure) => {
                link.attempt = Attempt::Over;
                self.tell_closed(at, failure);
            }
            Attempt::Over if !link.inward.is_empty() => self.serve_bytes(at),
            Attempt::Over if link.inward.end == End::Finished && !link.broken => {
                link.ended = true;
                self.note(|| format!("{connection:?} ends its stream"));
                self.workers[worker].engine.end_of_stream(connection);
            }
            Attempt::Over => self.tell_closed(at, Failure::ConnectionReset),
        }
        self.verify(worker);
    }

    pub(super) fn tell_closed(&mut self, at: usize, failure: Failure) {
        let Link { worker, connection, .. } = self.links[at];
        self.note(|| format!("{connection:?} closed: {failure:?}"));
        self.forget(at);
        self.workers[worker].gone.push(connection);
        self.workers[worker].engine.closed(connection, failure);
        self.verify(worker);
    }

    /// One read: into the engine's target or pipe, if it has one, and what is more into the scratch buffer.
    fn serve_bytes(&mut self, at: usize) {
        let Link { worker, connection, .. } = self.links[at];
        let mut most = self.cut(SCRATCH);
        self.links[at].active = self.now;
        let direct = self.cuts != Cuts::Mixed || !self.dice.one_in(4);
        let link = &mut self.links[at];
        let Worker { engine, pipes, has_pipes, .. } = &mut self.workers[worker];
        let mut filled = 0;
        match engine.read_target(connection) {
            ReadTarget::Memory(target, beyond) if direct => {
                let bytes = link.inward.take(target.len().min(most));
                target[..bytes.len()].copy_from_slice(&bytes);
                filled = bytes.len();
                most = most.min(filled.saturating_add(beyond));
            }
            ReadTarget::Pipe(pipe, room) if direct => {
                let pipe = &mut pipes[usize::from(pipe.index())];
                filled = pipe.write(&link.inward.take(room.min(most).min(pipe.free())));
                (most, *has_pipes) = (filled, true);
                if filled == 0 {
                    // The driver reads again at once, too.
                    engine.leave_pipe(connection);
                    return self.serve_bytes(at);
                }
            }
            ReadTarget::Anywhere(limit) => most = most.min(limit),
            ReadTarget::Memory(..) | ReadTarget::Pipe(..) => {}
        }
        if filled > 0 {
            engine.target_filled(connection, filled);
        }
        link.delivered += filled as u64;
        let bytes = link.inward.take(most - filled);
        link.delivered += bytes.len() as u64;
        if filled > 0 {
            self.verify(worker);
        }
        self.note(|| format!("{connection:?} → engine {worker}: {filled} direct, {}", shown(&bytes)));
        if !bytes.is_empty() {
            self.workers[worker].engine.received(connection, &bytes);
        }
    }

    /// How many of at most `most` bytes a read or write moves.
    pub(crate) fn cut(&mut self, most: usize) -> usize {
        match self.cuts {
            Cuts::Whole => most,
            Cuts::Tiny => most.min(self.dice.between(1, 3)),
            Cuts::Mixed => {
                let wide = self.dice.pick(&[2, 30, 300, 5000, 40_000, SCRATCH, SCRATCH, SCRATCH]);
                most.min(self.dice.between(1, wide))
            }
        }
    }

    fn carry_out(&mut self, worker: usize) {
        while let Some(wish) = self.workers[worker].engine.next_wish() {
            self.progress = true;
            self.note(|| format!("wish: {wish:?}"));
            match wish {
                Wish::Connect { conn, of } => {
                    let link = self.links.len();
                    let connection = Connection::Server(conn);
                    let mut fresh = Link::new(worker, connection, (self.server_room, self.server_room));
                    fresh.server = Some(number_of(&of));
                    // A server that moves has requests wait on that waited for a connection to its old place.
                    let word = self.workers[worker].word;
                    let first = if self.has_moved { 0 } else { word };
                    fresh.periods.extend((first..=word).map(|word| Period {
                        word,
                        sent: 0,
                        queued: u64::MAX,
                    }));
                    self.links.push(fresh);
                    self.workers[worker].links.insert(connection, link);
                    self.arrivals.push(Arrival { link, server: number_of(&of) });
                }
                Wish::Close(connection) if self.workers[worker].gone.contains(&connection) => {}
                Wish::Close(connection) => {
                    let link = self.named(worker, connection);
                    self.links[link].closed_by_engine = true;
                    self.note_finish(link);
                    self.forget(link);
                }
                Wish::ShutdownWrite(connection) => {
                    let link = self.named(worker, connection);
                    if self.links[link].blocked {
                        self.fail("our end of stream would come before bytes that were not written");
                    }
                    self.note_finish(link);
                    self.links[link].outward.finish();
                }
                Wish::Pause(connection) => self.pause(worker, connection, true),
                Wish::Resume(connection) => self.pause(worker, connection, false),
                Wish::Notice(notice) => self.notices.push(notice),
                Wish::Report(report) => self.office.reports.push(report),
                Wish::ReleaseMemory => {}
                Wish::ClosePipes => self.close_pipes(worker),
                Wish::EmptyPipe(pipe) => self.workers[worker].pipes[usize::from(pipe.index())].empty(),
            }
        }
    }

    /// The engine lets a client go.
    fn note_finish(&mut self, at: usize) {
        let (link, at) = (&mut self.links[at], self.now);
        let finish = Finish { at, active: link.active, delivered: link.delivered };
        link.finished.get_or_insert(finish);
    }

    fn pause(&mut self, worker: usize, connection: Connection, paused: bool) {
        let link = self.named(worker, connection);
        self.links[link].paused = paused;
    }

    /// The link of a connection: a wish for one that is not there is a bug.
    fn named(&self, worker: usize, connection: Connection) -> usize {
        match self.workers[worker].links.get(&connection) {
            Some(&link) => link,
            None => self.fail(&format!("a wish for {connection:?}, which is not there")),
        }
    }

    /// The connection is no more.
    fn forget(&mut self, at: usize) {
        let link = &mut self.links[at];
        link.closed = true;
        link.blocked = false;
        link.outward.finish();
        let (worker, connection) = (link.worker, link.connection);
        self.workers[worker].links.remove(&connection);
    }

    /// Asks the engine whether it is well; not after every single call while it has much to check.
    pub(crate) fn verify(&mut self, worker: usize) {
        let is_light = self.workers[worker].engine.requests() <= 16;
        if !is_light && !self.unchecked.wrapping_add(1).is_multiple_of(8) {
            self.unchecked += 1;
            return;
        }
        self.unchecked = 0;
        self.steps += 1;
        if let Err(what) = self.workers[worker].engine.check() {
            self.fail(&what);
        }
    }

    /// Whether a turn would do something now.
    pub(crate) fn is_busy(&self) -> bool {
        self.links.iter().any(Link::is_readable)
    }

    /// Turns until nothing happens any more, without letting time pass.
    pub(crate) fn settle(&mut self) {
        for _ in 0..1_000_000 {
            self.progress = false;
            for worker in 0..self.workers.len() {
                self.turn(worker);
            }
            self.coordinate();
            if !self.progress && !self.is_busy() {
                return;
            }
        }
        self.fail("the engines never come to rest");
    }
}
