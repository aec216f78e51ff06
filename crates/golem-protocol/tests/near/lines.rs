//! Lines that are requests or nearly so.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::sample::select;

/// Commands first, then what stands behind them.
const WORDS: &[&str] = &[
    "get",
    "gets",
    "gat",
    "gats",
    "set",
    "add",
    "replace",
    "append",
    "prepend",
    "cas",
    "delete",
    "incr",
    "decr",
    "touch",
    "mg",
    "ms",
    "md",
    "ma",
    "me",
    "mn",
    "flush_all",
    "verbosity",
    "version",
    "quit",
    "stats",
    "slabs",
    "GET",
    "noreply",
    "0",
    "1",
    "2",
    "-1",
    "+3",
    "5",
    "25",
    "2147483645",
    "4294967296",
    "18446744073709551615",
    "99999999999999999999",
    "-",
    "+",
    "k",
    "key",
    "longerkey",
    "YWJj",
    "YQ==",
    "b",
    "q",
    "v",
    "O1",
    "k",
    "MS",
    "T0",
    "P",
    "L",
    "Z9",
    "1x",
    "\u{0}",
    "a\u{0}b",
    "\u{80}",
    "\t",
    "HTTP/1.1",
    "settings",
    "k\r",
    "O1\r",
    "0\r",
    "\r",
];

/// A command, mostly a real one, and words that could follow it.
pub(crate) fn near_line() -> impl Strategy<Value = Vec<u8>> {
    let blank = prop_oneof![8 => Just(" "), 1 => Just("  "), 1 => Just("")];
    let end = prop_oneof![8 => Just("\r\n"), 2 => Just("\n"), 1 => Just(" \r\n"), 1 => Just("\r\r\n")];
    (select(&["", "", "", " "][..]), select(&WORDS[..27]), vec((blank, select(WORDS)), 0..8), end).prop_map(
        |(front, command, words, end)| {
            let mut line = front.as_bytes().to_vec();
            line.extend_from_slice(command.as_bytes());
            for (blank, word) in words {
                line.extend_from_slice(blank.as_bytes());
                line.extend_from_slice(word.as_bytes());
            }
            line.extend_from_slice(end.as_bytes());
            line
        },
    )
}
