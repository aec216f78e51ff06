//! Where keys go, live: random configuration files, a real nutcracker beside golemproxy, and servers that say who they
//! are. For every key both must have asked the same server.
//!
//! `GOLEM_FILES` and `GOLEM_KEYS` set how many files and keys, `GOLEM_SEED` repeats a run that failed.

use golem_e2e::conversation::Conversation;
use golem_e2e::dice::{Dice, number_from_environment};
use golem_e2e::failure::{Failure, Outcome, ensure, shown};
use golem_e2e::port::Port;
use golem_e2e::programs::{Program, Proxy};
use golem_e2e::random_pool::RandomPool;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

#[test]
fn every_key_goes_to_the_server_that_nutcracker_chooses() -> Outcome {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let seed = number_from_environment("GOLEM_SEED", now);
    let files = number_from_environment("GOLEM_FILES", 36);
    let keys = number_from_environment("GOLEM_KEYS", 1000) as usize;
    println!("GOLEM_SEED={seed}: {files} files, {keys} keys for each pool");
    let (mut pools, mut servers) = (0, 0);
    for file in 0..files {
        let dice = Dice::new(seed.wrapping_add(file));
        let again = format!("GOLEM_SEED={} GOLEM_FILES=1", seed.wrapping_add(file));
        let (more_pools, more_servers) = compare_file(dice, keys).map_err(|failure| failure.during(again))?;
        pools += more_pools;
        servers += more_servers;
    }
    println!("{files} files, {pools} pools, {servers} servers, {} keys: no difference", pools * keys);
    Ok(())
}

/// One file of one to three pools in both programs.
fn compare_file(mut dice: Dice, keys: usize) -> Outcome<(usize, usize)> {
    let folder = tempfile::tempdir()?;
    let count = if dice.is_one_in(4) { 1 + dice.below(3) } else { 1 };
    let names = ["main", "b", "Other_pool"];
    let pools: Vec<RandomPool> = names[..count]
        .iter()
        .map(|name| RandomPool::new(&mut dice, name, folder.path()))
        .collect::<Outcome<_>>()?;
    let nutcracker = start(Program::Nutcracker, &pools)?;
    let golemproxy = start(Program::Golemproxy, &pools)?;
    for (at, pool) in pools.iter().enumerate() {
        let keys: Vec<Vec<u8>> = (0..keys).map(|_| pool.key(&mut dice)).collect();
        let addresses = [nutcracker.addresses()[at], golemproxy.addresses()[at]];
        let outcome = compare_pool(pool, &keys, addresses, &mut dice);
        outcome.map_err(|failure| failure.during(format!("\n{}", pool.text(addresses[1]))))?;
    }
    Ok((count, pools.iter().map(|pool| pool.servers.len()).sum()))
}

fn start(program: Program, pools: &[RandomPool]) -> Outcome<Proxy> {
    let ports: Vec<Port> = pools.iter().map(|_| Port::reserve()).collect::<Outcome<_>>()?;
    let text: String = pools.iter().zip(&ports).map(|(pool, port)| pool.text(port.address())).collect();
    Proxy::with_file(program, &text, ports).map_err(|failure| failure.during(format!("\n{text}")))
}

fn compare_pool(pool: &RandomPool, keys: &[Vec<u8>], proxies: [SocketAddr; 2], dice: &mut Dice) -> Outcome {
    let [theirs, ours] = proxies.map(|proxy| servers_one_by_one(proxy, keys));
    agree(pool, keys, &theirs?, &ours?)?;
    // The same keys again in requests of several, some of them twice.
    let mut left: Vec<Vec<u8>> = keys.to_vec();
    left.extend_from_slice(&keys[..keys.len() / 10]);
    dice.shuffle(&mut left);
    let mut sizes = Vec::new();
    while sizes.iter().sum::<usize>() < left.len() {
        let most = if dice.is_one_in(5) { 300 } else { 20 };
        sizes.push(1 + dice.below(most));
    }
    let [theirs, ours] = proxies.map(|proxy| servers_of_many(proxy, &left, &sizes));
    agree(pool, &left, &theirs?, &ours?)
}

fn agree(pool: &RandomPool, keys: &[Vec<u8>], theirs: &[usize], ours: &[usize]) -> Outcome {
    for (key, (theirs, ours)) in keys.iter().zip(theirs.iter().zip(ours)) {
        let is_same = *ours < pool.servers.len() && (!pool.is_by_key || ours == theirs);
        ensure(is_same, format!("{}: nutcracker asks server {theirs}, golemproxy {ours}", shown(key)))?;
    }
    ensure(theirs.len() == keys.len() && ours.len() == keys.len(), "keys without an answer")
}

/// The server of each key, asked for in a request of its own, all in one go.
fn servers_one_by_one(proxy: SocketAddr, keys: &[Vec<u8>]) -> Outcome<Vec<usize>> {
    let requests: Vec<u8> = keys.iter().flat_map(|key| [b"get ", key.as_slice(), b"\r\n"].concat()).collect();
    let mut client = Conversation::open(proxy)?;
    client.send(&requests)?;
    let server =
        |key: &Vec<u8>| value(&mut client, key).and_then(|server| client.expect(b"END\r\n").map(|()| server));
    keys.iter().map(server).collect()
}

/// The same in requests of several keys.
fn servers_of_many(proxy: SocketAddr, keys: &[Vec<u8>], sizes: &[usize]) -> Outcome<Vec<usize>> {
    let mut client = Conversation::open(proxy)?;
    let mut servers = Vec::new();
    let mut left = keys;
    for size in sizes {
        let (here, after) = left.split_at((*size).min(left.len()));
        left = after;
        client.send(&[b"get ", here.join(&b' ').as_slice(), b"\r\n"].concat())?;
        for key in here {
            servers.push(value(&mut client, key)?);
        }
        client.expect(b"END\r\n")?;
    }
    Ok(servers)
}

/// Reads the value of `key`: the number of the server that gave it.
fn value(client: &mut Conversation, key: &[u8]) -> Outcome<usize> {
    let header = client.line()?;
    let is_asked = header.strip_prefix(b"VALUE ").and_then(|rest| rest.strip_prefix(key));
    let is_asked = is_asked.is_some_and(|rest| rest.starts_with(b" 0 "));
    ensure(is_asked, format!("asked for {}, got {}", shown(key), shown(&header)))?;
    let text = String::from_utf8_lossy(&client.line()?).into_owned();
    text.trim_end().parse().map_err(|_| Failure::new(format!("'{text}' is no server")))
}
