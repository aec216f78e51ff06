//! A pool's settings for a simulation: the defaults of the configuration, and so many servers.

use golem_config::Pool as Settings;

/// A pool of `servers` with ten seconds of nothing but defaults, and a timeout of 100 ms.
pub(crate) fn settings(servers: usize) -> Settings {
    let list: String = (0..servers).map(|n| format!("    - 127.0.0.1:{}:1 s{n}\n", 11211 + n)).collect();
    let text =
        format!("sim:\n  listen: 127.0.0.1:21211\n  hash: fnv1a_64\n  timeout: 100\n  servers:\n{list}");
    match golem_config::parse("sim.yml", &text) {
        Ok(loaded) => loaded.config.pools.into_iter().next().expect("the pool of the text"),
        Err(problems) => panic!("{problems:?}"),
    }
}
