//! `golemproxy ring`: each server's share of the values that the hash can make, and what a change of the file would move.
//!
//! The comparison looks up sample keys in both rings, the same keys in every run: 16 random hexadecimal digits, since
//! keys that count upwards lie close together under some hash functions. Servers are the same when their labels are.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use golem_config::Pool;
use golem_ring::Random;
use serde_json::{Value, json};

use super::Done;
use super::arguments::{ConfFile, HelpFlag, path};
use crate::config_file;
use crate::placement::{Placement, pool};

/// The flags of `ring`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub(super) struct RingArguments {
    #[command(flatten)]
    help: HelpFlag,
    #[command(flatten)]
    conf_file: ConfFile,
    /// The pool; needed with --vs when a file has several
    #[arg(long, value_name = "NAME")]
    pool: Option<String>,
    /// Another configuration file: how many sample keys have another server there
    #[arg(long, value_name = "OTHER", value_parser = path())]
    vs: Option<PathBuf>,
    /// How many sample keys, 1 to 100000000
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    keys: u64,
    /// Print one JSON object per pool, or per comparison
    #[arg(long)]
    json: bool,
}

/// Prints the shares, or the comparison.
pub(super) fn run(arguments: &RingArguments, out: &mut impl Write) -> Done {
    let loaded = config_file::load(&arguments.conf_file.path())?;
    let name = arguments.pool.as_deref();
    if let Some(other) = &arguments.vs {
        let other = config_file::load(other)?;
        let moves = Moves::count(pool(&loaded.config, name)?, pool(&other.config, name)?, arguments.keys)?;
        if arguments.json {
            writeln!(out, "{}", moves.json())?
        } else {
            moves.print(out)?
        }
        return Ok(ExitCode::SUCCESS);
    }
    let pools = match name {
        Some(_) => vec![pool(&loaded.config, name)?],
        None => loaded.config.pools.iter().collect(),
    };
    for pool in pools {
        print_shares(&Placement::new(pool)?, arguments.json, out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_shares(placement: &Placement<'_>, json: bool, out: &mut impl Write) -> std::io::Result<()> {
    let pool = placement.pool;
    let rows = || pool.servers.iter().zip(placement.ring.shares());
    if json {
        let server = |(server, share): (&golem_config::Server, f64)| json!({ "server": server.label, "entry": server.entry, "weight": server.weight, "share": share });
        let servers: Vec<Value> = rows().map(server).collect();
        return writeln!(out, "{}", json!({ "pool": pool.name, "servers": servers }));
    }
    writeln!(out, "pool '{}': {} over {}", pool.name, pool.distribution.name(), pool.hash.name())?;
    for (server, share) in rows() {
        writeln!(out, "{:>9.4} %  {}  ({})", share * 100.0, server.label, server.entry)?;
    }
    Ok(())
}

/// Sample keys that change their server between two files: how many for each pair of labels.
struct Moves<'a> {
    pool: &'a str,
    keys: u64,
    moved: BTreeMap<(&'a str, &'a str), u64>,
}

impl<'a> Moves<'a> {
    fn count(from: &'a Pool, to: &'a Pool, keys: u64) -> Result<Self, String> {
        let (mut before, mut after) = (Placement::new(from)?, Placement::new(to)?);
        let mut moved = BTreeMap::new();
        let mut sample = Random::new(0);
        for _ in 0..keys {
            let key = format!("{:08x}{:08x}", sample.next_u32(), sample.next_u32());
            let old = &from.servers[before.server_of(key.as_bytes())];
            let new = &to.servers[after.server_of(key.as_bytes())];
            if old.label != new.label {
                *moved.entry((old.label.as_str(), new.label.as_str())).or_default() += 1;
            }
        }
        Ok(Self { pool: &from.name, keys, moved })
    }

    fn total(&self) -> u64 {
        self.moved.values().sum()
    }

    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let total = self.total();
        let percent = total as f64 * 100.0 / self.keys as f64;
        writeln!(out, "pool '{}': {total} of {} sample keys move ({percent:.2} %)", self.pool, self.keys)?;
        for ((from, to), count) in &self.moved {
            writeln!(out, "{count:>9}  {from} -> {to}")?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let moves: Vec<Value> = self
            .moved
            .iter()
            .map(|((from, to), count)| json!({ "from": from, "to": to, "keys": count }))
            .collect();
        json!({ "pool": self.pool, "sample_keys": self.keys, "moved": self.total(), "moves": moves })
    }
}
