//! Where a line and where a key ends. Most of both are shorter than what a search routine is made for, so short text is
//! looked at eight bytes at a time, as numbers.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Has bits set for the bytes of `word` that are `byte`; the lowest is right, those above it may be wrong.
#[inline]
const fn marks(word: u64, byte: u8) -> u64 {
    let zero_where_equal = word ^ (ONES * byte as u64);
    zero_where_equal.wrapping_sub(ONES) & !zero_where_equal & HIGH
}

#[inline]
const fn first(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

/// Position of the first LF.
#[inline]
pub(crate) fn line_end(text: &[u8]) -> Option<usize> {
    if text.len() >= 16 {
        return memchr::memchr(b'\n', text);
    }
    if let (Some(front), Some(back)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        // The two overlap, which does no harm: what is in both is found in the first.
        let found = marks(u64::from_le_bytes(*front), b'\n');
        if found != 0 {
            return Some(first(found));
        }
        let found = marks(u64::from_le_bytes(*back), b'\n');
        return (found != 0).then(|| text.len() - 8 + first(found));
    }
    text.iter().position(|&byte| byte == b'\n')
}

/// Bytes before the first blank or NUL.
#[inline]
pub(crate) fn key_len(text: &[u8]) -> usize {
    let mut len = 0;
    let (words, rest) = text.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        let found = marks(word, b' ') | marks(word, 0);
        if found != 0 {
            return len + first(found);
        }
        len += 8;
    }
    for &byte in rest {
        if byte == b' ' || byte == 0 {
            break;
        }
        len += 1;
    }
    len
}

/// Position of the first byte that is below the blank, or a blank: a control character ends or spoils what is there.
#[inline]
pub(crate) fn below_blank(text: &[u8]) -> Option<usize> {
    const ABOVE: u64 = ONES * (b' ' as u64 + 1);
    let (words, rest) = text.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // As in `marks`, the lowest is right.
        let found = word.wrapping_sub(ABOVE) & !word & HIGH;
        if found != 0 {
            return Some(8 * number + first(found));
        }
    }
    let start = 8 * words.len();
    rest.iter().position(|&byte| byte <= b' ').map(|at| start + at)
}

#[cfg(test)]
mod tests {
    use super::{below_blank, key_len, line_end};

    #[test]
    fn control_characters_and_blanks_are_found_at_every_place() {
        for len in 0..40 {
            for at in 0..len {
                for byte in 0..=255u8 {
                    let mut text = [b'!'; 40];
                    text[at] = byte;
                    for (place, other) in [(at + 1, 0xff), (at + 2, 0x80), (at + 3, b' ')] {
                        if place < len {
                            text[place] = other;
                        }
                    }
                    let found = text[..len].iter().position(|&byte| byte <= b' ');
                    assert_eq!(below_blank(&text[..len]), found, "{byte} at {at} of {len}");
                }
            }
        }
    }

    #[test]
    fn ends_are_found_at_every_place_and_length() {
        for len in 0..40 {
            for at in 0..len {
                for other in [0u8, b'\n', b' ', 0x0b, 0x8a, 0x20 ^ 0x80, 1, 0xff] {
                    let mut text = [b'x'; 40];
                    text[at] = b'\n';
                    if at + 1 < len {
                        text[at + 1] = other;
                    }
                    assert_eq!(line_end(&text[..len]), Some(at));
                    assert_eq!(line_end(&text[..at]), None);
                    for end in [b' ', 0] {
                        text[at] = end;
                        assert_eq!(key_len(&text[..len]), at);
                        assert_eq!(key_len(&text[..at]), at);
                    }
                }
            }
        }
    }
}
