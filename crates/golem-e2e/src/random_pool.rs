//! Random pools for the placement differential: everything that decides which server has a key, in any combination.
//! The servers listen already; the text names them.

use crate::dice::Dice;
use crate::failure::{Failure, Outcome};
use crate::identity_server::IdentityServer;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;

const HASHES: &[&str] = &[
    "one_at_a_time",
    "md5",
    "crc16",
    "crc32",
    "crc32a",
    "fnv1_64",
    "fnv1a_64",
    "fnv1_32",
    "fnv1a_32",
    "hsieh",
    "murmur",
    "jenkins",
];
const TAGS: &[&str] = &["{}", "$$", "[]", "()", "<>", "::", "ab", "%/", "}{"];

/// A pool and its running servers.
pub struct RandomPool {
    /// Its name and all its lines but `listen`.
    text: String,
    name: String,
    /// Server `n` answers with `n`.
    pub servers: Vec<IdentityServer>,
    /// Whether the key decides which server is asked.
    pub is_by_key: bool,
    tag: Option<&'static str>,
}

impl RandomPool {
    /// Makes a pool; UNIX sockets lie in `folder`.
    pub fn new(dice: &mut Dice, name: &str, folder: &Path) -> Outcome<Self> {
        let distribution = match dice.below(10) {
            0..=4 => "ketama",
            5..=8 => "modula",
            _ => "random",
        };
        let tag = dice.is_one_in(3).then(|| dice.pick(TAGS));
        let mut lines = vec![format!("distribution: {distribution}"), format!("hash: {}", dice.pick(HASHES))];
        lines.extend(tag.map(|tag| format!("hash_tag: \"{tag}\"")));
        for (line, chance) in [
            ("timeout: 9000", 2),
            ("server_connections: 2", 4),
            ("preconnect: true", 3),
            ("backlog: 128", 3),
            ("auto_eject_hosts: false", 3),
            ("tcpkeepalive: true", 3),
        ] {
            lines.extend(dice.is_one_in(chance).then(|| line.to_owned()));
        }
        let (entries, servers) = make_servers(dice, folder, name)?;
        let list: String = entries.iter().map(|entry| format!("\n    - {entry}")).collect();
        lines.push(format!("servers:{list}"));
        dice.shuffle(&mut lines);
        let text = lines.iter().map(|line| format!("  {line}\n")).collect();
        Ok(Self { text, name: name.to_owned(), servers, is_by_key: distribution != "random", tag })
    }

    /// The lines of a configuration file, with this listening address.
    pub fn text(&self, listen: SocketAddr) -> String {
        format!("{}:\n  listen: {listen}\n{}", self.name, self.text)
    }

    /// A key that memcached takes: up to 250 bytes, no blank, line end or zero byte.
    pub fn key(&self, dice: &mut Dice) -> Vec<u8> {
        let length = match dice.below(8) {
            0 => 1 + dice.below(4),
            1..=5 => 5 + dice.below(30),
            6 => 1 + dice.below(250),
            _ => 245 + dice.below(6),
        };
        let mut key: Vec<u8> = match dice.below(3) {
            0 => (0..length).map(|_| 1 + dice.below(255) as u8).collect(),
            1 => (0..length).map(|_| b'a' + dice.below(26) as u8).collect(),
            _ => format!("user:{}:{}", dice.below(1_000_000), "x".repeat(length)).into_bytes(),
        };
        key.truncate(length);
        for mark in self.tag.into_iter().flat_map(str::bytes).chain(self.tag.into_iter().flat_map(str::bytes))
        {
            if !dice.is_one_in(4) {
                let at = dice.below(key.len());
                key[at] = mark;
            }
        }
        key.iter_mut().filter(|byte| b" \r\n".contains(byte)).for_each(|byte| *byte = b'_');
        key
    }
}

fn make_servers(dice: &mut Dice, folder: &Path, pool: &str) -> Outcome<(Vec<String>, Vec<IdentityServer>)> {
    let hosts = hosts();
    let most = if dice.is_one_in(3) { 30 } else { 8 };
    let count = 1 + dice.below(most);
    let heaviest = [1, 1, 3, 10, 1000][dice.below(5)];
    let is_named = dice.below(3);
    let mut names = BTreeSet::new();
    let (mut entries, mut servers) = (Vec::new(), Vec::new());
    for number in 0..count {
        let (address, server) = if dice.is_one_in(8) {
            let path = folder.join(format!("{pool}{number}.sock"));
            let server = IdentityServer::on_path(&path, number)?;
            (path.display().to_string(), server)
        } else {
            let host = hosts[dice.below(hosts.len())];
            let server = IdentityServer::on_host(SocketAddr::new(host, 0), number)?;
            let port = server.port().ok_or_else(|| Failure::new("a server without a port"))?;
            (format!("{host}:{port}"), server)
        };
        let name =
            if is_named == 0 || is_named == 1 && dice.is_one_in(2) { name(dice) } else { String::new() };
        let name = if names.insert(name.clone()) { name } else { String::new() };
        let entry = format!("{address}:{} {name}", 1 + dice.below(heaviest));
        entries.push(entry.trim_end().to_owned());
        servers.push(server);
    }
    Ok((entries, servers))
}

/// Names of many lengths, since servers are ordered by length first.
fn name(dice: &mut Dice) -> String {
    let mut name = dice.pick(&["s", "cache-", "Rack/", "eu:west-", "0", "mémoire", "a.b.c_"]).to_owned();
    for _ in 0..dice.below(6) {
        name.push_str(&dice.below(100).to_string());
    }
    name
}

/// Addresses of this machine; the IPv6 one where it has it.
fn hosts() -> Vec<IpAddr> {
    let mut hosts: Vec<IpAddr> = [[127, 0, 0, 1], [127, 0, 0, 1], [127, 0, 0, 2], [127, 12, 34, 56]]
        .map(|at| IpAddr::V4(Ipv4Addr::from(at)))
        .into();
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        hosts.push(IpAddr::V6(Ipv6Addr::LOCALHOST));
    }
    hosts
}
