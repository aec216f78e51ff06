//! What a door needs: where it is, and the options of its socket.

use crate::settings::Stats;
use golem_config::{ListenTarget, Pool};
use golem_net::{ListenSpec, Reserved, Target};
use std::io;
use std::net::IpAddr;

/// The permission of a UNIX socket in the background, where nutcracker's umask is 0.
pub(super) const BACKGROUND_MODE: u32 = 0o777;

/// Whether two sockets cannot both listen on these addresses.
pub(super) fn meet(one: &Target, other: &Target) -> bool {
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
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// What it belongs to, and the address as it was written, for messages.
    pub(super) owner: String,
    pub(super) place: String,
    pub(super) target: ListenTarget,
    pub(super) backlog: Option<u32>,
    pub(super) reuseport: bool,
    pub(super) keepalive: bool,
}

pub(super) fn plan_of(pool: &Pool) -> Plan {
    Plan {
        owner: format!("pool '{}'", pool.name.escape_debug()),
        place: format!("'{}'", pool.listen.source.escape_debug()),
        target: pool.listen.target.clone(),
        backlog: Some(pool.backlog),
        reuseport: pool.reuseport,
        keepalive: pool.tcpkeepalive,
    }
}

pub(super) fn plan_of_statistics(stats: &Stats) -> Plan {
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

pub(super) fn address_of(target: &ListenTarget) -> io::Result<Target> {
    Ok(match target {
        ListenTarget::Unix { path, .. } => Target::Unix(path.into()),
        ListenTarget::Tcp { host, port } => {
            let found = golem_net::resolve(host, *port)?;
            let first = found.first().copied();
            Target::Tcp(first.ok_or_else(|| io::Error::other("the name has no address"))?)
        }
    })
}

pub(super) fn bind(plan: &Plan, address: Target, in_background: bool) -> io::Result<Reserved> {
    let mut spec = ListenSpec::new(address);
    spec.backlog = plan.backlog.unwrap_or(spec.backlog);
    spec.reuseport = plan.reuseport;
    spec.keepalive = plan.keepalive;
    if let ListenTarget::Unix { mode, .. } = &plan.target {
        spec.mode = mode.or(in_background.then_some(BACKGROUND_MODE));
    }
    Reserved::bind(&spec)
}
