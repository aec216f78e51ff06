//! Decimal numbers of requests and replies, every one checked against overflow. Stricter than the server's `strtoull`
//! in one thing: nothing but digits may follow the sign (the server stops at a TAB and takes what stood before it), so
//! that no server can read another length than the proxy did.

/// A sign `+` (as the server allows) and digits.
#[inline]
pub(crate) fn unsigned(text: &[u8]) -> Option<u64> {
    match text {
        [b'+', digits @ ..] => plain(digits),
        digits => plain(digits),
    }
}

/// A sign and digits; only their range is of interest, since the proxy never computes with a signed number.
#[inline]
pub(crate) fn is_signed(text: &[u8]) -> bool {
    match text {
        [b'-', digits @ ..] => plain(digits).is_some_and(|n| n <= i64::MIN.unsigned_abs()),
        digits => unsigned(digits).is_some_and(|n| n <= i64::MAX as u64),
    }
}

/// Digits only.
#[inline]
pub(crate) fn plain(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    // Nineteen digits cannot overflow, so the common case runs without a check per digit.
    let (safe, rest) = digits.split_at(digits.len().min(19));
    let mut value = 0u64;
    for &byte in safe {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    for &byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}
