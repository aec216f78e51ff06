//! The listening sockets of the process: those of the pools and that of the statistics. All of them are tried, so that
//! one failed start shows everything that stands in its way; clients are refused until the supervisor opens them. Files
//! of UNIX sockets go with the process.

use crate::settings::Stats;
use golem_config::{Config, ListenTarget, Pool};
use golem_net::{ListenSpec, Reserved, Target};
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::{fs, io};

/// The permission of a UNIX socket in the background, where nutcracker's umask is 0.
const BACKGROUND_MODE: u32 = 0o777;

/// Sockets that have their addresses and do not listen yet.
#[derive(Debug)]
pub struct Doors {
    /// First, so that files are removed while their sockets still exist.
    pub files: SocketFiles,
    /// Of the pools, in configuration order.
    pub pools: Vec<Reserved>,
    /// Of the statistics, unless they are off.
    pub statistics: Option<Reserved>,
}

impl Doors {
    /// Takes all addresses.
    ///
    /// # Errors
    /// All that failed, one text each, with pool and address.
    pub fn open(config: &Config, stats: Option<&Stats>, in_background: bool) -> Result<Self, Vec<String>> {
        let mut doors = Self { files: SocketFiles::default(), pools: Vec::new(), statistics: None };
        let (mut taken, mut problems) = (Vec::new(), Vec::new());
        for plan in config.pools.iter().map(plan_of) {
            match doors.open_one(plan, in_background, &mut taken) {
                Ok(listener) => doors.pools.push(listener),
                Err(problem) => problems.push(problem),
            }
        }
        if let Some(plan) = stats.map(plan_of_statistics) {
            match doors.open_one(plan, in_background, &mut taken) {
                Ok(listener) => doors.statistics = Some(listener),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(doors) } else { Err(problems) }
    }

    /// Takes the address of one door, if none of `taken` has it.
    fn open_one(
        &mut self,
        plan: Plan,
        in_background: bool,
        taken: &mut Vec<Taken>,
    ) -> Result<Reserved, String> {
        let Plan { owner, place, .. } = &plan;
        let shut = |why: String| format!("{owner}: cannot listen on {place}: {why}");
        let address = address_of(&plan.target).map_err(|error| shut(error.to_string()))?;
        // Both could be bound, and the second would fail when it begins to listen, or take the file of the first.
        let is_in_the_way =
            |other: &&Taken| meet(&other.address, &address) && !(other.reuseport && plan.reuseport);
        if let Some(other) = taken.iter().find(is_in_the_way) {
            return Err(shut(format!("{} has the address already", other.owner)));
        }
        let listener = bind(&plan, address.clone(), in_background)
            .and_then(|listener| self.files.note(&listener).map(|()| listener))
            .map_err(|error| shut(error.to_string()))?;
        taken.push(Taken { address, reuseport: plan.reuseport, owner: plan.owner });
        Ok(listener)
    }
}

/// An address that a door of this process has.
struct Taken {
    address: Target,
    reuseport: bool,
    owner: String,
}

/// Whether two sockets cannot both listen on these addresses.
fn meet(one: &Target, other: &Target) -> bool {
    let covers = |all: IpAddr, one: IpAddr| all.is_unspecified() && (all.is_ipv6() || one.is_ipv4());
    match (one, other) {
        (Target::Tcp(one), Target::Tcp(other)) => {
            let (a, b) = (one.ip(), other.ip());
            one.port() == other.port() && (a == b || covers(a, b) || covers(b, a))
        }
        (Target::Unix(one), Target::Unix(other)) => one == other,
        (Target::Tcp(_), Target::Unix(_)) | (Target::Unix(_), Target::Tcp(_)) => false,
    }
}

/// What a door needs, but for the address of a name.
struct Plan {
    /// What it belongs to, and the address as it was written, for messages.
    owner: String,
    place: String,
    target: ListenTarget,
    backlog: Option<u32>,
    reuseport: bool,
    keepalive: bool,
}

fn plan_of(pool: &Pool) -> Plan {
    Plan {
        owner: format!("pool '{}'", pool.name.escape_debug()),
        place: format!("'{}'", pool.listen.source.escape_debug()),
        target: pool.listen.target.clone(),
        backlog: Some(pool.backlog),
        reuseport: pool.reuseport,
        keepalive: pool.tcpkeepalive,
    }
}

fn plan_of_statistics(stats: &Stats) -> Plan {
    let target = if stats.address.starts_with('/') {
        ListenTarget::Unix { path: stats.address.clone(), mode: None }
    } else {
        let host = stats.address.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        ListenTarget::Tcp { host: host.unwrap_or(&stats.address).to_owned(), port: stats.port }
    };
    Plan {
        owner: "statistics".to_owned(),
        place: stats.to_string(),
        target,
        backlog: None,
        reuseport: false,
        keepalive: false,
    }
}

fn address_of(target: &ListenTarget) -> io::Result<Target> {
    Ok(match target {
        ListenTarget::Unix { path, .. } => Target::Unix(path.into()),
        ListenTarget::Tcp { host, port } => {
            let found = golem_net::resolve(host, *port)?;
            let first = found.first().copied();
            Target::Tcp(first.ok_or_else(|| io::Error::other("the name has no address"))?)
        }
    })
}

fn bind(plan: &Plan, address: Target, in_background: bool) -> io::Result<Reserved> {
    let mut spec = ListenSpec::new(address);
    spec.backlog = plan.backlog.unwrap_or(spec.backlog);
    spec.reuseport = plan.reuseport;
    spec.keepalive = plan.keepalive;
    if let ListenTarget::Unix { mode, .. } = &plan.target {
        spec.mode = mode.or(in_background.then_some(BACKGROUND_MODE));
    }
    Reserved::bind(&spec)
}

/// The files of UNIX sockets of this process. Dropping it removes those that still belong to it: a successor may have
/// put its own in the place. As long as a socket lives, its file's number is not given to another file.
#[derive(Debug, Default)]
pub struct SocketFiles(Vec<SocketFile>);

#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFiles {
    fn note(&mut self, listener: &Reserved) -> io::Result<()> {
        if let Target::Unix(path) = listener.address()? {
            let found = fs::symlink_metadata(&path)?;
            self.0.push(SocketFile { path, device: found.dev(), inode: found.ino() });
        }
        Ok(())
    }

    /// Removes them, while their sockets exist.
    pub fn remove(&mut self) {
        for file in self.0.drain(..) {
            let is_own = fs::symlink_metadata(&file.path)
                .is_ok_and(|found| (found.dev(), found.ino()) == (file.device, file.inode));
            if is_own {
                // Where it cannot be removed, the next start does it.
                let _ = fs::remove_file(&file.path);
            }
        }
    }
}

impl Drop for SocketFiles {
    fn drop(&mut self) {
        self.remove();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::{BACKGROUND_MODE, Doors, meet};
    use crate::settings::Stats;
    use golem_config::Config;
    use golem_net::Target;
    use std::net::TcpListener;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;
    use std::path::Path;
    use tempfile::tempdir;

    fn config(listen: &[&str]) -> Config {
        let pool = |(number, listen): (usize, &&str)| {
            format!("pool{number}:\n  listen: {listen}\n  timeout: 1\n  servers:\n    - 127.0.0.1:1:1\n")
        };
        let text: String = listen.iter().enumerate().map(pool).collect();
        golem_config::parse("test", &text).unwrap().config
    }

    fn unix_stats(path: &Path) -> Stats {
        Stats { address: path.display().to_string(), port: 1, is_default_address: false }
    }

    #[test]
    fn every_door_that_stays_shut_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let folder = tempdir().unwrap();
        let path = folder.path().join("socket");
        let place = taken.local_addr().unwrap().to_string();
        let config = config(&[&place, path.to_str().unwrap(), "/nowhere/at/all"]);
        let stats = Stats {
            address: "127.0.0.1".into(),
            port: taken.local_addr().unwrap().port(),
            is_default_address: true,
        };
        let problems = Doors::open(&config, Some(&stats), false).unwrap_err();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(
            problems[0]
                .starts_with(&format!("pool 'pool0': cannot listen on '{place}': Address already in use"))
        );
        assert!(problems[1].starts_with("pool 'pool2': cannot listen on '/nowhere/at/all': No such file"));
        assert!(problems[2].starts_with(&format!("statistics: cannot listen on {place}: ")), "{problems:?}");
        assert!(!path.exists(), "the file of a start that failed");
    }

    #[test]
    fn two_doors_with_one_address_are_refused_however_it_is_spelt() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("socket");
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listen = [format!("127.0.0.1:{free}"), format!("localhost:{free}"), format!("0.0.0.0:{free}")];
        let listen = [&*listen[0], &listen[1], &listen[2], path.to_str().unwrap()];
        let problems = Doors::open(&config(&listen), Some(&unix_stats(&path)), false).unwrap_err();
        let wanted = [
            format!(
                "pool 'pool1': cannot listen on 'localhost:{free}': pool 'pool0' has the address already"
            ),
            format!("pool 'pool2': cannot listen on '0.0.0.0:{free}': pool 'pool0' has the address already"),
            format!("statistics: cannot listen on {}: pool 'pool3' has the address already", path.display()),
        ];
        assert_eq!(problems, wanted);
    }

    #[test]
    fn addresses_meet_when_one_takes_the_clients_of_the_other() {
        let tcp = |text: &str| Target::Tcp(text.parse().unwrap());
        for (one, other, do_meet) in [
            ("127.0.0.1:1", "127.0.0.1:1", true),
            ("127.0.0.1:1", "127.0.0.1:2", false),
            ("127.0.0.1:1", "127.0.0.2:1", false),
            ("0.0.0.0:1", "127.0.0.1:1", true),
            ("0.0.0.0:1", "[::1]:1", false),
            ("[::]:1", "127.0.0.1:1", true),
            ("[::]:1", "[::1]:1", true),
            ("[::]:1", "0.0.0.0:1", true),
        ] {
            assert_eq!(meet(&tcp(one), &tcp(other)), do_meet, "{one} {other}");
            assert_eq!(meet(&tcp(other), &tcp(one)), do_meet, "{other} {one}");
        }
    }

    #[test]
    fn a_socket_file_goes_with_its_process_but_a_successors_stays() {
        let folder = tempdir().unwrap();
        let paths = ["own", "taken"].map(|name| folder.path().join(name));
        let doors =
            Doors::open(&config(&[paths[0].to_str().unwrap()]), Some(&unix_stats(&paths[1])), true).unwrap();
        for path in &paths {
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, BACKGROUND_MODE);
        }
        std::fs::remove_file(&paths[1]).unwrap();
        let _successor = UnixListener::bind(&paths[1]).unwrap();
        drop(doors);
        assert_eq!(paths.map(|path| path.exists()), [false, true]);
    }
}
