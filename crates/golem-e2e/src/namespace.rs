//! A network namespace of its own for tests with fixed ports: the test program starts itself again inside, for this one
//! test. Works as root, and for others where the kernel lets users have namespaces.

use crate::failure::{Failure, Outcome, ensure};
use std::env;
use std::process::Command;
use std::thread;

const INSIDE: &str = "GOLEM_E2E_INSIDE_NAMESPACE";

/// Runs `body` where no other program listens. Call it as the whole of a test.
pub fn in_network_namespace(body: impl FnOnce() -> Outcome) -> Outcome {
    if env::var_os(INSIDE).is_some() {
        return body();
    }
    // The test runner gives the thread of a test its name.
    let current = thread::current();
    let test = current.name().ok_or_else(|| Failure::new("call this from the thread of the test"))?;
    let program = env::current_exe()?;
    let output = Command::new("unshare")
        .args(["--map-root-user", "--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"])
        .arg(program)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .output()
        .map_err(|e| Failure::from(e).during("unshare (package util-linux)"))?;
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure(output.status.success(), format!("inside a network namespace: {}\n{said}", output.status))?;
    ensure(said.contains("1 passed"), format!("'{test}' was not run inside the namespace:\n{said}"))
}
