//! The demo as a newcomer meets it: it starts, the three lines that it prints work as printed, Ctrl-C ends it.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use golem_e2e::failure::{Outcome, ensure};
use golem_e2e::port::Port;
use golem_e2e::process::Process;
use std::fs;
use std::process::Command;

fn start(arguments: &[&str]) -> Outcome<Process> {
    Process::start(Command::new(env!("CARGO_BIN_EXE_golemproxy")).arg("demo").args(arguments))
}

fn send_signal(process: &Process, name: &str) -> Outcome {
    let done = Command::new("sh").args(["-c", &format!("kill -{name} {}", process.id())]).status()?;
    ensure(done.success(), "the signal was not sent")
}

/// Runs a line of the introduction as a shell does and gives what it printed.
fn try_out(line: &str) -> Outcome<String> {
    let done = Command::new("sh").args(["-c", line]).output()?;
    ensure(done.status.success(), format!("{line}: {}", String::from_utf8_lossy(&done.stderr)))?;
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

#[test]
fn the_three_lines_work_as_printed_and_ctrl_c_ends_the_demo() -> Outcome {
    let port = Port::reserve()?;
    let address = port.address().to_string();
    let mut demo = start(&["--servers", "5", "--listen", &address])?;
    demo.wait_for_log("Ctrl-C ends it.")?;
    let introduction = demo.log();
    assert!(introduction.starts_with(&format!("golemproxy serves memcached clients on {address},")));
    let lines: Vec<&str> = introduction.lines().map(str::trim).collect();
    let servers = lines.iter().filter(|line| line.starts_with("- 127.0.0.1:")).count();
    assert_eq!(servers, 5);
    let tries: Vec<&str> = lines.into_iter().filter(|line| line.starts_with("bash -c ")).collect();
    let [store, load, count] = tries[..] else { panic!("{introduction}") };
    assert_eq!(try_out(store)?, "STORED\r\n".repeat(3));
    assert_eq!(
        try_out(load)?,
        "VALUE fruit 0 5\r\napple\r\nVALUE colour 0 5\r\ngreen\r\nVALUE count 0 1\r\n1\r\nEND\r\n"
    );
    assert_eq!(try_out(count)?, "42\r\nVALUE count 0 2\r\n42\r\nEND\r\n");
    send_signal(&demo, "INT")?;
    assert_eq!(demo.wait_for_end()?.code(), Some(0));
    Ok(())
}

#[test]
fn the_three_lines_work_on_a_unix_socket() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("it's a socket");
    let listen = path.display().to_string();
    let mut demo = start(&["--listen", &format!("{listen} 0600")])?;
    demo.wait_for_log("Ctrl-C ends it.")?;
    let introduction = demo.log();
    let tries: Vec<&str> =
        introduction.lines().map(str::trim).filter(|line| line.starts_with("python3 ")).collect();
    let [store, load, count] = tries[..] else { panic!("{introduction}") };
    assert_eq!(try_out(store)?, "STORED\r\n".repeat(3));
    assert!(try_out(load)?.ends_with("VALUE count 0 1\r\n1\r\nEND\r\n"));
    assert_eq!(try_out(count)?, "42\r\nVALUE count 0 2\r\n42\r\nEND\r\n");
    send_signal(&demo, "INT")?;
    assert_eq!(demo.wait_for_end()?.code(), Some(0));
    Ok(())
}

#[test]
fn the_printed_configuration_is_a_good_one() -> Outcome {
    let port = Port::reserve()?;
    let mut demo = start(&["--listen", &port.address().to_string()])?;
    demo.wait_for_log("Ctrl-C ends it.")?;
    let introduction = demo.log();
    let from = introduction.find("  demo:\n").unwrap();
    let length = introduction[from..].find("\n\n").unwrap();
    let text: String =
        introduction[from..from + length].lines().map(|line| format!("{}\n", &line[2..])).collect();
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("demo.yml");
    fs::write(&file, text)?;
    let checked =
        Command::new(env!("CARGO_BIN_EXE_golemproxy")).arg("check").arg("-c").arg(&file).output()?;
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success() && said.contains("3 servers, ketama over fnv1a_64"), "{said}");
    send_signal(&demo, "TERM")?;
    assert_eq!(demo.wait_for_end()?.code(), Some(0));
    Ok(())
}

#[test]
fn a_busy_port_is_an_error_that_names_the_flag() -> Outcome {
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let mut demo = start(&["--listen", &address])?;
    assert_eq!(demo.wait_for_end()?.code(), Some(1));
    let said = demo.log();
    assert!(said.contains(&address) && said.contains("in use") && said.contains("--listen"), "{said}");
    let mut demo = start(&["--listen", "nowhere"])?;
    assert_eq!(demo.wait_for_end()?.code(), Some(1));
    assert!(demo.log().starts_with("golemproxy: --listen: "), "{}", demo.log());
    Ok(())
}
