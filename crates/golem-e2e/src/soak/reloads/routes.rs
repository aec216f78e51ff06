//! Which server each key of each client has in a configuration, as `golemproxy route` names it.

use super::draft::{Draft, Ground};
use super::stage::POOLS;
use crate::failure::{Outcome, ensure};
use crate::programs::golemproxy;
use crate::soak::moving::{KEYS, key_name};
use std::path::Path;
use std::process::Command;

/// A server by its label and number: golemproxy knows it by that, whatever its weight.
pub(super) type Route = Option<(String, usize)>;

/// The pool of a client: one of ten is in the one that comes and goes.
pub(super) fn pool_of(client: usize) -> usize {
    if client % 10 == 9 { POOLS - 1 } else { client % (POOLS - 1) }
}

/// The routes of all keys, by client and key; those of pools whose ring is as it was are `before`'s.
pub(super) fn routes(
    draft: &Draft,
    file: &Path,
    ground: &Ground,
    clients: usize,
    before: Option<(&Draft, &[Route])>,
) -> Outcome<Vec<Route>> {
    let mut routes = before.map_or_else(|| vec![None; clients * KEYS], |(_, routes)| routes.to_vec());
    for pool in 0..POOLS {
        if before.is_some_and(|(before, _)| before.has_ring_of(draft, pool)) {
            continue;
        }
        let own: Vec<usize> = (0..clients * KEYS).filter(|key| pool_of(key / KEYS) == pool).collect();
        let Some(name) = draft.name(pool).filter(|_| !own.is_empty()) else {
            own.iter().for_each(|key| routes[*key] = None);
            continue;
        };
        let mut command = Command::new(golemproxy()?);
        command.args(["route", "--pool", &name, "-c"]).arg(file);
        command.args(own.iter().map(|key| key_name(key / KEYS, key % KEYS)));
        let text = String::from_utf8_lossy(&command.output()?.stdout).into_owned();
        ensure(text.lines().count() == own.len(), format!("golemproxy route says:\n{text}"))?;
        for (key, line) in own.iter().zip(text.lines()) {
            routes[*key] = route(line, ground);
            ensure(routes[*key].is_some(), format!("golemproxy route says: {line}"))?;
        }
    }
    Ok(routes)
}

fn route(line: &str, ground: &Ground) -> Route {
    let mut words = line.split('\t').skip(1);
    let (label, entry) = (words.next()?, words.next()?);
    let server = ground.servers.iter().position(|server| entry.starts_with(&format!("{server}:")))?;
    Some((label.to_owned(), server))
}
