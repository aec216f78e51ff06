//! The check of the whole file: the reserved name, every pool, and what several pools must not share.
//!
//! Invariant: pools leave in nutcracker's order, by length of the name, then byte by byte.

use crate::keys;
use crate::model::{Config, Pool, Process};
use crate::problem::{Place, Position, Problems};
use crate::raw::{Body, Entry, Node};
use crate::scalar::quoted;
use crate::{pool, process};

/// The model of the file; `None` if nothing of it could be used. Problems are recorded, so it counts only without any.
pub(crate) fn check(root: &Node, problems: &mut Problems) -> Option<Config> {
    let Body::Map(entries) = &root.body else {
        if !matches!(root.body, Body::Refused) {
            problems.error(Place::of_file(root.position), "the file holds no pools", POOL_FORM);
        }
        return None;
    };
    let settings = settings(entries, problems);
    let named = named_pools(entries, problems);
    let mut checked: Vec<(Position, Pool)> = Vec::new();
    for (entry, keys) in &named {
        let place = Place::of_pool(entry.position, &entry.key);
        if let Some(pool) = pool::check(place, &entry.key, keys, problems) {
            refuse_shared_address(&checked, &pool, keys, place, problems);
            checked.push((entry.position, pool));
        }
    }
    if named.is_empty() && entries.iter().all(|entry| entry.key == keys::PROCESS) {
        problems.error(Place::of_file(root.position), "the file holds no pools", POOL_FORM);
    }
    let mut pools: Vec<Pool> = checked.into_iter().map(|(_, pool)| pool).collect();
    pools.sort_by(|a, b| (a.name.len(), &a.name).cmp(&(b.name.len(), &b.name)));
    Some(Config { process: settings, pools })
}

const POOL_FORM: &str =
    "write a pool: its name and a colon, below it, indented, 'listen: …', 'servers:' and its list";

/// The settings under the reserved name, the first if there are several (which is reported with the pools).
fn settings(entries: &[Entry], problems: &mut Problems) -> Process {
    let reserved = entries.iter().find(|entry| entry.key == keys::PROCESS);
    let Some(Entry { position, value, .. }) = reserved else {
        return process::check(Place::of_pool(Position::new(1, 1), keys::PROCESS), &[], problems);
    };
    let place = Place::of_pool(*position, keys::PROCESS);
    let keys_given: &[Entry] = match &value.body {
        Body::Map(entries) => entries,
        Body::Refused => &[],
        Body::Scalar(_) | Body::List(_) => {
            let all = keys::PROCESS_KEYS.iter().map(|key| key.name).collect::<Vec<_>>().join(", ");
            problems.error(place, "it holds no keys", format!("write keys below it, indented: {all}"));
            &[]
        }
    };
    if keys_given.iter().any(|entry| matches!(entry.key.as_str(), "listen" | "servers")) {
        problems.error(place, "the name is reserved for process-wide settings", "give the pool another name");
        return process::check(place, &[], problems);
    }
    process::check(place, keys_given, problems)
}

/// The pools with their maps; names given twice and values that are no map are problems.
fn named_pools<'a>(entries: &'a [Entry], problems: &mut Problems) -> Vec<(&'a Entry, &'a [Entry])> {
    let mut named: Vec<(&Entry, &[Entry])> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let place = Place::of_pool(entry.position, &entry.key);
        if let Some(first) = entries[..index].iter().find(|other| other.key == entry.key) {
            let what = format!("the name is given again, first in line {}", first.position.line);
            problems.error(place, what, "give each pool a name of its own");
        }
        if entry.key == keys::PROCESS {
            continue;
        }
        if entry.key.is_empty() {
            problems.error(place, "the pool has no name", "write a name in front of the colon");
        }
        match &entry.value.body {
            Body::Map(keys) => named.push((entry, keys)),
            Body::Refused => {}
            Body::Scalar(_) | Body::List(_) => refuse_no_pool(entry, problems),
        }
    }
    named
}

/// A name at the top level without a map: often a key that is not indented.
fn refuse_no_pool(entry: &Entry, problems: &mut Problems) {
    let is_key = |table: &'static [keys::Key]| keys::find(table, &entry.key).is_some();
    let place = Place::of_file(entry.position).at_key(entry.position, &entry.key);
    if is_key(keys::POOL_KEYS) {
        problems.error(
            place,
            "a key of a pool stands at the top level",
            "indent it below the name of its pool",
        );
    } else if is_key(keys::PROCESS_KEYS) {
        let instead = format!("put '{}:' above it and indent it", keys::PROCESS);
        problems.error(place, "a process-wide key stands at the top level", instead);
    } else {
        problems.error(Place::of_pool(entry.position, &entry.key), "the pool holds no keys", POOL_FORM);
    }
}

fn refuse_shared_address(
    earlier: &[(Position, Pool)],
    pool: &Pool,
    entries: &[Entry],
    place: Place<'_>,
    problems: &mut Problems,
) {
    let Some((_, other)) = earlier.iter().find(|(_, other)| pool::same_address(&other.listen, &pool.listen))
    else {
        return;
    };
    let listen = entries.iter().find(|entry| entry.key == keys::LISTEN.name);
    let position = listen.map_or(place.position, |entry| entry.value.position);
    let source = quoted(&other.listen.source);
    problems.error(
        place.at_key(position, keys::LISTEN.name),
        format!("pool {} already listens on {source}", quoted(&other.name)),
        "give each pool an address of its own",
    );
}
