//! The load generator against the floor, against Debian's memcached, and against servers that answer wrongly.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use golem_bench::echo::Echo;
use golem_bench::run::{Limit, Plan, run};
use golem_bench::session::Rules;
use golem_bench::workload::Requests;
use golem_net::{Driver, ListenSpec, Listener, Target};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

fn plan(target: Target) -> Plan {
    Plan {
        target,
        threads: 1,
        connections: 7,
        rules: Rules { depth: 4, verify: true, against_echo: false },
        get_percent: 80,
        value_size: 100,
        keys: 300,
        preload: true,
        warmup: Duration::ZERO,
        limit: Limit::Count(5000),
        seed: 1,
        patience: Duration::from_secs(20),
        watched: None,
        companions: Vec::new(),
    }
}

/// A floor that serves until the test program ends.
fn floor(value_size: usize) -> Target {
    let any = ListenSpec::new(Target::Tcp("127.0.0.1:0".parse().unwrap()));
    let listener = Listener::bind(&any).unwrap();
    let address = listener.address().unwrap();
    thread::spawn(move || {
        let mut driver = Driver::new().unwrap();
        driver.listen(listener, 0).unwrap();
        let mut echo = Echo::new(&Requests::new(1, value_size));
        while echo.turn(&mut driver).is_ok() {}
    });
    address
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
    assert!(tally.hits > tally.stored && tally.stored > 0, "{report}");
    assert!(tally.percentile_us(50.0) > 0.0 && report.rate > 0.0, "{report}");
    assert!(report.watched.is_some());
}

#[test]
fn keys_that_nobody_stored_are_misses() {
    let memcached = Memcached::start();
    let report =
        run(&Plan { preload: false, get_percent: 100, ..plan(Target::Unix(memcached.path())) }).unwrap();
    assert_eq!((report.tally.hits, report.tally.stored), (0, 0));
    assert!(report.tally.misses >= 5000);
}

#[test]
fn large_values_pass_in_pieces() {
    let memcached = Memcached::start();
    let large = Plan {
        value_size: 300_000,
        keys: 20,
        connections: 3,
        limit: Limit::Count(500),
        ..plan(Target::Unix(memcached.path()))
    };
    let report = run(&large).unwrap();
    assert_eq!((report.tally.misses, report.tally.failures()), (0, 0), "{report}");
}

#[test]
fn floor_answers_the_same_load() {
    for (value_size, depth) in [(32, 1), (32, 100), (4096, 16), (300_000, 2)] {
        let rules = Rules { depth, verify: true, against_echo: true };
        let against =
            Plan { rules, value_size, preload: false, limit: Limit::Count(1000), ..plan(floor(value_size)) };
        let report = run(&against).unwrap();
        assert_eq!((report.tally.misses, report.tally.failures()), (0, 0), "{report}");
        assert!(report.tally.hits > 0 && report.tally.stored > 0, "{report}");
    }
}

#[test]
fn window_by_time_ends() {
    let rules = Rules { depth: 2, verify: false, against_echo: true };
    let limit = Limit::Duration(Duration::from_millis(50));
    let report = run(&Plan { rules, limit, preload: false, ..plan(floor(100)) }).unwrap();
    assert!(report.window >= Duration::from_millis(50));
    assert!(report.tally.replies() > 0);
}

#[test]
fn wrong_reply_ends_the_run_and_is_shown() {
    let gets =
        Plan { preload: false, get_percent: 100, ..plan(answering(b"VALUE golem:9999999999 0 100\r\n")) };
    let what = run(&gets).unwrap_err();
    assert!(what.contains("not the hit that was asked for") && what.contains("golem:9999999999"), "{what}");
}

#[test]
fn server_that_nobody_reaches_ends_the_run() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let what = run(&plan(Target::Tcp(address))).unwrap_err();
    assert!(what.contains("refused"), "{what}");
}

#[test]
fn silence_ends_the_run() {
    let what = run(&Plan { patience: Duration::from_millis(30), ..plan(answering(b"")) }).unwrap_err();
    assert!(what.contains("no reply came"), "{what}");
}

#[test]
fn errors_in_words_of_the_protocol_are_counted() {
    let refused = Plan {
        preload: false,
        get_percent: 100,
        limit: Limit::Duration(Duration::from_millis(30)),
        ..plan(answering(b"SERVER_ERROR no\r\n"))
    };
    let report = run(&refused).unwrap();
    assert!(report.tally.server_errors > 0, "{report}");
    assert_eq!((report.tally.replies(), report.tally.failures()), (0, report.tally.server_errors));
}
