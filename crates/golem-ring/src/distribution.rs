//! The distributions: from a hash value to a live server. One table of names, one file each.
//!
//! A distribution is built once from the members of a pool and then only read. A new one is one file here, one line in the
//! table below and its vectors in `testdata/placement/mapping`.

mod ketama;
mod modula;
mod random;

use crate::{Member, Random, ServerIndex};

/// What a distribution does. `hash` is a function so that one which does not look at keys costs no hash.
trait Table: Sized {
    /// The table for the live ones of `members`.
    fn build(members: &[Member<'_>]) -> Self;

    /// The server for a key, `None` if no server got a place. Must not allocate.
    fn pick(&self, hash: impl FnOnce() -> u32, random: &mut Random) -> Option<ServerIndex>;

    /// Calls `each` with every place of the table, in order: its server and the fraction that it gets of the hash values
    /// below `values`.
    fn places(&self, values: u64, each: impl FnMut(ServerIndex, f64));
}

macro_rules! distributions {
    ($($(#[doc = $doc:literal])+ $variant:ident, $name:literal, $table:path;)+) => {
        /// How keys are spread over the servers, as named by `distribution:` in a pool.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Distribution {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Distribution {
            /// All distributions, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in the configuration file.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        /// The table of any distribution.
        #[derive(Debug)]
        pub(crate) enum AnyTable {
            $($variant($table),)+
        }

        impl AnyTable {
            pub(crate) fn build(distribution: Distribution, members: &[Member<'_>]) -> Self {
                match distribution {
                    $(Distribution::$variant => Self::$variant(Table::build(members)),)+
                }
            }

            #[inline]
            pub(crate) fn pick(&self, hash: impl FnOnce() -> u32, random: &mut Random) -> Option<ServerIndex> {
                match self {
                    $(Self::$variant(table) => table.pick(hash, random),)+
                }
            }

            pub(crate) fn places(&self, values: u64, each: impl FnMut(ServerIndex, f64)) {
                match self {
                    $(Self::$variant(table) => table.places(values, each),)+
                }
            }
        }
    };
}

distributions! {
    /// Consistent hashing over weighted points: a server that comes or goes moves few keys.
    Ketama, "ketama", ketama::Ketama;
    /// The hash modulo the sum of weights: evenest, but nearly every key moves when the servers change.
    Modula, "modula", modula::Modula;
    /// Any live server, thrown anew for each key; weights do not count.
    Random, "random", random::RandomTable;
}

impl Distribution {
    /// The distribution of that name; names are case-sensitive.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|distribution| distribution.name() == name)
    }
}

/// The live members with their indices, in index order.
fn live<'a, 'b>(members: &'b [Member<'a>]) -> impl Iterator<Item = (ServerIndex, &'b Member<'a>)> {
    members
        .iter()
        .enumerate()
        .filter(|(_, member)| member.live)
        .map(|(i, member)| (ServerIndex::new(i as u32), member))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::{AnyTable, Distribution};
    use crate::{Member, Random};

    #[test]
    fn places_are_weighed_by_the_values_that_lead_to_them() {
        let members =
            [("a", 3), ("b", 1), ("c", 5)].map(|(label, weight)| Member { label, weight, live: true });
        for distribution in [Distribution::Ketama, Distribution::Modula] {
            let table = AnyTable::build(distribution, &members);
            for values in [1, 8, 1000, 1 << 15, 1 << 20] {
                let mut shares = [0.0; 3];
                table.places(values, |server, share| shares[server.index()] += share);
                let mut counts = [0_u32; 3];
                for hash in 0..values as u32 {
                    counts[table.pick(|| hash, &mut Random::new(0)).unwrap().index()] += 1;
                }
                let counted = counts.map(|count| f64::from(count) / values as f64);
                let same =
                    shares.iter().zip(&counted).all(|(share, counted)| (share - counted).abs() < 1e-12);
                assert!(same, "{distribution:?} of {values} values: {shares:?}, counted {counted:?}");
            }
        }
    }
}
