//! Reading the configuration anew while the process works: the file is checked whole and applied whole, or not at all. What it
//! changes is logged; what stands in its way is logged too, all of it, and then everything stays as it was.

use crate::cli::ServeOptions;
use crate::config_file;
use crate::descriptors::Descriptors;
use crate::doors::Renewal;
use crate::logging::{Destination, Logger, PROCESS};
use crate::settings::Settings;
use crate::start_lines;
use crate::supervisor::{Listening, Supervisor};
use golem_config::{Config, Loaded, difference};
use std::collections::VecDeque;

/// What is in use.
#[derive(Debug)]
pub struct InUse {
    options: ServeOptions,
    settings: Settings,
    config: Config,
    /// What to say of each configuration that the workers do not all serve yet.
    awaited: VecDeque<String>,
}

/// A file that was accepted, and all that it needs.
struct Ready {
    loaded: Loaded,
    settings: Settings,
    log: Option<Destination>,
    renewal: Renewal,
    listening: Listening,
}

impl InUse {
    /// What the process was started with.
    pub const fn new(options: ServeOptions, settings: Settings, config: Config) -> Self {
        Self { options, settings, config, awaited: VecDeque::new() }
    }

    /// The configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Reads the file again and puts it into use, or logs why not.
    pub fn reload(&mut self, supervisor: &mut Supervisor, logger: &mut Logger) {
        match self.prepare(supervisor) {
            Ok(ready) => self.apply(ready, supervisor, logger),
            Err(problems) => {
                for problem in problems {
                    tracing::error!("{problem}");
                }
                let file = self.options.config_file.display();
                tracing::error!("the configuration stays as it was: '{file}' cannot be used");
            }
        }
    }

    /// All workers serve the configuration that was read last but for those that are still to be confirmed.
    pub fn confirm(&mut self) {
        if let Some(line) = self.awaited.pop_front() {
            tracing::info!(target: PROCESS, "{line}");
        }
    }

    /// Everything that can be refused.
    fn prepare(&self, supervisor: &Supervisor) -> Result<Ready, Vec<String>> {
        let loaded = config_file::load(&self.options.config_file)
            .map_err(|error| error.to_string().lines().map(str::to_owned).collect::<Vec<_>>())?;
        let settings = Settings::new(&self.options, &loaded.config.process);
        let mut problems = self.fixed(&settings);
        let log = (settings.log != self.settings.log).then(|| Destination::open(&settings.log)).transpose();
        let log = log.map_err(|problem| problems.push(problem)).ok();
        let renewal = supervisor.doors().renew(&loaded.config, settings.stats.as_ref());
        let renewal = renewal.map_err(|more| problems.extend(more)).ok();
        let (Some(log), Some(mut renewal), true) = (log, renewal, problems.is_empty()) else {
            return Err(problems);
        };
        let listening = renewal.listen()?;
        Ok(Ready { loaded, settings, log, renewal, listening })
    }

    /// What cannot change while the process works.
    fn fixed(&self, next: &Settings) -> Vec<String> {
        let file = self.options.config_file.display();
        let mut problems = Vec::new();
        let mut keep = |key: &str, is_same: bool| {
            if !is_same {
                problems.push(format!(
                    "{file}: settings 'golemproxy': key '{key}': it cannot change while the process works; put the \
                     old value back, or restart the process"
                ));
            }
        };
        keep("threads", self.settings.workers == next.workers);
        keep("pid_file", self.settings.pid_file == next.pid_file);
        problems
    }

    fn apply(&mut self, ready: Ready, supervisor: &mut Supervisor, logger: &mut Logger) {
        let Ready { loaded, settings, log, renewal, listening } = ready;
        if let Some(log) = log {
            logger.redirect(log);
        }
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        let changes = self.log_difference(&loaded.config, settings.workers);
        let descriptors = Descriptors::raise(&loaded.config, settings.workers);
        if descriptors.are_scarce() {
            tracing::warn!("{descriptors}");
        }
        if let Err(error) = supervisor.reload(&loaded.config, renewal, listening, descriptors.clients()) {
            tracing::error!("a listening socket cannot be watched: {error}; nobody can connect there");
        }
        let file = self.options.config_file.display();
        self.awaited.push_back(format!("configuration file '{file}' is in use, {}", counted(changes)));
        if settings.log_level != self.settings.log_level {
            logger.set(settings.log_level);
        }
        (self.settings, self.config) = (settings, loaded.config);
    }

    /// Writes what changes, and says how much that is.
    fn log_difference(&self, next: &Config, workers: usize) -> usize {
        let mut changes = 0;
        let mut say = |line: String| {
            changes += 1;
            tracing::info!(target: PROCESS, "{line}");
        };
        for change in difference::of_process(&self.config.process, &next.process) {
            say(format!("settings 'golemproxy': {change}"));
        }
        let of_pools = difference::of_pools(&self.config.pools, &next.pools);
        for (pool, change) in of_pools {
            match change {
                difference::OfPool::Gone => say(format!("pool '{pool}' is gone")),
                difference::OfPool::New(settings) => {
                    say(format!("new: {}", start_lines::pool(settings, workers)))
                }
                difference::OfPool::Changed(lines) => {
                    lines.iter().for_each(|line| say(format!("pool '{pool}': {line}")));
                }
            }
        }
        changes
    }
}

fn counted(changes: usize) -> String {
    match changes {
        0 => "which changes nothing".to_owned(),
        1 => "with 1 change".to_owned(),
        more => format!("with {more} changes"),
    }
}
