//! The names of nutcracker's figures with what they count, in the order of its statistics document: what `-D` prints.

/// A figure: its name and what it counts.
pub type Field = (&'static str, &'static str);

/// The figures of a pool.
pub const POOL_FIELDS: &[Field] = &[
    ("client_eof", "client connections that ended in order"),
    ("client_err", "client connections that ended by an error"),
    ("client_connections", "client connections now"),
    ("server_ejects", "servers taken out of the ring"),
    ("forward_error", "requests that could not be handed to a server"),
    ("fragments", "parts of requests whose keys lie on several servers"),
];

/// The figures of a server.
pub const SERVER_FIELDS: &[Field] = &[
    ("server_eof", "server connections that ended in order"),
    ("server_err", "server connections that ended by an error"),
    ("server_timedout", "server connections that ended by a timeout"),
    ("server_connections", "server connections now"),
    ("server_ejected_at", "when it was last taken out of the ring, in microseconds since 1970"),
    ("requests", "requests sent"),
    ("request_bytes", "bytes of requests sent"),
    ("responses", "replies received"),
    ("response_bytes", "bytes of replies received"),
    ("in_queue", "requests not sent yet, now"),
    ("in_queue_bytes", "bytes of requests not sent yet, now"),
    ("out_queue", "requests without their reply, now"),
    ("out_queue_bytes", "bytes of requests without their reply, now"),
];

/// The two lists in nutcracker's layout.
pub fn description() -> String {
    let list = |fields: &[Field]| {
        fields.iter().map(|(name, text)| format!("  {name:<20}\"{text}\"\n")).collect::<String>()
    };
    format!("pool stats:\n{}\nserver stats:\n{}", list(POOL_FIELDS), list(SERVER_FIELDS))
}
