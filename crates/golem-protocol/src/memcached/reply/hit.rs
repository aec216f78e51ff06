//! What most requests get, recognised in one look: the value of the key that was asked for, and the reply that is one such value
//! and `END`. Nothing is said here that [`super::scan_reply`] would not say; it is only quicker, since it knows what should be there.

use super::{DATA_MAX, LINE_MAX};
use crate::memcached::number;

const VALUE: &[u8] = b"VALUE ";
const LINE_END: &[u8] = b"\r\n";

/// Bytes of the reply at the front of `buf`, if that is a complete value for `key` and `END`. None: not so, or not in the
/// usual form; ask [`super::scan_reply`], item by item.
#[inline]
pub fn scan_hit(key: &[u8], buf: &[u8]) -> Option<usize> {
    ends_with(buf, data_end(key, buf)?, b"\r\nEND\r\n")
}

/// Bytes of the value at the front of `buf`, its CR LF included, if that is a complete one for `key`. None: not so, or not
/// in the usual form; ask [`super::scan_reply`].
#[inline]
pub fn scan_value(key: &[u8], buf: &[u8]) -> Option<usize> {
    ends_with(buf, data_end(key, buf)?, LINE_END)
}

#[inline(always)]
fn ends_with(buf: &[u8], at: usize, end: &[u8]) -> Option<usize> {
    let behind = at.checked_add(end.len())?;
    (buf.get(at..behind)? == end).then_some(behind)
}

/// Where the data of a value for `key` end, though they may not be here yet.
#[inline(always)]
fn data_end(key: &[u8], buf: &[u8]) -> Option<usize> {
    let text = buf.strip_prefix(VALUE)?.strip_prefix(key)?;
    let (_, at) = number::read(text, blank(text, 0)?)?;
    let (data, mut at) = number::read(text, blank(text, at)?)?;
    if text.get(at) == Some(&b' ') {
        at = number::read(text, at + 1)?.1;
    }
    let header = VALUE.len() + key.len() + at + LINE_END.len();
    if text.get(at..at + LINE_END.len())? != LINE_END
        || data > DATA_MAX
        || header > LINE_MAX
        || key.is_empty()
    {
        return None;
    }
    header.checked_add(data as usize)
}

#[inline]
fn blank(text: &[u8], at: usize) -> Option<usize> {
    (text.get(at) == Some(&b' ')).then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::{scan_hit, scan_value};
    use crate::memcached::{ReplyScan, Shape, Status, scan_reply};
    use proptest::prelude::{ProptestConfig, any, proptest};
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    /// What the general scanner makes of the same bytes: a value for the key, as a whole.
    fn by_value(key: &[u8], buf: &[u8]) -> Option<usize> {
        let ReplyScan::Value { key: found, header, data } = scan_reply(Shape::Values, buf, 0) else {
            return None;
        };
        let end = header as usize + data as usize + 2;
        (found.of(buf) == key && buf.get(end - 2..end)? == b"\r\n").then_some(end)
    }

    /// And `END` behind it.
    fn by_items(key: &[u8], buf: &[u8]) -> Option<usize> {
        let last = by_value(key, buf)?;
        let end = scan_reply(Shape::Values, buf.get(last..)?, 0);
        (end == ReplyScan::Last { len: 5, status: Status::End }).then_some(last + 5)
    }

    #[test]
    fn the_usual_reply_is_a_hit() {
        let reply = b"VALUE k 0 3\r\nabc\r\nEND\r\nVALUE x";
        assert_eq!(scan_hit(b"k", reply), Some(23));
        assert_eq!(scan_hit(b"k", b"VALUE k 4294967295 0 77\r\n\r\nEND\r\n"), Some(32));
        for len in 0..23 {
            assert_eq!(scan_hit(b"k", &reply[..len]), None);
        }
        for other in [
            &b"END\r\n"[..],
            b"VALUE kk 0 3\r\nabc\r\nEND\r\n",
            b"VALUE k 0 3\r\nabcd\nEND\r\n",
            b"VALUE k 0 3\r\nabc\r\nVALUE k 0 3\r\nabc\r\nEND\r\n",
            b"VALUE k 0 99999999999999999999\r\nabc\r\nEND\r\n",
            b"VALUE k 0 18446744073709551615\r\nabc\r\nEND\r\n",
            b"VALUE k 0 3 \r\nabc\r\nEND\r\n",
            b"VALUE k 0 -3\r\nabc\r\nEND\r\n",
        ] {
            assert_eq!(scan_hit(b"k", other), None);
        }
        assert_eq!(scan_hit(b"", b"VALUE  0 3\r\nabc\r\nEND\r\n"), None);
    }

    #[test]
    fn a_line_of_the_longest_length_is_taken_and_no_longer_one() {
        let key = "k".repeat(super::LINE_MAX - "VALUE  0 1\r\n".len());
        let reply = format!("VALUE {key} 0 1\r\nx\r\nEND\r\n");
        assert_eq!(scan_hit(key.as_bytes(), reply.as_bytes()), Some(reply.len()));
        assert_eq!(by_items(key.as_bytes(), reply.as_bytes()), Some(reply.len()));
        let (key, reply) = (format!("{key}k"), format!("VALUE k{}", &reply["VALUE ".len()..]));
        assert_eq!(scan_hit(key.as_bytes(), reply.as_bytes()), None);
        assert_eq!(by_items(key.as_bytes(), reply.as_bytes()), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn a_hit_is_what_the_general_scanner_finds(
            key in "[a-c]{1,3}", value in "[a-c\r\n]{0,6}", len in 0..8usize, cas in any::<Option<u8>>(),
            at in any::<proptest::sample::Index>(), byte in any::<Option<u8>>(),
        ) {
            let cas = cas.map_or_else(String::new, |cas| format!(" {cas}"));
            let mut reply = Vec::from(format!("VALUE {key} 1 {len}{cas}\r\n{value}\r\nEND\r\nEND\r\n"));
            if let Some(byte) = byte {
                *at.get_mut(&mut reply) = byte;
            }
            let by_value = by_value(key.as_bytes(), &reply);
            if let Some(value) = scan_value(key.as_bytes(), &reply) {
                assert_eq!(by_value, Some(value));
            } else if byte.is_none() {
                assert_eq!(by_value, None);
            }
            let items = by_items(key.as_bytes(), &reply);
            if let Some(hit) = scan_hit(key.as_bytes(), &reply) {
                assert_eq!(items, Some(hit));
            } else if byte.is_none() {
                assert_eq!(items, None);
            }
        }
    }
}
