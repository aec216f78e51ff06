//! What a client hears, cut into replies without knowing what it asked.

/// One value of a reply.
#[derive(Debug)]
pub(crate) struct Value {
    pub(crate) key: Vec<u8>,
    pub(crate) flags: u32,
    pub(crate) cas: Option<u64>,
    pub(crate) data: Vec<u8>,
}

/// One reply.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    /// `VALUE` blocks before the last line.
    pub(crate) values: Vec<Value>,
    /// The last line, or the only one.
    pub(crate) line: String,
    /// The data of a `VA`.
    pub(crate) data: Option<Vec<u8>>,
    /// `STAT` lines before the last line.
    pub(crate) rows: usize,
}

/// The first line at `at`, without CR LF, and where the next one starts.
fn line(bytes: &[u8], at: usize) -> Result<Option<(&[u8], usize)>, String> {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
        return if rest.len() > 4096 { Err("a line of more than 4096 bytes".to_owned()) } else { Ok(None) };
    };
    match rest[..end].strip_suffix(b"\r") {
        Some(text) => Ok(Some((text, at + end + 1))),
        None => Err(format!("a line without CR: {}", rest[..end].escape_ascii())),
    }
}

/// The data block of `len` bytes at `at`; none if it is not complete.
fn block(bytes: &[u8], at: usize, len: usize) -> Result<Option<(&[u8], usize)>, String> {
    match bytes.get(at..at + len + 2) {
        None => Ok(None),
        Some(block) if block.ends_with(b"\r\n") => Ok(Some((&block[..len], at + len + 2))),
        Some(_) => Err("data without CR LF".to_owned()),
    }
}

/// What stands at the front of some bytes.
pub(crate) enum Front {
    /// A reply, of so many bytes.
    Whole(Frame, usize),
    /// A part of one that has at least so many bytes.
    Part(usize),
}

/// The reply at the front of `bytes`.
pub(crate) fn next(bytes: &[u8]) -> Result<Front, String> {
    let (mut frame, mut at) = (Frame::default(), 0);
    loop {
        let Some((raw, end)) = line(bytes, at)? else { return Ok(Front::Part(bytes.len() + 1)) };
        at = end;
        // Keys hold bytes that are no text; they are taken from the raw line.
        let text = String::from_utf8_lossy(raw).into_owned();
        let words: Vec<&str> = text.split(' ').collect();
        match words[..] {
            ["VALUE", _, flags, len, ..] => {
                let len = len.parse().map_err(|_| text.clone())?;
                let Some((data, end)) = block(bytes, at, len)? else {
                    return Ok(Front::Part(at + len + 2));
                };
                at = end;
                let key = raw.split(|&byte| byte == b' ').nth(1).unwrap_or_default().to_vec();
                frame.values.push(Value {
                    key,
                    flags: flags.parse().map_err(|_| text.clone())?,
                    cas: words.get(4).map(|cas| cas.parse().map_err(|_| text.clone())).transpose()?,
                    data: data.to_vec(),
                });
            }
            ["STAT", ..] => frame.rows += 1,
            ["VA", len, ..] => {
                let len = len.parse().map_err(|_| text.clone())?;
                let Some((data, end)) = block(bytes, at, len)? else {
                    return Ok(Front::Part(at + len + 2));
                };
                frame.data = Some(data.to_vec());
                frame.line = text;
                return Ok(Front::Whole(frame, end));
            }
            _ => {
                frame.line = text;
                return Ok(Front::Whole(frame, at));
            }
        }
    }
}
