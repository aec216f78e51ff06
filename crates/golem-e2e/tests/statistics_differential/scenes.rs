//! The traffic: what clients send in each scene. Every scene waits for the replies to what it sends.

use crate::stage::Stage;
use golem_e2e::conversation::Conversation;
use golem_e2e::failure::{Outcome, ensure, shown};

/// What is sent in one scene.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) play: fn(&mut Stage) -> Outcome,
}

/// All scenes.
pub(crate) const SCENES: &[Scene] = &[
    Scene { name: "nothing", play: |_| Ok(()) },
    Scene { name: "sets and gets", play: sets_and_gets },
    Scene { name: "other commands", play: other_commands },
    Scene { name: "gets of many keys", play: gets_of_many_keys },
    Scene { name: "pipelining", play: pipelining },
    Scene { name: "large values", play: large_values },
    Scene { name: "noreply", play: noreply },
    Scene { name: "error replies", play: error_replies },
    Scene { name: "version", play: version },
    Scene { name: "refused server", play: refused_server },
    Scene { name: "refused server, many keys", play: refused_server_many_keys },
    Scene { name: "killed server", play: killed_server },
    Scene { name: "killed server, many keys", play: killed_server_many_keys },
    Scene { name: "timeout", play: timeout },
    Scene { name: "waiting", play: waiting },
    Scene { name: "half a request", play: half_a_request },
    Scene { name: "clients that close", play: clients_that_close },
    Scene { name: "quit", play: quit },
    Scene { name: "client that breaks off", play: client_that_breaks_off },
    Scene { name: "unknown command", play: unknown_command },
    Scene { name: "key too long", play: key_too_long },
];

fn key(number: usize) -> String {
    format!("key:{number}")
}

/// Stores keys 0 to 29 of one byte each.
fn fill(client: &mut Conversation) -> Outcome {
    (0..30).try_for_each(|number| {
        client.ask(format!("set {} 0 0 1\r\nx\r\n", key(number)).as_bytes(), b"STORED\r\n")
    })
}

fn sets_and_gets(stage: &mut Stage) -> Outcome {
    let mut client = stage.client("main")?;
    fill(&mut client)?;
    for number in 0..30 {
        let key = key(number);
        client.ask(
            format!("get {key}\r\n").as_bytes(),
            format!("VALUE {key} 0 1\r\nx\r\nEND\r\n").as_bytes(),
        )?;
        client.ask(format!("get none{key}\r\n").as_bytes(), b"END\r\n")?;
    }
    Ok(())
}

fn other_commands(stage: &mut Stage) -> Outcome {
    let mut client = stage.client("main")?;
    for (request, reply) in [
        (&b"add n 0 0 1\r\n1\r\n"[..], &b"STORED\r\n"[..]),
        (b"add n 0 0 1\r\n1\r\n", b"NOT_STORED\r\n"),
        (b"replace none 0 0 1\r\n1\r\n", b"NOT_STORED\r\n"),
        (b"append n 0 0 1\r\n2\r\n", b"STORED\r\n"),
        (b"prepend n 0 0 1\r\n0\r\n", b"STORED\r\n"),
        (b"incr n 1\r\n", b"13\r\n"),
        (b"decr n 3\r\n", b"10\r\n"),
        (b"touch n 100\r\n", b"TOUCHED\r\n"),
        (b"cas n 0 0 1 1\r\n1\r\n", b"EXISTS\r\n"),
        (b"delete n\r\n", b"DELETED\r\n"),
        (b"delete n\r\n", b"NOT_FOUND\r\n"),
    ] {
        client.ask(request, reply)?;
    }
    client.send(b"gets n\r\n")?;
    client.expect(b"END\r\n")
}

/// `get` of keys, some of which are there; the lines of the answer up to `END`.
fn get_many(client: &mut Conversation, keys: impl Iterator<Item = usize>) -> Outcome<usize> {
    let keys: Vec<String> = keys.map(key).collect();
    client.send(format!("get {}\r\n", keys.join(" ")).as_bytes())?;
    let mut lines = 0;
    while client.line()? != b"END\r\n" {
        lines += 1;
    }
    Ok(lines)
}

fn gets_of_many_keys(stage: &mut Stage) -> Outcome {
    let mut client = stage.client("main")?;
    fill(&mut client)?;
    ensure(get_many(&mut client, 0..30)? == 60, "all keys are there")?;
    ensure(get_many(&mut client, 15..45)? == 30, "half of the keys are there")?;
    ensure(get_many(&mut client, 50..80)? == 0, "no key is there")
}

fn pipelining(stage: &mut Stage) -> Outcome {
    let mut client = stage.client("main")?;
    fill(&mut client)?;
    let requests: String = (0..30).map(|number| format!("get {}\r\n", key(number))).collect();
    let replies: String =
        (0..30).map(|number| format!("VALUE {} 0 1\r\nx\r\nEND\r\n", key(number))).collect();
    client.ask(requests.as_bytes(), replies.as_bytes())
}

fn large_values(stage: &mut Stage) -> Outcome {
    let mut client = stage.client("main")?;
    let value = "v".repeat(500_000);
    client.ask(format!("set big 0 0 500000\r\n{value}\r\n").as_bytes(), b"STORED\r\n")?;
    client.ask(b"get big\r\n", format!("VALUE big 0 500000\r\n{value}\r\nEND\r\n").as_bytes())
}

fn noreply(stage: &mut Stage) -> Outcome {
    let mut client = stage.client("main")?;
    // The same server answers in order, so that the last reply stands behind all of it.
    client.send(b"set a 0 0 1 noreply\r\n1\r\nincr a 5 noreply\r\ndelete a noreply\r\n")?;
    client.ask(b"get a\r\n", b"END\r\n")
}

fn error_replies(stage: &mut Stage) -> Outcome {
    let mut client = stage.client("main")?;
    client.ask(b"set text 0 0 1\r\nx\r\n", b"STORED\r\n")?;
    client.send(b"incr text 1\r\n")?;
    ensure(client.line()?.starts_with(b"CLIENT_ERROR cannot increment"), "no error of the server")?;
    // Above the server's item size.
    let value = "v".repeat(2_000_000);
    client.send(format!("set big 0 0 2000000\r\n{value}\r\n").as_bytes())?;
    ensure(client.line()?.starts_with(b"SERVER_ERROR object too large"), "no error of the server")
}

fn refused_server(stage: &mut Stage) -> Outcome {
    // One request: when a server is tried again differs.
    let mut client = stage.client("lost")?;
    client.ask(b"get a\r\n", b"SERVER_ERROR Connection refused\r\n")
}

fn refused_server_many_keys(stage: &mut Stage) -> Outcome {
    let mut client = stage.client("lost")?;
    client.send(b"get a b c\r\n")?;
    ensure(client.line()? == b"SERVER_ERROR Connection refused\r\n", "no error line")?;
    client.expect_end()
}

fn killed_server(stage: &mut Stage) -> Outcome {
    let mut client = stage.client("main")?;
    fill(&mut client)?;
    stage.servers[0].process.kill()?;
    // Up to the first request to the killed one, which refuses: when it is tried again differs.
    for number in 0..30 {
        client.send(format!("get {}\r\n", key(number)).as_bytes())?;
        if !client.line()?.starts_with(b"VALUE") {
            return Ok(());
        }
        client.expect(b"x\r\nEND\r\n")?;
    }
    ensure(false, "the killed server has no key")
}

fn killed_server_many_keys(stage: &mut Stage) -> Outcome {
    let mut client = stage.client("main")?;
    fill(&mut client)?;
    stage.servers[0].process.kill()?;
    let keys: Vec<String> = (0..30).map(key).collect();
    client.send(format!("get {}\r\n", keys.join(" ")).as_bytes())?;
    let line = client.line()?;
    ensure(line.starts_with(b"SERVER_ERROR "), shown(&line))?;
    client.expect_end()
}

fn timeout(stage: &mut Stage) -> Outcome {
    let mut client = stage.client("silent")?;
    client.ask(b"get a\r\n", b"SERVER_ERROR Connection timed out\r\n")
}

/// Requests whose reply does not come while the figures are read.
fn waiting(stage: &mut Stage) -> Outcome {
    let mut client = stage.client("patient")?;
    client.cut_into(64);
    client.send(b"get a\r\nget bb\r\nset c 0 0 3\r\nabc\r\n")?;
    stage.held.push(client);
    Ok(())
}

/// A client that closes before its request is whole.
fn half_a_request(stage: &mut Stage) -> Outcome {
    let mut client = stage.client("main")?;
    // The proxy has read it all before the end comes.
    client.cut_into(64);
    client.send(b"set b 0 0 10\r\nfive.")
}

fn version(stage: &mut Stage) -> Outcome {
    let mut client = stage.client("main")?;
    client.send(b"version\r\n")?;
    client.line().map(|_| ())
}

fn clients_that_close(stage: &mut Stage) -> Outcome {
    for number in 0..5 {
        let mut client = stage.client("main")?;
        if number > 0 {
            client.ask(b"get a\r\n", b"END\r\n")?;
        }
        client.end_sending()?;
        client.expect_end()?;
    }
    Ok(())
}

fn quit(stage: &mut Stage) -> Outcome {
    let mut client = stage.client("main")?;
    client.ask(b"get a\r\n", b"END\r\n")?;
    client.send(b"quit\r\n")?;
    client.expect_end()
}

fn client_that_breaks_off(stage: &mut Stage) -> Outcome {
    let mut client = stage.client("main")?;
    client.ask(b"get a\r\n", b"END\r\n")?;
    client.reset()
}

fn unknown_command(stage: &mut Stage) -> Outcome {
    let mut client = stage.client("main")?;
    client.ask(b"get a\r\n", b"END\r\n")?;
    client.send(b"hello\r\n")?;
    client.end_sending()?;
    client.rest().map(|_| ())
}

fn key_too_long(stage: &mut Stage) -> Outcome {
    let mut client = stage.client("main")?;
    client.send(format!("get {}\r\n", "k".repeat(251)).as_bytes())?;
    client.end_sending()?;
    client.rest().map(|_| ())
}
