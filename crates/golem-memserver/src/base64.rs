//! Base64 of binary keys in the meta commands, as lenient as memcached's: bytes outside the alphabet are skipped when
//! decoding, and everything after the first padded group is ignored.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The six bits of a symbol; padding counts as zero bits; `None` for a byte that is skipped.
fn bits(symbol: u8) -> Option<u8> {
    match symbol {
        b'A'..=b'Z' => Some(symbol - b'A'),
        b'a'..=b'z' => Some(symbol - b'a' + 26),
        b'0'..=b'9' => Some(symbol - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        b'=' => Some(0),
        _ => None,
    }
}

/// Appends `bytes` in base64, padded.
pub(crate) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let byte = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            if i <= group.len() {
                out.push(ALPHABET[(word >> (18 - 6 * i)) as usize & 63]);
            } else {
                out.push(b'=');
            }
        }
    }
}

/// Decodes `text`; `None` when it has no symbols, an incomplete group, or more than two pads in a group.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let symbols: Vec<u8> = text.iter().copied().filter(|&s| bits(s).is_some()).collect();
    if symbols.is_empty() || !symbols.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Vec::with_capacity(symbols.len() / 4 * 3);
    for group in symbols.chunks(4) {
        let word = group.iter().fold(0u32, |word, &s| word << 6 | u32::from(bits(s).unwrap_or(0)));
        let decoded = word.to_be_bytes();
        let pads = group.iter().filter(|&&s| s == b'=').count();
        match pads {
            0..=2 => bytes.extend_from_slice(&decoded[1..4 - pads]),
            _ => return None,
        }
        if pads > 0 {
            break;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn every_length_survives_encoding() {
        for length in 1..=32u8 {
            let bytes: Vec<u8> = (0..length).map(|i| i.wrapping_mul(37)).collect();
            let mut text = Vec::new();
            encode(&bytes, &mut text);
            assert_eq!(decode(&text), Some(bytes));
        }
    }

    #[test]
    fn incomplete_groups_are_refused_and_foreign_bytes_skipped() {
        assert_eq!(decode(b"Zm9v"), Some(b"foo".to_vec()));
        assert_eq!(decode(b"Zm-9v"), Some(b"foo".to_vec()));
        assert_eq!(decode(b"Zm9"), None);
        assert_eq!(decode(b"Z==="), None);
        assert_eq!(decode(b"----"), None);
    }
}
