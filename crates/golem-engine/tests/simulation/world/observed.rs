//! What reaches a server: it must be a whole, well-formed request that was asked by somebody, once, at the server of its
//! key, with nothing that would keep the server from answering.

use super::base64::decode;
use crate::oracle::book::Book;
use crate::stage::shown;

/// Length of the data block that a request line announces.
pub(crate) fn data_length(line: &[u8]) -> Option<usize> {
    let words = words(line);
    let place = match words.first().copied()? {
        b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas" => 4,
        b"ms" => 2,
        _ => return None,
    };
    std::str::from_utf8(words.get(place)?).ok()?.parse().ok()
}

fn words(line: &[u8]) -> Vec<&[u8]> {
    line.trim_ascii_end().split(|&byte| byte == b' ').filter(|word| !word.is_empty()).collect()
}

/// A request that is not shorter may be collected after its server was chosen. (Less what is not forwarded of it.)
const LARGE: usize = 16 * 1024 - 16;

/// Why a request may have been sent long after its server was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late {
    No,
    /// It was collected meanwhile.
    Uploaded,
    /// It was asked on another connection before.
    Repeated,
}

/// How a request came to a server.
pub(crate) struct Came {
    pub(crate) server: usize,
    /// The coordinator's words under one of which it was sent.
    pub(crate) words: Vec<usize>,
    /// It is the first on its connection: perhaps one that was asked on another before.
    pub(crate) is_first: bool,
}

/// Checks one request, as a server got it.
pub(crate) fn check(frame: &[u8], came: &Came, book: &mut Book) -> Result<(), String> {
    let server = came.server;
    let wrong = |what: &str| Err(format!("server {server} got {}: {what}", shown(frame)));
    let end = frame.iter().position(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let (line, data) = frame.split_at(end);
    let words = words(line);
    if words.last() == Some(&&b"noreply"[..]) {
        return wrong("noreply, so no reply can be told from the next one");
    }
    let is_meta = matches!(words.first(), Some([b'm', _]));
    let flags = words.get(2..).unwrap_or_default();
    if is_meta && flags.iter().any(|flag| flag.first() == Some(&b'q')) {
        return wrong("a quiet flag, so no reply can be told from the next one");
    }
    let keys: &[&[u8]] = match words[..] {
        [b"get" | b"gets", ref keys @ ..] if !keys.is_empty() => keys,
        [b"gat" | b"gats", _, ref keys @ ..] if !keys.is_empty() && line.len() <= 2048 => keys,
        [b"set" | b"add" | b"replace" | b"append" | b"prepend", ref key, _, _, _] => {
            std::slice::from_ref(key)
        }
        [b"cas", ref key, _, _, _, _] | [b"ms", ref key, ..] => std::slice::from_ref(key),
        [b"delete", ref key] | [b"delete", ref key, b"0"] => std::slice::from_ref(key),
        [b"incr" | b"decr" | b"touch", ref key, _] => std::slice::from_ref(key),
        [b"mg" | b"md" | b"ma" | b"me", ref key, ..] => std::slice::from_ref(key),
        [b"version" | b"flush_all"] | [b"flush_all" | b"verbosity", _] => &[],
        _ => return wrong("not a request that a server should get"),
    };
    let mut plain_keys = Vec::new();
    for &key in keys {
        if key.len() > 250 {
            return wrong("too long a key");
        }
        let plain =
            if is_meta && flags.contains(&&b"b"[..]) { decode(key).ok_or("base64")? } else { key.to_vec() };
        if let Some(data) = data.strip_suffix(b"\r\n") {
            book.arrived(&plain, data, server)?;
        }
        plain_keys.push(plain);
    }
    let is_read = matches!(words.first(), Some(&(b"get" | b"gets" | b"mg")));
    let came_late = if frame.len() >= LARGE {
        Late::Uploaded
    } else if is_read && came.is_first {
        Late::Repeated
    } else {
        Late::No
    };
    book.seen(&plain_keys, came, came_late)?;
    if let Some(opaque) = flags.iter().find(|flag| is_meta && flag.first() == Some(&b'O')) {
        let writes = flags.iter().any(|flag| matches!(flag.first(), Some(b'N' | b'R' | b'T' | b'E')));
        book.asked(opaque, words.first() == Some(&&b"mg"[..]) && !writes)?;
    }
    if data_length(line).is_some() && !data.ends_with(b"\r\n") {
        return wrong("data without CR LF");
    }
    Ok(())
}
