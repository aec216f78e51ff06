//! Serving the pools of a configuration file, from the start of the process to its end.

use crate::cli::ServeOptions;
use crate::config_file;
use crate::settings::Settings;
use crate::supervisor::{Event, Supervisor};
use golem_net::{Clock, Signal};

/// Serves until a signal ends the process. Returns `Ok` after a clean end.
///
/// # Errors
/// Why the process cannot start: the file, an address, a log or pid file.
pub fn serve(options: &ServeOptions) -> Result<(), Box<dyn std::error::Error>> {
    let loaded = config_file::load(&options.config_file)?;
    let settings = Settings::new(options, &loaded.config.process);
    let mut supervisor = Supervisor::start(&loaded.config, settings.workers, Clock::new())
        .map_err(|problems| problems.join("\n"))?;
    loop {
        match supervisor.next_event()? {
            Event::Signal(Signal::Terminate | Signal::Interrupt) => break,
            Event::Signal(
                Signal::HangUp | Signal::User1 | Signal::User2 | Signal::TtyIn | Signal::TtyOut,
            ) => {}
            Event::WorkerEnded(why) => return Err(why.into()),
        }
    }
    supervisor.stop();
    Ok(())
}
