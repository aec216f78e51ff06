//! As much of text memcached as the bare proxy has to understand: where requests and replies end, and which keys they ask for.
//!
//! Invariant: nothing is taken before it is complete.

use memchr::memchr;

/// A complete request at the start of what has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request<'a> {
    /// Line and data block.
    pub(super) bytes: &'a [u8],
    /// How it asks for keys, with the space behind.
    pub(super) verb: &'a [u8],
    /// What follows the verb: the keys of a retrieval, else a key and more.
    pub(super) rest: &'a [u8],
    pub(super) is_retrieval: bool,
}

/// The bare proxy does not know what was said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unknown;

impl<'a> Request<'a> {
    /// The one that `bytes` begin with; none, if it is incomplete.
    ///
    /// # Errors
    /// It is one that no load of `get`, `multiget`, `set`, `delete` and `incr` has.
    pub(super) fn at_start(bytes: &'a [u8]) -> Result<Option<Self>, Unknown> {
        let Some(end) = memchr(b'\n', bytes) else { return Ok(None) };
        let line = bytes[..end].strip_suffix(b"\r").ok_or(Unknown)?;
        let verb_len = memchr(b' ', line).ok_or(Unknown)? + 1;
        let (verb, rest) = line.split_at(verb_len);
        let data = match verb {
            b"get " | b"delete " | b"incr " => 0,
            b"set " => field(line, 4)? + 2,
            _ => return Err(Unknown),
        };
        let whole = bytes.get(..end + 1 + data);
        Ok(whole.map(|bytes| Self { bytes, verb, rest, is_retrieval: verb == b"get " }))
    }

    /// The keys that it asks for, one after the other.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let most = if self.is_retrieval { usize::MAX } else { 1 };
        self.rest.split(|byte| *byte == b' ').take(most)
    }
}

/// The length of the complete reply that `bytes` begin with; none, if it is incomplete.
///
/// # Errors
/// It is none.
pub(super) fn reply(bytes: &[u8]) -> Result<Option<usize>, Unknown> {
    let mut begin = 0;
    while let Some(end) = bytes.get(begin..).and_then(|rest| memchr(b'\n', rest)) {
        let line = bytes[begin..begin + end].strip_suffix(b"\r").ok_or(Unknown)?;
        begin += end + 1;
        if !line.starts_with(b"VALUE ") {
            return Ok(Some(begin));
        }
        begin += field(line, 3)? + 2;
    }
    Ok(None)
}

/// The number in a line's field; fields count from 0.
fn field(line: &[u8], at: usize) -> Result<usize, Unknown> {
    let field = line.split(|byte| *byte == b' ').nth(at).ok_or(Unknown)?;
    let digits = core::str::from_utf8(field).map_err(|_| Unknown)?;
    digits.parse().map_err(|_| Unknown)
}

#[cfg(test)]
mod tests {
    use super::{Request, Unknown, reply};

    /// The request that it begins with, and its keys.
    fn request(bytes: &[u8]) -> Option<(&[u8], Vec<&[u8]>)> {
        let request = Request::at_start(bytes).ok()??;
        Some((request.bytes, request.keys().collect()))
    }

    #[test]
    fn requests_end_where_they_end() {
        let set = b"set k 1 2 3\r\na\nb\r\n";
        for (whole, keys) in
            [(&b"get a bb\r\n"[..], vec![&b"a"[..], b"bb"]), (set, vec![b"k"]), (b"incr k 5\r\n", vec![b"k"])]
        {
            let followed = [whole, b"get"].concat();
            assert_eq!(request(&followed), Some((whole, keys)));
            for short in 0..whole.len() {
                assert_eq!(Request::at_start(&whole[..short]), Ok(None));
            }
        }
        for other in [&b"version\r\n"[..], b"touch k 1\r\n", b"set k 0 0\r\n", b"set k 0 0 x\r\n", b"get k\n"]
        {
            assert_eq!(Request::at_start(other), Err(Unknown));
        }
    }

    #[test]
    fn replies_end_where_they_end() {
        let hits = b"VALUE a 0 3\r\nx\ny\r\nVALUE b 7 0 55\r\n\r\nEND\r\n";
        for whole in [&hits[..], b"END\r\n", b"STORED\r\n", b"17\r\n"] {
            let followed = [whole, b"END\r\n"].concat();
            assert_eq!(reply(&followed), Ok(Some(whole.len())));
            for short in 0..whole.len() {
                assert_eq!(reply(&whole[..short]), Ok(None));
            }
        }
        assert_eq!(reply(b"VALUE a 0 \r\n"), Err(Unknown));
        assert_eq!(reply(b"STORED\n"), Err(Unknown));
    }
}
