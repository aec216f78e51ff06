//! What one configuration changes of another, in lines for the log: pools and servers that come and go, and keys by what the
//! files say of them.

use crate::keys::{Key, NONE, POOL_KEYS, PROCESS_KEYS, SERVERS};
use crate::model::{AsWritten, Pool, Process, Server};

/// A key that two files say different things of, or that one of them leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The key.
    pub key: &'static str,
    /// What held before: as written, or the default.
    pub from: String,
    /// What holds now.
    pub to: String,
}

impl std::fmt::Display for Changed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} -> {}", self.key, self.from, self.to)
    }
}

/// The process-wide keys that change.
pub fn of_process(old: &Process, new: &Process) -> Vec<Changed> {
    changed(PROCESS_KEYS, &old.given, &new.given)
}

/// What becomes of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfPool<'a> {
    /// It is there no more.
    Gone,
    /// It is new.
    New(&'a Pool),
    /// These things change.
    Changed(Vec<String>),
}

/// What becomes of which pool. A pool with another name at the same address is the same one.
pub fn of_pools<'a>(old: &'a [Pool], new: &'a [Pool]) -> Vec<(&'a str, OfPool<'a>)> {
    let is_in = |pools: &[Pool], name: &str| pools.iter().any(|pool| pool.name == name);
    let heir = |pool: &Pool, other: &Pool, others: &[Pool], own: &[Pool]| {
        let is_renamed = !is_in(others, &pool.name) && !is_in(own, &other.name);
        pool.name == other.name || (is_renamed && pool.listen.target == other.listen.target)
    };
    let mut changes = Vec::new();
    for pool in old {
        if !new.iter().any(|next| heir(pool, next, new, old)) {
            changes.push((pool.name.as_str(), OfPool::Gone));
        }
    }
    for pool in new {
        match old.iter().find(|before| heir(before, pool, new, old)) {
            None => changes.push((pool.name.as_str(), OfPool::New(pool))),
            Some(before) => {
                let lines = of_pool(before, pool);
                if !lines.is_empty() {
                    changes.push((pool.name.as_str(), OfPool::Changed(lines)));
                }
            }
        }
    }
    changes
}

/// What changes of a pool: its keys, then its servers, by their labels.
pub fn of_pool(old: &Pool, new: &Pool) -> Vec<String> {
    let keys =
        changed(POOL_KEYS, &old.given, &new.given).into_iter().filter(|found| found.key != SERVERS.name);
    let mut lines: Vec<String> = keys.map(|found| found.to_string()).collect();
    if old.name != new.name {
        lines.insert(0, format!("was pool '{}'", old.name));
    }
    let named = |servers: &[Server], label: &str| servers.iter().position(|server| server.label == label);
    for server in &old.servers {
        if named(&new.servers, &server.label).is_none() {
            lines.push(format!("without server '{}'", said(server)));
        }
    }
    for server in &new.servers {
        match named(&old.servers, &server.label).and_then(|at| old.servers.get(at)) {
            None => lines.push(format!("with server '{}'", said(server))),
            Some(before) if before.address != server.address || before.weight != server.weight => {
                lines.push(format!("server '{}' -> '{}'", said(before), said(server)));
            }
            Some(_) => {}
        }
    }
    lines
}

/// A server as it is written.
fn said(server: &Server) -> String {
    let Server { entry, label, .. } = server;
    if entry.starts_with(label) { entry.clone() } else { format!("{entry} {label}") }
}

fn changed(table: &[Key], old: &AsWritten, new: &AsWritten) -> Vec<Changed> {
    let text = |written: &AsWritten, key: &Key| {
        let given = written.0.iter().find(|(name, _)| *name == key.name).map(|(_, text)| text.as_str());
        let text = given.unwrap_or(key.default);
        if text.is_empty() { NONE.to_owned() } else { text.to_owned() }
    };
    let change = |key: &Key| Changed { key: key.name, from: text(old, key), to: text(new, key) };
    table.iter().map(change).filter(|found| found.from != found.to).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::{of_pool, of_process};
    use crate::Config;

    fn config(text: &str) -> Config {
        crate::parse("test", text).unwrap().config
    }

    #[test]
    fn what_changes_is_told_by_key_and_server() {
        let old = config(
            "a:\n  listen: 127.0.0.1:1\n  timeout: 400\n  hash: md5\n  servers:\n    - h:1:1 x\n    - h:2:1 y\n    - h:3:1\n",
        );
        let new = config(
            "b:\n  hash: md5\n  listen: 127.0.0.1:1\n  admin_commands: [flush_all]\n  servers:\n    - h:9:1\n    - h:2:5 y\n    \
             - h:7:1 x\n",
        );
        let lines = [
            "was pool 'a'",
            "timeout: 400 -> none",
            "admin_commands: [] -> [flush_all]",
            "without server 'h:3:1'",
            "server 'h:1:1 x' -> 'h:7:1 x'",
            "server 'h:2:1 y' -> 'h:2:5 y'",
            "with server 'h:9:1'",
        ];
        assert_eq!(of_pool(&old.pools[0], &new.pools[0]), lines);
        assert!(of_pool(&old.pools[0], &old.pools[0]).is_empty());
    }

    #[test]
    fn process_wide_keys_are_compared_with_their_defaults() {
        let pool = "a:\n  listen: 127.0.0.1:1\n  servers:\n    - h:1:1\n";
        let old = config(&format!("golemproxy:\n  threads: 3\n  stats_port: 22222\n{pool}"));
        let changed = of_process(&old.process, &config(pool).process);
        assert_eq!(changed.iter().map(ToString::to_string).collect::<Vec<_>>(), ["threads: 3 -> auto"]);
    }
}
