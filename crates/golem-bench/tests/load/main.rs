//! The load generator against the floor, against null servers and the bare proxy, against Debian's memcached, and against servers that answer wrongly.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod bare;
mod runs;

use golem_bench::echo::Echo;
use golem_bench::mix::{Mix, Operation};
use golem_bench::null::Null;
use golem_bench::protocol::Protocol;
use golem_bench::run::{Limit, Plan};
use golem_bench::session::Rules;
use golem_bench::tally::percentile_us;
use golem_bench::workload::Outline;
use golem_net::{Driver, ListenSpec, Reserved, Target};
use runs::{LOADS, RULES, any_port, conversation, null_server, outline, plan, run, serve};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

fn floor(outline: &Outline) -> Target {
    let mut echo = Echo::new(outline).unwrap();
    serve(move |driver| echo.turn(driver))
}

/// A memcached that ends with the test.
struct Memcached {
    child: Child,
    folder: tempfile::TempDir,
}

impl Memcached {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new("memcached")
            .args(["-t", "1", "-u", "root", "-s"])
            .arg(folder.path().join("socket"))
            .stdin(Stdio::null())
            .spawn()
            .expect("memcached is installed");
        let this = Self { child, folder };
        while UnixStream::connect(this.path()).is_err() {
            thread::yield_now();
        }
        this
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("socket")
    }
}

impl Drop for Memcached {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that answers each request line with `reply`.
fn answering(reply: &'static [u8]) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream: TcpStream = stream.unwrap();
            thread::spawn(move || {
                let mut lines = BufReader::new(&stream).lines();
                while let Some(Ok(_)) = lines.next() {
                    if (&stream).write_all(reply).is_err() {
                        break;
                    }
                }
            });
        }
    });
    Target::Tcp(address)
}

#[test]
fn memcached_over_a_unix_socket_gives_only_hits() {
    let memcached = Memcached::start();
    let report = run(&Plan {
        threads: 2,
        watched: Some(memcached.child.id()),
        ..plan(Target::Unix(memcached.path()))
    })
    .unwrap();
    let tally = &report.tally;
    assert!(tally.replies() >= 5000, "{report}");
    assert_eq!((tally.misses, tally.failures()), (0, 0), "{report}");
    let stored = tally.count(Operation::Set);
    assert!(tally.hits > stored && stored > 0, "{report}");
    assert!(percentile_us(tally.all_times().as_ref(), 50.0) > 0.0 && report.rate > 0.0, "{report}");
    assert!(report.watched.is_some() && report.peak > Some(0) && !report.own.cpu.is_zero(), "{report}");
}

#[test]
fn keys_that_nobody_stored_are_misses() {
    let memcached = Memcached::start();
    let outline = Outline { mix: Mix::of_gets(100), ..outline(100) };
    let report = run(&Plan { preload: false, outline, ..plan(Target::Unix(memcached.path())) }).unwrap();
    assert_eq!((report.tally.hits, report.tally.count(Operation::Set)), (0, 0));
    assert!(report.tally.misses >= 5000);
}

#[test]
fn large_values_pass_in_pieces() {
    let memcached = Memcached::start();
    let large = Plan {
        outline: Outline { keys: 20, ..outline(300_000) },
        connections: 3,
        limit: Limit::Count(500),
        ..plan(Target::Unix(memcached.path()))
    };
    let report = run(&large).unwrap();
    assert_eq!((report.tally.misses, report.tally.failures()), (0, 0), "{report}");
}

#[test]
fn floor_answers_the_same_load() {
    for (value_size, depth, pattern) in LOADS {
        let rules = Rules { depth, pattern, against_echo: true, ..RULES };
        let outline = outline(value_size);
        let target = floor(&outline);
        let against = Plan { rules, outline, preload: false, limit: Limit::Count(1000), ..plan(target) };
        let report = run(&against).unwrap();
        assert_eq!((report.tally.misses, report.tally.failures()), (0, 0), "{report}");
        assert!(report.tally.hits > 0 && report.tally.count(Operation::Set) > 0, "{report}");
    }
}

#[test]
fn null_server_answers_every_load_as_if_it_had_stored_the_values() {
    for (value_size, depth, pattern) in LOADS {
        let rules = Rules { depth, pattern, ..RULES };
        for protocol in [Protocol::Text, Protocol::Meta, Protocol::Redis] {
            let mix = "get=60,multiget=10,set=20,delete=5,incr=5".parse().unwrap();
            let outline = Outline { protocol, mix, many: 3, ..outline(value_size) };
            let target = null_server(&outline);
            let against = Plan { rules, outline, limit: Limit::Count(1000), ..plan(target) };
            let report = run(&against).unwrap();
            assert_eq!((report.tally.misses, report.tally.failures()), (0, 0), "{protocol:?}: {report}");
            assert!(report.tally.hits > 0 && report.tally.count(Operation::Set) > 0, "{report}");
        }
    }
}

#[test]
fn null_server_closes_behind_its_last_reply() {
    let server = null_server(&outline(100_000));
    let gets = b"get golem:0000000000\r\n".repeat(200);
    // More than sockets hold, and more slices than one write takes.
    let one = conversation(&server, b"get golem:0000000000\r\n");
    assert!(one.starts_with(b"VALUE golem:0000000000 0 100000\r\n") && one.ends_with(b"\r\nEND\r\n"));
    assert!(conversation(&server, &gets) == one.repeat(200));
    assert_eq!(conversation(&server, b"version\r\nquit\r\n"), b"VERSION 0.0.0\r\n");
    assert_eq!(conversation(&server, b"get incomplete"), b"");
}

#[test]
fn null_server_writes_once_for_each_read() {
    let listener = any_port();
    let Target::Tcp(address) = listener.address().unwrap() else { panic!("no port") };
    let mut driver = Driver::new().unwrap();
    driver.listen(listener, 0).unwrap();
    let mut null = Null::new(&outline(32)).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let input = b"get a bb\r\nset a 0 0 1\r\nx\r\ndelete a\r\nbad\r\n".repeat(100);
    stream.write_all(&input).unwrap();
    while driver.counts().bytes_read < input.len() as u64 {
        null.turn(&mut driver).unwrap();
    }
    let counts = driver.counts();
    assert!(counts.writes <= counts.reads, "{counts:?}");
    assert!(counts.reads < 100, "{counts:?}");
}

#[test]
fn window_by_time_ends() {
    let rules = Rules { depth: 2, verify: false, against_echo: true, ..RULES };
    let limit = Limit::Duration(Duration::from_millis(50));
    let report = run(&Plan { rules, limit, preload: false, ..plan(floor(&outline(100))) }).unwrap();
    assert!(report.window >= Duration::from_millis(50));
    assert!(report.tally.replies() > 0);
}

/// Reads of what a server answers with `reply`.
fn gets_from(reply: &'static [u8]) -> Plan {
    let outline = Outline { mix: Mix::of_gets(100), ..outline(100) };
    Plan { preload: false, outline, ..plan(answering(reply)) }
}

#[test]
fn wrong_reply_ends_the_run_and_is_shown() {
    let what = run(&gets_from(b"VALUE golem:0999999999 0 100\r\n")).unwrap_err();
    assert!(what.contains("a value that was not asked for") && what.contains("golem:0999999999"), "{what}");
}

#[test]
fn server_that_nobody_reaches_ends_the_run() {
    // Nobody listens there, nor can anybody else.
    let reserved = Reserved::bind(&ListenSpec::new(Target::Tcp(([127, 0, 0, 1], 0).into()))).unwrap();
    let what = run(&plan(reserved.address().unwrap())).unwrap_err();
    assert!(what.contains("refused"), "{what}");
}

#[test]
fn silence_ends_the_run() {
    let what = run(&Plan { patience: Duration::from_millis(30), ..plan(answering(b"")) }).unwrap_err();
    assert!(what.contains("no reply came"), "{what}");
}

#[test]
fn errors_in_words_of_the_protocol_are_counted() {
    let refused =
        Plan { limit: Limit::Duration(Duration::from_secs(1)), ..gets_from(b"SERVER_ERROR no\r\n") };
    let report = run(&refused).unwrap();
    assert!(report.tally.server_errors > 0, "{report}");
    assert_eq!((report.tally.replies(), report.tally.failures()), (0, report.tally.server_errors));
}
