//! Every file of `testdata/config/config.jsonl` is accepted or refused as twemproxy does, or stands in
//! `differences.tsv` with the reason; an entry there that no longer differs fails.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at what it did not expect")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

fn testdata(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/config").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_file_is_judged_as_by_twemproxy_or_stands_in_the_list_of_differences() {
    let list = testdata("differences.tsv");
    let mut differences: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, here, reason] = fields[..] else { panic!("three fields: {line}") };
        assert!(matches!(here, "accepted" | "refused") && !reason.is_empty(), "{line}");
        assert!(differences.insert(name, (here, reason)).is_none(), "twice: {name}");
    }
    let mut rows = 0;
    let mut wrong = Vec::new();
    for line in testdata("config.jsonl").lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = row["name"].as_str().unwrap();
        let result = golem_config::parse("FILE", row["yaml"].as_str().unwrap());
        let here = if result.is_ok() { "accepted" } else { "refused" };
        let there = if row["ok"].as_bool().unwrap() { "accepted" } else { "refused" };
        let listed = differences.remove(name);
        let (expected, _) = listed.unwrap_or((there, ""));
        if here != expected {
            wrong.push(format!("{name}: {here}, expected {expected}, twemproxy: {there}"));
        } else if listed.is_some() && expected == there {
            wrong.push(format!("{name}: listed, but no difference"));
        }
        if result.is_err_and(|problems| problems.is_empty()) {
            wrong.push(format!("{name}: refused without a word"));
        }
        rows += 1;
    }
    assert_eq!(rows, 135, "the vectors are complete");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(differences.is_empty(), "listed, but not among the vectors: {differences:?}");
}

/// The servers of every recorded placement file, in the order in which nutcracker numbered them.
#[test]
fn labels_entries_and_order_of_servers_are_nutcrackers() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/placement/mapping");
    let mut files = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yml") {
            continue;
        }
        // What is not supported yet has no influence on the servers.
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replace("redis: true", "redis: false");
        let config =
            golem_config::parse("FILE", &text).unwrap_or_else(|problems| panic!("{problems:?}")).config;
        let [pool] = &config.pools[..] else { panic!("{}: one pool", path.display()) };
        let servers: Vec<String> = (0..)
            .zip(&pool.servers)
            .map(|(index, s)| {
                format!("# server\t{index}\t{}\t{}\t{}", s.label, entry_with_name(s), s.file_position)
            })
            .collect();
        let recorded = fs::read_to_string(path.with_extension("tsv")).unwrap();
        let recorded: Vec<&str> = recorded.lines().filter(|line| line.starts_with("# server\t")).collect();
        assert_eq!(servers, recorded, "{}", path.display());
        files += 1;
    }
    assert_eq!(files, 57, "the vectors are complete");
}

/// The text of the list element.
fn entry_with_name(server: &golem_config::Server) -> String {
    let unnamed =
        golem_config::parse("F", &format!("a:\n  listen: h:1\n  servers:\n   - \"{}\"\n", server.entry));
    if unnamed.unwrap().config.pools[0].servers[0].label == server.label {
        server.entry.clone()
    } else {
        format!("{} {}", server.entry, server.label)
    }
}
