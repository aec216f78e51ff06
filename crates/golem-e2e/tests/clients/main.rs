//! Client libraries that others wrote, over golemproxy and three real memcached servers: their ordinary work, and a loop
//! of `get_multi` while a server is killed or stopped. The work itself stands in the Python files of this folder.

mod libmemcached;
mod outages;

use golem_e2e::failure::{Failure, Outcome, ensure};
use golem_e2e::programs::{Memcached, Program, Proxy};
use std::env;
use std::path::Path;
use std::process::Command;

#[test]
fn pymemcache_does_its_ordinary_work() -> Outcome {
    work("work_pymemcache.py")
}

#[test]
fn python_memcached_does_its_ordinary_work() -> Outcome {
    work("work_python_memcached.py")
}

#[test]
fn aiomcache_does_its_ordinary_work() -> Outcome {
    work("work_aiomcache.py")
}

fn work(script: &str) -> Outcome {
    let servers = [Memcached::start()?, Memcached::start()?, Memcached::start()?];
    let addresses = servers.each_ref().map(Memcached::address);
    let proxy =
        Proxy::over(Program::Golemproxy, &addresses, &["timeout: 5000", "admin_commands: [flush_all]"])?;
    python(script, &[proxy.address().to_string()]).map(|_| ())
}

/// Runs a script of this folder with the libraries that `./test` installs, and gives what it printed.
fn python(script: &str, arguments: &[String]) -> Outcome<String> {
    let program = env::var("GOLEM_PYTHON").map_err(|_| {
        Failure::new("GOLEM_PYTHON does not name the Python with the client libraries; run ./test")
    })?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let output = Command::new(program)
        .arg("-B")
        .arg(folder.join(script))
        .args(arguments)
        .output()
        .map_err(|error| Failure::from(error).during(script))?;
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    ensure(output.status.success(), format!("{script} {arguments:?}: {}\n{said}", output.status))?;
    Ok(said)
}
