//! The definition of the command line: nutcracker's flags, and the commands with theirs.
//!
//! The help is made from it, and so is the list of spellings that `spelling` knows. Numbers are read as nutcracker
//! reads them, ASCII digits only, but never wrap.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgAction, Args, Parser};

use super::ServeOptions;
use super::bench::BenchArguments;
use super::check::CheckArguments;
use super::demo::DemoArguments;
use super::ring::RingArguments;
use super::route::RouteArguments;
use crate::config_file;

/// A sharding proxy for memcached. Without a command it serves the pools of the configuration file.
#[derive(Debug, Parser)]
#[command(
    name = "golemproxy",
    disable_help_flag = true,
    disable_version_flag = true,
    disable_help_subcommand = true,
    args_override_self = true,
    args_conflicts_with_subcommands = true,
    max_term_width = 110,
    after_help = "Long names may be shortened while they stay unambiguous, and also take one dash: -config FILE, \
                  -stats-port=0."
)]
pub(super) struct Arguments {
    /// This help
    #[arg(short, long)]
    pub(super) help: bool,
    /// Print the version and exit
    #[arg(short = 'V', long)]
    pub(super) version: bool,
    /// Test the configuration file and exit
    #[arg(short, long)]
    pub(super) test_conf: bool,
    /// Run in the background
    #[arg(short, long)]
    daemonize: bool,
    /// Print the list of statistics and exit
    #[arg(short = 'D', long)]
    pub(super) describe_stats: bool,
    /// Log level, 0 to 11; larger numbers count as 11 [default: 5]
    #[arg(short, long, value_name = "N", value_parser = log_level, allow_hyphen_values = true)]
    verbose: Option<u8>,
    /// Log file [default: standard error; in the background golemproxy.log]
    #[arg(short, long, value_name = "FILE", value_parser = path(), allow_hyphen_values = true)]
    output: Option<PathBuf>,
    /// Configuration file [default: conf/golemproxy.yml if it exists, else conf/nutcracker.yml]
    #[arg(short, long, visible_alias = "config", value_name = "FILE", value_parser = path(), allow_hyphen_values = true)]
    pub(super) conf_file: Option<PathBuf>,
    /// Statistics port; 0 turns it off [default: 22222]
    #[arg(short, long, value_name = "N", value_parser = port, allow_hyphen_values = true)]
    stats_port: Option<u16>,
    /// Where the statistics port listens: a host name, an address, or a path [default: 127.0.0.1]
    #[arg(short = 'a', long, value_name = "ADDRESS", value_parser = NonEmptyStringValueParser::new(),
        allow_hyphen_values = true)]
    stats_addr: Option<String>,
    /// No effect: the statistics are always current
    #[arg(short = 'i', long, value_name = "MSEC", value_parser = digits, allow_hyphen_values = true)]
    stats_interval: Option<u64>,
    /// File for the process id
    #[arg(short, long, value_name = "FILE", value_parser = path(), allow_hyphen_values = true)]
    pid_file: Option<PathBuf>,
    /// No effect: buffers take the size that they need
    #[arg(short, long, value_name = "BYTES", value_parser = mbuf_size, allow_hyphen_values = true)]
    mbuf_size: Option<u64>,
    #[command(subcommand)]
    pub(super) command: Option<Subcommand>,
}

/// The commands.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Subcommand {
    /// Check a configuration file: say ok, or list everything that is wrong
    Check(CheckArguments),
    /// Print the server of each key
    Route(RouteArguments),
    /// Print each server's share of the values that the hash can make, or compare two files
    Ring(RingArguments),
    /// Serve a pool over cache servers inside this process, for a first try
    Demo(DemoArguments),
    /// Make load for a cache server, or for a proxy before it, and check every reply
    Bench(Box<BenchArguments>),
}

/// The flag for the help of a command, since that of the program itself is nutcracker's.
#[derive(Debug, Args)]
pub(super) struct HelpFlag {
    /// This help
    #[arg(short, long, action = ArgAction::Help)]
    help: Option<bool>,
}

/// The flag for the configuration file of a command.
#[derive(Debug, Args)]
pub(super) struct ConfFile {
    /// Configuration file [default: conf/golemproxy.yml if it exists, else conf/nutcracker.yml]
    #[arg(short, long, visible_alias = "config", value_name = "FILE", value_parser = path(), allow_hyphen_values = true)]
    conf_file: Option<PathBuf>,
}

impl ConfFile {
    /// The file that was named, or the default.
    pub(super) fn path(&self) -> PathBuf {
        self.conf_file.clone().unwrap_or_else(config_file::default_path)
    }
}

impl Arguments {
    /// The flags for serving.
    pub(super) fn serve_options(self) -> ServeOptions {
        let mut without_effect = Vec::new();
        if self.stats_interval.is_some() {
            without_effect.push("option -i has no effect: the statistics are always current".to_owned());
        }
        if self.mbuf_size.is_some() {
            without_effect.push("option -m has no effect: buffers take the size that they need".to_owned());
        }
        ServeOptions {
            config_file: self.conf_file.unwrap_or_else(config_file::default_path),
            daemonise: self.daemonize,
            log_file: self.output,
            log_level: self.verbose,
            stats_addr: self.stats_addr,
            stats_port: self.stats_port,
            pid_file: self.pid_file,
            without_effect,
        }
    }
}

/// A path that is not empty.
pub(super) fn path() -> impl clap::builder::TypedValueParser<Value = PathBuf> {
    clap::builder::PathBufValueParser::new()
}

/// Digits; a number too large for 64 bits counts as the largest.
fn digits(text: &str) -> Result<u64, String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("a number is needed, digits only".to_owned());
    }
    Ok(text.parse().unwrap_or(u64::MAX))
}

fn log_level(text: &str) -> Result<u8, String> {
    Ok(u8::try_from(digits(text)?.min(11)).unwrap_or(11))
}

fn port(text: &str) -> Result<u16, String> {
    u16::try_from(digits(text)?)
        .map_err(|_| "a port is a number from 1 to 65535, and 0 turns it off".to_owned())
}

fn mbuf_size(text: &str) -> Result<u64, String> {
    let size = digits(text)?;
    if (512..=16_777_216).contains(&size) {
        Ok(size)
    } else {
        Err("the size is from 512 to 16777216 bytes".to_owned())
    }
}
