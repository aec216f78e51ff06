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
    read(digits, 0).filter(|&(_, end)| end == digits.len()).map(|(value, _)| value)
}

/// The digits at `at`: their number, and where they end. None if there is none, or if it does not fit. Always inlined: it has so
/// many callers that it would be a call in each reply.
#[inline(always)]
pub(crate) fn read(text: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut end = at;
    let mut value = 0u64;
    while let Some(digit) = digit_at(text, end) {
        value = value.wrapping_mul(10).wrapping_add(digit);
        end += 1;
    }
    match end.saturating_sub(at) {
        0 => None,
        // So many digits always fit; the loop above needs no check then.
        1..=19 => Some((value, end)),
        _ => Some((long(&text[at..end])?, end)),
    }
}

#[inline]
fn digit_at(text: &[u8], at: usize) -> Option<u64> {
    let digit = text.get(at)?.wrapping_sub(b'0');
    (digit <= 9).then_some(u64::from(digit))
}

#[cold]
fn long(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |value, &byte| value.checked_mul(10)?.checked_add(u64::from(byte - b'0')))
}
