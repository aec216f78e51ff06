//! libmemcached, the client library in C, by its own tools: memccapable, which tries a server's capabilities one by one, and
//! those that store, read and load.

use golem_e2e::failure::{Outcome, ensure, shown};
use golem_e2e::programs::{Memcached, Program, Proxy};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

#[test]
fn memccapable_finds_all_that_it_finds_in_memcached() -> Outcome {
    let server = Memcached::start()?;
    let settings = ["admin_commands: [flush_all, verbosity]"];
    let proxy = Proxy::over(Program::Golemproxy, &[server.address()], &settings)?;
    let (direct, through) = (capabilities(server.address())?, capabilities(proxy.address())?);
    ensure(direct == through, format!("memcached alone:\n{direct}\nthrough golemproxy:\n{through}"))?;
    let is_complete = through.matches("[pass]").count() == 27 && through.ends_with("All tests passed\n");
    ensure(is_complete, through)
}

fn capabilities(address: SocketAddr) -> Outcome<String> {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let output = Command::new("memccapable").args(["-a", "-h", &host, "-p", &port]).output()?;
    Ok(said(&output))
}

#[test]
fn tools_of_libmemcached_do_their_ordinary_work() -> Outcome {
    let servers = [Memcached::start()?, Memcached::start()?, Memcached::start()?];
    let addresses = servers.each_ref().map(Memcached::address);
    let proxy = Proxy::over(Program::Golemproxy, &addresses, &["admin_commands: [flush_all]"])?;
    let folder = TempDir::new()?;
    let tool = |name: &str, arguments: &[&str]| {
        let servers = format!("--servers={}", proxy.address());
        Command::new(name).arg(servers).args(arguments).current_dir(folder.path()).output()
    };
    let works = |name: &str, arguments: &[&str]| {
        let output = tool(name, arguments)?;
        ensure(output.status.success(), format!("{name} {arguments:?}: {}\n{}", output.status, said(&output)))
    };
    let files = [("empty", 0), ("small", 10), ("page", 5000), ("segment", 70_000), ("large", 900_000)];
    for (name, size) in files {
        let content: Vec<u8> = (0..size).map(|at: usize| (at * 7 + at / 251) as u8).collect();
        fs::write(folder.path().join(name), content)?;
        works("memccp", &[name])?;
        works("memcexist", &[name])?;
        works("memccat", &["--file", "copy", name])?;
        is_same(folder.path(), name)?;
        works("memctouch", &["--expire=100", name])?;
    }
    works("memcrm", &["small", "page"])?;
    ensure(!tool("memcexist", &["small"])?.status.success(), "memcrm left a key")?;
    works("memcping", &[])?;
    works("memcstat", &[])?;
    for arguments in
        [["--test=set", "-v"], ["--test=set", "--noreply"], ["--test=get", "-v"], ["--test=mget", "-v"]]
    {
        works("memcslap", &[&arguments[..], &["--concurrency=5", "--execute-number=300"]].concat())?;
    }
    works("memcflush", &[])?;
    ensure(!tool("memcexist", &["large"])?.status.success(), "memcflush left a key")
}

fn is_same(folder: &Path, name: &str) -> Outcome {
    let (stored, read) = (fs::read(folder.join(name))?, fs::read(folder.join("copy"))?);
    ensure(stored == read, format!("{name}: stored {}, read {}", shown(&stored), shown(&read)))
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
