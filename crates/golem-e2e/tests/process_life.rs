//! The process as an operator sees it: start and start lines, log, pid file, background, signals, end.

use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Outcome, ensure};
use golem_e2e::instance::{Instance, said, signal};
use golem_e2e::process::Process;
use golem_e2e::waiting::{wait_for_text, wait_until};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;

/// A client that gets an answer.
fn client(instance: &Instance) -> Outcome<Conversation> {
    let mut client = Conversation::open(instance.address())?;
    client.ask(b"mn\r\n", b"MN\r\n")?;
    Ok(client)
}

/// Sends the signal and waits for the end; the exit code.
fn end(process: &mut Process, name: &str) -> Outcome<Option<i32>> {
    signal(process.id(), name)?;
    Ok(process.wait_for_end()?.code())
}

#[test]
fn start_lines_tell_what_is_served_and_with_how_many_connections() -> Outcome {
    let instance = Instance::new("golemproxy:\n  threads: 3\n")?;
    let file = instance.path("proxy.yml");
    let text = fs::read_to_string(&file)?.replace("timeout: 5000", "server_connections: 2");
    fs::write(&file, text)?;
    let mut process = instance.start(&["-i", "30000"])?;
    process.wait_for_log("statistics on")?;
    let log = process.log();
    let (pid, pool, stats) = (process.id(), instance.address(), instance.stats());
    for wanted in [
        &format!("] INFO golemproxy-{} started on pid {pid}, with 3 workers, ", env!("CARGO_PKG_VERSION")),
        "configuration file 'proxy.yml'\n",
        "] WARN proxy.yml:3:1: pool 'main': without a timeout ",
        "golemproxy: option -i has no effect: ",
        &format!(
            "] INFO pool 'main': {pool}, 1 server, ketama over fnv1a_64; 3 workers x 2 connections = at most 6 "
        ),
        "] INFO pool 'main': servers 127.0.0.1:1:1\n",
        &format!("] INFO statistics on {stats}; without -a nutcracker listened on 0.0.0.0 and this one "),
    ] {
        ensure(log.contains(wanted), format!("lacks '{wanted}'"))?;
    }
    ensure(log.matches("option -i").count() == 1, "said twice in one place")?;
    ensure(end(&mut process, "INT")? == Some(0), "SIGINT is no clean end")?;
    ensure(process.log().contains("signal 2 (SIGINT) received, ending"), "the signal is not in the log")
}

#[test]
fn level_0_leaves_start_signals_and_end() -> Outcome {
    let instance = Instance::new("")?;
    let mut process = instance.start(&["-v0", "-m", "512", "-a", "127.0.0.1"])?;
    Conversation::open(instance.address())?.ask(b"get a\r\n", b"SERVER_ERROR Connection refused\r\n")?;
    ensure(end(&mut process, "TERM")? == Some(0), "SIGTERM is no clean end")?;
    let log = process.log();
    let lines: Vec<&str> = log.lines().filter_map(|line| Some(line.split_once("] ")?.1)).collect();
    ensure(
        lines.len() == 3 && lines[1] == "INFO signal 15 (SIGTERM) received, ending",
        "start, signal and end, and nothing else",
    )
}

#[test]
fn levels_go_up_and_down_by_signals_to_their_ends() -> Outcome {
    let instance = Instance::new("golemproxy:\n  log_level: 10\n  log: log\n")?;
    let process = instance.start(&[])?;
    let log = instance.path("log");
    signal(process.id(), "TTIN")?;
    wait_for_text(&log, "up log level to 11\n")?;
    signal(process.id(), "TTIN")?;
    signal(process.id(), "USR1")?;
    wait_for_text(&log, "configuration file 'proxy.yml' is in use, which changes nothing\n")?;
    for level in (0..11).rev() {
        signal(process.id(), "TTOU")?;
        wait_for_text(&log, &format!("down log level to {level}\n"))?;
    }
    signal(process.id(), "TTOU")?;
    signal(process.id(), "USR2")?;
    let text = wait_for_text(&log, "signal 12 (SIGUSR2) received, no effect\n")?;
    ensure(text.matches("up log level to").count() == 1, "no level above 11")?;
    ensure(text.matches("down log level to").count() == 11, "no level below 0")?;
    ensure(
        text.matches("signal 21 (SIGTTIN) received, up log level\n").count() == 2,
        "each signal is logged",
    )?;
    client(&instance)?;
    ensure(process.log().is_empty(), "standard error stays empty when there is a log file")?;
    drop(process);
    // But what the command line asks for in vain is said where it was written, too.
    let process = instance.start(&["-m", "512"])?;
    wait_for_text(&log, "] WARN option -m has no effect: ")?;
    ensure(process.log().starts_with("golemproxy: option -m has no effect: "), process.log())
}

#[test]
fn each_connection_is_logged_from_level_6_on() -> Outcome {
    let instance = Instance::new("")?;
    let process = instance.start(&["-v", "5"])?;
    Conversation::open(instance.address())?.ask(b"get a\r\n", b"SERVER_ERROR Connection refused\r\n")?;
    process.wait_for_log("] WARN pool 'main': server '127.0.0.1:1:1': Connection refused")?;
    ensure(!process.log().contains("DEBUG"), "connections at level 5")?;
    signal(process.id(), "TTIN")?;
    process.wait_for_log("up log level to 6")?;
    Conversation::open(instance.address())?.ask(b"get a\r\n", b"SERVER_ERROR Connection refused\r\n")?;
    process.wait_for_log("] DEBUG pool 'main': client from 127.0.0.1:")?;
    // Not before the pause after the first attempt is over.
    wait_until("the server is connected to again", || {
        let mut client = Conversation::open(instance.address())?;
        client.ask(b"get a\r\n", b"SERVER_ERROR Connection refused\r\n")?;
        Ok(process.log().contains("] DEBUG pool 'main': connecting to server '127.0.0.1:1:1'\n"))
    })
}

#[test]
fn hangup_opens_the_log_file_anew_and_nothing_else() -> Outcome {
    let instance = Instance::new("")?;
    let process = instance.start(&["-o", "log"])?;
    let (log, old) = (instance.path("log"), instance.path("log.1"));
    let mut client = client(&instance)?;
    wait_for_text(&log, "statistics on")?;
    fs::rename(&log, &old)?;
    signal(process.id(), "HUP")?;
    let new = wait_for_text(&log, "log file opened anew\n")?;
    ensure(new.lines().count() == 1, "what came before stands in the new file")?;
    wait_for_text(&old, "signal 1 (SIGHUP) received, opening the log file anew\n")?;
    client.ask(b"mn\r\n", b"MN\r\n")?;
    // A folder in the place of the file cannot be opened: the log goes on where it is.
    fs::rename(&log, instance.path("log.2"))?;
    fs::create_dir(&log)?;
    signal(process.id(), "HUP")?;
    wait_for_text(
        &instance.path("log.2"),
        "cannot open the log file 'log': Is a directory (os error 21); the log ",
    )?;
    client.ask(b"mn\r\n", b"MN\r\n")
}

#[test]
fn everything_that_hinders_a_start_is_told_at_once() -> Outcome {
    let instance = Instance::new("")?;
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let taken = listener.local_addr()?;
    let more = format!(
        "{}second:\n  listen: {taken}\n  servers:\n    - 127.0.0.1:1:1\nthird:\n  listen: \
         no-such-host.invalid:1\n  servers:\n    - 127.0.0.1:1:1\nfourth:\n  listen: socket\n  servers:\n    - \
         127.0.0.1:1:1\n",
        fs::read_to_string(instance.path("proxy.yml"))?
    );
    let unix = instance.path("socket");
    fs::write(
        instance.path("proxy.yml"),
        more.replace("listen: socket", &format!("listen: {}", unix.display())),
    )?;
    let flags = ["-o", "none/log", "-p", "none/pid", "-s", &taken.port().to_string()];
    for more in [&[][..], &["-d"]] {
        let output = instance.run(&[&flags, more].concat())?;
        ensure(output.status.code() == Some(1), said(&output))?;
        for wanted in [
            "cannot open the log file 'none/log': No such file or directory",
            "cannot write the pid file 'none/pid': No such file or directory",
            &format!("pool 'second': cannot listen on '{taken}': Address already in use"),
            "pool 'third': cannot listen on 'no-such-host.invalid:1': ",
            &format!("statistics: cannot listen on {taken}: Address already in use"),
        ] {
            ensure(said(&output).contains(wanted), format!("lacks '{wanted}' in {}", said(&output)))?;
        }
        ensure(said(&output).lines().count() == 6, said(&output))?;
        ensure(!unix.exists(), "the socket's file is still there")?;
    }
    Ok(())
}

#[test]
fn a_failed_start_is_also_told_in_the_log_and_leaves_no_pid_file() -> Outcome {
    let instance = Instance::new("")?;
    let running = instance.start(&["-p", "pid"])?;
    let pid = fs::read_to_string(instance.path("pid"))?;
    ensure(pid == running.id().to_string(), "the pid file holds something else")?;
    for (name, left) in [("pid", Some(pid)), ("other", None)] {
        let output = instance.run(&["-p", name, "-o", "log"])?;
        ensure(output.status.code() == Some(1), said(&output))?;
        ensure(fs::read_to_string(instance.path(name)).ok() == left, "a failed start changed the pid file")?;
    }
    wait_for_text(&instance.path("log"), "] ERROR pool 'main': cannot listen on '")?;
    fs::write(instance.path("proxy.yml"), "main:\n  listen: nowhere\n")?;
    let output = instance.run(&["-o", "bad"])?;
    ensure(output.status.code() == Some(1), said(&output))?;
    let log = fs::read_to_string(instance.path("bad"))?;
    ensure(log.contains("] ERROR proxy.yml:2:11: pool 'main': key 'listen': "), log)?;
    client(&instance).map(|_| ())
}

#[test]
fn pid_file_and_unix_socket_live_as_long_as_the_process() -> Outcome {
    let instance = Instance::new("")?;
    let unix = instance.path("socket");
    let text = fs::read_to_string(instance.path("proxy.yml"))?;
    let more = format!("{text}local:\n  listen: {} 0600\n  servers:\n    - 127.0.0.1:1:1\n", unix.display());
    fs::write(instance.path("proxy.yml"), more)?;
    for name in ["TERM", "INT"] {
        // Left from a process that was killed.
        drop(UnixListener::bind(&unix)?);
        fs::write(instance.path("pid"), "4294967295 and more")?;
        let mut process = instance.start(&["-p", "pid"])?;
        ensure(fs::read_to_string(instance.path("pid"))? == process.id().to_string(), "the pid file")?;
        ensure(unix.metadata()?.permissions().mode() & 0o777 == 0o600, "the mode of the socket")?;
        let _client = UnixStream::connect(&unix)?;
        ensure(end(&mut process, name)? == Some(0), format!("SIG{name} is no clean end"))?;
        ensure(!instance.path("pid").exists() && !unix.exists(), "something is left")?;
    }
    Ok(())
}

#[test]
fn a_start_that_fails_in_the_background_is_told_where_it_was_asked_for() -> Outcome {
    let instance = Instance::new("")?;
    // It can be opened, in the foreground, and not be written, in the background.
    let output = instance.run(&["-d", "-p", "/dev/full"])?;
    ensure(output.status.code() == Some(1), said(&output))?;
    let wanted = "golemproxy: cannot write the pid file '/dev/full': No space left on device (os error 28)\n";
    ensure(output.stderr == wanted.as_bytes() && output.stdout.is_empty(), said(&output))?;
    ensure(TcpStream::connect(instance.address()).is_err(), "somebody serves")?;
    let log = fs::read_to_string(instance.path("golemproxy.log"))?;
    ensure(log.contains(" ended: cannot write the pid file '/dev/full': "), log)
}

#[test]
fn daemon_serves_when_its_starter_has_ended() -> Outcome {
    let instance = Instance::new("")?;
    let daemon = instance.start_daemon(&[])?;
    // Without `-o`.
    let log = wait_for_text(&instance.path("golemproxy.log"), "statistics on")?;
    ensure(log.contains(&format!("started on pid {}, ", daemon.id)), log)?;
    let mode = instance.path("daemon.pid").metadata()?.permissions().mode();
    ensure(mode & 0o777 == 0o644, format!("the pid file has mode {mode:o}"))?;
    let mut client = client(&instance)?;
    signal(daemon.id, "HUP")?;
    wait_for_text(&instance.path("golemproxy.log"), "log file opened anew\n")?;
    client.ask(b"mn\r\n", b"MN\r\n")?;
    daemon.end()?;
    client.expect_end()?;
    wait_for_text(&instance.path("golemproxy.log"), " ended\n").map(|_| ())
}

#[test]
fn log_that_cannot_be_written_holds_up_neither_clients_nor_a_second_signal() -> Outcome {
    let instance = Instance::new("")?;
    let fifo = instance.path("log");
    ensure(Command::new("mkfifo").arg(&fifo).status()?.success(), "mkfifo (package coreutils)")?;
    // A reader that never reads, and a pipe that is full. The flag is O_NONBLOCK.
    let mut stuck = OpenOptions::new().read(true).write(true).custom_flags(0o4000).open(&fifo)?;
    for size in [4096, 1] {
        while stuck.write(&vec![b'x'; size]).is_ok() {}
    }
    let mut process = instance.start(&["-o", "log", "-p", "pid", "-v", "11"])?;
    for _ in 0..100 {
        client(&instance)?;
    }
    signal(process.id(), "TERM")?;
    wait_until("the pid file is gone", || Ok(!instance.path("pid").exists()))?;
    ensure(end(&mut process, "TERM")? == Some(1), "the second signal did not end it")
}
