//! Servers that do not answer within the pool's `timeout`.

use crate::{miss_everything, proxy};
use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Outcome, ensure};
use golem_e2e::fake_server::FakeServer;
use std::net::TcpListener;
use std::time::{Duration, Instant};

const TIMED_OUT: &[u8] = b"SERVER_ERROR Connection timed out\r\n";
const TIMEOUT: Duration = Duration::from_millis(300);
/// What a busy machine may add to it.
const MARGIN: Duration = Duration::from_millis(700);

/// Runs `body`, which must take as long as the timeout, and hardly longer.
fn in_time(body: impl FnOnce() -> Outcome) -> Outcome {
    let start = Instant::now();
    body()?;
    let took = start.elapsed();
    ensure(took >= TIMEOUT && took < TIMEOUT + MARGIN, format!("took {took:?}"))
}

#[test]
fn late_reply_is_dropped_and_not_paired_with_the_next_request() -> Outcome {
    let server = FakeServer::start(|number, mut proxy| {
        ensure(number == 0, "one late reply cost the connection")?;
        proxy.expect(b"get a\r\n")?;
        proxy.expect(b"get b\r\n")?;
        proxy.send(b"VALUE a 0 4\r\nlate\r\nEND\r\nVALUE b 0 2\r\nin\r\nEND\r\n")?;
        miss_everything(proxy)
    })?;
    let proxy = proxy(&[server.address()], &["timeout: 300"])?;
    let mut client = Conversation::open(proxy.address())?;
    in_time(|| client.ask(b"get a\r\n", TIMED_OUT))?;
    client.ask(b"get b\r\n", b"VALUE b 0 2\r\nin\r\nEND\r\n")?;
    client.ask(b"get c\r\n", b"END\r\n")?;
    drop((client, proxy));
    server.finish()
}

#[test]
fn request_behind_a_late_one_has_its_own_time() -> Outcome {
    let server = FakeServer::start(|_, mut proxy| {
        proxy.expect(b"get a\r\n")?;
        let replies = [proxy.line()?, proxy.line()?].map(|line| match line.as_slice() {
            b"get b\r\n" => &b"VALUE b 0 1\r\nx\r\nEND\r\n"[..],
            _ => b"END\r\n",
        });
        proxy.send(&[b"END\r\n", replies[0], replies[1]].concat())?;
        proxy.expect_end()
    })?;
    let proxy = proxy(&[server.address()], &["timeout: 300"])?;
    let mut first = Conversation::open(proxy.address())?;
    let mut second = Conversation::open(proxy.address())?;
    in_time(|| first.ask(b"get a\r\n", TIMED_OUT))?;
    second.send(b"get b\r\n")?;
    first.ask(b"get go\r\n", b"END\r\n")?;
    second.expect(b"VALUE b 0 1\r\nx\r\nEND\r\n")?;
    drop((first, second, proxy));
    server.finish()
}

#[test]
fn server_that_stays_silent_is_connected_anew() -> Outcome {
    let server = FakeServer::start(|number, mut proxy| match number {
        0 => proxy.rest().map(|_| ()),
        _ => miss_everything(proxy),
    })?;
    let proxy = proxy(&[server.address()], &["timeout: 300"])?;
    let mut client = Conversation::open(proxy.address())?;
    let start = Instant::now();
    loop {
        client.send(b"get a\r\n")?;
        let reply = client.line()?;
        if reply == b"END\r\n" {
            break;
        }
        ensure(reply == TIMED_OUT, "another reply")?;
        ensure(start.elapsed() < Duration::from_secs(8), "the silent connection is kept")?;
    }
    drop((client, proxy));
    server.finish()
}

#[test]
fn connection_that_is_not_accepted_times_out() -> Outcome {
    // A full backlog: the kernel drops what comes next.
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    listener.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    listener.listen(0)?;
    let listener = TcpListener::from(listener);
    let address = listener.local_addr()?;
    let filling: Vec<_> = (0..8)
        .map_while(|_| std::net::TcpStream::connect_timeout(&address, Duration::from_millis(50)).ok())
        .collect();
    for settings in
        [&["timeout: 300"][..], &["timeout: 0", "connect_timeout: 300"], &["connect_timeout: 300"]]
    {
        let proxy = proxy(&[address], settings)?;
        let mut client = Conversation::open(proxy.address())?;
        in_time(|| client.ask(b"get a\r\n", TIMED_OUT))?;
    }
    drop(filling);
    Ok(())
}
