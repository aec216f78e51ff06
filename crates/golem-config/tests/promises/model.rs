//! What holds for whatever file is read, right or wrong: property tests, and the fuzzer of configuration files, check it.

use golem_config::{Config, ListenTarget, Loaded, Problem};
use std::collections::BTreeSet;

/// What holds for every file: problems have places and words, models are within their documented limits.
pub(crate) fn check(text: &str, result: &Result<Loaded, Vec<Problem>>) {
    let lines = u32::try_from(text.split(['\n', '\r']).count()).unwrap();
    let told = match result {
        Ok(loaded) => {
            check_model(&loaded.config);
            &loaded.warnings
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a word");
            problems
        }
    };
    for problem in told {
        assert!(problem.line >= 1 && problem.line <= lines + 1 && problem.column >= 1, "{problem}");
        assert!(!problem.what.is_empty() && !problem.instead.is_empty(), "{problem}");
        assert!(!problem.to_string().contains('\n'), "{problem}");
    }
    let places: Vec<_> = told.iter().map(|problem| (problem.line, problem.column)).collect();
    assert!(places.is_sorted(), "{told:?}");
}

fn check_model(config: &Config) {
    assert!(!config.pools.is_empty());
    assert!(
        config.pools.is_sorted_by(|a, b| (a.name.len(), &a.name) < (b.name.len(), &b.name)),
        "pool order"
    );
    assert!(config.process.worker_soft_limit <= config.process.worker_hard_limit);
    for pool in &config.pools {
        let servers = &pool.servers;
        assert!(
            servers.is_sorted_by(|a, b| (a.label.len(), &a.label) < (b.label.len(), &b.label)),
            "server order"
        );
        let positions: BTreeSet<usize> = servers.iter().map(|server| server.file_position).collect();
        assert_eq!(positions, (0..servers.len()).collect(), "each entry of the file is one server");
        assert!(!servers.is_empty() && servers.iter().all(|server| server.weight >= 1));
        assert!(pool.server_connections >= 1 && (1..=250).contains(&pool.key_max) && pool.keys_max >= 1);
        assert!(pool.client_soft_limit <= pool.client_hard_limit);
        assert!(pool.timeout.is_none_or(|timeout| !timeout.is_zero()));
        if let ListenTarget::Unix { path, mode } = &pool.listen.target {
            assert!(path.len() <= 107 && mode.is_none_or(|mode| (1..=0o777).contains(&mode)));
        }
    }
}
