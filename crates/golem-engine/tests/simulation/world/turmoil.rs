//! What befalls a history as a whole: servers that go down with all their connections, clients that come when there is no
//! room for them, leaps of time, the end of the process.

use super::beginning::LATE;
use super::client::Client;
use super::history::History;
use super::standing::Event;
use super::style::Style;
use crate::dice::Dice;
use crate::faults::{Fault, State};
use crate::link::Attempt;

/// So often at most another configuration takes the place of the one in use: every word that was given is kept.
const RELOADS_MOST: u64 = 40;

/// What may happen, and how likely it is in a round; 0: never.
pub(crate) struct Turmoil {
    /// Clients that are to come.
    pub(crate) coming: usize,
    /// So many clients have room.
    max_clients: Option<usize>,
    /// Servers go down.
    outages: usize,
    /// Time leaps while requests are on their way.
    leaps: usize,
    /// Servers move.
    moves: usize,
    /// Another configuration takes the place of the one in use.
    reloads: usize,
    /// How often it did.
    pub(crate) reloaded: u64,
    /// The process ends.
    end: usize,
    /// It does.
    pub(crate) has_left: bool,
    /// Clients that were one too many.
    pub(crate) turned_away: i64,
}

impl Turmoil {
    pub(crate) fn new(is_ejecting: bool, is_fair: bool, dice: &mut Dice) -> Self {
        let outages = if is_ejecting { dice.pick(&[0, 60, 300]) } else { dice.pick(&[0, 0, 0, 600]) };
        Self {
            coming: if is_ejecting { dice.pick(&[2, 4, 7, 12]) } else { dice.pick(&[1, 2, 4, 7]) },
            max_clients: dice.one_in(6).then(|| dice.between(1, 4)),
            outages: if is_fair { 0 } else { outages },
            leaps: if !is_fair && dice.one_in(4) { 300 } else { 0 },
            moves: if dice.one_in(7) { 60 } else { 0 },
            reloads: if dice.one_in(5) { dice.pick(&[20, 100, 400]) } else { 0 },
            reloaded: 0,
            end: if dice.one_in(5) { dice.pick(&[30, 300, 1000]) } else { 0 },
            has_left: false,
            turned_away: 0,
        }
    }
}

impl Turmoil {
    pub(super) const fn has_moves(&self) -> bool {
        self.moves > 0
    }

    pub(super) const fn has_reloads(&self) -> bool {
        self.reloads > 0
    }

    pub(super) const fn end_outages(&mut self) {
        (self.outages, self.reloads) = (0, 0);
    }
}

impl History {
    /// What befalls everybody in this round.
    pub(super) fn befall(&mut self) {
        if self.turmoil.coming > 0 && (self.clients.is_empty() || self.stage.dice.one_in(8)) {
            self.come_in();
        }
        let rate = self.turmoil.outages;
        if rate > 0 && self.stage.dice.one_in(rate) {
            let server = self.stage.dice.below(self.servers.len());
            let retry = self.stage.settings.server_retry_timeout.as_micros() as usize;
            let longest = self.stage.dice.pick(&[20_000, 300_000, retry * 2, retry * 6]);
            let wait = self.stage.dice.below(longest) as u64;
            let (stage, book) = (&mut self.stage, &mut self.book);
            self.servers[server].go_down(wait, stage, book, &mut self.coverage);
        }
        let rate = self.turmoil.leaps;
        if rate > 0 && self.stage.dice.one_in(rate) {
            self.book.has_leapt = true;
            let most = self.stage.settings.timeout.map_or(LATE, |timeout| timeout.as_micros() as u64);
            let leap = self.stage.dice.below(most as usize) as u64;
            self.stage.now += leap;
            self.stage.leaps.push((self.stage.now, leap));
            for server in &self.servers {
                server.note_all(Fault::TimeJump, &self.stage, &mut self.coverage);
            }
        }
        let rate = self.turmoil.moves;
        if rate > 0 && self.stage.dice.one_in(rate) {
            self.stage.move_some_server();
        }
        let rate = self.turmoil.reloads;
        if rate > 0 && self.turmoil.reloaded < RELOADS_MOST && self.stage.dice.one_in(rate) {
            self.reload();
        }
        let rate = self.turmoil.end;
        if rate > 0 && !self.turmoil.has_left && self.turmoil.coming == 0 && self.stage.dice.one_in(rate) {
            self.leave();
        }
    }

    /// Some of the servers, with other weights; other numbers of connections.
    fn reload(&mut self) {
        self.turmoil.reloaded += 1;
        let mut next = self.all.clone();
        // One stays, so that there is always one.
        let kept = self.stage.dice.below(next.servers.len());
        let mut place = 0;
        next.servers.retain(|_| {
            place += 1;
            place == kept + 1 || self.stage.dice.one_in(2)
        });
        for server in &mut next.servers {
            server.weight = self.stage.dice.pick(&[1, 1, 2, 5]);
        }
        next.server_connections = self.stage.dice.pick(&[1, 1, 2, 3]);
        let names: Vec<&str> = next.servers.iter().map(|server| server.label.as_str()).collect();
        self.stage.note(|| format!("reload: {names:?}, {} connections", next.server_connections));
        self.stage.reload(vec![next]);
    }

    /// One more client comes in, unless there is no room for it.
    pub(super) fn come_in(&mut self) {
        self.turmoil.coming -= 1;
        let number = self.clients.len();
        let may_stay = self.stage.settings.client_idle_timeout.is_some();
        let mut style = Style::random(may_stay, &mut self.stage.dice);
        style.thinks = self.stage.settings.auto_eject_hosts && self.stage.dice.one_in(2);
        if self.mix.large || self.mix.tiny {
            style.requests = style.requests.min(12);
        }
        if self.mix.large {
            style.room = (style.room.0.max(4096), style.room.1.max(4096));
        }
        let worker = self.stage.dice.below(self.stage.workers.len());
        let there = self.stage.pool_counter("client_connections");
        let client = if self.turmoil.max_clients.is_some_and(|most| there >= most as i64) {
            self.turmoil.turned_away += 1;
            Client::turned_away(number, self.stage.turn_away(worker, style.room), style)
        } else {
            Client::new(number, self.stage.accept(worker, style.room), style)
        };
        self.stage.progress = true;
        self.clients.push(client);
    }

    /// The process is told to end: nobody comes in any more, and who is there is let go with what it is owed.
    fn leave(&mut self) {
        self.turmoil.has_left = true;
        self.stage.note(|| "the process ends".to_owned());
        for client in self.clients.iter_mut().filter(|client| !client.is_gone) {
            client.is_left(&self.stage);
        }
        for worker in 0..self.stage.workers.len() {
            self.stage.leave(worker);
        }
    }

    /// Looks at what the coordinator said: it ejects nobody that was well, takes nobody back that has not answered, and all
    /// workers have come to know.
    pub(super) fn look_at_changes(&mut self) {
        for place in self.book.words.len()..self.stage.office.words.len() {
            let new = self.stage.office.words[place].clone();
            let (gone, back) = self.changed(place);
            if let Some(well) = gone.iter().find(|&&server| self.book.faults[server] == 0)
                && !self.book.has_leapt
            {
                self.stage.fail(&format!("server {well} was well and is ejected"));
            }
            for server in back {
                if !std::mem::take(&mut self.servers[server].has_vouched) {
                    self.stage.fail(&format!("server {server} is taken back and has not answered"));
                }
            }
            let (out, most) = (new.ejected().count(), self.stage.settings.eject_max_percent as usize);
            // Of fewer servers more may be out than would be ejected.
            if out * 100 > most * self.servers.len() && !self.book.has_reloads {
                self.stage.fail(&format!("{out} servers are out, {most} % may be"));
            }
            self.book.words.push(new);
        }
        for (place, links) in std::mem::take(&mut self.stage.office.followed) {
            self.note_followed(place, &links);
            for client in &mut self.clients {
                client.note(Event::Ejection, &self.stage);
            }
        }
    }

    /// The servers that a word takes out of the ring, and those that it takes back.
    fn changed(&self, place: usize) -> (Vec<usize>, Vec<usize>) {
        let words = &self.stage.office.words;
        let [old, new] = [place - 1, place].map(|place| words[place].ejected().collect::<Vec<_>>());
        let gone: Vec<usize> = new.iter().filter(|server| !old.contains(server)).copied().collect();
        let is_back = |server: &usize| !new.contains(server) && words[place].has(*server);
        (gone, old.iter().copied().filter(is_back).collect())
    }

    /// Notes in the table what a change met.
    fn note_followed(&mut self, place: usize, links: &[usize]) {
        let (gone, back) = self.changed(place);
        for &at in links {
            let link = &self.stage.links[at];
            let Some(server) = link.server else { continue };
            let state = match link.attempt {
                Attempt::Pending | Attempt::Made | Attempt::Failed(_) => Some(State::Connecting),
                Attempt::Over => self.servers[server].state_of(at, &self.stage),
            };
            let Some(state) = state else { continue };
            if gone.contains(&server) {
                self.coverage.note(Fault::Ejected, state);
            } else if back.contains(&server) {
                self.coverage.note(Fault::Restored, state);
            }
        }
    }
}
