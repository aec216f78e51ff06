//! The hands of [`Names`](crate::names::Names): questions of the workers go in, lookups are made in the background, answers and
//! moves go out, and what happens to a name is counted for its servers and written to the log.

use super::Coordination;
use crate::mail::Question;
use crate::names::{Change, Name, News, Order};
use crate::notices::said_of;
use crate::places::Named;
use crate::worker::ToWorker;
use golem_engine::Time;
use golem_engine::coordinator::ProbeId;
use golem_engine::counters::ServerCounters;
use golem_net::{Driver, Resolved, Sender};
use std::io;

/// Who wants to know the address of a name.
#[derive(Debug)]
pub(super) enum Asker {
    /// A worker.
    Worker(Question),
    /// The coordinator, for this probe.
    Probe(ProbeId),
}

impl Coordination {
    /// A worker asks for the address of a name.
    pub fn question(&mut self, question: Question) {
        self.ask(question.name.clone(), Asker::Worker(question));
    }

    pub(super) fn ask(&mut self, name: Name, asker: Asker) {
        self.names.ask(name, asker, Time(self.clock.now()));
    }

    /// A lookup has ended.
    pub fn resolved(&mut self, answer: Resolved) {
        let found = answer.result.map_err(|error| said(&error));
        self.names.resolved(answer.id, found, Time(self.clock.now()));
    }

    /// Does what is to be done about names; whether that was anything.
    pub(super) fn serve_names(&mut self, driver: &mut Driver, workers: &[Sender<ToWorker>]) -> bool {
        let mut has_worked = false;
        while let Some(order) = self.names.next_order() {
            has_worked = true;
            match order {
                Order::LookUp(id, Name { host, port }) => {
                    if let Err(error) = self.resolver.ask(id, &host, port) {
                        self.names.resolved(id, Err(said(&error)), Time(self.clock.now()));
                    }
                }
                Order::Answer(Asker::Worker(Question { name, conn, from }), address) => {
                    // One that has ended needs no answer.
                    let _ = from.send(ToWorker::Address(conn, name, address));
                }
                Order::Answer(Asker::Probe(probe), address) => self.found(driver, probe, address),
                Order::Tell(change) => self.spread(&change, workers),
            }
        }
        has_worked
    }

    /// Tells everybody whom it concerns what has happened to a name.
    fn spread(&self, change: &Change<Named>, workers: &[Sender<ToWorker>]) {
        let host = &change.name.host;
        match &change.news {
            News::Moved { from, to } => {
                for server in &change.servers {
                    self.count(server, |counters| counters.address_changes.add(1));
                    for worker in workers {
                        // One that has ended needs no telling.
                        let _ = worker.send(ToWorker::Moved(server.pool, server.of.index));
                    }
                    tracing::warn!("{} has moved from {from} to {to}", said_of(&server.of));
                }
            }
            News::Failed { why, is_first, kept } => {
                for server in &change.servers {
                    self.count(server, |counters| counters.lookups_failed.add(1));
                }
                match kept {
                    Some(kept) if *is_first => {
                        tracing::warn!("the name '{host}' cannot be looked up: {why}; {kept} stays in use");
                    }
                    None if *is_first => tracing::warn!("the name '{host}' cannot be looked up: {why}"),
                    Some(_) | None => {}
                }
            }
            News::Mended => tracing::warn!("the name '{host}' can be looked up again"),
        }
    }

    fn count(&self, server: &Named, count: impl FnOnce(&ServerCounters)) {
        let set = self.counters.pools.get(server.pool.index());
        if let Some(counters) = set.and_then(|set| set.servers.get(server.of.index.index())) {
            count(counters);
        }
    }
}

/// The resolver's own words, without what the standard library puts before them.
fn said(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").map_or(text.clone(), str::to_owned)
}
