//! The files in `conf/` and the one in `docs/config.md` are good, without a warning.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at what it did not expect")]

use std::fs;
use std::path::PathBuf;

use golem_config::{Config, parse};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn good(name: &str, text: &str) -> Config {
    let loaded = parse(name, text).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(loaded.warnings, [], "{name}");
    loaded.config
}

#[test]
fn the_files_in_conf_are_good() {
    for (name, pools) in
        [("golemproxy.yml", vec!["main"]), ("nutcracker.yml", vec!["local", "pages", "sessions"])]
    {
        let config = good(name, &fs::read_to_string(root().join("conf").join(name)).unwrap());
        assert_eq!(config.pools.iter().map(|pool| pool.name.as_str()).collect::<Vec<_>>(), pools, "{name}");
    }
}

#[test]
fn the_example_of_the_document_is_good() {
    let document = fs::read_to_string(root().join("docs/config.md")).unwrap();
    let example = document.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(good("docs/config.md", example).pools[0].servers[0].label, "second");
}
