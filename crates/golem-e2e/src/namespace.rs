//! Namespaces of their own for tests with fixed ports, or with names of hosts: the test program starts itself again inside,
//! for this one test. Works as root, and for others where the kernel lets users have namespaces.

use crate::failure::{Failure, Outcome, ensure};
use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use tempfile::TempDir;

const INSIDE: &str = "GOLEM_E2E_INSIDE_NAMESPACE";
const HOSTS: &str = "GOLEM_E2E_HOSTS";

/// Bytes of the file of names, whatever it says.
const HOSTS_SIZE: usize = 256;

/// Runs `body` where no other program listens. Call it as the whole of a test.
pub fn in_network_namespace(body: impl FnOnce() -> Outcome) -> Outcome {
    if env::var_os(INSIDE).is_some() {
        return body();
    }
    run_inside(&["--net"], "ip link set lo up && exec \"$@\"", Path::new(""))
}

/// The names of hosts that are known in a namespace, and no others: there is no name server.
pub struct Hosts {
    file: PathBuf,
}

impl Hosts {
    /// From now on these lines hold, as in `/etc/hosts`.
    pub fn are(&self, lines: &str) -> Outcome {
        ensure(lines.len() < HOSTS_SIZE, "more lines than there is room for")?;
        // In one write, so that nobody reads a half of it.
        let text = format!("{lines:\n<HOSTS_SIZE$}");
        Ok(OpenOptions::new().write(true).open(&self.file)?.write_all(text.as_bytes())?)
    }
}

/// Runs `body` where no other program listens, and where it says which names there are: none at first. Call it as the
/// whole of a test.
pub fn in_namespace_with_hosts(body: impl FnOnce(&Hosts) -> Outcome) -> Outcome {
    if env::var_os(INSIDE).is_some() {
        let file = env::var_os(HOSTS).ok_or_else(|| Failure::new("there is no file of names"))?;
        return body(&Hosts { file: file.into() });
    }
    let folder = TempDir::new()?;
    let file = folder.path().join("hosts");
    fs::write(&file, "\n".repeat(HOSTS_SIZE))?;
    let script = format!("ip link set lo up && mount --bind \"${HOSTS}\" /etc/hosts && exec \"$@\"");
    run_inside(&["--net", "--mount"], &script, &file)
}

/// Runs this program again, for the test of the current thread, inside what `unshare` makes of the flags and `script` does
/// before.
fn run_inside(flags: &[&str], script: &str, hosts: &Path) -> Outcome {
    // The test runner gives the thread of a test its name.
    let current = thread::current();
    let test = current.name().ok_or_else(|| Failure::new("call this from the thread of the test"))?;
    let program = env::current_exe()?;
    let output = Command::new("unshare")
        .arg("--map-root-user")
        .args(flags)
        .args(["sh", "-c", script, "sh"])
        .arg(program)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .env(HOSTS, hosts)
        .output()
        .map_err(|e| Failure::from(e).during("unshare (package util-linux)"))?;
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure(output.status.success(), format!("inside a network namespace: {}\n{said}", output.status))?;
    ensure(said.contains("1 passed"), format!("'{test}' was not run inside the namespace:\n{said}"))
}
