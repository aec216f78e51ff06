//! A fake client: it sends what its traffic says as its style says, and holds every byte that it gets to its verdict.

use super::standing::{Event, Standing};
use super::style::{Ending, Reads, Style};
use super::traffic::{Mix, Traffic};
use crate::oracle::book::Book;
use crate::oracle::expected::{Asked, Expected, Silence};
use crate::oracle::verdict::Verdict;
use crate::pipe::End;
use crate::stage::Stage;

/// How long a client may rest after an error, in microseconds: a server connection may be tried again meanwhile, or an
/// ejected server come back.
const RESTS: &[usize] = &[50_000, 50_000, 1_000_000];

/// How long one that thinks may do so before it asks again, in microseconds.
const LONGEST_THOUGHT: usize = 400_000;

pub(crate) struct Client {
    pub(crate) link: usize,
    pub(crate) style: Style,
    traffic: Traffic,
    pub(crate) verdict: Verdict,
    /// Requests written so far.
    asked: usize,
    /// Bytes sent so far.
    sent: u64,
    /// After an error it asks nothing before this time.
    rests_until: u64,
    /// It has said that it sends no more.
    has_finished: bool,
    /// It has closed its socket.
    pub(crate) is_gone: bool,
    /// It was one too many.
    is_turned_away: bool,
    /// What befell it, and where it stood then.
    pub(super) events: Vec<(Event, Standing)>,
    is_paused: bool,
    /// Why the engine closed it, if not for what it said itself.
    pub(crate) fate: Option<Fate>,
}

/// Why an engine lets a client go that did nothing for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Idle,
    /// The process ends.
    Left,
}

impl Client {
    pub(crate) fn new(number: usize, link: usize, style: Style) -> Self {
        Self {
            link,
            style,
            traffic: Traffic::new(number),
            verdict: Verdict::new(),
            asked: 0,
            sent: 0,
            rests_until: 0,
            has_finished: false,
            is_gone: false,
            is_turned_away: false,
            events: Vec::new(),
            is_paused: false,
            fate: None,
        }
    }

    /// One that comes in when there is no room: it hears so, whatever it says.
    pub(crate) fn turned_away(number: usize, link: usize, style: Style) -> Self {
        let mut client = Self::new(number, link, Style { requests: 0, ending: Ending::Close, ..style });
        client.is_turned_away = true;
        let asked = Asked::Refused { starts: "ERROR Too many open connections", closes: true };
        client.verdict.expect(Expected::new(asked, Silence::Never, (0, 0, 0)));
        client.traffic.put_in_vain(b"set s1 0 0 9\r\nforbidden\r\nget s1\r\n");
        client
    }

    /// The process ends: what its engine has of it by now is answered, and nothing else.
    pub(crate) fn is_left(&mut self, stage: &Stage) {
        if stage.links[self.link].finished.is_some() {
            // It was let go before, and has not noticed.
            return;
        }
        self.note(Event::Left, stage);
        self.fate = Some(Fate::Left);
        self.verdict.is_cut_at(stage.links[self.link].delivered);
    }

    /// One small thing.
    pub(crate) fn act(&mut self, stage: &mut Stage, mix: &Mix, book: &mut Book) {
        if self.is_gone {
            return;
        }
        if stage.dice.one_in(2) {
            self.read(stage, mix, book);
        } else {
            self.send(stage, mix, book);
        }
    }

    fn read(&mut self, stage: &mut Stage, mix: &Mix, book: &mut Book) {
        let most = match self.style.reads {
            Reads::AfterSending if self.sends_more() => return,
            Reads::Slowly if !stage.dice.one_in(8) => return,
            Reads::Slowly => stage.dice.between(1, if mix.large { 20_000 } else { 200 }),
            Reads::Eagerly | Reads::AfterSending => stage.cut(64 * 1024),
        };
        let bytes = stage.links[self.link].outward.take(most);
        if !bytes.is_empty() {
            stage.progress = true;
            if bytes.windows(6).any(|word| word == b"_ERROR") && stage.dice.one_in(2) {
                let longest = stage.dice.pick(RESTS);
                self.rests_until = stage.now + stage.dice.below(longest) as u64;
            }
            let word = stage.workers[stage.links[self.link].worker].word;
            let policy = stage.settings.multiget_failure;
            let heard = self.verdict.hear(&bytes, (stage.now, word), book, policy);
            if let Err(what) = heard {
                stage.fail(&format!("{:?}: {what}", stage.links[self.link].connection));
            }
        } else if stage.links[self.link].outward.end != End::Open {
            self.hear_the_end(stage, book);
        }
    }

    /// The engine closed the connection: there must be a reason.
    fn hear_the_end(&mut self, stage: &mut Stage, book: &Book) {
        let finished = self.has_finished && self.verdict.is_answered();
        let cut_off = (book.has_tight_limits && stage.pool_counter("client_over_limit") > 0)
            || (book.is_pressed && stage.pool_counter("worker_over_limit") > 0);
        let has_reason = finished || cut_off || self.verdict.may_end();
        let is_in_order = has_reason || self.is_let_go(stage) && self.verdict.is_answered();
        if !is_in_order {
            let what = format!(
                "{:?} was closed, waiting for {}",
                stage.links[self.link].connection,
                self.verdict.next()
            );
            stage.fail(&what);
        }
        self.close(stage);
    }

    /// The engine had a reason of its own to let the client go: it was idle, or the process ends.
    fn is_let_go(&mut self, stage: &Stage) -> bool {
        let Some(finish) = stage.links[self.link].finished else { return false };
        let limit = stage.settings.client_idle_timeout.map(|limit| limit.as_micros() as u64);
        if self.fate.is_none() && limit.is_some_and(|limit| finish.at >= finish.active + limit) {
            self.note(Event::Idle, stage);
            self.fate = Some(Fate::Idle);
            self.verdict.is_cut_at(finish.delivered);
        }
        self.fate.is_some()
    }

    fn close(&mut self, stage: &mut Stage) {
        self.is_gone = true;
        stage.progress = true;
        stage.links[self.link].peer_closes();
    }

    fn sends_more(&self) -> bool {
        let has_stopped = matches!(self.style.ending, Ending::StopAt(at) if self.sent >= at);
        !self.has_finished
            && !has_stopped
            && (self.asked < self.style.requests || !self.traffic.unsent().is_empty())
    }

    fn send(&mut self, stage: &mut Stage, mix: &Mix, book: &mut Book) {
        if self.has_finished {
            return;
        }
        if stage.links[self.link].closed {
            self.has_finished = true;
            stage.progress = true;
            return;
        }
        if matches!(self.style.ending, Ending::StopAt(at) if self.sent >= at) {
            return;
        }
        if self.traffic.unsent().is_empty()
            && self.rests_until <= stage.now
            && self.asked < self.style.requests
            && self.verdict.waiting() < self.style.depth
        {
            if self.style.thinks && stage.dice.one_in(4) {
                self.rests_until = stage.now + stage.dice.below(LONGEST_THOUGHT) as u64;
            }
            self.ask(stage, mix, book);
        }
        let count = stage.cut(self.traffic.unsent().len());
        let written = stage.links[self.link].inward.write(&self.traffic.unsent()[..count]);
        self.traffic.sent(written);
        self.sent += written as u64;
        stage.progress |= written > 0;
        match self.style.ending {
            Ending::CloseAt(at) if self.sent >= at => {
                self.note(Event::Closes, stage);
                self.close(stage);
            }
            Ending::ResetAt(at) if self.sent >= at => {
                self.note(Event::Resets, stage);
                stage.links[self.link].peer_resets();
                self.is_gone = true;
                stage.progress = true;
            }
            Ending::HalfClose if !self.sends_more() => {
                self.note(Event::HalfCloses, stage);
                stage.links[self.link].peer_finishes();
                self.has_finished = true;
                stage.progress = true;
            }
            Ending::Close | Ending::CloseAt(_) | Ending::ResetAt(_)
                if !self.sends_more() && self.verdict.is_answered() && !self.verdict.must_end() =>
            {
                self.close(stage);
            }
            Ending::Quit
            | Ending::HalfClose
            | Ending::Close
            | Ending::CloseAt(_)
            | Ending::ResetAt(_)
            | Ending::StopAt(_)
            | Ending::Stay => {}
        }
    }

    fn ask(&mut self, stage: &mut Stage, mix: &Mix, book: &mut Book) {
        self.asked += 1;
        if self.asked == self.style.requests && self.style.ending == Ending::Quit {
            // What comes behind it must not matter.
            let tail: &[u8] = if stage.dice.one_in(3) { b"get s1\r\nset" } else { b"" };
            self.traffic.put(&mut self.verdict, &[b"quit\r\n", tail], Asked::Quit, Silence::Maybe);
            return;
        }
        let burst = if self.style.depth > 4 { stage.dice.between(1, 8) } else { 1 };
        for _ in 0..burst {
            self.traffic.more(&mut self.verdict, mix, book, &mut stage.dice);
        }
        // Some of it goes in one write with what follows.
    }

    /// Notes what the engine has taken in, and that nothing of it waits longer than it may.
    pub(crate) fn watch(&mut self, stage: &Stage) {
        let is_paused = stage.links[self.link].paused;
        if is_paused && !std::mem::replace(&mut self.is_paused, is_paused) {
            self.note(Event::Paused, stage);
        }
        self.is_paused = is_paused;
        let link = &stage.links[self.link];
        let word = stage.workers[link.worker].word;
        self.verdict.delivered(link.delivered, stage.now, word, link.paused);
        let is_heard = link.outward.is_empty() && link.outward.end == End::Open;
        if self.is_gone || link.closed || link.blocked || !is_heard || stage.wants_turn(link.worker) {
            return;
        }
        if let Some(limit) = stage.settings.client_idle_timeout
            && self.verdict.is_settled()
            && link.active + limit.as_micros() as u64 <= stage.now
        {
            stage.fail(&format!("{:?} is idle since {} and not closed", link.connection, link.active));
        }
        let Some(timeout) = stage.settings.timeout else { return };
        let leapt = |since| if stage.settings.auto_eject_hosts { stage.leapt_since(since) } else { 0 };
        if let Some(since) = self.verdict.waits_since()
            // Half as long again, if it was held back first: a large request for room, or in doubt about its server. A leap may
            // come while it is held back in doubt, and its time begin only then.
            && since + timeout.as_micros() as u64 * 3 / 2 + leapt(since) <= stage.now
        {
            stage.fail(&format!("{:?} waits since {since} for {}", link.connection, self.verdict.next()));
        }
    }

    /// Whether all is done that this client does: it is gone, or waits for nothing.
    pub(crate) fn is_done(&self) -> bool {
        self.is_gone
    }

    /// When it goes on after a rest.
    pub(crate) fn next_time(&self, now: u64) -> Option<u64> {
        Some(self.rests_until).filter(|&time| !self.is_gone && time > now)
    }

    /// From now on it reads whatever comes.
    pub(crate) fn hurry(&mut self) {
        if self.style.reads == Reads::Slowly {
            self.style.reads = Reads::Eagerly;
        }
    }

    /// For a message: what it waits for.
    pub(crate) fn describe(&self) -> String {
        format!(
            "asked {} of {}, {} bytes to send, {:?}, waits for {}",
            self.asked,
            self.style.requests,
            self.traffic.unsent().len(),
            self.style.ending,
            self.verdict.next()
        )
    }
}
