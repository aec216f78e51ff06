//! What the engine finds worth saying, written to the log with the names of pools and servers, and not faster than a
//! log can bear: one line a second for each server and for each pool's clients, with the number of those left out.

use golem_config::Pool;
use golem_engine::{Engine, Notice, ServerOf};
use golem_net::Stream;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Microseconds between two lines about one thing.
const PAUSE: u64 = 1_000_000;

/// When something was last said about one thing, and how often it was kept quiet since.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    said: Option<u64>,
    left_out: u64,
}

impl Last {
    /// Whether to say it at `now`; then with how many that were left out before.
    fn may_say(&mut self, now: u64) -> Option<u64> {
        if self.said.is_some_and(|said| now < said + PAUSE) {
            self.left_out += 1;
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }
}

/// What was last said about the clients of each pool, by any worker: a flood of bad clients spreads over all of them.
#[derive(Clone, Debug, Default)]
pub struct SaidOfClients(Arc<Mutex<HashMap<String, Last>>>);

impl SaidOfClients {
    fn may_say(&self, pool: &str, now: u64) -> Option<u64> {
        let mut pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entry(&mut pools, pool).may_say(now)
    }

    fn keep(&self, pools: &[Arc<Pool>]) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|name, _| pools.iter().any(|pool| pool.name == *name));
    }
}

/// The value of `name`, which may be new.
fn entry<'a, T: Default>(map: &'a mut HashMap<String, T>, name: &str) -> &'a mut T {
    if !map.contains_key(name) {
        map.insert(name.to_owned(), T::default());
    }
    map.entry(name.to_owned()).or_default()
}

/// The log of one worker.
#[derive(Debug)]
pub struct Notices {
    /// By the names of pool and server.
    servers: HashMap<String, HashMap<String, Last>>,
    clients: SaidOfClients,
}

impl Notices {
    /// Of a worker that shares what it says of clients.
    pub fn new(clients: SaidOfClients) -> Self {
        Self { servers: HashMap::new(), clients }
    }

    /// There are no other pools any more: what was said of others is forgotten.
    pub fn keep(&mut self, pools: &[Arc<Pool>]) {
        self.clients.keep(pools);
        self.servers.retain(|name, servers| {
            let pool = pools.iter().find(|pool| pool.name == *name);
            servers
                .retain(|entry, _| pool.is_some_and(|pool| pool.servers.iter().any(|s| s.entry == *entry)));
            pool.is_some()
        });
    }

    /// Writes that a client of a pool came, at the level that shows each connection.
    pub fn client_came(pool: Option<&Arc<Pool>>, stream: &Stream) {
        // The address costs a system call.
        if tracing::enabled!(tracing::Level::DEBUG)
            && let Some(pool) = pool
        {
            let from = stream.peer().map_or_else(|| "a UNIX socket".to_owned(), |peer| peer.to_string());
            tracing::debug!("pool '{}': client from {from}", pool.name);
        }
    }

    /// Writes that a server connection is being made, at the level that shows each connection.
    pub fn connecting(of: &ServerOf) {
        if let Some(server) = of.settings() {
            tracing::debug!("pool '{}': connecting to server '{}'", of.pool.name, server.entry);
        }
    }

    /// Whether to say something about a server now: what to add about lines that were left out.
    fn may_say_of(&mut self, of: &ServerOf, now: u64) -> Option<String> {
        let server = of.settings()?;
        let servers = entry(&mut self.servers, &of.pool.name);
        entry(servers, &server.entry).may_say(now).map(more)
    }

    /// Writes `notice` of `engine`, unless the same was said a moment ago.
    pub fn say(&mut self, notice: &Notice, engine: &Engine) {
        let now = engine.now().0;
        match notice {
            Notice::ServerLost { of, failure, detail, waiting } => {
                let Some(left_out) = self.may_say_of(of, now) else { return };
                let server = said_of(of);
                let text = failure.text();
                let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
                tracing::warn!("{server}: {text}{detail}{}{left_out}", failed(*waiting));
            }
            Notice::Late { of, requests } => {
                let Some(left_out) = self.may_say_of(of, now) else { return };
                tracing::warn!("{}: {} timed out{left_out}", said_of(of), of_requests(*requests));
            }
            Notice::ClientRefused { pool, why } => {
                let Some(settings) = engine.settings(*pool) else { return };
                let Some(left_out) = self.clients.may_say(&settings.name, now) else { return };
                tracing::info!("pool '{}': a client was closed: {why}{}", settings.name, more(left_out));
            }
        }
    }
}

/// A server as the log names it.
pub fn said_of(of: &ServerOf) -> String {
    let entry = of.settings().map_or("", |server| &server.entry);
    format!("pool '{}': server '{entry}'", of.pool.name)
}

/// What a lost server connection cost.
fn failed(waiting: usize) -> String {
    if waiting == 0 { String::new() } else { format!("; {} failed", of_requests(waiting)) }
}

fn of_requests(count: usize) -> String {
    if count == 1 { "1 request".to_owned() } else { format!("{count} requests") }
}

fn more(left_out: u64) -> String {
    if left_out == 0 { String::new() } else { format!(" ({left_out} more such events were not logged)") }
}

#[cfg(test)]
mod tests {
    use super::{Last, PAUSE, SaidOfClients, failed};

    #[test]
    fn a_lost_connection_tells_what_it_cost() {
        assert_eq!([0, 1, 2].map(failed), ["", "; 1 request failed", "; 2 requests failed"]);
    }

    #[test]
    fn a_thing_is_said_once_a_second_with_the_number_left_out() {
        let mut last = Last::default();
        assert_eq!(last.may_say(5), Some(0));
        assert_eq!(last.may_say(6), None);
        assert_eq!(last.may_say(PAUSE + 4), None);
        assert_eq!(last.may_say(PAUSE + 5), Some(2));
        assert_eq!(last.may_say(3 * PAUSE), Some(0));
    }

    #[test]
    fn workers_share_the_lines_about_clients_of_a_pool() {
        let one = SaidOfClients::default();
        let other = one.clone();
        let [first, second] = ["first", "second"];
        assert_eq!(one.may_say(first, 5), Some(0));
        assert_eq!(other.may_say(first, 6), None);
        assert_eq!(other.may_say(second, 6), Some(0));
        assert_eq!(other.may_say(first, 5 + PAUSE), Some(1));
    }
}
