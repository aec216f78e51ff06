//! What is counted: one line per counter. A set of counters has one writer, the worker whose engine holds it, and is
//! read by any thread at any time without a lock (invariant 9); sums over workers are made by the reader.
//!
//! Names and meanings of the first group of each table are nutcracker's; the others are ours.

use crate::succession::{NextPool, Succession};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicI64, Ordering};
use golem_ring::ServerIndex;

/// A counter or gauge with one writer.
#[derive(Debug, Default)]
pub struct Counter(AtomicI64);

impl Counter {
    /// Adds `count`. Only the owning worker may call this: a plain load and store, no locked instruction.
    #[inline]
    pub fn add(&self, count: usize) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count as i64), Ordering::Relaxed);
    }

    /// Takes `count` off. Only for gauges, only by the owning worker.
    #[inline]
    pub fn sub(&self, count: usize) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_sub(count as i64), Ordering::Relaxed);
    }

    /// Makes it `value`. Only for gauges, only by the owner.
    #[inline]
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The value now, from any thread.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where a counter is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// In nutcracker's statistics document and in the `stats` command.
    Document,
    /// In the `stats` command only; the document keeps nutcracker's shape.
    Command,
}

/// What a number tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// How often something has happened since the start.
    Total,
    /// How things are now.
    Gauge,
}

macro_rules! counters {
    ($(#[$doc:meta])* $name:ident { $($field:ident, $kind:ident, $shown:ident, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $name {
            $(#[doc = $text] pub $field: Counter,)*
        }

        impl $name {
            /// Name, place and description of each counter, in the order in which they are shown.
            pub const TABLE: &'static [(&'static str, Shown, &'static str)] =
                &[$((stringify!($field), Shown::$shown, $text),)*];

            /// All values, in the order of the table.
            pub fn values(&self) -> [i64; Self::TABLE.len()] {
                [$(self.$field.get(),)*]
            }

            /// Makes all gauges 0: what they told of is gone. Only by the owner.
            fn clear_gauges(&self) {
                $(if Kind::$kind == Kind::Gauge {
                    self.$field.set(0);
                })*
            }
        }
    };
}

counters! {
    /// Per pool.
    PoolCounters {
        client_eof, Total, Document, "# eof on client connections";
        client_err, Total, Document, "# errors on client connections";
        client_connections, Gauge, Document, "# active client connections";
        server_ejects, Total, Document, "# times backend server was ejected";
        forward_error, Total, Document, "# times we encountered a forwarding error";
        fragments, Total, Document, "# fragments created from a multi-vector request";
        client_total, Total, Command, "# client connections accepted since the start";
        requests_refused, Total, Command, "# requests answered with an error by the proxy itself";
        replies_local, Total, Command, "# requests answered by the proxy itself";
        clients_paused, Total, Command, "# times a client was not read for a while because it holds too many bytes";
        client_over_limit, Total, Command, "# requests failed or clients closed at the hard memory limit of a client";
        clients_slowed, Total, Command, "# times a client was not read for a while because the worker, or a server connection that it had asked, holds too many bytes, or its server had just failed";
        uploads_waited, Total, Command, "# large requests that waited for room";
        worker_over_limit, Total, Command, "# requests failed or clients closed at the hard memory limit of a worker";
        clients_refused, Total, Command, "# clients that were turned away because of max_clients";
        clients_idle, Total, Command, "# clients that were closed because of client_idle_timeout";
        server_restores, Total, Command, "# times an ejected server came back";
        server_kept, Total, Command, "# times a failing server was kept because too many are ejected";
        worker_restarts, Total, Command, "# times a worker began anew after a panic";
    }
}

counters! {
    /// Per server of a pool.
    ServerCounters {
        server_eof, Total, Document, "# eof on server connections";
        server_err, Total, Document, "# errors on server connections";
        server_timedout, Total, Document, "# timeouts on server connections";
        server_connections, Gauge, Document, "# active server connections";
        server_ejected_at, Gauge, Document, "timestamp when server was ejected in usec since epoch";
        requests, Total, Document, "# requests";
        request_bytes, Total, Document, "total request bytes";
        responses, Total, Document, "# responses";
        response_bytes, Total, Document, "total response bytes";
        in_queue, Gauge, Document, "# requests in incoming queue";
        in_queue_bytes, Gauge, Document, "current request bytes in incoming queue";
        out_queue, Gauge, Document, "# requests in outgoing queue";
        out_queue_bytes, Gauge, Document, "current request bytes in outgoing queue";
        connections_open, Gauge, Command, "# server connections, also those being made";
        connections_total, Total, Command, "# server connections made or tried since the start";
        replies_discarded, Total, Command, "# replies read and dropped: noreply, late, or the client has gone";
        protocol_errors, Total, Command, "# connections dropped because the server sent what answers no request";
        server_full, Total, Command, "# connections that the server refused by saying that it has too many";
        connections_refused, Total, Command, "# attempts to connect that the server refused";
        connections_reset, Total, Command, "# connections that the server reset";
        connections_closed, Total, Command, "# connections that the server closed";
        connections_silent, Total, Command, "# connections given up because the server did not answer";
        connections_failed, Total, Command, "# connections not made or lost for another reason, such as an unreachable network";
        connect_timeouts, Total, Command, "# attempts to connect that took too long";
        lookups_failed, Total, Command, "# lookups of the server's name that failed or gave no address";
        address_changes, Total, Command, "# times the server's name was found to have another address";
        requests_late, Total, Command, "# requests that timed out while their connection lived on";
        requests_repeated, Total, Command, "# requests asked once more, because an idle connection ended when they came";
        requests_held_off, Total, Command, "# requests failed at once because it was too early to connect again";
        requests_turned_away, Total, Command, "# requests failed at once because too many waited for a connection being made";
        failures_in_row, Gauge, Command, "# failures since the last good reply, added up over the workers";
        ejected, Gauge, Command, "1 while the server is ejected, else 0";
        probes_failed, Total, Command, "# probes that the ejected server did not answer as it should";
    }
}

/// The counters of one pool in one worker.
#[derive(Debug, Default)]
pub struct PoolSet {
    /// Of the pool itself.
    pub pool: Arc<PoolCounters>,
    /// Of its servers, in index order.
    pub servers: Vec<Arc<ServerCounters>>,
}

/// All counters of one worker, pools in configuration order.
#[derive(Debug, Default)]
pub struct WorkerCounters {
    /// Per pool.
    pub pools: Vec<PoolSet>,
    /// Bytes that all clients and server connections make the worker hold: a gauge, set once in a turn.
    pub bytes_held: Counter,
}

impl WorkerCounters {
    /// Counters for pools with so many servers each.
    pub fn new(servers: impl Iterator<Item = usize>) -> Arc<Self> {
        let set =
            |count| PoolSet { pool: Arc::default(), servers: (0..count).map(|_| Arc::default()).collect() };
        Arc::new(Self { pools: servers.map(set).collect(), bytes_held: Counter::default() })
    }

    /// The worker begins anew: it has no connections, and counts on.
    pub(crate) fn begin_anew(&self) {
        for set in &self.pools {
            set.pool.clear_gauges();
            set.servers.iter().for_each(|server| server.clear_gauges());
            set.pool.worker_restarts.add(1);
        }
    }

    /// The counters for the pools of `next`: the same ones for what is known, fresh ones for what is new.
    pub fn next(&self, next: &Succession) -> Arc<Self> {
        let set = |pool: &NextPool| {
            let old = pool.origin.pool.and_then(|was| self.pools.get(was.index()));
            let server = |was: &Option<ServerIndex>| {
                let old = was.and_then(|was| old?.servers.get(was.index()));
                old.map(Arc::clone).unwrap_or_default()
            };
            PoolSet {
                pool: old.map(|old| Arc::clone(&old.pool)).unwrap_or_default(),
                servers: pool.origin.servers.iter().map(server).collect(),
            }
        };
        Arc::new(Self { pools: next.pools.iter().map(set).collect(), bytes_held: Counter::default() })
    }
}

/// The counters of all workers of the process: what `stats` and the statistics port add up.
#[derive(Clone, Debug)]
pub struct AllCounters(pub Arc<[Arc<WorkerCounters>]>);

impl AllCounters {
    /// Bytes that all workers hold for clients and server connections.
    pub fn bytes_held(&self) -> i64 {
        self.0.iter().map(|worker| worker.bytes_held.get()).sum()
    }

    /// Sums for pool number `pool`, in the order of [`PoolCounters::TABLE`].
    pub fn pool(&self, pool: usize) -> [i64; PoolCounters::TABLE.len()] {
        sum(self.0.iter().filter_map(|worker| Some(worker.pools.get(pool)?.pool.values())))
    }

    /// Sums for server number `server` of pool number `pool`, in the order of [`ServerCounters::TABLE`].
    pub fn server(&self, pool: usize, server: usize) -> [i64; ServerCounters::TABLE.len()] {
        sum(self.0.iter().filter_map(|worker| Some(worker.pools.get(pool)?.servers.get(server)?.values())))
    }
}

fn sum<const N: usize>(rows: impl Iterator<Item = [i64; N]>) -> [i64; N] {
    rows.fold([0; N], |mut total, row| {
        for (sum, value) in total.iter_mut().zip(row) {
            *sum = sum.wrapping_add(value);
        }
        total
    })
}

#[cfg(test)]
mod tests {
    use super::{AllCounters, PoolCounters, WorkerCounters};
    use alloc::sync::Arc;

    #[test]
    fn workers_are_added_up() {
        let workers: alloc::vec::Vec<Arc<WorkerCounters>> =
            (0..3).map(|_| WorkerCounters::new([1, 2].into_iter())).collect();
        for worker in &workers {
            worker.pools[1].pool.client_eof.add(2);
            worker.pools[1].servers[1].requests.add(5);
            worker.pools[1].servers[1].in_queue.sub(1);
        }
        let all = AllCounters(workers.into());
        assert_eq!(all.pool(1)[0], 6);
        assert_eq!(all.pool(0), [0; PoolCounters::TABLE.len()]);
        assert_eq!(all.server(1, 1)[5], 15);
        assert_eq!(all.server(1, 1)[9], -3);
    }
}
