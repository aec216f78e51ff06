//! Clients that speak another protocol: they hear so where they can, are closed at once, and are counted; others do not notice.

use crate::proxy;
use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Outcome, ensure};
use golem_e2e::programs::Memcached;

/// Frames without a line end, as they may come: who waited for one would wait for ever.
const FOREIGN: [(&[u8], &[u8]); 4] = [
    (b"\x80\0\0\x03\0\0\0\0", b"CLIENT_ERROR the binary protocol is not supported\r\n"),
    (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", b"CLIENT_ERROR TLS is not supported\r\n"),
    (b"\xff\0\xfe noise", b"CLIENT_ERROR not the memcached protocol\r\n"),
    (b"GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n", b""),
];

#[test]
fn who_speaks_another_protocol_is_told_and_closed() -> Outcome {
    let server = Memcached::start()?;
    let proxy = proxy(&[server.address()], &[])?;
    let mut other = Conversation::open(proxy.address())?;
    for (bytes, reply) in FOREIGN {
        let mut client = Conversation::open(proxy.address())?;
        client.send(bytes)?;
        client.expect(reply)?;
        client.expect_end()?;
        // What was asked before is answered first.
        let mut client = Conversation::open(proxy.address())?;
        client.send(&[b"get a\r\n", bytes].concat())?;
        client.expect(&[b"END\r\n", reply].concat())?;
        client.expect_end()?;
        other.ask(b"get a\r\n", b"END\r\n")?;
    }
    // Many of them are one line in a second.
    proxy.process.wait_for_log("a client was closed: binary protocol\n")?;
    for _ in 0..200 {
        let mut client = Conversation::open(proxy.address())?;
        client.send(FOREIGN[0].0)?;
        client.expect(FOREIGN[0].1)?;
    }
    let lines = proxy.process.log().matches("closed").count();
    ensure(lines < 100, format!("{lines} lines"))?;
    other.send(b"stats\r\n")?;
    let mut counted = String::new();
    loop {
        let line = String::from_utf8_lossy(&other.line()?).into_owned();
        if line == "END\r\n" {
            break;
        }
        if line.starts_with("STAT client_err ") {
            counted = line;
        }
    }
    ensure(counted == "STAT client_err 208\r\n", counted)
}
