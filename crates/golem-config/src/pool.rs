//! The check of one pool: its map in the file becomes a [`Pool`], or its problems are recorded.
//!
//! Everything of the map is looked at, whatever went wrong before; what concerns several pools is in `pools`.

use std::time::Duration;

use golem_ring::{Distribution, Hash, HashTag};

use crate::address;
use crate::keys;
use crate::model::{AdminCommands, ListenAddress, ListenTarget, MultigetFailure, Pool, Server};
use crate::problem::{Place, Problems};
use crate::raw::Entry;
use crate::scalar::quoted;
use crate::section::Section;

/// How long making a connection may take where the file says nothing of time.
const LONGEST_CONNECTING: Duration = Duration::from_secs(3);

/// The pool `name`; `None` if a part without which there is no pool is missing or wrong.
pub(crate) fn check(
    place: Place<'_>,
    name: &str,
    entries: &[Entry],
    problems: &mut Problems,
) -> Option<Pool> {
    let section = Section::open(place, entries, keys::POOL_KEYS, keys::PROCESS_KEYS, problems);
    refuse_what_comes_later(&section, problems);
    warn_of_what_has_no_effect(&section, problems);
    let listen = listen(&section, problems);
    let servers = servers(&section, problems);
    let hash = section.word(&keys::HASH, Hash::from_name, problems);
    let distribution = section.word(&keys::DISTRIBUTION, Distribution::from_name, problems);
    warn_of_a_hash_that_does_not_spread(&section, hash, distribution, servers.as_deref(), problems);
    let multiget_failure = section.word(&keys::MULTIGET_FAILURE, multiget_failure, problems);
    let hash_tag = hash_tag(&section, problems);
    let (client_soft_limit, client_hard_limit) =
        section.limits(&keys::CLIENT_SOFT_LIMIT, &keys::CLIENT_HARD_LIMIT, problems);
    let timeout = timeout(&section, problems);
    let (auto_eject_hosts, eject_max_percent) = ejection(&section, servers.as_deref(), problems);
    let pool = Pool {
        name: name.to_owned(),
        timeout,
        connect_timeout: connect_timeout(&section, timeout, problems),
        resolve_interval: Some(Duration::from_millis(section.number(&keys::RESOLVE_INTERVAL, problems)))
            .filter(|interval| !interval.is_zero()),
        backlog: section.number(&keys::BACKLOG, problems),
        tcpkeepalive: section.switch(&keys::TCPKEEPALIVE, problems),
        reuseport: section.switch(&keys::REUSEPORT, problems),
        preconnect: section.switch(&keys::PRECONNECT, problems),
        server_connections: section.number(&keys::SERVER_CONNECTIONS, problems),
        auto_eject_hosts,
        eject_max_percent,
        server_retry_timeout: Duration::from_millis(section.number(&keys::SERVER_RETRY_TIMEOUT, problems)),
        server_failure_limit: section.number(&keys::SERVER_FAILURE_LIMIT, problems),
        admin_commands: admin_commands(&section, problems),
        key_max: section.number(&keys::KEY_MAX, problems),
        line_max: section.number(&keys::LINE_MAX, problems),
        keys_max: section.number(&keys::KEYS_MAX, problems),
        item_size_max: section.number(&keys::ITEM_SIZE_MAX, problems),
        listen: listen?,
        hash: hash?,
        hash_tag,
        distribution: distribution?,
        servers: servers?,
        multiget_failure: multiget_failure?,
        client_soft_limit,
        client_hard_limit,
        server_connection_limit: section.number(&keys::SERVER_CONNECTION_LIMIT, problems),
        max_clients: section.optional_number(&keys::MAX_CLIENTS, problems),
        client_idle_timeout: section
            .optional_number(&keys::CLIENT_IDLE_TIMEOUT, problems)
            .filter(|milliseconds| *milliseconds > 0)
            .map(Duration::from_millis),
        given: section.as_written(),
    };
    Some(pool)
}

/// Values that ask for what this version cannot do are errors: to ignore them would send traffic astray.
fn refuse_what_comes_later(section: &Section<'_>, problems: &mut Problems) {
    let redis = section.switch(&keys::REDIS, problems);
    if redis {
        problems.error(
            section.place_of(&keys::REDIS),
            "this version does not support Redis pools yet",
            "leave the pool to nutcracker, or write false if its servers are memcached",
        );
    }
    if section.text(&keys::REDIS_AUTH, problems).is_some() && !redis {
        problems.error(
            section.place_of(&keys::REDIS_AUTH),
            "a password is only valid in a Redis pool, and this is a memcached pool",
            "leave it out",
        );
    }
}

fn warn_of_what_has_no_effect(section: &Section<'_>, problems: &mut Problems) {
    let limit: Option<u32> = section.optional_number(&keys::CLIENT_CONNECTIONS, problems);
    if limit.is_some() {
        problems.warn(
            section.place_of(&keys::CLIENT_CONNECTIONS),
            "it has no effect, as in nutcracker, which reads and drops it",
            "leave it out; the key for a limit on clients is max_clients",
        );
    }
    if section.number::<u32>(&keys::REDIS_DB, problems) != 0 {
        problems.warn(
            section.place_of(&keys::REDIS_DB),
            "it has no effect in a memcached pool",
            "leave it out",
        );
    }
}

/// Whether failing servers are ejected, and how many of 100 at a time. A bound below one server would turn ejection off
/// without a word.
fn ejection(section: &Section<'_>, servers: Option<&[Server]>, problems: &mut Problems) -> (bool, u32) {
    let ejects = section.switch(&keys::AUTO_EJECT_HOSTS, problems);
    let percent: u32 = section.number(&keys::EJECT_MAX_PERCENT, problems);
    let count = servers.map_or(0, <[Server]>::len);
    if ejects && count > 0 && (percent as usize).saturating_mul(count) < 100 {
        problems.warn(
            section.place_of(&keys::EJECT_MAX_PERCENT),
            format!("{percent} % of {count} is less than one server, so that none is ever ejected"),
            format!("write {} or more to let one go", 100_usize.div_ceil(count)),
        );
    }
    (ejects, percent)
}

/// The values of crc32 lie so close together on ketama's circle that hardly more than one point is behind them.
fn warn_of_a_hash_that_does_not_spread(
    section: &Section<'_>,
    hash: Option<Hash>,
    distribution: Option<Distribution>,
    servers: Option<&[Server]>,
    problems: &mut Problems,
) {
    let chosen = hash == Some(Hash::Crc32) && distribution == Some(Distribution::Ketama);
    if chosen && servers.is_some_and(|servers| servers.len() > 1) {
        problems.warn(
            section.place_of(&keys::HASH),
            "crc32 makes 15 bits, so that ketama sends nearly all keys to one server",
            "write crc32a unless keys must stay where they are; 'golemproxy ring' shows the shares",
        );
    }
}

fn listen(section: &Section<'_>, problems: &mut Problems) -> Option<ListenAddress> {
    if !section.has(&keys::LISTEN) {
        missing(section, &keys::LISTEN, problems);
    }
    let given = section.scalar(&keys::LISTEN, problems)?;
    match address::listen(given.text) {
        Ok(target) => Some(ListenAddress { target, source: given.text.to_owned() }),
        Err(error) => {
            problems.error(given.place, error.what, error.instead);
            None
        }
    }
}

/// The servers in index order: by length of the label, then byte by byte.
fn servers(section: &Section<'_>, problems: &mut Problems) -> Option<Vec<Server>> {
    if !section.has(&keys::SERVERS) {
        missing(section, &keys::SERVERS, problems);
    }
    let entries = section.list(&keys::SERVERS, problems)?;
    if entries.is_empty() {
        problems.error(
            section.place_of(&keys::SERVERS),
            "the pool has no servers",
            format!("write {}", keys::SERVERS.expected()),
        );
    }
    let mut servers: Vec<Server> = Vec::new();
    for (file_position, given) in entries.iter().enumerate() {
        match address::server(given.text, file_position) {
            Ok(server) => {
                if let Some(first) = servers.iter().find(|other| other.label == server.label) {
                    let what = format!(
                        "the label {} is also that of {}",
                        quoted(&server.label),
                        quoted(&first.entry)
                    );
                    problems.error(
                        given.place,
                        what,
                        "give one of the two a name of its own behind its weight",
                    );
                }
                servers.push(server);
            }
            Err(error) => problems.error(given.place, error.what, error.instead),
        }
    }
    servers.sort_by(|a, b| (a.label.len(), &a.label).cmp(&(b.label.len(), &b.label)));
    Some(servers)
}

fn missing(section: &Section<'_>, key: &keys::Key, problems: &mut Problems) {
    let place = section.place_of(key);
    let place = place.at_key(place.position, key.name);
    problems.error(place, "the key is missing", format!("write {}", key.expected()));
}

fn hash_tag(section: &Section<'_>, problems: &mut Problems) -> Option<HashTag> {
    let given = section.scalar(&keys::HASH_TAG, problems)?;
    if let [open, close] = *given.text.as_bytes() {
        return Some(HashTag { open, close });
    }
    let what = format!("{} has {} instead of two bytes", quoted(given.text), given.text.len());
    section.wrong(&keys::HASH_TAG, what, problems);
    None
}

fn timeout(section: &Section<'_>, problems: &mut Problems) -> Option<Duration> {
    let given = section.has(&keys::TIMEOUT);
    match section.optional_number(&keys::TIMEOUT, problems) {
        Some(0) => {}
        Some(milliseconds) => return Some(Duration::from_millis(milliseconds)),
        // A wrong value has been reported already.
        None if given => return None,
        None => {}
    }
    problems.warn(
        section.place_of(&keys::TIMEOUT),
        if given {
            "0 waits for ever"
        } else {
            "without a timeout clients wait for ever for a server that does not answer"
        },
        "set it to some hundred milliseconds: 'timeout: 400'",
    );
    None
}

fn connect_timeout(section: &Section<'_>, timeout: Option<Duration>, problems: &mut Problems) -> Duration {
    let given = section.optional_number(&keys::CONNECT_TIMEOUT, problems).map(Duration::from_millis);
    given.or(timeout).unwrap_or(LONGEST_CONNECTING)
}

fn multiget_failure(word: &str) -> Option<MultigetFailure> {
    match word {
        "close" => Some(MultigetFailure::Close),
        "keep" => Some(MultigetFailure::Keep),
        "miss" => Some(MultigetFailure::Miss),
        _ => None,
    }
}

fn admin_commands(section: &Section<'_>, problems: &mut Problems) -> AdminCommands {
    let mut commands = AdminCommands::default();
    for given in section.list(&keys::ADMIN_COMMANDS, problems).unwrap_or_default() {
        match given.text {
            "flush_all" => commands.flush_all = true,
            "verbosity" => commands.verbosity = true,
            other => {
                let instead = format!("write {}", keys::ADMIN_COMMANDS.expected());
                problems.error(
                    given.place,
                    format!("{} is no command for a whole pool", quoted(other)),
                    instead,
                );
            }
        }
    }
    commands
}

/// Whether two pools cannot both listen: the same host text and port, or the same path, whatever the permission.
pub(crate) fn same_address(a: &ListenAddress, b: &ListenAddress) -> bool {
    match (&a.target, &b.target) {
        (ListenTarget::Unix { path: a, .. }, ListenTarget::Unix { path: b, .. }) => a == b,
        (a, b) => a == b,
    }
}
