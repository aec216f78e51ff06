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
