//! Ids: a position in a table and the generation of what lies there, so that an id outlives its object harmlessly
//! (invariant 4): a stale id finds nothing instead of finding somebody else.

use core::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            index: u32,
            generation: u32,
        }

        impl $name {
            /// The id of the object at `index` in its `generation`.
            pub const fn new(index: u32, generation: u32) -> Self {
                Self { index, generation }
            }

            /// The position in its table.
            pub const fn index(self) -> usize {
                self.index as usize
            }

            /// Which of the objects that have lain at this position it names.
            pub const fn generation(self) -> u32 {
                self.generation
            }
        }

        impl crate::table::Id for $name {
            fn of(index: u32, generation: u32) -> Self {
                Self::new(index, generation)
            }
            fn position(self) -> usize {
                self.index()
            }
            fn age(self) -> u32 {
                self.generation
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({}.{})", stringify!($name), self.index, self.generation)
            }
        }
    };
}

id! {
    /// One connection from an application.
    ClientId
}
id! {
    /// One connection to a server.
    ServerConnId
}
id! {
    /// One request of a client, from its first byte to the last byte of its reply.
    RequestId
}

/// A connection of either side, as one number that a driver can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Connection {
    /// From an application.
    Client(ClientId),
    /// To a server.
    Server(ServerConnId),
}

const SERVER_BIT: u64 = 1 << 63;
/// Generations travel in 31 bits; tables compare them in the same width.
const GENERATION_MASK: u32 = 0x7fff_ffff;

impl Connection {
    /// The number that stands for it; [`Connection::from_bits`] is the way back.
    pub const fn to_bits(self) -> u64 {
        let (side, index, generation) = match self {
            Self::Client(id) => (0, id.index, id.generation),
            Self::Server(id) => (SERVER_BIT, id.index, id.generation),
        };
        side | ((generation & GENERATION_MASK) as u64) << 32 | index as u64
    }

    /// The connection that `bits` stands for.
    pub const fn from_bits(bits: u64) -> Self {
        let index = bits as u32;
        let generation = (bits >> 32) as u32 & GENERATION_MASK;
        if bits & SERVER_BIT == 0 {
            Self::Client(ClientId::new(index, generation))
        } else {
            Self::Server(ServerConnId::new(index, generation))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientId, Connection, ServerConnId};

    #[test]
    fn a_connection_survives_the_way_through_a_number() {
        for (index, generation) in [(0, 0), (1, 2), (u32::MAX, 0x7fff_ffff)] {
            let client = Connection::Client(ClientId::new(index, generation));
            let server = Connection::Server(ServerConnId::new(index, generation));
            assert_eq!(Connection::from_bits(client.to_bits()), client);
            assert_eq!(Connection::from_bits(server.to_bits()), server);
        }
    }
}
