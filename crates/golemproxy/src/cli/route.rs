//! `golemproxy route`: the server of each key, by the same ring that serves requests.
//!
//! Keys come from the command line, else line by line from standard input, whatever bytes they hold.

use std::ffi::OsString;
use std::io::{BufRead, Write};
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::Done;
use super::arguments::{ConfFile, HelpFlag};
use crate::config_file;
use crate::placement::{Placement, pool};

/// The flags of `route`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub(super) struct RouteArguments {
    #[command(flatten)]
    help: HelpFlag,
    #[command(flatten)]
    conf_file: ConfFile,
    /// The pool; needed when the file has several
    #[arg(long, value_name = "NAME")]
    pool: Option<String>,
    /// Print one JSON object per key
    #[arg(long)]
    json: bool,
    /// Keys; without any, one per line of standard input
    #[arg(value_name = "KEY")]
    keys: Vec<OsString>,
}

/// Prints a line per key: the key, the label of its server and the entry of the file, with TABs in between.
pub(super) fn run(arguments: &RouteArguments, input: &mut impl BufRead, out: &mut impl Write) -> Done {
    let loaded = config_file::load(&arguments.conf_file.path())?;
    let mut placement = Placement::new(pool(&loaded.config, arguments.pool.as_deref())?)?;
    for key in &arguments.keys {
        print(&mut placement, &key.clone().into_vec(), arguments.json, out)?;
    }
    if arguments.keys.is_empty() {
        let mut line = Vec::new();
        while input.read_until(b'\n', &mut line)? > 0 {
            let key = line.strip_suffix(b"\n").unwrap_or(&line);
            print(&mut placement, key.strip_suffix(b"\r").unwrap_or(key), arguments.json, out)?;
            line.clear();
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(placement: &mut Placement<'_>, key: &[u8], json: bool, out: &mut impl Write) -> std::io::Result<()> {
    let index = placement.server_of(key);
    let server = &placement.pool.servers[index];
    if json {
        let key = String::from_utf8_lossy(key);
        let object = json!({ "key": key, "server": server.label, "entry": server.entry, "index": index });
        return writeln!(out, "{object}");
    }
    out.write_all(key)?;
    writeln!(out, "\t{}\t{}", server.label, server.entry)
}
