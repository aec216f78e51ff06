//! A soak in which the configuration of golemproxy changes again and again under clients that stay: servers come and go, some of those
//! that go are killed, pools are renamed and listen elsewhere. The first wrong reply, failed request or closed client ends it.

mod draft;
mod routes;
pub(super) mod stage;

use super::client::Mode;
use super::ending::Ending;
use super::figures::Figures;
use super::ground::Ground;
use super::last_lines;
use super::moving::Mover;
use super::watch::Watch;
use crate::dice::Dice;
use crate::failure::{Failure, Outcome, ensure};
use crate::instance::signal;
use crate::port::Port;
use crate::programs::{Memcached, Program, Proxy};
use crate::statistics::{document, figures};
use crate::waiting::wait_until;
use draft::Draft;
use routes::{Route, pool_of, routes};
use stage::{POOLS, ReloadStage};
use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// More than the pools use, so that often nobody needs one that a pool has removed.
const SERVERS: usize = 12;
/// `timeout` of the pools is at most 60 s, and no server is ever late.
const PATIENCE: Duration = Duration::from_secs(30);

/// So many configurations ago a request may have been sent that is still on its way.
const PAST: usize = 40;

/// How a soak with reloads is to be.
#[derive(Clone, Copy)]
pub struct ReloadOptions {
    /// How many reloads.
    pub reloads: usize,
    /// Clients that know what they may be told.
    pub clients: usize,
    /// Workers of golemproxy.
    pub workers: usize,
    /// Everything at random comes from it.
    pub seed: u64,
}

/// Runs it; the report, or what was wrong first.
pub fn reload(options: ReloadOptions) -> Outcome<String> {
    let mut servers: Vec<Memcached> =
        (0..SERVERS).map(|_| Memcached::with(&["-m", "1024", "-I", "2m"])).collect::<Outcome<_>>()?;
    let mut ports = (0..2 * POOLS).map(|_| Port::reserve()).collect::<Outcome<Vec<Port>>>()?;
    let other_places = ports.split_off(POOLS);
    let folder = TempDir::new()?;
    let log = folder.path().join("proxy.log");
    let ground = draft::Ground {
        workers: options.workers,
        log: log.display().to_string(),
        servers: servers.iter().map(Memcached::address).collect(),
        places: std::array::from_fn(|pool| [ports[pool].address(), other_places[pool].address()]),
    };
    let mut dice = Dice::new(options.seed.wrapping_add(1 << 32));
    let first = Draft::first();
    let proxy = Proxy::with_file(Program::Golemproxy, &first.text(&ground, &mut dice), ports)?;
    let mut watch = Watch::begin(proxy.process.id(), proxy.stats, options.workers)?;
    let (stage, figures, ending) = (ReloadStage::new(options.clients), Figures::default(), Ending::default());
    stage.confirm(&first.changes_from(&first, &ground), &[]);
    let mut director = Director {
        options,
        ground: &ground,
        process: proxy.process.id(),
        file: proxy.configuration(),
        confirmations: Confirmations::of(&log)?,
        alive: (0..SERVERS).collect(),
        routes: routes(&first, &proxy.configuration(), &ground, options.clients, None)?,
        past: VecDeque::new(),
        dice,
    };
    let keep = |name: String, outcome: Outcome| {
        if let Err(failure) = outcome {
            ending.fail(failure.during(name));
        }
    };
    thread::scope(|scope| {
        for number in 0..options.clients {
            let pool = pool_of(number);
            let around = (&figures, &ending);
            let seed = (number, options.seed);
            let mover = Mover::new(Ground::Reloads(&stage), around, (pool, Mode::Keep), PATIENCE, seed);
            scope.spawn(|| keep(mover.name(), mover.live()));
        }
        scope.spawn(|| keep("the statistics".to_owned(), read_statistics(proxy.stats, &ending)));
        scope.spawn(|| keep("the proxy".to_owned(), watch.look_on(&ending)));
        keep("reload".to_owned(), director.direct(first, &mut servers, (&stage, &figures, &ending)));
        ending.declare();
    });
    let failure = ending.failure().map_or_else(|| watch.end().err(), Some);
    let report = format!("{figures}\n{watch}");
    match failure {
        None => Ok(report),
        Some(failure) => Err(Failure::new(format!("{failure}\n\n{report}\n\n{}", last_lines(&log)))),
    }
}

/// Writes the files and has them read.
struct Director<'a> {
    options: ReloadOptions,
    ground: &'a draft::Ground,
    process: u32,
    file: PathBuf,
    confirmations: Confirmations,
    /// Servers that run.
    alive: BTreeSet<usize>,
    /// Of the configuration in use, and of those before, with the time until which they were.
    routes: Vec<Route>,
    past: VecDeque<(Instant, Vec<Route>)>,
    dice: Dice,
}

impl Director<'_> {
    /// All reloads; the last ones go back to the first file.
    fn direct(
        &mut self,
        first: Draft,
        servers: &mut [Memcached],
        (stage, figures, ending): (&ReloadStage, &Figures, &Ending),
    ) -> Outcome {
        let mut draft = first.clone();
        for number in 1..=self.options.reloads {
            if ending.wait(Duration::from_millis(self.dice.below(100) as u64)) {
                return Ok(());
            }
            let next = match self.options.reloads - number {
                0 => first.clone(),
                // A pool that gets its name and its place back at once would be another one.
                1 => draft.in_first_places(),
                _ => draft.next(&mut self.dice, SERVERS),
            };
            self.start(&next.servers(), servers)?;
            let changes = next.changes_from(&draft, self.ground);
            let text = next.text(self.ground, &mut self.dice);
            // As editors do it: never half a file.
            let fresh = self.file.with_extension("new");
            fs::write(&fresh, &text)?;
            fs::rename(&fresh, &self.file)?;
            let next_routes = self.routes_of(&next, &draft)?;
            let moved: Vec<usize> =
                (0..next_routes.len()).filter(|key| next_routes[*key] != self.routes[*key]).collect();
            stage.begin(&changes, &moved);
            signal(self.process, "USR1")?;
            self.confirmations
                .wait_for(number)
                .map_err(|failure| failure.during(format!("{number}:\n{text}")))?;
            let confirmed = Instant::now();
            self.past.push_front((confirmed, std::mem::replace(&mut self.routes, next_routes)));
            self.past.truncate(PAST);
            stage.confirm(&changes, &moved);
            Figures::count(&figures.reloads);
            let removed: Vec<usize> = draft.servers().difference(&next.servers()).copied().collect();
            for server in removed {
                if self.dice.is_one_in(2) {
                    ending.wait(Duration::from_millis(self.dice.below(40) as u64));
                    stage.kill(confirmed, self.keys_of(server));
                    servers[server].process.kill()?;
                    self.alive.remove(&server);
                    Figures::count(&figures.kills);
                }
            }
            draft = next;
        }
        Ok(())
    }

    fn routes_of(&self, next: &Draft, before: &Draft) -> Outcome<Vec<Route>> {
        routes(next, &self.file, self.ground, self.options.clients, Some((before, &self.routes)))
    }

    /// The keys that a server had in the configurations before.
    fn keys_of(&self, server: usize) -> Vec<(Instant, BTreeSet<usize>)> {
        let is_there = |route: &Route| route.as_ref().is_some_and(|(_, of)| *of == server);
        let keys = |routes: &Vec<Route>| (0..routes.len()).filter(|key| is_there(&routes[*key])).collect();
        self.past.iter().map(|(until, routes)| (*until, keys(routes))).collect()
    }

    /// Starts those of the servers again that were killed.
    fn start(&mut self, wanted: &BTreeSet<usize>, servers: &mut [Memcached]) -> Outcome {
        let gone: Vec<usize> = wanted.difference(&self.alive).copied().collect();
        for server in gone {
            servers[server].restart()?;
            self.alive.insert(server);
        }
        Ok(())
    }
}

/// The lines of the log that say that a configuration is in use.
struct Confirmations {
    log: File,
    /// Read and not looked at: a line that is not whole.
    text: String,
    seen: usize,
}

impl Confirmations {
    fn of(log: &Path) -> Outcome<Self> {
        Ok(Self { log: File::open(log)?, text: String::new(), seen: 0 })
    }

    fn wait_for(&mut self, count: usize) -> Outcome {
        wait_until("the configuration is in use", || {
            self.log.read_to_string(&mut self.text)?;
            let whole = self.text.rfind('\n').map_or(0, |end| end + 1);
            for line in self.text.drain(..whole).as_str().lines() {
                ensure(!line.contains("stays as it was"), "the file was refused")?;
                self.seen += usize::from(line.contains("is in use, "));
            }
            Ok(self.seen >= count)
        })
    }
}

/// Reads the statistics as a monitoring program does, all the time.
fn read_statistics(address: SocketAddr, ending: &Ending) -> Outcome {
    while !ending.wait(Duration::from_millis(50)) {
        let text = document(address)?;
        figures(&text).map_err(|failure| failure.during(format!("the document is {text}")))?;
    }
    Ok(())
}
