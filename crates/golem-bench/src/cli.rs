//! The command line of the load generator, for its own program and for `golemproxy bench`: what to do, read from the
//! arguments (`cli/arguments`), and doing it.

mod arguments;
mod interrupt;

pub use arguments::Arguments;
use arguments::Served;

use crate::bare::Bare;
use crate::echo::Echo;
use crate::live::Glance;
use crate::null::Null;
use crate::report::Report;
use crate::run::{Onlooker, Plan, run};
use golem_net::ListenSpec;
use interrupt::Interrupt;
use std::fs;
use std::io::{self, IsTerminal, Write};

/// Does what the arguments say; `out` gets the report. Whether every request was answered as it should be.
///
/// # Errors
/// Says why there is no result: arguments that contradict each other, no connection, a wrong reply.
pub fn execute(arguments: &Arguments, out: &mut impl Write) -> Result<bool, String> {
    arguments.check()?;
    if let Some((what, address)) = arguments.serves() {
        return serve(arguments, what, address).map(|()| true);
    }
    let plan = arguments.plan()?;
    let report = load(arguments, &plan)?;
    if let Some(file) = &arguments.hdr {
        fs::write(file, report.hdr()).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let told = if arguments.json { writeln!(out, "{}", report.json()) } else { write!(out, "{report}") };
    told.map_err(|error| format!("the report: {error}"))?;
    Ok(report.tally.failures() == 0)
}

/// Is a server until it is ended.
fn serve(arguments: &Arguments, what: Served, address: &str) -> Result<(), String> {
    let spec = ListenSpec { backlog: 4096, ..ListenSpec::new(arguments::target(address)?) };
    raise_descriptors();
    let served = match what {
        Served::Echo => Echo::new(&arguments.outline()?)?.serve(&spec),
        Served::Null => Null::new(&arguments.outline()?)?.serve(&spec),
        Served::Bare => Bare::serve(&spec, &arguments.onto()?),
    };
    served.map_err(|error| format!("{address}: {error}"))
}

fn load(arguments: &Arguments, plan: &Plan) -> Result<Report, String> {
    raise_descriptors();
    let interrupt = Interrupt::catch().map_err(|error| format!("signals: {error}"))?;
    let is_terminal = io::stderr().is_terminal();
    let mut live = |glance: &Glance| {
        // A line that is written over the last one; elsewhere each has its own.
        let end = if is_terminal { "\x1b[K\r" } else { "\n" };
        // Nobody has to look.
        let _ = write!(io::stderr(), "{glance}{end}");
    };
    let onlooker =
        Onlooker { stop: Some(interrupt.flag()), live: if arguments.quiet { None } else { Some(&mut live) } };
    let report = run(plan, onlooker);
    if is_terminal && !arguments.quiet {
        let _ = write!(io::stderr(), "\x1b[K");
    }
    report
}

/// As many descriptors as this process may have: one for each connection.
fn raise_descriptors() {
    if let Ok(limit) = golem_net::machine::descriptor_limit() {
        // Without it there may still be enough; connecting says so if not.
        let _ = golem_net::machine::set_descriptor_limit(limit.hard);
    }
}
