//! The files of `conf/`, served as they are: their ports are fixed, so that each test has a network of its own.

use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Failure, Outcome, ensure};
use golem_e2e::namespace::in_network_namespace;
use golem_e2e::process::Process;
use golem_e2e::programs::golemproxy;
use golem_e2e::statistics::{document, figures};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conf").join(name)
}

fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// A memcached on a fixed port.
fn memcached(port: u16) -> Outcome<Process> {
    let mut command = Command::new("memcached");
    command.args(["-l", "127.0.0.1", "-U", "0", "-u", "root", "-t", "1", "-p", &port.to_string()]);
    let mut process = Process::start(&mut command)?;
    process.wait_until_ready(&[local(port)])?;
    Ok(process)
}

/// The program with this file, when its pools on these ports and its statistics port accept clients.
fn serve(file: &Path, ports: &[u16]) -> Outcome<Process> {
    let mut process = Process::start(Command::new(golemproxy()?).arg("-c").arg(file))?;
    let all: Vec<SocketAddr> = ports.iter().chain(&[22222]).map(|port| local(*port)).collect();
    process.wait_until_ready(&all)?;
    Ok(process)
}

/// Stores and reads keys enough for every server of a pool.
fn use_pool(port: u16) -> Outcome {
    let mut client = Conversation::open(local(port))?;
    for number in 0..50 {
        let value = format!("{number}:{number}");
        let length = value.len();
        client.ask(format!("set {number}k 0 0 {length}\r\n{value}\r\n").as_bytes(), b"STORED\r\n")?;
        let reply = format!("VALUE {number}k 0 {length}\r\n{value}\r\nEND\r\n");
        client.ask(format!("get {number}k\r\n").as_bytes(), reply.as_bytes())?;
    }
    Ok(())
}

/// Whether every one of the servers got requests, and none failed.
fn check_figures(pool: &str, servers: &[&str]) -> Outcome {
    let figures = figures(&document(local(22222))?)?;
    for server in servers {
        let requests = figures.get(&format!("{pool}/{server}/requests"));
        ensure(
            requests.is_some_and(|count| count != "0"),
            format!("{pool}: {server} got {requests:?} requests"),
        )?;
    }
    let errors = figures.get(&format!("{pool}/forward_error"));
    ensure(errors.is_some_and(|count| count == "0"), format!("{pool}: {errors:?} errors"))
}

#[test]
fn golemproxy_yml_is_served() -> Outcome {
    in_network_namespace(|| {
        let _servers = [memcached(11211)?, memcached(11212)?];
        let _proxy = serve(&example("golemproxy.yml"), &[21211])?;
        use_pool(21211)?;
        check_figures("main", &["127.0.0.1", "127.0.0.1:11212"])
    })
}

#[test]
fn ejection_yml_is_served() -> Outcome {
    in_network_namespace(|| {
        let _servers = [memcached(11211)?, memcached(11212)?, memcached(11213)?];
        let _proxy = serve(&example("ejection.yml"), &[21211])?;
        use_pool(21211)?;
        check_figures("main", &["127.0.0.1", "127.0.0.1:11212", "127.0.0.1:11213"])
    })
}

#[test]
fn nutcracker_yml_is_served() -> Outcome {
    in_network_namespace(|| {
        let _servers = (11211..=11215).map(memcached).collect::<Outcome<Vec<_>>>()?;
        // A network of its own has no files of its own: sockets go to a folder instead of /tmp.
        let folder = TempDir::new()?;
        let inside = folder.path().display().to_string();
        let text = fs::read_to_string(example("nutcracker.yml"))?;
        ensure(text.matches("/tmp/").count() == 2, "the file names other sockets")?;
        let file = folder.path().join("nutcracker.yml");
        fs::write(&file, text.replace("/tmp", &inside))?;
        let socket = folder.path().join("memcached.sock");
        let mut command = Command::new("memcached");
        let _unix = Process::start(command.args(["-u", "root", "-t", "1", "-s"]).arg(&socket))?;
        golem_e2e::waiting::wait_until("the server has its socket", || {
            Ok(UnixStream::connect(&socket).is_ok())
        })?;

        let _proxy = serve(&file, &[22121, 22122])?;
        use_pool(22121)?;
        check_figures("sessions", &["session-a", "session-b"])?;
        use_pool(22122)?;
        check_figures("pages", &["127.0.0.1:11213", "127.0.0.1:11214"])?;
        let mut client = UnixStream::connect(folder.path().join("golemproxy-local.sock"))?;
        let mut lines = BufReader::new(client.try_clone()?).lines();
        for number in 0..50 {
            client.write_all(format!("set {number}k 0 0 1\r\nx\r\n").as_bytes())?;
            let line = lines.next().ok_or_else(|| Failure::new("the end of the stream"))??;
            ensure(line == "STORED", line)?;
        }
        check_figures("local", &["127.0.0.1:11215", &format!("{inside}/memcached.sock:")])
    })
}

#[test]
fn every_example_has_its_test() -> Outcome {
    let mut names = Vec::new();
    for entry in fs::read_dir(example(""))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    ensure(names == ["ejection.yml", "golemproxy.yml", "nutcracker.yml"], format!("{names:?}"))
}
