//! RESP2 as far as the prototype needs it: how long a frame is, without recursion, and the words of a flat array.

use alloc::vec::Vec;

/// Frames that may be open at a time.
const NESTED_MOST: usize = 32;

/// The length of the frame at the front of `bytes`; none if it is not complete.
pub(super) fn frame_len(bytes: &[u8]) -> Result<Option<usize>, &'static str> {
    // Frames that are still to come at each depth.
    let mut open = [0_u64; NESTED_MOST];
    let (mut depth, mut at) = (0, 0);
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', rest) else { return Ok(None) };
        let line = rest.get(..end).unwrap_or_default().strip_suffix(b"\r").ok_or("a line without CR")?;
        let (&mark, text) = line.split_first().ok_or("an empty line")?;
        at += end + 1;
        let length = || -> Result<i64, &'static str> {
            let text = core::str::from_utf8(text).map_err(|_| "a length that is no number")?;
            text.parse().map_err(|_| "a length that is no number")
        };
        match mark {
            b'+' | b'-' | b':' => {}
            b'$' => {
                let len = usize::try_from(length()?).map_or(0, |len| len.saturating_add(2));
                match bytes.get(at..at.saturating_add(len)) {
                    None => return Ok(None),
                    Some(data) if len > 0 && !data.ends_with(b"\r\n") => return Err("data without CR LF"),
                    Some(_) => at += len,
                }
            }
            b'*' => {
                let count = u64::try_from(length()?).unwrap_or(0);
                if count > 0 {
                    *open.get_mut(depth).ok_or("nested too deeply")? = count;
                    depth += 1;
                    continue;
                }
            }
            _ => return Err("bytes that begin no frame"),
        }
        // A frame has ended, and with it those of which it was the last.
        while let Some(left) = depth.checked_sub(1).and_then(|top| open.get_mut(top)) {
            *left -= 1;
            if *left > 0 {
                break;
            }
            depth -= 1;
        }
        if depth == 0 {
            return Ok(Some(at));
        }
    }
}

/// The words of a complete array of strings.
pub(super) fn words(frame: &[u8]) -> Vec<&[u8]> {
    let mut words = Vec::new();
    let mut rest = frame;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let line = rest.get(..end).unwrap_or_default();
        rest = rest.get(end + 1..).unwrap_or_default();
        let len = line.strip_prefix(b"$").and_then(|text| core::str::from_utf8(text.trim_ascii_end()).ok());
        if let Some(len) = len.and_then(|text| text.parse::<usize>().ok()) {
            words.push(rest.get(..len).unwrap_or_default());
            rest = rest.get(len + 2..).unwrap_or_default();
        }
    }
    words
}

/// Whether a frame is a message of a subscription rather than an answer.
pub(super) fn is_push(frame: &[u8]) -> bool {
    words(frame).first() == Some(&&b"message"[..])
}
