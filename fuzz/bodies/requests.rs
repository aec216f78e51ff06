//! What a client may send: whatever it is, and however it is cut, it gives the same frames, each with its promises, and
//! no byte of a line is looked at twice.

use golem_protocol::memcached::invariants::{Walked, walk};
use golem_protocol::memcached::{Limits, LineScan, Parsed, parse_line, scan_get, scan_line};

/// Small, so that short input reaches every limit.
const SMALL: Limits = Limits { key: 8, line: 64, keys: 6, item: 24 };

/// The first byte says how the rest is cut, and which limits hold.
pub(crate) fn run(bytes: &[u8]) {
    let Some((&manner, input)) = bytes.split_first() else {
        return;
    };
    let limits = if manner & 1 == 0 { SMALL } else { Limits::default() };
    let (whole, at_once) = frames(input, &limits, &[input.len().max(1)]);
    let step = usize::from(manner >> 1);
    for reads in [[1, 1], [step % 7 + 1, step + 1]] {
        let (cut, walked) = frames(input, &limits, &reads);
        assert_eq!(cut, whole, "reads of {reads:?} give other frames");
        assert_eq!((walked.taken, walked.closed), (at_once.taken, at_once.closed), "reads of {reads:?}");
        assert!(walked.examined <= input.len(), "{} bytes looked at", walked.examined);
    }
    check_quick_way(input, &limits);
}

fn frames(input: &[u8], limits: &Limits, reads: &[usize]) -> (Vec<String>, Walked) {
    let mut reads = reads.iter().cycle();
    let mut frames = Vec::new();
    let walked =
        walk(input, limits, || *reads.next().unwrap_or(&1), |frame| frames.push(format!("{frame:?}")));
    (frames, walked)
}

/// A `get` of one key that is taken in one look is what the general way makes of it.
fn check_quick_way(input: &[u8], limits: &Limits) {
    let Some((request, len)) = scan_get(input, limits) else {
        return;
    };
    assert_eq!(scan_line(input, 0, limits), LineScan::Complete { len });
    assert_eq!(parse_line(&input[..len], limits), Parsed::Request(request));
}
