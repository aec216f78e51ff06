//! Words and keys of a request line, and the base64 spelling of keys. The server takes every byte in a key but the blank
//! that ends it, the LF that ends the line, and NUL, where it stops to read the line.

use super::search::key_len;
use super::span::Span;

/// Bytes that the longest base64 key decodes to, rounded up to what [`decode_key`] asks for.
pub const DECODED_KEY_MAX: usize = 256;

/// The next word of `text` from `at` on, or none if only blanks are left. Only the blank parts words, as with the server.
#[inline]
pub(crate) fn word(text: &[u8], at: usize) -> Option<Span> {
    let start = skip_blanks(text, at);
    let mut end = start;
    while text.get(end).is_some_and(|&byte| byte != b' ') {
        end += 1;
    }
    (start < end).then(|| Span::new(start, end))
}

/// The next word as a key, or what is wrong with it.
#[inline]
pub(crate) fn key(text: &[u8], at: usize, key_max: u16) -> Result<Span, KeyProblem> {
    let start = skip_blanks(text, at);
    let rest = text.get(start..).unwrap_or_default();
    let len = key_len(rest);
    if len > key_max as usize || rest.get(len) == Some(&0) {
        return Err(KeyProblem::Refused);
    }
    if len == 0 {
        return Err(KeyProblem::Missing);
    }
    Ok(Span::new(start, start + len))
}

#[inline]
pub(crate) fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    while text.get(at) == Some(&b' ') {
        at += 1;
    }
    at
}

/// Why there is no key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyProblem {
    /// The line ends.
    Missing,
    /// Too long, or with a NUL.
    Refused,
}

/// Whether the server would take these bytes, which hold no blank and no LF, as one key.
#[inline]
pub(crate) fn is_acceptable(key: &[u8], key_max: u16) -> bool {
    key.len() <= key_max as usize && !has_nul(key)
}

#[inline]
pub(crate) fn has_nul(text: &[u8]) -> bool {
    memchr::memchr(0, text).is_some()
}

/// Decodes a key written in base64 (flag `b`) into `out` and says how many bytes it has, or none for what the server
/// refuses. As generous as the server, or two spellings of a key that are one there would be two here: foreign bytes are
/// passed over, the group with the padding is the last one that counts, padding may stand anywhere in it.
pub fn decode_key(text: &[u8], out: &mut [u8; DECODED_KEY_MAX]) -> Option<usize> {
    let symbols = || text.iter().filter_map(|&byte| sextet(byte).map(|sextet| (byte, sextet)));
    let count = symbols().count();
    if count == 0 || !count.is_multiple_of(4) {
        return None;
    }
    let mut symbols = symbols();
    let mut written = 0;
    for _ in 0..count / 4 {
        let mut bits = 0u32;
        let mut padding = 0;
        for (byte, sextet) in symbols.by_ref().take(4) {
            bits = bits << 6 | u32::from(sextet);
            padding += usize::from(byte == b'=');
        }
        if padding > 2 {
            return None;
        }
        let len = 3 - padding;
        out.get_mut(written..written + len)?.copy_from_slice(&bits.to_be_bytes()[1..=len]);
        written += len;
        if padding > 0 {
            break;
        }
    }
    Some(written)
}

/// Whether a base64 key can be decoded.
pub(crate) fn decodes(text: &[u8]) -> bool {
    decode_key(text, &mut [0; DECODED_KEY_MAX]).is_some()
}

/// Six bits of a base64 character, none for bytes that are none.
fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        b'=' => Some(0),
        _ => None,
    }
}
