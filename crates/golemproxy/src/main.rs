//! The program. For now: `golemproxy -c FILE` serves the pools of a file.

use golem_net::Clock;
use golemproxy::supervisor::{Event, Supervisor};
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(path) = std::env::args().skip_while(|word| word != "-c").nth(1) else {
        eprintln!("usage: golemproxy -c FILE");
        return ExitCode::FAILURE;
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("golemproxy: cannot read '{path}': {error}");
            return ExitCode::FAILURE;
        }
    };
    let loaded = match golem_config::parse(&path, &text) {
        Ok(loaded) => loaded,
        Err(problems) => {
            problems.iter().for_each(|problem| eprintln!("{problem}"));
            return ExitCode::FAILURE;
        }
    };
    match Supervisor::start(&loaded.config, Clock::new()) {
        Ok(mut supervisor) => {
            while let Ok(event) = supervisor.next_event() {
                match event {
                    Event::Signal(golem_net::Signal::Interrupt | golem_net::Signal::Terminate) => break,
                    Event::Signal(_) => {}
                    Event::WorkerEnded(why) => {
                        eprintln!("golemproxy: {why}");
                        return ExitCode::FAILURE;
                    }
                }
            }
            supervisor.stop();
            ExitCode::SUCCESS
        }
        Err(problems) => {
            problems.iter().for_each(|problem| eprintln!("golemproxy: {problem}"));
            ExitCode::FAILURE
        }
    }
}
