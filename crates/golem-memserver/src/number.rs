//! Numbers as memcached reads them: with C's `strtoull` and `strtol`, base ten. Leading white space and a sign are
//! accepted, anything may follow after white space, and 32-bit arguments are cut out of 64-bit ones. The oddities are
//! kept on purpose, because clients can send them and the reply depends on them.

/// White space of C's `isspace`.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// Sign, magnitude and the rest after the digits; `None` without digits or when the magnitude exceeds 64 bits.
fn scan(text: &[u8]) -> Option<(bool, u64, &[u8])> {
    let blanks = text.iter().take_while(|&&b| is_space(b)).count();
    let mut rest = text.get(blanks..)?;
    let negative = rest.first() == Some(&b'-');
    if matches!(rest.first(), Some(b'-' | b'+')) {
        rest = rest.get(1..)?;
    }
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at(digits);
    if digits.is_empty() {
        return None;
    }
    let magnitude = digits
        .iter()
        .try_fold(0u64, |n, &d| n.checked_mul(10).and_then(|n| n.checked_add(u64::from(d - b'0'))))?;
    Some((negative, magnitude, rest))
}

/// What may stand after a number: its end, a NUL (C's end of string) or white space.
fn ends(rest: &[u8]) -> bool {
    rest.first().is_none_or(|&b| b == 0 || is_space(b))
}

/// An unsigned 64-bit number. A minus sign is refused only when the result would look negative, as the real server
/// does: `-18446744073709551615` is 1.
pub(crate) fn unsigned(text: &[u8]) -> Option<u64> {
    let (negative, magnitude, rest) = scan(text)?;
    if !ends(rest) {
        return None;
    }
    let value = if negative { magnitude.wrapping_neg() } else { magnitude };
    let string = text.split(|&b| b == 0).next().unwrap_or_default();
    if value > i64::MAX as u64 && string.contains(&b'-') {
        return None;
    }
    Some(value)
}

/// An unsigned 32-bit argument: the low half of a 64-bit number.
pub(crate) fn unsigned32(text: &[u8]) -> Option<u32> {
    unsigned(text).map(|value| value as u32)
}

/// A signed 32-bit argument: the low half of a 64-bit number.
pub(crate) fn signed32(text: &[u8]) -> Option<i32> {
    let (negative, magnitude, rest) = scan(text)?;
    if !ends(rest) {
        return None;
    }
    let limit = i64::MAX as u64 + u64::from(negative);
    if magnitude > limit {
        return None;
    }
    let value = if negative { magnitude.wrapping_neg() } else { magnitude };
    Some(value as i32)
}

#[cfg(test)]
mod tests {
    use super::{signed32, unsigned, unsigned32};

    #[test]
    fn numbers_are_read_as_strtoull_reads_them() {
        assert_eq!(unsigned(b"12"), Some(12));
        assert_eq!(unsigned(b"\t+12 x"), Some(12));
        assert_eq!(unsigned(b"12\0x"), Some(12));
        assert_eq!(unsigned(b"12x"), None);
        assert_eq!(unsigned(b""), None);
        assert_eq!(unsigned(b"-1"), None);
        assert_eq!(unsigned(b"-18446744073709551615"), Some(1));
        assert_eq!(unsigned(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(unsigned(b"18446744073709551616"), None);
    }

    #[test]
    fn arguments_of_32_bits_are_cut_from_64() {
        assert_eq!(unsigned32(b"4294967297"), Some(1));
        assert_eq!(signed32(b"4294967298"), Some(2));
        assert_eq!(signed32(b"-1"), Some(-1));
        assert_eq!(signed32(b"-9223372036854775808"), Some(0));
        assert_eq!(signed32(b"9223372036854775808"), None);
    }
}
