//! `random`: any live server with the same chance, whatever the key and the weights.

use alloc::vec::Vec;

use super::{Table, live};
use crate::{Member, Random, ServerIndex};

/// The live servers in index order.
#[derive(Debug)]
pub(crate) struct RandomTable {
    servers: Vec<ServerIndex>,
}

impl Table for RandomTable {
    fn build(members: &[Member<'_>]) -> Self {
        Self { servers: live(members).map(|(server, _)| server).collect() }
    }

    #[inline]
    fn pick(&self, _hash: impl FnOnce() -> u32, random: &mut Random) -> Option<ServerIndex> {
        self.servers.get(random.below(self.servers.len() as u32) as usize).copied()
    }

    fn places(&self, _values: u64, mut each: impl FnMut(ServerIndex, f64)) {
        for &server in &self.servers {
            each(server, 1.0 / self.servers.len() as f64);
        }
    }
}
