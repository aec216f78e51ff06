//! The line that most requests are, recognised in one look: `get` with one key. It takes nothing that [`super::parse_line`]
//! would not take in the same way; it is only quicker, since it finds the end of the key and of the line together.

use crate::memcached::command::Command;
use crate::memcached::request::{Limits, Request};
use crate::memcached::search::below_blank;
use crate::memcached::span::Span;

const GET: &[u8] = b"get ";

/// What the line at the front of `buf` asks, and its length with CR LF, if it is a complete `get` of one key in the usual
/// form. None: not so, or not known yet; ask [`crate::memcached::scan_line`].
#[inline]
pub fn scan_get(buf: &[u8], limits: &Limits) -> Option<(Request, usize)> {
    let text = buf.strip_prefix(GET)?;
    let len = below_blank(text)?;
    let total = GET.len() + len + 2;
    let is_usual = text.get(len..len + 2) == Some(b"\r\n")
        && (1..=limits.key as usize).contains(&len)
        && total <= limits.line as usize;
    let key = Span::new(GET.len(), GET.len() + len);
    is_usual.then(|| (Request { key, keys: 1, ..Request::new(Command::Get) }, total))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::scan_get;
    use crate::memcached::{Limits, LineScan, Parsed, Request, parse_line, scan_line};
    use proptest::prelude::{ProptestConfig, any, proptest};
    use std::vec::Vec;

    /// What the general way makes of the same bytes.
    fn by_line(buf: &[u8], limits: &Limits) -> Option<(Request, usize)> {
        let LineScan::Complete { len } = scan_line(buf, 0, limits) else { return None };
        match parse_line(&buf[..len], limits) {
            Parsed::Request(request) => Some((request, len)),
            Parsed::Refused(_) => None,
        }
    }

    #[test]
    fn a_get_of_one_key_is_taken() {
        let limits = Limits::default();
        let line = b"get key:1\r\nget b\r\n";
        assert_eq!(scan_get(line, &limits), by_line(line, &limits));
        assert_eq!(scan_get(line, &limits).unwrap().1, 11);
        for len in 0..11 {
            assert_eq!(scan_get(&line[..len], &limits), None);
        }
        let line = [b"get ", [b'k'; 250].as_slice(), b"\r\n"].concat();
        assert_eq!(scan_get(&line, &limits), by_line(&line, &limits));
        for other in [
            &b"get \r\n"[..],
            b"get a\n",
            b"get a b\r\n",
            b"get  a\r\n",
            b"get a \r\n",
            b"gets a\r\n",
            b"get a\0\r\n",
        ] {
            assert_eq!(scan_get(other, &limits), None);
        }
        assert_eq!(scan_get(&[b"get ", [b'k'; 251].as_slice(), b"\r\n"].concat(), &limits), None);
        assert_eq!(scan_get(b"get abc\r\n", &Limits { line: 8, ..limits }), None);
        assert_eq!(scan_get(b"get abc\r\n", &Limits { key: 2, ..limits }), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]
        #[test]
        fn what_is_taken_is_what_the_general_way_takes(
            key in "[ -~]{0,20}", more in "(get b\r\n)?", at in any::<proptest::sample::Index>(), byte in any::<Option<u8>>(),
            key_max in 1..30u16, line in 8..40u32,
        ) {
            let limits = Limits { key: key_max, line, ..Limits::default() };
            let mut buf = Vec::from(std::format!("get {key}\r\n{more}"));
            if let Some(byte) = byte {
                *at.get_mut(&mut buf) = byte;
            }
            if let Some(taken) = scan_get(&buf, &limits) {
                assert_eq!(by_line(&buf, &limits), Some(taken));
            }
        }
    }
}
