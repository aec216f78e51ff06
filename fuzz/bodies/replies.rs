//! What a server may answer to a request: whatever it is, and however it is cut, it gives the same items, and nothing is
//! taken that was not there.

use golem_protocol::memcached::invariants::check_reply;
use golem_protocol::memcached::{
    Command, Limits, Parsed, ReplyScan, Shape, is_hidden, parse_line, scan_hit, scan_reply,
};

/// The first byte names the command that was sent, the second how the rest is cut.
pub(crate) fn run(bytes: &[u8]) {
    let [command, cut, reply @ ..] = bytes else {
        return;
    };
    let command = Command::ALL[usize::from(*command) % Command::ALL.len()];
    let shape = command.shape();
    let step = usize::from(*cut) + 1;
    let at_once = check_reply(shape, reply, || reply.len());
    assert!(at_once.is_none_or(|len| len <= reply.len()), "{at_once:?} of {} bytes", reply.len());
    assert_eq!(check_reply(shape, reply, || step), at_once, "reads of {step}");
    assert_eq!(check_reply(shape, reply, || 1), at_once, "one byte at a time");
    match scan_reply(shape, reply, 0) {
        ReplyScan::Last { status, .. } | ReplyScan::LastWithData { status, .. } => {
            // A reply that is hidden is one that was understood.
            let _ = is_hidden(command, status);
        }
        ReplyScan::Incomplete { .. } | ReplyScan::Value { .. } | ReplyScan::Broken(_) => {}
    }
    if shape == Shape::Values {
        check_quick_way(reply);
    }
}

/// A hit that is seen in one look is a value of this key and the end, also item by item.
fn check_quick_way(reply: &[u8]) {
    let key = reply.get(6..).and_then(|rest| rest.split(|&byte| byte == b' ').next()).unwrap_or_default();
    // Only a key that a request can have is ever looked for.
    let line = [b"get ", key, b"\r\n"].concat();
    if key.contains(&b'\n') || !matches!(parse_line(&line, &Limits::default()), Parsed::Request(_)) {
        return;
    }
    let Some(hit) = scan_hit(key, reply) else {
        return;
    };
    let ReplyScan::Value { key: found, header, data } = scan_reply(Shape::Values, reply, 0) else {
        panic!("a hit without a value");
    };
    assert_eq!(&reply[found.start as usize..found.end as usize], key);
    let last_at = header as usize + data as usize + 2;
    let last = scan_reply(Shape::Values, &reply[last_at..hit], 0);
    assert!(matches!(last, ReplyScan::Last { len, .. } if len as usize == hit - last_at), "{last:?}");
}
