//! A fake server: a real key/value model behind connections that misbehave as planned.

mod conn;
mod misdeeds;
mod outages;
mod probed;

use super::observed::{Came, check, data_length};
use super::plan::{Out, faulty, sound};
use crate::coverage::Coverage;
use crate::dice::Dice;
use crate::faults::{Fault, State};
use crate::link::Attempt;
use crate::oracle::book::Book;
use crate::stage::{Stage, shown};
use conn::Conn;
use golem_engine::Failure;
use golem_memserver::{Options, Store};
use outages::Outage;
use probed::Probed;

/// Which faults a server commits, and how often.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manners {
    pub(crate) faults: Vec<Fault>,
    /// A reply, or a connection, is faulty once in so many; 0: never.
    pub(crate) one_in: usize,
    /// In which state of the connection, where that can be chosen.
    pub(crate) focus: Option<State>,
}

pub(crate) struct Server {
    number: usize,
    store: Store,
    conns: Vec<Conn>,
    /// Attempts to connect that are never decided.
    hanging: Vec<usize>,
    /// Attempts to connect that are looked at when it goes on.
    knocking: Vec<usize>,
    outage: Option<Outage>,
    probed: Vec<Probed>,
    /// Its answer to a probe was that it is well.
    pub(crate) has_vouched: bool,
    pub(crate) manners: Manners,
    /// The pool's `timeout`, in microseconds.
    timeout: u64,
    /// Commands served.
    pub(crate) served: u64,
}

impl Server {
    pub(crate) fn new(number: usize, timeout: u64) -> Self {
        let options = Options {
            memory_limit: 1 << 30,
            item_size_max: 64 << 20,
            started_at: 1_700_000_000,
            version: format!("1.6.{}", 18 + number),
            keep_received: false,
        };
        let (store, manners) = (Store::new(options), Manners::default());
        Self {
            number,
            store,
            conns: Vec::new(),
            hanging: Vec::new(),
            knocking: Vec::new(),
            outage: None,
            probed: Vec::new(),
            has_vouched: false,
            manners,
            timeout,
            served: 0,
        }
    }

    fn errs(&self, dice: &mut Dice) -> Option<Fault> {
        let errs = self.manners.one_in > 0 && dice.one_in(self.manners.one_in);
        (errs && !self.manners.faults.is_empty()).then(|| dice.pick(&self.manners.faults))
    }

    /// An engine wants to connect.
    pub(crate) fn arrive(
        &mut self,
        link: usize,
        stage: &mut Stage,
        book: &mut Book,
        coverage: &mut Coverage<Fault>,
    ) {
        if self.meets_outage(link, stage) {
            return;
        }
        let fault = self.errs(&mut stage.dice);
        let connecting = matches!(fault, Some(Fault::Refused | Fault::ConnectPending | Fault::ConnectReset));
        if connecting && let Some(fault) = fault {
            book.faults[self.number] += 1;
            coverage.note(fault, State::Connecting);
            stage.note(|| format!("server {}: {fault:?}", self.number));
        }
        let network_down = stage.dice.one_in(4);
        let here = &mut stage.links[link];
        match fault {
            Some(Fault::Refused) if network_down => here.attempt = Attempt::Failed(Failure::Os(101)),
            Some(Fault::Refused) => here.attempt = Attempt::Failed(Failure::ConnectionRefused),
            Some(Fault::ConnectReset) => here.attempt = Attempt::Failed(Failure::ConnectionReset),
            Some(Fault::ConnectPending) => self.hanging.push(link),
            _ => {
                here.attempt = Attempt::Made;
                let mut conn = Conn::new(link);
                if fault == Some(Fault::TooMany) {
                    conn.script.push_back(Out::Commit(Fault::TooMany));
                }
                self.conns.push(conn);
            }
        }
    }

    /// One small thing on one connection.
    pub(crate) fn act(&mut self, stage: &mut Stage, book: &mut Book, coverage: &mut Coverage<Fault>) {
        self.conns.retain(|conn| !conn.is_over);
        if self.conns.is_empty() || self.is_down() {
            return;
        }
        let place = stage.dice.below(self.conns.len());
        if stage.dice.one_in(2) {
            self.read(place, stage);
            self.serve(place, stage, book, coverage);
        } else {
            self.speak(place, stage, book, coverage);
        }
    }

    fn read(&mut self, place: usize, stage: &mut Stage) {
        let conn = &mut self.conns[place];
        if conn.unread_until > stage.now {
            return;
        }
        let most = stage.cut(64 * 1024);
        let link = &mut stage.links[conn.link];
        if !link.outward.is_empty() {
            conn.input.extend_from_slice(&link.outward.take(most));
            stage.progress = true;
        } else if link.closed {
            conn.is_over = true;
        }
    }

    /// Carries out the requests that are complete, and plans their replies.
    fn serve(&mut self, place: usize, stage: &mut Stage, book: &mut Book, coverage: &mut Coverage<Fault>) {
        let mut used = 0;
        let before = self.conns[place].heard;
        loop {
            let conn = &mut self.conns[place];
            let drop = conn.swallow.min(conn.input.len() - used);
            conn.swallow -= drop;
            used += drop;
            let rest = &conn.input[used..];
            let Some(end) = rest.iter().position(|&byte| byte == b'\n').map(|at| at + 1) else { break };
            let total = end + data_length(&rest[..end]).map_or(0, |len| len + 2);
            if rest.len() < total {
                self.refuse_early(place, total, stage, book, coverage);
                if self.conns[place].swallow == 0 {
                    break;
                }
                continue;
            }
            let frame = rest[..total].to_vec();
            let at = before + used as u64;
            used += total;
            self.served += 1;
            let words: Vec<usize> = stage.links[self.conns[place].link].words_at(at).collect();
            let came = Came { server: self.number, words, is_first: at == 0 };
            if let Err(what) = check(&frame, &came, book) {
                stage.fail(&what);
            }
            let (mut reply, conn) = (Vec::new(), &mut self.conns[place]);
            conn.session.receive(&mut self.store, &frame, &mut reply);
            conn.is_considered = false;
            let link = conn.link;
            stage.note(|| {
                format!("server {} on link {link}: {} ⇒ {}", self.number, shown(&frame), shown(&reply))
            });
            if reply.is_empty() || conn.session.is_closed() {
                stage.fail(&format!("a request without a reply: {}", shown(&frame)));
            }
            // A key that this request did not ask for; a lie about one that it did nobody could tell.
            let asks = frame.windows(3).any(|word| word == b" s0");
            let other_key = if asks || stage.dice.one_in(2) { &b"other"[..] } else { b"s0" };
            let fault = self.errs(&mut stage.dice).map(|fault| (fault, self.manners.focus));
            let planned = fault.and_then(|fault| faulty(&reply, fault, other_key, &mut stage.dice));
            self.conns[place].script.extend(planned.unwrap_or_else(|| sound(&reply)));
        }
        self.conns[place].input.drain(..used);
        self.conns[place].heard += used as u64;
    }

    /// Answers a request before its body is here: as a server does that is out of memory.
    fn refuse_early(
        &mut self,
        place: usize,
        total: usize,
        stage: &mut Stage,
        book: &mut Book,
        coverage: &mut Coverage<Fault>,
    ) {
        if std::mem::replace(&mut self.conns[place].is_considered, true) {
            return;
        }
        if self.manners.faults.contains(&Fault::EarlyError) && stage.dice.one_in(self.manners.one_in) {
            let conn = &mut self.conns[place];
            conn.swallow = total;
            conn.is_considered = false;
            let line = stage.dice.pick(&[
                "SERVER_ERROR out of memory storing object\r\n",
                "SERVER_ERROR object too large for cache\r\n",
            ]);
            conn.script.extend(sound(line.as_bytes()));
            book.faults[self.number] += 1;
            coverage.note(Fault::EarlyError, State::Waiting);
            stage.note(|| format!("server {}: {:?}", self.number, Fault::EarlyError));
        }
    }

    /// Sends some bytes of what is planned, or commits the fault that is next.
    fn speak(&mut self, place: usize, stage: &mut Stage, book: &mut Book, coverage: &mut Coverage<Fault>) {
        let conn = &mut self.conns[place];
        if conn.silent_until > stage.now {
            return;
        }
        let idle =
            conn.script.is_empty() && conn.input.is_empty() && stage.links[conn.link].outward.is_empty();
        match conn.script.front_mut() {
            None => {
                // Fewer of them than of replies' faults, since there are many more moments without a request.
                if idle
                    && !stage.links[conn.link].closed
                    && stage.dice.one_in(40)
                    && let Some(fault) = self.errs(&mut stage.dice)
                {
                    self.err_idle(place, fault, stage, book, coverage);
                }
            }
            Some(Out::Part { bytes, at, .. }) => {
                let count = stage.cut(bytes.len() - *at);
                let link = &mut stage.links[conn.link];
                if link.closed || link.peer_gone {
                    conn.script.clear();
                    return;
                }
                let written = link.inward.write(&bytes[*at..*at + count]);
                *at += written;
                stage.progress |= written > 0;
                if *at == bytes.len() {
                    conn.script.pop_front();
                }
            }
            Some(Out::Commit(fault)) => {
                let fault = *fault;
                conn.script.pop_front();
                if stage.links[conn.link].closed {
                    return;
                }
                let state = match fault {
                    Fault::MissingEnd | Fault::ErrorInside => State::MidLine,
                    Fault::ExtraBytes | Fault::TooMany if conn.script.len() <= 1 => conn.waits(stage),
                    _ => conn.state(stage),
                };
                self.commit(place, fault, state, stage, book, coverage);
            }
        }
    }

    /// Whether it can read or send something on some connection.
    pub(crate) fn has_work(&self, stage: &Stage) -> bool {
        let can_act = |conn: &Conn| {
            let link = &stage.links[conn.link];
            let reads = conn.unread_until <= stage.now && !link.outward.is_empty();
            let speaks =
                matches!(conn.script.front(), Some(Out::Part { .. })) && conn.silent_until <= stage.now;
            reads || speaks && !link.closed && !link.peer_gone && link.inward.free() > 0
        };
        !self.is_down() && self.conns.iter().any(|conn| !conn.is_over && can_act(conn))
    }

    /// When it does something that it has put off.
    pub(crate) fn next_time(&self, now: u64) -> Option<u64> {
        let times = self.conns.iter().flat_map(|conn| [conn.silent_until, conn.unread_until]);
        let probed = self.probed.iter().map(|probed| probed.from);
        times
            .chain(probed)
            .chain(self.outage.map(|outage| outage.until))
            .filter(|&time| time > now && time < u64::MAX)
            .min()
    }

    /// How its connection on this link stands; none if it is over, or not made.
    pub(crate) fn state_of(&self, link: usize, stage: &Stage) -> Option<State> {
        let conn = self.conns.iter().find(|conn| conn.link == link && !conn.is_over)?;
        Some(conn.state(stage))
    }

    /// Ends what would never end by itself: attempts without an answer, connections that say nothing.
    pub(crate) fn have_mercy(&mut self, stage: &mut Stage) {
        self.manners = Manners::default();
        self.come_back(stage);
        for link in self.hanging.drain(..) {
            if !stage.links[link].closed {
                stage.links[link].attempt = Attempt::Failed(Failure::ConnectionRefused);
            }
        }
        for conn in self.conns.iter_mut().filter(|conn| conn.owes) {
            stage.links[conn.link].peer_closes();
            conn.is_over = true;
        }
    }

    /// Closes every connection.
    pub(crate) fn stop(&mut self, stage: &mut Stage) {
        self.have_mercy(stage);
        for conn in self.conns.drain(..) {
            stage.links[conn.link].peer_closes();
        }
    }

    /// Links of its connections that have not been closed by anybody.
    pub(crate) fn open_links(&self) -> impl Iterator<Item = usize> + '_ {
        self.conns.iter().filter(|conn| !conn.is_over).map(|conn| conn.link)
    }
}
