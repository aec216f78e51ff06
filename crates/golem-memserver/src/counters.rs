//! What a server counts: one line per counter, used by `stats`, by the tests and by the code that increments.

macro_rules! counters {
    ($($name:ident: $doc:literal,)*) => {
        /// Counters under memcached's names, all since the start or the last `stats reset`.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $(#[doc = $doc] pub $name: u64,)*
        }

        impl Counters {
            /// Names and values, in the order of the table.
            pub fn list(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }
        }
    };
}

counters! {
    cmd_get: "keys asked for",
    cmd_set: "data blocks received for a storage command",
    cmd_flush: "flush_all commands",
    cmd_touch: "touches, those of gat and mg T too",
    cmd_meta: "me commands",
    get_hits: "keys found",
    get_misses: "keys not found",
    get_expired: "items found expired",
    get_flushed: "items found flushed",
    delete_misses: "deletes of missing keys",
    delete_hits: "deletes of existing keys",
    incr_misses: "increments of missing keys",
    incr_hits: "increments done",
    decr_misses: "decrements of missing keys",
    decr_hits: "decrements done",
    cas_misses: "cas on missing keys",
    cas_hits: "cas done",
    cas_badval: "cas refused because the item had changed",
    touch_hits: "touches of existing keys",
    touch_misses: "touches of missing keys",
    store_too_large: "values refused as too large",
    store_no_memory: "values refused because they exceed the whole memory",
    evictions: "items removed to make room",
    total_items: "items stored",
}
