//! What clients, servers and workers of a random history may make the engine hold.

use crate::dice::Dice;
use crate::stage::{Settings, Stage};

/// Limits what workers hold, softly in one of three histories, tightly in one of nine: whether requests may be refused for it.
pub(crate) fn limit_workers(stage: &mut Stage, seed: u64) -> bool {
    // Of its own, so that the other histories are what they were.
    let mut dice = Dice::new(!seed);
    if !dice.one_in(3) {
        return false;
    }
    let soft = dice.pick(&[10_000, 50_000, 200_000, 1_000_000]);
    let is_tight = dice.one_in(3);
    stage.limit(soft, if is_tight { soft * dice.pick(&[1, 2, 5]) } else { u64::MAX });
    is_tight
}

/// Limits what waits for servers in one of eleven histories, which is whether requests may be refused for it. Mostly large
/// requests wait for room.
pub(crate) fn limit_servers(settings: &mut Settings, seed: u64) -> bool {
    let is_tight = seed % 11 == 5;
    if is_tight {
        settings.server_connection_limit = 65_536;
    }
    is_tight
}

/// Limits what clients may hold in one of four histories.
pub(crate) fn limit_clients(settings: &mut Settings, dice: &mut Dice) {
    if dice.one_in(4) {
        settings.client_soft_limit = dice.pick(&[300, 5000, 40_000]);
        // Not below what the configuration takes: the engine measures no client that holds less.
        settings.client_hard_limit = (settings.client_soft_limit * dice.pick(&[1, 2, 4, 100])).max(4096);
    }
}
