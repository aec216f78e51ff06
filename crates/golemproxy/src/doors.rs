//! The listening sockets of the process: those of the pools and that of the statistics. All that a configuration needs are tried,
//! so that one failed start or reload shows everything that stands in its way; clients are refused until the supervisor opens
//! them. A door whose address stays is left alone by a reload: it never closes. Files of UNIX sockets go with their doors.

mod file;
mod plan;

use crate::settings::Stats;
use file::SocketFile;
use golem_config::{Config, ListenTarget};
use golem_net::{Listener, Reserved, Target};
use plan::{BACKGROUND_MODE, Plan, address_of, bind, meet, plan_of, plan_of_statistics};
use std::sync::Arc;

/// An address where the process listens.
#[derive(Clone, Debug)]
struct Door {
    number: u32,
    plan: Plan,
    address: Target,
    file: Option<Arc<SocketFile>>,
}

/// The doors that are in use. Dropping them removes their files, which is to be done before the sockets are closed.
#[derive(Debug, Default)]
pub struct Doors {
    doors: Vec<Door>,
    last_number: u32,
    in_background: bool,
}

/// The doors that a configuration needs: those that are there already, and sockets that have their addresses and do not listen
/// yet.
#[derive(Debug)]
pub struct Renewal {
    doors: Doors,
    /// Of the pools, in configuration order: the number of the door of each.
    pub pools: Vec<u32>,
    /// The number of that of the statistics, unless they are off.
    pub statistics: Option<u32>,
    /// The new ones among them.
    pub opened: Vec<(u32, Reserved)>,
    /// Doors so far that are not needed any more.
    pub closed: Vec<u32>,
    /// Doors that stay and get another length of the queue, or another keepalive.
    pub changed: Vec<(u32, u32, bool)>,
}

impl Doors {
    /// The doors of a process that starts.
    ///
    /// # Errors
    /// All that failed, one text each, with pool and address.
    pub fn open(config: &Config, stats: Option<&Stats>, in_background: bool) -> Result<Renewal, Vec<String>> {
        Self { in_background, ..Self::default() }.renew(config, stats)
    }

    /// The doors for another configuration. Nothing changes before they are adopted.
    ///
    /// # Errors
    /// All that failed, one text each, with pool and address.
    pub fn renew(&self, config: &Config, stats: Option<&Stats>) -> Result<Renewal, Vec<String>> {
        let doors =
            Self { doors: Vec::new(), last_number: self.last_number, in_background: self.in_background };
        let (opened, closed, changed) = (Vec::new(), Vec::new(), Vec::new());
        let mut next = Renewal { doors, pools: Vec::new(), statistics: None, opened, closed, changed };
        let mut problems = Vec::new();
        let pools = config.pools.iter().map(plan_of);
        for (place, plan) in pools.chain(stats.map(plan_of_statistics)).enumerate() {
            match self.renew_one(plan, &mut next) {
                Ok(number) if place < config.pools.len() => next.pools.push(number),
                Ok(number) => next.statistics = Some(number),
                Err(problem) => problems.push(problem),
            }
        }
        let stays = |door: &&Door| next.doors.doors.iter().any(|next| next.number == door.number);
        next.closed = self.doors.iter().filter(|door| !stays(door)).map(|door| door.number).collect();
        if problems.is_empty() { Ok(next) } else { Err(problems) }
    }

    /// The door for `plan`: the one that is there, or a new one, if none of the others that are needed has its address.
    fn renew_one(&self, plan: Plan, next: &mut Renewal) -> Result<u32, String> {
        let shut = |why: String| format!("{}: cannot listen on {}: {why}", plan.owner, plan.place);
        let is_used = |door: &Door| next.doors.doors.iter().any(|next| next.number == door.number);
        if let Some(door) = self.doors.iter().find(|door| door.plan.is_at(&plan) && !is_used(door)) {
            return door.keep(plan, next);
        }
        let address = address_of(&plan.target).map_err(|error| shut(error.to_string()))?;
        // Both could be bound, and the second would fail when it begins to listen, or take the file of the first.
        let is_in_the_way =
            |other: &&Door| meet(&other.address, &address) && !(other.plan.reuseport && plan.reuseport);
        if let Some(other) = next.doors.doors.iter().find(is_in_the_way) {
            return Err(shut(format!("{} has the address already", other.plan.owner)));
        }
        if let Some(other) = self.doors.iter().find(is_in_the_way) {
            let owner = &other.plan.owner;
            return Err(shut(format!(
                "{owner} has the address until this change is made; make it in two steps"
            )));
        }
        let bound = bind(&plan, address.clone(), self.in_background)
            .and_then(|listener| SocketFile::of(&listener).map(|file| (listener, file)));
        let (listener, file) = bound.map_err(|error| shut(error.to_string()))?;
        next.doors.last_number += 1;
        let number = next.doors.last_number;
        next.opened.push((number, listener));
        next.doors.doors.push(Door { number, plan, address, file: file.map(Arc::new) });
        Ok(number)
    }

    /// From now on these are the doors. Files of those that are gone are removed; their sockets are to be closed afterwards.
    pub fn adopt(&mut self, next: Renewal) {
        for door in &next.doors.doors {
            door.set_mode(self.in_background);
        }
        *self = next.doors;
    }

    /// The numbers of all doors.
    pub fn numbers(&self) -> Vec<u32> {
        self.doors.iter().map(|door| door.number).collect()
    }

    /// Removes the files, while the sockets exist.
    pub fn remove_files(&mut self) {
        self.doors.iter_mut().for_each(|door| door.file = None);
    }
}

impl Renewal {
    /// Has the new doors listen; that of the statistics first, so that whoever can reach a pool can ask for them.
    ///
    /// # Errors
    /// All that failed, one text each: somebody else was faster.
    pub fn listen(&mut self) -> Result<Vec<(u32, Listener)>, Vec<String>> {
        let (mut listening, mut problems) = (Vec::new(), Vec::new());
        let (first, others): (Vec<_>, Vec<_>) =
            self.opened.drain(..).partition(|(number, _)| self.statistics == Some(*number));
        for (number, reserved) in first.into_iter().chain(others) {
            match reserved.listen() {
                Ok(listener) => listening.push((number, listener)),
                Err(error) => {
                    let door = self.doors.doors.iter().find(|door| door.number == number);
                    problems.extend(door.map(|Door { plan, .. }| {
                        format!("{}: cannot listen on {}: {error}", plan.owner, plan.place)
                    }));
                }
            }
        }
        if problems.is_empty() { Ok(listening) } else { Err(problems) }
    }
}

impl Door {
    /// This door goes on, for `plan`.
    fn keep(&self, plan: Plan, next: &mut Renewal) -> Result<u32, String> {
        if plan.reuseport != self.plan.reuseport {
            let Plan { owner, place, .. } = &plan;
            return Err(format!(
                "{owner}: reuseport cannot change while the process listens on {place}; restart it for that"
            ));
        }
        if (plan.backlog, plan.keepalive) != (self.plan.backlog, self.plan.keepalive)
            && let Some(backlog) = plan.backlog
        {
            next.changed.push((self.number, backlog, plan.keepalive));
        }
        next.doors.doors.push(Self { plan, ..self.clone() });
        Ok(self.number)
    }

    /// Gives the file of a UNIX socket the permission that the configuration names.
    fn set_mode(&self, in_background: bool) {
        if let (ListenTarget::Unix { mode, .. }, Some(file)) = (&self.plan.target, &self.file)
            && let Some(mode) = mode.or(in_background.then_some(BACKGROUND_MODE))
            && let Err(error) = file.set_mode(mode)
        {
            let Plan { owner, place, .. } = &self.plan;
            tracing::error!("{owner}: cannot change the mode of {place}: {error}");
        }
    }
}

impl Plan {
    /// Whether both mean the same socket.
    fn is_at(&self, other: &Self) -> bool {
        match (&self.target, &other.target) {
            (ListenTarget::Unix { path: one, .. }, ListenTarget::Unix { path: other, .. }) => one == other,
            (one @ ListenTarget::Tcp { .. }, other) => one == other,
            (ListenTarget::Unix { .. }, ListenTarget::Tcp { .. }) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::plan::meet;
    use super::{BACKGROUND_MODE, Doors};
    use crate::settings::Stats;
    use golem_config::Config;
    use golem_net::{ListenSpec, Reserved, Target};
    use std::net::{SocketAddr, TcpListener};
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

    /// A port that nobody else gets as long as the value lives.
    fn free_port() -> (Reserved, u16) {
        let any = Target::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)));
        let reserved = Reserved::bind(&ListenSpec::new(any)).unwrap();
        let Target::Tcp(address) = reserved.address().unwrap() else { panic!("no port") };
        (reserved, address.port())
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
        let (_reserved, free) = free_port();
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

    /// The doors of a process that has started with this configuration.
    fn opened(config: &Config) -> Doors {
        let mut doors = Doors::default();
        doors.adopt(Doors::open(config, None, false).unwrap());
        doors
    }

    #[test]
    fn a_door_whose_address_stays_is_the_same_door() {
        let folder = tempdir().unwrap();
        let [one, two, three] = ["one", "two", "three"].map(|name| folder.path().join(name));
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let mut doors = opened(&config(&[&text(&one), &text(&two)]));
        let next = doors.renew(&config(&[&format!("{} 0600", text(&two)), &text(&three)]), None).unwrap();
        assert_eq!((&next.pools, &next.closed, next.opened.len()), (&vec![2, 3], &vec![1], 1));
        assert!(one.exists(), "nothing changes before it is adopted");
        doors.adopt(next);
        assert_eq!([&one, &two, &three].map(|path| path.exists()), [false, true, true]);
        assert_eq!(two.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let refused = doors.renew(&config(&[&text(&one), "/nowhere/at/all"]), None).unwrap_err();
        assert!(refused[0].contains("No such file"), "{refused:?}");
        assert_eq!([&one, &two, &three].map(|path| path.exists()), [false, true, true]);
        doors.remove_files();
        assert!(!two.exists());
    }

    #[test]
    fn what_cannot_change_while_the_process_listens_is_refused() {
        let (_reserved, free) = free_port();
        let before = config(&[&format!("127.0.0.1:{free}")]);
        let doors = opened(&before);
        let refused = doors.renew(&config(&[&format!("0.0.0.0:{free}")]), None).unwrap_err();
        assert!(refused[0].contains("pool 'pool0' has the address until this change is made"), "{refused:?}");
        let mut shared = before.clone();
        shared.pools[0].reuseport = true;
        let refused = doors.renew(&shared, None).unwrap_err();
        assert!(refused[0].contains("reuseport cannot change while"), "{refused:?}");
        let mut longer = before;
        (longer.pools[0].backlog, longer.pools[0].tcpkeepalive) = (7, true);
        assert_eq!(doors.renew(&longer, None).unwrap().changed, [(1, 7, true)]);
    }
}
