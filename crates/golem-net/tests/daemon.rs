//! Daemonising, in a program without a test harness, since it must have a single thread: the test starts itself as the
//! process that becomes a daemon, and the daemon reports over a Unix socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test")]

use golem_net::daemonise;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs, thread};

fn main() {
    match env::args().nth(1).as_deref() {
        Some("become-daemon") => daemon(Path::new(&env::args().nth(2).unwrap())),
        Some("fail") => daemonise().unwrap().failed(7, "the reason\n"),
        Some("say-nothing") => drop(daemonise().unwrap()),
        _ => {
            a_daemon_has_left_its_terminal_and_kept_its_folder();
            the_first_process_ends_as_the_daemon_says();
            threads_are_not_lost_by_forking();
        }
    }
}

fn daemon(path: &Path) {
    let first = std::process::id();
    let starter = daemonise().unwrap();
    let mut report = format!("first={first}\npid={}\n", std::process::id());
    report += &format!("cwd={}\n", env::current_dir().unwrap().display());
    for fd in 0..3 {
        report += &format!("fd={}\n", fs::read_link(format!("/proc/self/fd/{fd}")).unwrap().display());
    }
    let status = fs::read_to_string("/proc/self/status").unwrap();
    report += status.lines().find(|line| line.starts_with("Umask:")).unwrap();
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let session = stat.rsplit_once(") ").unwrap().1.split(' ').nth(3).unwrap().to_owned();
    report += &format!("\nsession={session}\n");
    let mut reader = UnixStream::connect(path).unwrap();
    fs::write(path.with_file_name("ready"), "").unwrap();
    starter.ready();
    reader.write_all(report.as_bytes()).unwrap();
}

fn the_first_process_ends_as_the_daemon_says() {
    for (word, code, text) in [
        ("fail", 7, "the reason\n"),
        ("say-nothing", 1, "the process in the background ended before it was ready\n"),
    ] {
        let output = Command::new(env::current_exe().unwrap()).arg(word).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.as_str()), (Some(code), text), "{word}");
    }
    println!("the_first_process_ends_as_the_daemon_says ... ok");
}

fn a_daemon_has_left_its_terminal_and_kept_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    let listener = UnixListener::bind(&path).unwrap();
    let status = Command::new(env::current_exe().unwrap())
        .args(["become-daemon", path.to_str().unwrap()])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(folder.path().join("ready").exists(), "the first process did not wait");
    let mut report = String::new();
    listener.accept().unwrap().0.read_to_string(&mut report).unwrap();
    let value = |name: &str| report.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    assert_eq!(value("cwd="), folder.path().canonicalize().unwrap().to_str().unwrap());
    assert_eq!(report.matches("fd=/dev/null\n").count(), 3, "{report}");
    assert_eq!(value("Umask:").trim(), "0000");
    let (first, pid, session) = (value("first="), value("pid="), value("session="));
    assert!(pid != first && session != pid && session != first, "{report}");
    println!("a_daemon_has_left_its_terminal_and_kept_its_folder ... ok");
}

fn threads_are_not_lost_by_forking() {
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let other = thread::spawn(move || stopped.recv());
    assert!(daemonise().is_err());
    drop(stop);
    assert!(other.join().unwrap().is_err());
    println!("threads_are_not_lost_by_forking ... ok");
}
