//! The vectors of `testdata/placement`, every row: hashes, numbers of ketama points, and where nutcracker really sent keys.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap fails the test")]

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use golem_ring::{Distribution, Hash, HashTag, Member, Random, Ring};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/placement").join(name)
}

/// The files of a folder whose names end in `extension`, in order.
fn files(name: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(name)).expect("folder of vectors");
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files.sort();
    files
}

/// The rows of a file of vectors, split at tabs, without comments.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect())
}

/// The rows of a comment that starts with `# NAME`, split at tabs, without that first field.
fn facts<'a>(text: &'a str, name: &str) -> Vec<Vec<&'a str>> {
    let start = format!("# {name}\t");
    text.lines().filter_map(|line| line.strip_prefix(&start)).map(|rest| rest.split('\t').collect()).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "odd number of hex digits");
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn every_hash_has_the_value_of_the_original() {
    let mut seen = HashSet::new();
    let mut checked = 0;
    for file in files("hash", "tsv") {
        for row in rows(&fs::read_to_string(file).unwrap()) {
            let [key, name, value] = row[..] else { panic!("row of {} fields", row.len()) };
            let hash = Hash::from_name(name).expect("known hash");
            assert_eq!(hash.hash(&unhex(key)), value.parse::<u32>().unwrap(), "{name} of {key}");
            seen.insert(name.to_owned());
            checked += 1;
        }
    }
    assert!(checked >= 206 * 12, "only {checked} rows");
    for hash in Hash::ALL {
        assert!(seen.contains(hash.name()), "no vectors for {}", hash.name());
    }
}

#[test]
fn ketama_gives_as_many_points_as_the_original() {
    let text = fs::read_to_string(folder("ketama_points.tsv")).unwrap();
    let mut checked = 0;
    for row in rows(&text) {
        let [weights, points] = row[..] else { panic!("row of {} fields", row.len()) };
        let weights: Vec<u32> = weights.split(',').map(|weight| weight.parse().unwrap()).collect();
        let points: Vec<u32> = points.split(',').map(|count| count.parse().unwrap()).collect();
        let members: Vec<_> =
            weights.iter().map(|&weight| Member { label: "label", weight, live: true }).collect();
        assert_eq!(Ring::new(Hash::Fnv64a, None, Distribution::Ketama, &members).points(), points);
        checked += 1;
    }
    assert!(checked >= 237, "only {checked} rows");
}

/// What a pool's file says about placing keys. The labels and the order of servers come from the vectors, as facts: deriving
/// them is the configuration's work, not the ring's.
struct Pool {
    hash: Hash,
    distribution: Distribution,
    tag: Option<HashTag>,
    /// The elements of the list of servers, in the order of the file.
    entries: Vec<String>,
}

impl Pool {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let mut pool =
            Self { hash: Hash::Fnv64a, distribution: Distribution::Ketama, tag: None, entries: Vec::new() };
        for line in text.lines().skip(1).map(str::trim) {
            if let Some(entry) = line.strip_prefix("- ") {
                pool.entries.push(entry.trim_matches('"').to_owned());
                continue;
            }
            match line.split_once(": ") {
                Some(("hash", name)) => pool.hash = Hash::from_name(name).expect("known hash"),
                Some(("distribution", name)) => {
                    pool.distribution = Distribution::from_name(name).expect("known distribution");
                }
                Some(("hash_tag", quoted)) => {
                    let [open, close] = *quoted.trim_matches('"').as_bytes() else { panic!("tag {quoted}") };
                    pool.tag = Some(HashTag { open, close });
                }
                Some((
                    "listen" | "redis" | "auto_eject_hosts" | "server_failure_limit" | "server_retry_timeout",
                    _,
                )) => {}
                None if line == "servers:" => {}
                other => panic!("{}: cannot read {other:?} of {line}", path.display()),
            }
        }
        pool
    }
}

/// The weight in `HOST:PORT:WEIGHT NAME` or `/PATH:WEIGHT NAME`.
fn weight_of(entry: &str) -> u32 {
    let address = entry.split(' ').next().unwrap();
    address.rsplit(':').next().unwrap().parse().unwrap()
}

/// Checks one file of the folder `mapping`; gives the number of keys and the pool.
fn check_mapping(path: &Path) -> (usize, Pool) {
    let text = fs::read_to_string(path).unwrap();
    let pool = Pool::read(&path.with_extension("yml"));
    let dead: Vec<_> = facts(&text, "dead").iter().map(|fact| fact[0].parse::<usize>().unwrap()).collect();
    let servers = facts(&text, "server");
    assert_eq!(servers.len(), pool.entries.len());
    let mut members = Vec::new();
    for (place, server) in servers.iter().enumerate() {
        let [index, label, entry, position] = server[..] else { panic!("fact of {} fields", server.len()) };
        assert_eq!(index.parse::<usize>().unwrap(), place);
        assert_eq!(pool.entries[position.parse::<usize>().unwrap()], entry);
        members.push(Member { label, weight: weight_of(entry), live: !dead.contains(&place) });
    }
    let ring = Ring::new(pool.hash, pool.tag, pool.distribution, &members);
    let mut random = Random::new(0);
    let mut checked = 0;
    for row in rows(&text) {
        let [key, server] = row[..] else { panic!("row of {} fields", row.len()) };
        let found = ring.server_of(&unhex(key), &mut random).map(|server| server.index());
        assert_eq!(found, Some(server.parse().unwrap()), "{}: key {key}", path.display());
        checked += 1;
    }
    (checked, pool)
}

#[test]
fn every_key_goes_where_nutcracker_sends_it() {
    let files = files("mapping", "tsv");
    assert!(files.len() >= 57, "only {} files", files.len());
    let mut seen = HashSet::new();
    for file in files {
        let (checked, pool) = check_mapping(&file);
        assert!(checked >= 2000, "{}: only {checked} keys", file.display());
        seen.insert(pool.distribution.name());
    }
    for &distribution in Distribution::ALL {
        let recordable = distribution != Distribution::Random;
        assert_eq!(seen.contains(distribution.name()), recordable, "vectors for {distribution:?}");
    }
}
