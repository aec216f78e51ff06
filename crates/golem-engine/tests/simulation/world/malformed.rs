//! Table: what clients send that is wrong, and what must be said to it, by the case table of the protocol's page.

/// One wrong request. `{k}` stands for a key of its client, `{K}` for one that is too long.
pub(crate) struct Wrong {
    pub(crate) line: &'static str,
    /// Bytes of data behind the line; they are swallowed.
    pub(crate) data: Option<usize>,
    /// How the answer starts; none: silence.
    pub(crate) answer: Option<&'static str>,
    pub(crate) closes: bool,
}

const fn wrong(line: &'static str, answer: &'static str) -> Wrong {
    Wrong { line, data: None, answer: Some(answer), closes: false }
}

const fn swallowed(line: &'static str, data: usize, answer: &'static str) -> Wrong {
    Wrong { line, data: Some(data), answer: Some(answer), closes: false }
}

const fn silent(line: &'static str, data: Option<usize>) -> Wrong {
    Wrong { line, data, answer: None, closes: false }
}

const fn closing(line: &'static str, answer: &'static str) -> Wrong {
    Wrong { line, data: None, answer: Some(answer), closes: true }
}

pub(crate) const WRONG: &[Wrong] = &[
    wrong("bogus {k}", "ERROR"),
    wrong("", "ERROR"),
    wrong("   ", "ERROR"),
    wrong("GET {k}", "ERROR"),
    wrong("slabs reassign 1 2", "ERROR"),
    wrong("lru mode flat", "ERROR"),
    wrong("watch", "ERROR"),
    wrong("shutdown", "ERROR"),
    wrong("cache_memlimit 64", "ERROR"),
    wrong("flush_all", "CLIENT_ERROR this command concerns"),
    wrong("flush_all 0", "CLIENT_ERROR this command concerns"),
    silent("flush_all noreply", None),
    wrong("get", "ERROR"),
    wrong("gets ", "ERROR"),
    wrong("gat", "ERROR"),
    wrong("gat x {k}", "CLIENT_ERROR invalid exptime"),
    wrong("get {K}", "CLIENT_ERROR"),
    wrong("get {k} {K} {k}", "CLIENT_ERROR"),
    wrong("get {k} \0 {k}", "CLIENT_ERROR"),
    wrong("delete {K}", "CLIENT_ERROR"),
    wrong("delete {k} 5", "CLIENT_ERROR"),
    wrong("delete", "ERROR"),
    wrong("delete a b c d", "ERROR"),
    silent("delete {K} noreply", None),
    wrong("touch {k}", "ERROR"),
    wrong("touch {k} soon", "CLIENT_ERROR invalid exptime"),
    wrong("touch {K} 0", "CLIENT_ERROR"),
    wrong("incr {k}", "ERROR"),
    wrong("incr {k} much", "CLIENT_ERROR invalid numeric delta"),
    wrong("decr {k} -1", "CLIENT_ERROR invalid numeric delta"),
    silent("incr {k} much noreply", None),
    wrong("mg", "ERROR"),
    wrong("mg {K} v", "CLIENT_ERROR"),
    wrong("mg {k} v v", "CLIENT_ERROR duplicate flag"),
    wrong("mg {k} q q", "CLIENT_ERROR duplicate flag"),
    wrong("mg *** b v", "CLIENT_ERROR"),
    wrong("md {k} q q", "CLIENT_ERROR"),
    wrong("ma {K}", "CLIENT_ERROR"),
    wrong("me {K}", "CLIENT_ERROR"),
    wrong("verbosity", "ERROR"),
    swallowed("set {k} x 0 5", 5, "CLIENT_ERROR"),
    swallowed("set {k} 0 x 64", 64, "CLIENT_ERROR"),
    swallowed("set {K} 0 0 7", 7, "CLIENT_ERROR"),
    swallowed("set {K} 0 0 20000", 20_000, "CLIENT_ERROR"),
    swallowed("add {k} 99999999999999999999 0 3", 3, "CLIENT_ERROR"),
    swallowed("cas {k} 0 0 5 x", 5, "CLIENT_ERROR"),
    swallowed("ms {K} 9", 9, "CLIENT_ERROR"),
    swallowed("ms {k} 70000 T0 T0", 70_000, "CLIENT_ERROR duplicate flag"),
    swallowed("ms *** 4 b", 4, "CLIENT_ERROR"),
    silent("set {K} 0 0 5 noreply", Some(5)),
    closing("set {k} 0 0 abc", "CLIENT_ERROR"),
    closing("set {k} 0 0 -1", "CLIENT_ERROR"),
    closing("set {k} 0 0 99999999999", "CLIENT_ERROR"),
    closing("set {k} 0 0", "ERROR"),
    closing("cas {k} 0 0 5", "ERROR"),
    closing("ms {k}", "CLIENT_ERROR"),
    closing("ms {k} abc", "CLIENT_ERROR"),
];
