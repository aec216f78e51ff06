//! A server dies, or stops, in the middle of a loop of `get_multi`.

use crate::python;
use golem_e2e::failure::Outcome;
use golem_e2e::programs::{Memcached, Program, Proxy};

/// The pool's timeout in milliseconds.
const TIMEOUT: u32 = 300;
/// No call may take longer: the timeout, and what a busy machine may add.
const LIMIT: u32 = 900;

fn outages(library: &str, mode: &str) -> Outcome {
    for signal in ["SIGKILL", "SIGSTOP"] {
        let servers = [Memcached::start()?, Memcached::start()?, Memcached::start()?];
        let addresses = servers.each_ref().map(Memcached::address);
        let settings = [format!("timeout: {TIMEOUT}"), format!("multiget_failure: {mode}")];
        let settings = settings.each_ref().map(String::as_str);
        let proxy = Proxy::over(Program::Golemproxy, &addresses, &settings)?;
        let [first, second, victim] = addresses.map(|server| proxy.keys_of(server, 20));
        let others = [&first?[..10], &second?[..10]].concat();
        let arguments = [
            proxy.address().to_string(),
            library.to_owned(),
            mode.to_owned(),
            signal.to_owned(),
            servers[2].process.id().to_string(),
            LIMIT.to_string(),
            others.join(","),
            victim?.join(","),
        ];
        python("outage.py", &arguments)?;
    }
    Ok(())
}

#[test]
fn pymemcache_survives_outages_with_multiget_failure_close() -> Outcome {
    outages("pymemcache", "close")
}

#[test]
fn pymemcache_survives_outages_with_multiget_failure_keep() -> Outcome {
    outages("pymemcache", "keep")
}

#[test]
fn pymemcache_survives_outages_with_multiget_failure_miss() -> Outcome {
    outages("pymemcache", "miss")
}

#[test]
fn python_memcached_survives_outages_with_multiget_failure_close() -> Outcome {
    outages("python-memcached", "close")
}

// Not with `keep`: this library passes over the error line and waits for END until its own timeout.

#[test]
fn python_memcached_survives_outages_with_multiget_failure_miss() -> Outcome {
    outages("python-memcached", "miss")
}

#[test]
fn aiomcache_survives_outages_with_multiget_failure_close() -> Outcome {
    outages("aiomcache", "close")
}

#[test]
fn aiomcache_survives_outages_with_multiget_failure_keep() -> Outcome {
    outages("aiomcache", "keep")
}

#[test]
fn aiomcache_survives_outages_with_multiget_failure_miss() -> Outcome {
    outages("aiomcache", "miss")
}
