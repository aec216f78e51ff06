//! One history of the simulation whose chance is the input: who sends what, how it is cut, what servers answer and do
//! wrong, when time passes. The engine is checked after each step and the judge reads every byte.

use crate::dice;
use crate::world::history::History;

/// Of this many bytes each decides something; what is longer is cut off.
const LONGEST: usize = 16 * 1024;

/// The first two bytes are the seed, the others turn its decisions.
pub(crate) fn run(bytes: &[u8]) {
    let Some((seed, decisions)) = bytes.split_at_checked(2) else {
        return;
    };
    dice::load(&decisions[..decisions.len().min(LONGEST)]);
    History::new(u64::from(seed[0]) | u64::from(seed[1]) << 8).run();
}
