//! Two workers, and the end of the process.

use crate::client::Client;
use crate::stage::{any_port, configuration};
use crate::trap::{A_CLIENT_COMES, Times, set_trap, turn};
use golem_e2e::port::Port;
use golem_memserver::{MemServer, Options};
use golem_net::Clock;
use golemproxy::defect::{self, Defect};
use golemproxy::supervisor::{Event, Supervisor};
use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

/// Where the process that is to end finds the address to listen on.
const LISTEN: &str = "GOLEMPROXY_TEST_LISTEN";

/// Serves two servers with two workers, says so, and goes on until it has to end; what it ends with.
fn serve(listen: &str, ready: impl FnOnce()) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let start = |_| MemServer::start(&any_port(), Options::default()).unwrap();
    let servers: Vec<_> = (0..2).map(start).collect();
    let config = golem_config::parse("test", &configuration(listen, 60_000, &servers)).unwrap().config;
    let mut supervisor = Supervisor::start(&config, 2, Clock::new()).unwrap();
    ready();
    match supervisor.next_event()? {
        Event::Defect(defect) => Err(defect.into()),
        Event::WorkerEnded(end) => Ok(end?),
        Event::Signal(_) | Event::InUse => Ok(()),
    }
}

#[test]
fn clients_of_other_workers_do_not_notice() {
    let _turn = turn();
    let port = Port::reserve().unwrap();
    let listen = port.address().to_string();
    let (started, start) = mpsc::channel();
    let process = thread::spawn(move || serve(&listen, || started.send(()).unwrap()));
    start.recv().unwrap();
    let mut before: Vec<_> = (0..6).map(|_| Client::connect(port.address())).collect();
    assert!(before.iter_mut().all(Client::is_served));
    set_trap(A_CLIENT_COMES, Times::Once);
    assert!(Client::connect(port.address()).ends());
    let left = before.iter_mut().filter_map(|client| client.is_served().then_some(())).count();
    assert_eq!(left, 3, "those of the other worker");
    let mut after: Vec<_> = (0..6).map(|_| Client::connect(port.address())).collect();
    assert!(after.iter_mut().all(Client::is_served));
    after[0].say("stats\r\n");
    let stats: Vec<String> =
        std::iter::from_fn(|| Some(after[0].line()).filter(|line| line != "END\r\n")).collect();
    for row in ["worker_restarts 1", "client_connections 9"] {
        assert!(stats.contains(&format!("STAT {row}\r\n")), "{row}: {stats:?}");
    }
    // Two more end it.
    set_trap(A_CLIENT_COMES, Times::Always);
    drop((Client::connect(port.address()), Client::connect(port.address())));
    assert!(process.join().unwrap().unwrap_err().is::<Defect>());
}

#[test]
fn the_third_panic_within_a_minute_ends_the_process_with_code_70() {
    let port = Port::reserve().unwrap();
    let mut process = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "process::the_process", "--nocapture"])
        .env(LISTEN, port.address().to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
    while said.next().expect("the process has ended").unwrap() != "ready" {}
    for _ in 0..3 {
        assert!(Client::connect(port.address()).ends());
    }
    let end = process.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&end.stderr);
    assert_eq!(end.status.code(), Some(70), "{text}");
    assert!(text.contains("workers have panicked 3 times within 60 seconds"), "{text}");
}

#[test]
#[ignore = "the other process of the test of exit code 70, which starts it"]
fn the_process() {
    let _turn = turn();
    set_trap(A_CLIENT_COMES, Times::Always);
    let error = serve(&env::var(LISTEN).unwrap(), || println!("ready")).unwrap_err();
    eprintln!("{error}");
    std::process::exit(defect::exit_code(&*error).into());
}
