//! Serving the pools of a configuration file, from the start of the process to its end.
//!
//! The order of a start: read the file; then open everything that can be refused (log, listening sockets, pid file) and
//! report all that was, still in the foreground; go to the background; write the pid file and start the threads. The
//! process that was started waits for that, and ends with 0 only if there is a daemon that serves.

use crate::cli::ServeOptions;
use crate::config_file;
use crate::defect;
use crate::descriptors::Descriptors;
use crate::doors::{Doors, Renewal};
use crate::logging::{Destination, Logger, PROCESS};
use crate::pid_file::PidFile;
use crate::reload::InUse;
use crate::settings::{Log, Settings};
use crate::start_lines;
use crate::supervisor::{Event, Supervisor};
use golem_config::Loaded;
use golem_net::{Clock, Signal, Starter};
use std::error::Error;
use std::time::{Duration, Instant};

const PROGRAM: &str = concat!("golemproxy-", env!("CARGO_PKG_VERSION"));

/// Serves until a signal ends the process. Returns `Ok` after a clean end, and in the background only in the daemon.
///
/// # Errors
/// Why the process cannot start: the file, an address, a log or pid file.
pub fn serve(options: &ServeOptions) -> Result<(), Box<dyn Error>> {
    let loaded = match config_file::load(&options.config_file) {
        Ok(loaded) => loaded,
        Err(error) => {
            // What the file says about the log is not known.
            let log = options.log_file.clone().and_then(|file| Destination::open(&Log::File(file)).ok());
            let lines = error.to_string().lines().map(str::to_owned).collect();
            return Err(refuse(log, options.log_level.unwrap_or(crate::settings::LOG_LEVEL), lines));
        }
    };
    let settings = Settings::new(options, &loaded.config.process);
    let ready = match prepare(&loaded, &settings, options.daemonise) {
        Ok(ready) => ready,
        Err((log, problems)) => return Err(refuse(log, settings.log_level, problems)),
    };
    let mut starter = if options.daemonise { Some(golem_net::daemonise()?) } else { None };
    let outcome = run(ready, options, &settings, &loaded, &mut starter);
    if let (Err(error), Some(starter)) = (&outcome, starter) {
        // This process's own standard error leads nowhere.
        starter.failed(defect::exit_code(&**error), &format!("golemproxy: {error}\n"));
    }
    outcome
}

/// Starts everything, tells the process that waits for it, and works until the end.
fn run(
    ready: Ready,
    options: &ServeOptions,
    settings: &Settings,
    loaded: &Loaded,
    starter: &mut Option<Starter>,
) -> Result<(), Box<dyn Error>> {
    let mut logger = Logger::start(ready.log, settings.log_level)?;
    tracing::info!(
        target: PROCESS,
        "{PROGRAM} started on pid {}, with {}, configuration file '{}'",
        std::process::id(),
        if settings.workers == 1 { "1 worker".to_owned() } else { format!("{} workers", settings.workers) },
        options.config_file.display()
    );
    let outcome = defect::caught("the supervisor", || {
        let running = start(ready.doors, ready.pid_file, options, settings, loaded)?;
        if let Some(starter) = starter.take() {
            starter.ready();
        }
        running.work(&mut logger)
    });
    match &outcome {
        Ok(()) => tracing::info!(target: PROCESS, "{PROGRAM} ended"),
        Err(error) => tracing::error!(target: PROCESS, "{PROGRAM} ended: {error}"),
    }
    outcome
}

/// All that a start needs from the system.
struct Ready {
    log: Destination,
    doors: Renewal,
    pid_file: Option<PidFile>,
}

/// Opens everything; else all that was refused, and the log if that is open.
fn prepare(
    loaded: &Loaded,
    settings: &Settings,
    in_background: bool,
) -> Result<Ready, (Option<Destination>, Vec<String>)> {
    let mut problems = Vec::new();
    let log = Destination::open(&settings.log).map_err(|problem| problems.push(problem)).ok();
    let pid_file = settings.pid_file.as_deref().map(PidFile::open).transpose();
    let pid_file = pid_file.map_err(|problem| problems.push(problem)).ok();
    let doors = Doors::open(&loaded.config, settings.stats.as_ref(), in_background);
    let doors = doors.map_err(|more| problems.extend(more)).ok();
    match (log, pid_file, doors) {
        (Some(log), Some(pid_file), Some(doors)) => Ok(Ready { log, doors, pid_file }),
        (log, _, _) => Err((log, problems)),
    }
}

/// Writes why the process cannot start to the log, if that is elsewhere than the error that is returned.
fn refuse(log: Option<Destination>, level: u8, problems: Vec<String>) -> Box<dyn Error> {
    if let Some(log) = log.filter(Destination::is_file)
        && let Ok(_logger) = Logger::start(log, level)
    {
        for problem in &problems {
            tracing::error!("{problem}");
        }
        tracing::info!(target: PROCESS, "{PROGRAM} cannot start");
    }
    problems.join("\n").into()
}

/// The process while it works.
struct Running {
    supervisor: Supervisor,
    pid_file: Option<PidFile>,
    in_use: InUse,
}

fn start(
    doors: Renewal,
    mut pid_file: Option<PidFile>,
    options: &ServeOptions,
    settings: &Settings,
    loaded: &Loaded,
) -> Result<Running, Box<dyn Error>> {
    pid_file.as_mut().map_or(Ok(()), PidFile::write)?;
    let descriptors = Descriptors::raise(&loaded.config, settings.workers);
    start_lines::log(options, settings, loaded, descriptors);
    let config = &loaded.config;
    let supervisor = Supervisor::start_behind(doors, config, settings.workers, Clock::new(), descriptors)?;
    let in_use = InUse::new(options.clone(), settings.clone(), config.clone());
    Ok(Running { supervisor, pid_file, in_use })
}

impl Running {
    /// Does what signals ask until one ends the process, or a worker fails.
    fn work(mut self, logger: &mut Logger) -> Result<(), Box<dyn Error>> {
        let mut ending = None;
        loop {
            let deadline = ending.as_ref().map(Ending::deadline);
            let Some(event) = self.supervisor.next_event_before(deadline)? else {
                match ending {
                    Some(Ending::Delayed(_)) => {
                        ending = Some(self.leave());
                        continue;
                    }
                    Some(Ending::Leaving { .. }) | None => {
                        tracing::warn!("shutdown_timeout is over with {} clients", self.supervisor.clients());
                        break;
                    }
                }
            };
            match event {
                Event::Signal(signal @ (Signal::Terminate | Signal::Interrupt)) => {
                    received(signal, "ending");
                    // Another one is not seen here any more.
                    self.supervisor.begin_end();
                    let delay = self.in_use.config().process.shutdown_delay;
                    ending = Some(if delay.is_zero() { self.leave() } else { Ending::in_a_while(delay) });
                }
                Event::InUse => self.in_use.confirm(),
                Event::Signal(signal) => self.heed(signal, logger, ending.is_some()),
                Event::WorkerEnded(Err(why)) => return Err(why.into()),
                Event::Defect(defect) => return Err(defect.into()),
                Event::WorkerEnded(Ok(())) => {
                    if ending.as_mut().is_none_or(Ending::is_over) {
                        break;
                    }
                }
            }
        }
        self.supervisor.stop();
        Ok(())
    }

    /// Does what a signal asks that does not end the process.
    fn heed(&mut self, signal: Signal, logger: &mut Logger, is_ending: bool) {
        match signal {
            Signal::HangUp => {
                received(signal, "opening the log file anew");
                match logger.reopen() {
                    Ok(true) => tracing::info!(target: PROCESS, "log file opened anew"),
                    Ok(false) => {}
                    Err(problem) => tracing::error!("{problem}; the log stays where it is"),
                }
                if self.in_use.config().process.reload_on_hup && !is_ending {
                    self.in_use.reload(&mut self.supervisor, logger);
                }
            }
            Signal::TtyIn => {
                received(signal, "up log level");
                say_level("up", logger.raise());
            }
            Signal::TtyOut => {
                received(signal, "down log level");
                say_level("down", logger.lower());
            }
            Signal::User1 if is_ending => received(signal, "no effect: the process is ending"),
            Signal::User1 => {
                received(signal, "reading the configuration file anew");
                self.in_use.reload(&mut self.supervisor, logger);
            }
            Signal::User2 | Signal::Terminate | Signal::Interrupt => received(signal, "no effect"),
        }
    }

    /// Lets go of all addresses and of the pid file, and of clients as they have what they are owed.
    fn leave(&mut self) -> Ending {
        self.supervisor.leave();
        // Before anything that can hold up the end.
        drop(self.pid_file.take());
        Ending::Leaving {
            deadline: Instant::now() + self.in_use.config().process.shutdown_timeout,
            workers: self.supervisor.workers(),
        }
    }
}

/// How far the end of the process has come.
enum Ending {
    /// Everything goes on until then.
    Delayed(Instant),
    /// So many workers have clients still, which are closed at the deadline.
    Leaving { deadline: Instant, workers: usize },
}

impl Ending {
    fn in_a_while(delay: Duration) -> Self {
        Self::Delayed(Instant::now() + delay)
    }

    const fn deadline(&self) -> Instant {
        match self {
            Self::Delayed(deadline) | Self::Leaving { deadline, .. } => *deadline,
        }
    }

    /// One worker more has ended: whether all have.
    const fn is_over(&mut self) -> bool {
        match self {
            Self::Delayed(_) => true,
            Self::Leaving { workers, .. } => {
                *workers = workers.saturating_sub(1);
                *workers == 0
            }
        }
    }
}

fn received(signal: Signal, effect: &str) {
    tracing::info!(target: PROCESS, "signal {} ({}) received, {effect}", signal.number(), signal.name());
}

fn say_level(direction: &str, level: Option<u8>) {
    if let Some(level) = level {
        tracing::info!(target: PROCESS, "{direction} log level to {level}");
    }
}
