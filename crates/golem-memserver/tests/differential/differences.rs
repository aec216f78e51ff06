//! Where the core answers differently from the real server, each with its reason. Both answers are checked, so that an
//! entry that is no longer true fails.
//!
//! Two more cannot be checked, because the real server's answer there depends on what lies in its memory: it reads a
//! number on beyond the end of a value that is only white space, and looks there for a minus sign when the number has
//! its 64th bit set. The core looks no further than the value.

use crate::real::Real;
use golem_memserver::{Options, Session, Store};

struct Difference {
    reason: &'static str,
    input: Vec<u8>,
    /// What the real server's answer begins with; nothing: it closes without an answer.
    real: &'static [u8],
    ours: &'static [u8],
}

fn differences() -> Vec<Difference> {
    let line = |reason, line: &str, real, ours| Difference { reason, input: line.into(), real, ours };
    let slabs = "the core has no slabs, threads or background work to tell of or to tune";
    let drops = "the real server drops replies that it has not sent yet; whether it has depends on timing";
    let long = [b"verbosity ".as_slice(), &[b' '; 2100], b"0\r\n"].concat();
    let long_key = [b"version\r\nget ".as_slice(), &[b'k'; 251], b"\r\n"].concat();
    let mut binary = vec![0; 24];
    (binary[0], binary[1]) = (0x80, 0x0a);
    binary.extend_from_slice(b"\r\n");
    vec![
        line(slabs, "stats slabs\r\n", b"STAT ", b"ERROR\r\n"),
        line(slabs, "stats items\r\n", b"END\r\n", b"ERROR\r\n"),
        line(slabs, "stats conns\r\n", b"STAT ", b"ERROR\r\n"),
        line(slabs, "stats detail on\r\n", b"OK\r\n", b"ERROR\r\n"),
        line(slabs, "stats cachedump 1 1\r\n", b"END\r\n", b"ERROR\r\n"),
        line(slabs, "slabs automove 0\r\n", b"OK\r\n", b"ERROR\r\n"),
        line(slabs, "lru tune 10 25 0.1 2.0\r\n", b"OK\r\n", b"ERROR\r\n"),
        line(slabs, "lru_crawler sleep 0\r\n", b"OK\r\n", b"ERROR\r\n"),
        line(slabs, "extstore item_age 1\r\n", b"OK\r\n", b"ERROR\r\n"),
        line(slabs, "cache_memlimit 128\r\n", b"OK\r\n", b"ERROR\r\n"),
        line(slabs, "watch fetchers\r\n", b"OK\r\n", b"ERROR\r\n"),
        line(drops, "version\r\nxx HTTP/1.1\r\n", b"", b"VERSION 1.6.18\r\n"),
        Difference { reason: drops, input: long_key, real: b"CLIENT", ours: b"VERSION 1.6.18\r\nCLIENT" },
        Difference {
            reason: "the real server accepts a long line when it arrives in one read; the core never does, so that any \
                     cut of the input gives the same replies",
            input: long,
            real: b"OK\r\n",
            ours: b"",
        },
        line(
            "an item whose reply is not sent yet is not changed in place by the real server",
            "set n 0 0 2\r\n10\r\nmg n v\r\ndecr n 1\r\nmg n s\r\n",
            b"STORED\r\nVA 2\r\n10\r\n9\r\nHD s1\r\n",
            b"STORED\r\nVA 2\r\n10\r\n9\r\nHD s2\r\n",
        ),
        Difference {
            reason: "the core has no binary protocol",
            input: binary,
            real: b"\x81\x0a",
            ours: b"ERROR\r\n",
        },
    ]
}

#[test]
fn differences_from_the_real_server_are_those_listed() {
    let real = Real::start();
    for difference in differences() {
        let Difference { reason, input, real: theirs, ours } = difference;
        let mut connection = real.connect();
        connection.send(&input);
        let actual =
            if theirs.is_empty() { connection.read_to_end().unwrap() } else { connection.read(theirs.len()) };
        assert_eq!(actual.escape_ascii().to_string(), theirs.escape_ascii().to_string(), "{reason}");
        let (mut session, mut out) = (Session::new(), Vec::new());
        session.receive(&mut Store::new(Options::default()), &input, &mut out);
        assert!(
            out.starts_with(ours) && out.is_empty() == ours.is_empty(),
            "{reason}: {}",
            out.escape_ascii()
        );
    }
}
