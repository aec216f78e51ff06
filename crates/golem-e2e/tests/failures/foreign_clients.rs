//! Clients that speak another protocol: they hear so where they can, are closed at once, and are counted; others do not notice.

use crate::proxy;
use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Outcome, ensure};
use golem_e2e::programs::Memcached;
use golem_e2e::waiting::wait_until;

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
    // A client is counted when it is gone, which the proxy may see a moment later.
    wait_until("all of them are counted", || Ok(client_errors(&mut other)? == "STAT client_err 208\r\n"))?;
    let lines = proxy.process.log().matches("closed").count();
    ensure(lines < 100, format!("{lines} lines"))
}

/// The line of the `stats` command that tells how many clients were closed for what they did.
fn client_errors(client: &mut Conversation) -> Outcome<String> {
    client.send(b"stats\r\n")?;
    let mut counted = String::new();
    loop {
        let line = String::from_utf8_lossy(&client.line()?).into_owned();
        if line == "END\r\n" {
            return Ok(counted);
        }
        if line.starts_with("STAT client_err ") {
            counted = line;
        }
    }
}
