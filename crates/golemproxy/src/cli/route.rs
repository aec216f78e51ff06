//! `golemproxy route`: the server of each key, by the same ring that serves requests.
//!
//! Keys come from the command line, else line by line from standard input, whatever bytes they hold. A key that the pool
//! would refuse has no server: it is named on standard error, and the others go on.

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

/// Prints a line per key: the key, the label of its server and the entry of the file, with TABs in between. Exit code 1
/// when a key was refused.
pub(super) fn run(arguments: &RouteArguments, input: &mut impl BufRead, out: &mut impl Write) -> Done {
    let loaded = config_file::load(&arguments.conf_file.path())?;
    let mut placement = Placement::new(pool(&loaded.config, arguments.pool.as_deref())?)?;
    let mut is_complete = true;
    for key in &arguments.keys {
        is_complete &= print(&mut placement, &key.clone().into_vec(), arguments.json, out)?;
    }
    if arguments.keys.is_empty() {
        let mut line = Vec::new();
        while input.read_until(b'\n', &mut line)? > 0 {
            let key = line.strip_suffix(b"\n").unwrap_or(&line);
            let key = key.strip_suffix(b"\r").unwrap_or(key);
            is_complete &= print(&mut placement, key, arguments.json, out)?;
            line.clear();
        }
    }
    Ok(if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Why no request with this key gets to a server.
fn refusal(key: &[u8], key_max: u16) -> Option<String> {
    let holds = |byte: u8| key.contains(&byte);
    Some(match key.len() {
        0 => "it is empty".to_owned(),
        length if length > usize::from(key_max) => {
            format!("it has {length} bytes, and key_max allows {key_max}")
        }
        _ if holds(b' ') => "a blank ends a key".to_owned(),
        _ if holds(b'\n') => "LF ends a request".to_owned(),
        _ if holds(0) => "it holds a NUL".to_owned(),
        _ => return None,
    })
}

/// Whether the key has a server.
fn print(
    placement: &mut Placement<'_>,
    key: &[u8],
    json: bool,
    out: &mut impl Write,
) -> std::io::Result<bool> {
    if let Some(why) = refusal(key, placement.pool.key_max) {
        eprintln!("golemproxy: the pool refuses the key '{}': {why}", key.escape_ascii());
        return Ok(false);
    }
    let index = placement.server_of(key);
    let server = &placement.pool.servers[index];
    if json {
        let text = String::from_utf8_lossy(key);
        let mut object =
            json!({ "key": text, "server": server.label, "entry": server.entry, "index": index });
        // JSON has text only, which other bytes do not fit into.
        if text.as_bytes() != key {
            object["key_hex"] = key.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
        }
        writeln!(out, "{object}")?;
        return Ok(true);
    }
    out.write_all(key)?;
    writeln!(out, "\t{}\t{}", server.label, server.entry)?;
    Ok(true)
}
