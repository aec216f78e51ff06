//! What a client whose keys move may know of pools and servers: where its pool is, for how long its keys have been where they are,
//! and whether a request may fail.

use super::reloads::stage::ReloadStage;
use super::servers::Health;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// So long after the last server has come back, it may be out of the ring: the request that fails last, four times
/// `server_retry_timeout`, a probe; and what a busy machine adds.
const OUT: Duration = Duration::from_secs(6);

/// See the top of the file.
#[derive(Clone, Copy)]
pub(super) enum Ground<'a> {
    /// Configurations come and go.
    Reloads(&'a ReloadStage),
    /// Servers are ejected and come back; where the pools listen.
    Ejection(&'a [Health], &'a [SocketAddr]),
}

impl Ground<'_> {
    /// Where a pool listens, if it is there.
    pub(super) fn address(&self, pool: usize) -> Option<SocketAddr> {
        match self {
            Self::Reloads(stage) => stage.address(pool),
            Self::Ejection(_, pools) => pools.get(pool).copied(),
        }
    }

    /// How often the pool has come, gone or moved.
    pub(super) fn moves(&self, pool: usize) -> u64 {
        match self {
            Self::Reloads(stage) => stage.moves(pool),
            Self::Ejection(..) => 0,
        }
    }

    /// Whether it has come, gone or moved since `moves` was told, or does so now.
    pub(super) fn has_moved(&self, pool: usize, moves: u64) -> bool {
        moves % 2 == 1 || self.moves(pool) != moves
    }

    /// Whether the pool goes at times.
    pub(super) fn may_go(&self, pool: usize) -> bool {
        match self {
            Self::Reloads(_) => ReloadStage::may_go(pool),
            Self::Ejection(..) => false,
        }
    }

    /// One in so many times a client asks for a large value: with a `timeout` of seconds no more than two cores can do.
    pub(super) fn large_one_in(&self) -> usize {
        match self {
            Self::Reloads(_) => 12,
            Self::Ejection(..) => 80,
        }
    }

    /// A number for the time in which a key of a client stays where it is; none if it may move now.
    pub(super) fn stay(&self, client: usize, key: usize) -> Option<u64> {
        match self {
            Self::Reloads(stage) => stage.stay(client, key),
            Self::Ejection(healths, _) => {
                let begun = healths.iter().map(Health::troubles).sum();
                are_well(healths, Instant::now()).then_some(begun)
            }
        }
    }

    /// Whether a request for a key of a client that was sent at this time may fail now.
    pub(super) fn may_fail(&self, sent: Instant, client: usize, key: usize) -> bool {
        match self {
            Self::Reloads(stage) => stage.may_fail(sent, client, key),
            Self::Ejection(healths, _) => !are_well(healths, sent),
        }
    }
}

/// Whether all servers have been well from this time on, and for a while before.
fn are_well(healths: &[Health], time: Instant) -> bool {
    time.checked_sub(OUT).is_some_and(|time| healths.iter().all(|health| health.was_well_since(time)))
}
