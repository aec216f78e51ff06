//! Lines of the meta protocol, the only requests with flags in any order: each line keeps its promises, and asks for the
//! same when blanks are doubled or its quiet flag is cut.

use golem_protocol::memcached::invariants::check_line;
use golem_protocol::memcached::{DECODED_KEY_MAX, Limits, Parsed, decode_key, parse_line};

/// The first byte chooses the command and the limits; the rest is what stands behind it, up to a line end.
pub(crate) fn run(bytes: &[u8]) {
    let Some((&choice, text)) = bytes.split_first() else {
        return;
    };
    let names = ["mg ", "ms ", "md ", "ma ", "me ", "mn "];
    let name = names[usize::from(choice) % names.len()];
    let limits =
        if choice & 0x80 == 0 { Limits::default() } else { Limits { key: 8, line: 64, keys: 6, item: 24 } };
    let text = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = [name.as_bytes(), text, b"\r\n"].concat();
    check_line(&line, &limits);
    let mut decoded = [0; DECODED_KEY_MAX];
    assert!(decode_key(text, &mut decoded).is_none_or(|len| len <= text.len()));
    if line.len() * 2 < limits.line as usize {
        check_blanks(&line, &limits);
    }
}

/// More blanks change nothing of what is asked.
fn check_blanks(line: &[u8], limits: &Limits) {
    let Parsed::Request(request) = parse_line(line, limits) else {
        return;
    };
    let wide: Vec<u8> =
        line.iter().flat_map(|&byte| if byte == b' ' { vec![b' '; 2] } else { vec![byte] }).collect();
    let Parsed::Request(again) = parse_line(&wide, limits) else {
        panic!("refused with more blanks: {}", wide.escape_ascii());
    };
    assert_eq!(
        (request.command, request.data, request.quiet, request.base64_key),
        (again.command, again.data, again.quiet, again.base64_key)
    );
    assert_eq!(request.key.of(line), again.key.of(&wide));
}
