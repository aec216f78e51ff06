//! What clients see when a server fails: exactly the requests concerned get `SERVER_ERROR` with its reason, in order, the
//! next requests connect anew, and other clients do not notice. The servers play scripts, so that they fail at the
//! worst moment.

mod bad_replies;
mod foreign_clients;
mod lost_servers;
mod several_keys;
mod silent_servers;

use golem_e2e::conversation::Conversation;
use golem_e2e::failure::Outcome;
use golem_e2e::programs::{Pool, Program, Proxy};
use std::net::SocketAddr;

/// golemproxy with one worker over these servers, with a timeout that no test reaches unless it says so.
fn proxy(servers: &[SocketAddr], settings: &[&str]) -> Outcome<Proxy> {
    let mut all = vec!["timeout: 8000"];
    if settings.iter().any(|setting| setting.starts_with("timeout")) {
        all.clear();
    }
    all.extend(settings);
    let pool = Pool { name: "main", servers, settings: &all };
    Proxy::start(Program::Golemproxy, &[pool], "golemproxy:\n  threads: 1\n")
}

/// Answers every `get` with a miss until the proxy closes.
fn miss_everything(mut proxy: Conversation) -> Outcome {
    while let Ok(line) = proxy.line() {
        let is_get = line.starts_with(b"get ");
        proxy.send(if is_get { b"END\r\n" } else { b"ERROR\r\n" })?;
    }
    Ok(())
}
