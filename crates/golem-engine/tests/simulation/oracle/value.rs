//! Values that name who wrote them: `<client.number.key.length>` and a filling that looks like the protocol, so that a
//! length misread anywhere shows. Appended values are several such pieces.

/// Which piece of data: its client, its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Piece {
    pub(crate) client: usize,
    pub(crate) number: u64,
}

const FILLING: &[u8] =
    b"abc\r\nEND\r\nSTORED\r\nVALUE k 0 1\r\nx\r\nset k 0 0 1\r\nHD Oq\r\n\0\xff\r\r\n\nSERVER_ERROR no\r\n";

/// A number that stands for a key, also sent as its flags.
pub(crate) fn key_number(key: &[u8]) -> u32 {
    key.iter().fold(0x811c_9dc5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// The bytes of a piece, at least `len` long.
pub(crate) fn bytes_of(piece: Piece, key: &[u8], len: usize) -> Vec<u8> {
    let Piece { client, number } = piece;
    let head = |len: usize| format!("<{client}.{number}.{:08x}.{len}>", key_number(key));
    let len = len.max(head(len).len());
    let mut bytes = head(len).into_bytes();
    fill(&mut bytes, piece, len);
    bytes
}

fn fill(bytes: &mut Vec<u8>, piece: Piece, len: usize) {
    let start = bytes.len();
    let shift = piece.client * 7 + piece.number as usize * 13;
    let mut at = shift % FILLING.len();
    while bytes.len() < len {
        let step = (FILLING.len() - at).min(len - bytes.len());
        bytes.extend_from_slice(&FILLING[at..at + step]);
        at = 0;
    }
    debug_assert!(bytes.len() >= start);
}

/// The pieces of a value under `key`.
pub(crate) fn pieces(mut data: &[u8], key: &[u8]) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    while !data.is_empty() {
        let end = data
            .iter()
            .take(64)
            .position(|&byte| byte == b'>')
            .ok_or("a value without an end of its head")?;
        let head = std::str::from_utf8(&data[..end]).map_err(|_| "a value with a broken head")?;
        let words: Vec<&str> = head.strip_prefix('<').ok_or("a value without a head")?.split('.').collect();
        let [client, number, of, len] = words[..] else {
            return Err(format!("a value with the head {head}"));
        };
        let wrong = |_| format!("a value with the head {head}");
        let piece = Piece { client: client.parse().map_err(wrong)?, number: number.parse().map_err(wrong)? };
        let len: usize = len.parse().map_err(wrong)?;
        if of != format!("{:08x}", key_number(key)) {
            return Err(format!("the value {head} was never written under {}", key.escape_ascii()));
        }
        if data.get(..len) != Some(&bytes_of(piece, key, len)[..]) {
            return Err(format!("the value {head} is damaged"));
        }
        pieces.push(piece);
        data = &data[len..];
    }
    Ok(pieces)
}
