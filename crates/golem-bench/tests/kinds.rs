//! Each kind of load, in each language, against real servers: what is asked, how it is checked, and that it ends as it should.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use golem_bench::mix::{Mix, Operation};
use golem_bench::names::Names;
use golem_bench::popularity::Popularity;
use golem_bench::protocol::Protocol;
use golem_bench::report::Report;
use golem_bench::run::{Limit, Onlooker, Plan};
use golem_bench::session::{Pattern, Rules};
use golem_bench::workload::Outline;
use golem_net::Target;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// A server of others on a UNIX socket; it ends with the test.
struct Server {
    child: Child,
    socket: PathBuf,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start(protocol: Protocol) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let mut command = match protocol {
            Protocol::Text | Protocol::Meta => {
                let mut memcached = Command::new("memcached");
                memcached.args(["-t", "1", "-u", "root", "-s"]);
                memcached
            }
            Protocol::Redis => {
                let mut redis = Command::new("redis-server");
                redis.args(["--port", "0", "--save", "", "--dir"]).arg(folder.path()).arg("--unixsocket");
                redis
            }
        };
        let child = command
            .arg(&socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("memcached and redis-server are installed");
        while UnixStream::connect(&socket).is_err() {
            thread::yield_now();
        }
        Self { child, socket, _folder: folder }
    }

    fn plan(&self, protocol: Protocol) -> Plan {
        plan(Target::Unix(self.socket.clone()), protocol)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const LANGUAGES: [Protocol; 3] = [Protocol::Text, Protocol::Meta, Protocol::Redis];

fn plan(target: Target, protocol: Protocol) -> Plan {
    Plan {
        target,
        threads: 2,
        connections: 8,
        rules: Rules {
            depth: 5,
            pattern: Pattern::TopUp,
            verify: true,
            against_echo: false,
            requests_per_connection: 0,
        },
        outline: Outline {
            protocol,
            mix: "get=50,multiget=10,set=20,delete=10,incr=10".parse().unwrap(),
            private_percent: 30,
            sizes: "0-200".parse().unwrap(),
            keys: 50,
            popularity: Popularity::Zipf(0.99),
            many: 7,
            ttl: 1000,
            names: Names::new("golem:").unwrap(),
            seed: 1,
        },
        rate: None,
        idle: 0,
        preload: true,
        warmup: Duration::ZERO,
        limit: Limit::Count(20_000),
        patience: Duration::from_secs(20),
        watched: None,
        companions: Vec::new(),
    }
}

fn run(plan: &Plan) -> Result<Report, String> {
    golem_bench::run::run(plan, Onlooker::default())
}

#[test]
fn every_operation_is_answered_as_it_must_be() {
    for protocol in LANGUAGES {
        let server = Server::start(protocol);
        let report = run(&server.plan(protocol)).unwrap();
        assert_eq!(report.tally.failures(), 0, "{protocol:?}: {report}");
        for operation in Operation::ALL {
            assert!(report.tally.count(operation) > 500, "{protocol:?} {}: {report}", operation.name());
        }
        // Deleted keys are missed until they are set again.
        assert!(report.tally.hits > 0 && report.tally.misses > 0, "{report}");
    }
}

#[test]
fn bursts_and_connections_that_are_made_anew_lose_nothing() {
    for protocol in LANGUAGES {
        let server = Server::start(protocol);
        let mut plan = Plan { limit: Limit::Count(3000), ..server.plan(protocol) };
        plan.rules.pattern = Pattern::Burst;
        plan.rules.requests_per_connection = 10;
        let report = run(&plan).unwrap();
        assert_eq!((report.tally.failures(), report.tally.lost_requests), (0, 0), "{report}");
    }
}

#[test]
fn value_of_another_run_is_found_out() {
    for protocol in LANGUAGES {
        let server = Server::start(protocol);
        let mut plan = server.plan(protocol);
        plan.outline.private_percent = 0;
        plan.outline.sizes = "100".parse().unwrap();
        run(&plan).unwrap();
        plan.preload = false;
        let what = run(&plan).unwrap_err();
        assert!(what.contains("another run wrote"), "{what}");
    }
}

#[test]
fn key_that_somebody_else_changes_is_found_out() {
    let server = Server::start(Protocol::Text);
    let (stop, socket) = (Arc::new(AtomicBool::new(false)), server.socket.clone());
    let told = Arc::clone(&stop);
    let intruder = thread::spawn(move || {
        let stream = UnixStream::connect(socket).unwrap();
        let mut replies = BufReader::new(&stream);
        while !told.load(Ordering::Relaxed) {
            (&stream).write_all(b"set golem:2000000002 0 0 3\r\nbad\r\n").unwrap();
            replies.read_line(&mut String::new()).unwrap();
        }
    });
    let mut plan = Plan { limit: Limit::Endless, ..server.plan(Protocol::Text) };
    plan.outline.private_percent = 100;
    let what = run(&plan).unwrap_err();
    stop.store(true, Ordering::Relaxed);
    intruder.join().unwrap();
    assert!(what.contains("private"), "{what}");
}

#[test]
fn rate_is_not_exceeded() {
    let server = Server::start(Protocol::Text);
    let limit = Limit::Count(4000);
    let report = run(&Plan { rate: Some(5000.0), limit, ..server.plan(Protocol::Text) }).unwrap();
    // 0.8 s, but for what was due when the window began and had not been sent.
    assert!(report.window >= Duration::from_millis(400), "{report}");
    assert_eq!(report.tally.failures(), 0, "{report}");
}

/// A server that answers each line with `END`, but every 150th only when `pause` is over.
fn pausing(pause: Duration) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(&stream).lines();
        let mut number = 0;
        while let Some(Ok(_)) = lines.next() {
            number += 1;
            if number % 150 == 0 {
                let begin = Instant::now();
                while begin.elapsed() < pause {
                    thread::yield_now();
                }
            }
            if (&stream).write_all(b"END\r\n").is_err() {
                break;
            }
        }
    });
    Target::Tcp(address)
}

#[test]
fn requests_that_a_pause_kept_from_being_sent_count_it() {
    let pause = Duration::from_millis(300);
    let mut plan = Plan {
        threads: 1,
        connections: 1,
        rate: Some(1000.0),
        preload: false,
        limit: Limit::Count(600),
        ..plan(pausing(pause), Protocol::Text)
    };
    plan.rules.depth = 1;
    plan.outline.mix = Mix::of_gets(100);
    plan.outline.private_percent = 0;
    let report = run(&plan).unwrap();
    // One in flight: hundreds of requests were due while one waited. In a closed loop only that one would show it.
    let p50_us = golem_bench::tally::percentile_us(report.tally.all_times().as_ref(), 50.0);
    assert!(p50_us > 100_000.0, "{report}");
}

#[test]
fn idle_connections_are_held_and_measured() {
    let server = Server::start(Protocol::Text);
    let plan = Plan { idle: 300, watched: Some(server.child.id()), ..server.plan(Protocol::Text) };
    let report = run(&Plan { limit: Limit::Count(1000), ..plan }).unwrap();
    assert!(report.idle_bytes.is_some_and(|bytes| bytes > 0.0), "{report}");
}

/// A server that closes every connection after 20 replies.
fn impatient(closed: Arc<AtomicU32>) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, closed): (TcpStream, _) = (stream.unwrap(), Arc::clone(&closed));
            thread::spawn(move || {
                let lines = BufReader::new(&stream).lines();
                for _line in lines.map_while(Result::ok).take(20) {
                    if (&stream).write_all(b"END\r\n").is_err() {
                        return;
                    }
                }
                closed.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    Target::Tcp(address)
}

#[test]
fn lost_connections_are_counted_and_made_again() {
    let closed = Arc::new(AtomicU32::new(0));
    let mut plan = Plan {
        preload: false,
        limit: Limit::Count(500),
        ..plan(impatient(Arc::clone(&closed)), Protocol::Text)
    };
    plan.outline.mix = Mix::of_gets(100);
    plan.outline.private_percent = 0;
    let report = run(&plan).unwrap();
    assert!(report.tally.lost_connections > 8, "{report}");
    assert!(u64::from(closed.load(Ordering::Relaxed)) >= report.tally.lost_connections, "{report}");
    assert_eq!(report.tally.failures(), report.tally.lost_connections);
    assert!(report.tally.texts[0].0.contains("connection"), "{report}");
}

#[test]
fn onlooker_sees_each_second_and_can_end_the_run() {
    let server = Server::start(Protocol::Text);
    let stop = AtomicBool::new(false);
    let (sender, glances) = mpsc::channel();
    let mut live = |glance: &golem_bench::live::Glance| {
        sender.send(*glance).unwrap();
        stop.store(true, Ordering::Relaxed);
    };
    let endless = Plan { limit: Limit::Endless, ..server.plan(Protocol::Text) };
    let onlooker = Onlooker { stop: Some(&stop), live: Some(&mut live) };
    let report = golem_bench::run::run(&endless, onlooker).unwrap();
    let glance = glances.recv().unwrap();
    assert!(glance.rate > 0.0 && glance.p99_us >= glance.p50_us && glance.p50_us > 0.0, "{glance}");
    assert!(report.window >= Duration::from_secs(1));
    assert_eq!(report.tally.failures(), 0);
}
