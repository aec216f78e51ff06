//! Numbers and sizes as they stand in a file, and how a text of the file is shown in a problem.
//!
//! Invariant: only ASCII digits make a number. A value that does not fit is refused; nutcracker wraps it at 32 bits.

/// Why a text is no number for its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberError {
    /// Something other than digits (and, for a size, its suffix), or nothing.
    NotDigits,
    /// Outside the range of the key.
    OutOfRange,
}

/// A whole number of ASCII digits from `min` to `max`; leading zeros are fine.
pub(crate) fn number(text: &str, min: u64, max: u64) -> Result<u64, NumberError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NumberError::NotDigits);
    }
    // Digits alone fail to parse only when the number does not fit.
    let value = text.parse().map_err(|_| NumberError::OutOfRange)?;
    if (min..=max).contains(&value) { Ok(value) } else { Err(NumberError::OutOfRange) }
}

/// Bytes: a whole number, alone or followed by `k`, `m` or `g` (of 1024; upper case too).
pub(crate) fn size(text: &str, min: u64, max: u64) -> Result<u64, NumberError> {
    let (digits, unit) = match text.bytes().last().map(|byte| byte.to_ascii_lowercase()) {
        Some(b'k') => (&text[..text.len() - 1], 1 << 10),
        Some(b'm') => (&text[..text.len() - 1], 1 << 20),
        Some(b'g') => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    let bytes = number(digits, 0, u64::MAX)?.checked_mul(unit).ok_or(NumberError::OutOfRange)?;
    if (min..=max).contains(&bytes) { Ok(bytes) } else { Err(NumberError::OutOfRange) }
}

/// The shortest spelling of a size that [`size`] reads.
pub(crate) fn size_text(bytes: u64) -> String {
    for (unit, suffix) in [(1_u64 << 30, "g"), (1 << 20, "m"), (1 << 10, "k")] {
        if bytes > 0 && bytes.is_multiple_of(unit) {
            return format!("{}{suffix}", bytes / unit);
        }
    }
    bytes.to_string()
}

/// A text of the file in quotes for a problem: control characters escaped, cut where it gets long.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("'{shown}'")
}

#[cfg(test)]
mod tests {
    use super::{NumberError, number, quoted, size, size_text};

    #[test]
    fn a_number_is_digits_and_nothing_else() {
        assert_eq!(number("00400", 0, 1000), Ok(400));
        for text in ["", "-1", "+1", "1.5", "0x10", " 1", "1 ", "abc", "١"] {
            assert_eq!(number(text, 0, 1000), Err(NumberError::NotDigits), "{text:?}");
        }
    }

    #[test]
    fn a_number_outside_its_range_is_refused_and_never_wraps() {
        for text in ["0", "4294967297", "18446744073709551617", "99999999999999999999999"] {
            assert_eq!(number(text, 1, 100), Err(NumberError::OutOfRange), "{text}");
        }
    }

    #[test]
    fn a_size_takes_a_suffix_of_1024() {
        for (text, bytes) in
            [("512", 512), ("2k", 2048), ("2K", 2048), ("4m", 4 << 20), ("1G", 1 << 30), ("0", 0)]
        {
            assert_eq!(size(text, 0, u64::MAX), Ok(bytes), "{text}");
        }
        for text in ["", "k", "1kb", "1 k", "1.5m", "1t", "é"] {
            assert_eq!(size(text, 0, u64::MAX), Err(NumberError::NotDigits), "{text:?}");
        }
        assert_eq!(size("99999999999999g", 0, u64::MAX), Err(NumberError::OutOfRange));
    }

    #[test]
    fn the_text_of_a_size_reads_back() {
        for bytes in [0, 1, 250, 1024, 2048, 1 << 20, 3 << 20, 1 << 30, 1 << 40, (1 << 30) + 1] {
            assert_eq!(size(&size_text(bytes), 0, u64::MAX), Ok(bytes));
        }
    }

    #[test]
    fn a_long_or_binary_text_is_shown_short_and_escaped() {
        assert_eq!(quoted("a\u{1}b\n"), "'a\\u{1}b\\n'");
        assert_eq!(quoted(&"x".repeat(500)).chars().count(), 83);
    }
}
