//! Out of a seed: a pool's settings, servers with their manners, and what will befall all of them.

use super::history::{History, TRIES};
use super::server::{Manners, Server};
use super::traffic::Mix;
use super::turmoil::Turmoil;
use crate::coverage::Coverage;
use crate::dice::Dice;
use crate::faults::{Fault, State};
use crate::oracle::book::Book;
use crate::stage::{Cuts, Settings, Stage, settings};
use golem_config::MultigetFailure;
use golem_ring::{Distribution, Hash};
use std::time::Duration;

/// Where `timeout` is off, servers that are late are so late.
pub(super) const LATE: u64 = 200_000;

fn random_settings(is_ejecting: bool, is_roomy: bool, dice: &mut Dice) -> Settings {
    let mut settings = settings(if is_ejecting { dice.between(2, 4) } else { dice.between(1, 4) });
    settings.hash = dice.pick(Hash::ALL);
    settings.distribution = dice.pick(&[Distribution::Ketama, Distribution::Modula]);
    let wait = Duration::from_millis(dice.pick(&[100, 300, 1000]));
    settings.timeout = (!dice.one_in(8)).then_some(wait);
    let patience = settings.timeout.unwrap_or(Duration::from_secs(3));
    settings.connect_timeout = dice.pick(&[patience, patience, patience / 3, patience * 4]);
    settings.server_connections = dice.pick(&[1, 1, 2, 3]);
    settings.preconnect = dice.one_in(3);
    settings.multiget_failure =
        dice.pick(&[MultigetFailure::Close, MultigetFailure::Keep, MultigetFailure::Miss]);
    settings.admin_commands.verbosity = dice.one_in(2);
    if dice.one_in(6) && !is_roomy {
        settings.item_size_max = dice.pick(&[50, 1000, 20_000]);
    }
    if dice.one_in(4) && !is_roomy {
        settings.client_soft_limit = dice.pick(&[300, 5000, 40_000]);
        // Not below what the configuration takes: the engine measures no client that holds less.
        settings.client_hard_limit = (settings.client_soft_limit * dice.pick(&[1, 2, 4, 100])).max(4096);
    }
    if dice.one_in(4) {
        let milliseconds = dice.pick(&[30, 300, 2000]);
        settings.client_idle_timeout = Some(Duration::from_millis(milliseconds));
    }
    if is_ejecting {
        settings.auto_eject_hosts = true;
        settings.server_failure_limit = dice.pick(&[1, 2, 2, 3]);
        settings.server_retry_timeout = Duration::from_millis(dice.pick(&[50, 200, 1000]));
        settings.eject_max_percent = dice.pick(&[100, 100, 34, 50]);
    }
    settings
}

/// Gives workers pipes, and limits what they hold, softly in one of three histories, tightly in one of nine: whether requests
/// may be refused for it.
fn limit_workers(stage: &mut Stage, seed: u64) -> bool {
    // Of their own, so that the other histories are what they were.
    let mut dice = Dice::new(!seed.rotate_left(32));
    let room = dice.pick(&[1000, 10_000, 65_536]);
    stage.use_pipes(dice.pick(&[0, 1, 3, 32]), room, dice.pick(&[10, 1000, 10_000]));
    let mut dice = Dice::new(!seed);
    if !dice.one_in(3) {
        return false;
    }
    let soft = dice.pick(&[10_000, 50_000, 200_000, 1_000_000]);
    let is_tight = dice.one_in(3);
    stage.limit(soft, if is_tight { soft * dice.pick(&[1, 2, 5]) } else { u64::MAX });
    is_tight
}

/// Every third history looks for one meeting of a fault with a state, so that the rare ones occur too.
fn focus(seed: u64) -> Option<(Fault, State)> {
    // Large values take most looking for.
    let states = [State::MidLarge, State::MidLarge, State::MidValue, State::MidLine, State::Waiting];
    let place = (seed / 3) as usize;
    let (state, fault) = (place % states.len(), place / states.len() % Fault::EVERYWHERE.len());
    seed.is_multiple_of(3).then(|| (Fault::EVERYWHERE[fault], states[state]))
}

/// What a server does wrong, and how often.
fn manners(focus: Option<(Fault, State)>, is_ejecting: bool, is_fair: bool, dice: &mut Dice) -> Manners {
    if let Some((fault, state)) = focus {
        // So that the fault meets ejection too.
        let more = [Fault::ConnectReset, Fault::ConnectPending].into_iter().filter(|_| is_ejecting);
        let faults = std::iter::repeat_n(fault, 6).chain(more).collect();
        return Manners { faults, one_in: dice.pick(&[1, 3]), focus: Some(state) };
    }
    if is_fair || dice.one_in(2) {
        return Manners::default();
    }
    let count = dice.between(1, 6);
    let faults = (0..count).map(|_| dice.pick(Fault::OF_CONNECTIONS)).collect();
    Manners { faults, one_in: dice.pick(&[2, 5, 20, 60]), focus: None }
}

impl History {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let focus = focus(seed);
        // What is stuck when a server goes, and still when it is back, is rare.
        let is_stuck = focus.is_some_and(|(fault, _)| matches!(fault, Fault::Silence | Fault::Late));
        let is_large = focus.is_some_and(|(_, state)| state == State::MidLarge);
        let is_ejecting = dice.one_in(3 - usize::from(is_stuck) - usize::from(is_large));
        let mut settings = random_settings(is_ejecting, focus.is_some(), &mut dice);
        if is_ejecting && is_stuck {
            settings.server_failure_limit = 1;
            settings.server_retry_timeout = Duration::from_millis(50);
        }
        let mut book = Book::new(settings.servers.len());
        // Large requests wait for room there; that other requests have none is rare.
        book.is_pressed = seed % 11 == 5;
        if book.is_pressed {
            settings.server_connection_limit = 65_536;
        }
        book.has_tight_limits = settings.client_hard_limit < 100_000_000;
        let mix = Mix {
            large: focus.map_or(dice.one_in(3), |(_, state)| state == State::MidLarge),
            mostly_large: focus.is_some(),
            tiny: false,
            malformed: dice.one_in(2),
            quiet: dice.one_in(2),
            item_max: (settings.item_size_max as usize).min(settings.client_hard_limit as usize),
            admin: settings.admin_commands.verbosity,
        };
        let timeout = settings.timeout.map_or(LATE, |timeout| timeout.as_micros() as u64);
        let is_fair = focus.is_none() && dice.one_in(3);
        let mut servers: Vec<Server> =
            (0..settings.servers.len()).map(|number| Server::new(number, timeout)).collect();
        for server in &mut servers {
            server.manners = manners(focus, is_ejecting, is_fair, &mut dice);
        }
        let workers = dice.pick(if is_ejecting { &[1, 2, 3, 4] } else { &[1, 1, 2] });
        let turmoil = Turmoil::new(is_ejecting, is_fair, &mut dice);
        (book.has_moves, book.has_reloads) = (turmoil.has_moves(), turmoil.has_reloads());
        let mut stage = Stage::new(format!("seed {seed}"), settings, workers, dice);
        stage.is_shuffled = true;
        stage.office.is_slow = stage.dice.one_in(2);
        stage.cuts =
            if mix.large { Cuts::Mixed } else { stage.dice.pick(&[Cuts::Whole, Cuts::Tiny, Cuts::Mixed]) };
        let mix = Mix { tiny: stage.cuts == Cuts::Tiny, ..mix };
        stage.server_room = stage.dice.pick(&[1 << 20, 1 << 20, 65_536, 3000]);
        book.is_pressed |= limit_workers(&mut stage, seed);
        book.words.clone_from(&stage.office.words);
        let mut history = Self {
            all: Settings::clone(&stage.settings),
            stage,
            servers,
            clients: Vec::new(),
            book,
            mix,
            coverage: Coverage::default(),
            turmoil,
            tries: TRIES,
            moves: 0,
        };
        if history.stage.settings.preconnect {
            history.stage.preconnect();
        }
        history
    }
}
