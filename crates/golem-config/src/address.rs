//! Addresses: where a pool listens, and the entries of its list of servers with their labels.
//!
//! Both are read from their end, as nutcracker does, so that bare IPv6 addresses need no brackets; brackets are
//! accepted too. Host names stay names: they are resolved where sockets are opened. Invariant: the label of a server
//! is cut out of the file's text and never normalised, since placement hangs on its bytes.

use std::net::Ipv6Addr;

use crate::model::{ListenTarget, Server, ServerAddress};
use crate::scalar::{NumberError, number, quoted};

/// The port that nutcracker leaves out of a label.
const MEMCACHED_PORT: u16 = 11_211;

/// Longest path of a UNIX socket in bytes; the system's limit has one more for the terminating zero.
const PATH_MAX: usize = 107;

/// Largest weight.
const WEIGHT_MAX: u64 = 2_147_483_647;

/// What is wrong with an address and what would be right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AddressError {
    pub(crate) what: String,
    pub(crate) instead: String,
}

fn wrong(what: impl Into<String>, instead: impl Into<String>) -> AddressError {
    AddressError { what: what.into(), instead: instead.into() }
}

/// The address of `listen:`: `HOST:PORT`, `[IPV6]:PORT`, `/PATH` or `/PATH MODE`.
pub(crate) fn listen(text: &str) -> Result<ListenTarget, AddressError> {
    if text.starts_with('/') {
        return listen_unix(text);
    }
    let Some((host, port_text)) = text.rsplit_once(':') else {
        return Err(wrong(
            format!("{} has no port", quoted(text)),
            match number(text, 1, 65_535) {
                Ok(port) => format!("write HOST:PORT, such as 127.0.0.1:{port}"),
                Err(_) => "write HOST:PORT; the path of a UNIX socket begins with /".into(),
            },
        ));
    };
    let port = port(port_text)?;
    if matches!(host, "" | "*") {
        return Err(wrong(
            format!("{} has no host", quoted(text)),
            format!(
                "write 0.0.0.0:{port} for all IPv4 addresses of the machine, [::]:{port} for all of IPv6 too"
            ),
        ));
    }
    Ok(ListenTarget::Tcp { host: checked_host(host)?, port })
}

fn listen_unix(text: &str) -> Result<ListenTarget, AddressError> {
    let (path, mode) = match text.rsplit_once(' ') {
        Some((path, mode)) => (path, Some(permission(mode)?)),
        None => (text, None),
    };
    // nutcracker leaves the permission to the umask where it reads 0.
    Ok(ListenTarget::Unix { path: checked_path(path)?, mode: mode.filter(|mode| *mode != 0) })
}

fn permission(text: &str) -> Result<u32, AddressError> {
    let octal = !text.is_empty() && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    match u32::from_str_radix(text, 8) {
        Ok(mode) if octal && mode <= 0o777 => Ok(mode),
        _ => Err(wrong(
            format!("{} is no permission of a socket file", quoted(text)),
            "write an octal number from 0 to 0777 after the path, such as 0660; a path cannot have blanks",
        )),
    }
}

/// One entry of `servers:`: `HOST:PORT:WEIGHT`, `HOST:PORT:WEIGHT NAME`, `/PATH:WEIGHT` or `/PATH:WEIGHT NAME`.
pub(crate) fn server(text: &str, file_position: usize) -> Result<Server, AddressError> {
    let (entry, name) = text.rsplit_once(' ').unwrap_or((text, ""));
    let form = || {
        wrong(
            format!("{} is no server", quoted(text)),
            "write HOST:PORT:WEIGHT [NAME] or /PATH:WEIGHT [NAME]",
        )
    };
    let (rest, weight_text) = entry.rsplit_once(':').ok_or_else(form)?;
    let (address, label) = if rest.starts_with('/') {
        if rest.contains(':') {
            return Err(form());
        }
        // The colon at the end is nutcracker's, and placement hangs on it.
        (ServerAddress::Unix(checked_path(rest)?), format!("{rest}:"))
    } else {
        let (host, port_text) = rest.rsplit_once(':').ok_or_else(form)?;
        let weight_first = weight(weight_text).map(drop);
        let port = weight_first.and_then(|()| port(port_text))?;
        if host.is_empty() {
            return Err(wrong(
                format!("{} has no host", quoted(text)),
                "write the host name or address of the server",
            ));
        }
        let label = if port == MEMCACHED_PORT { host } else { rest };
        (ServerAddress::Tcp { host: checked_host(host)?, port }, label.to_owned())
    };
    Ok(Server {
        label: if name.is_empty() { label } else { name.to_owned() },
        address,
        weight: weight(weight_text)?,
        entry: entry.to_owned(),
        file_position,
    })
}

fn port(text: &str) -> Result<u16, AddressError> {
    let port = number(text, 1, 65_535).ok().and_then(|port| u16::try_from(port).ok());
    port.ok_or_else(|| wrong(format!("{} is no port", quoted(text)), "write a number from 1 to 65535"))
}

fn weight(text: &str) -> Result<u32, AddressError> {
    let what = match number(text, 1, WEIGHT_MAX) {
        Ok(weight) => return Ok(u32::try_from(weight).unwrap_or(u32::MAX)),
        Err(NumberError::OutOfRange) => format!("the weight {} is out of range", quoted(text)),
        Err(NumberError::NotDigits) => format!("{} is no weight", quoted(text)),
    };
    let instead =
        format!("write a number from 1 to {WEIGHT_MAX} after the port, then at most one blank and a name");
    Err(wrong(what, instead))
}

/// The host without the brackets of an IPv6 address.
fn checked_host(host: &str) -> Result<String, AddressError> {
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').unwrap_or_default();
        let (address, zone) = inner.split_once('%').unwrap_or((inner, "-"));
        if address.parse::<Ipv6Addr>().is_ok() && !zone.is_empty() {
            return Ok(inner.to_owned());
        }
        return Err(wrong(
            format!("{} is no IPv6 address", quoted(host)),
            "write one such as [::1] in the brackets",
        ));
    }
    let impossible = |c: char| c.is_whitespace() || matches!(c, '/' | '[' | ']' | '\0');
    let address = host.split_once('%').map_or(host, |(address, _)| address);
    if host.contains(impossible) || (host.contains(':') && address.parse::<Ipv6Addr>().is_err()) {
        return Err(wrong(
            format!("{} is no host", quoted(host)),
            "write a host name or an address; the path of a UNIX socket begins with /",
        ));
    }
    Ok(host.to_owned())
}

fn checked_path(path: &str) -> Result<String, AddressError> {
    if path.len() > PATH_MAX {
        return Err(wrong(
            format!("the path has {} bytes", path.len()),
            format!("the path of a UNIX socket has at most {PATH_MAX}"),
        ));
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

    use super::{listen, server};
    use crate::model::{ListenTarget, ServerAddress};

    fn tcp(host: &str, port: u16) -> ListenTarget {
        ListenTarget::Tcp { host: host.into(), port }
    }

    #[test]
    fn a_listening_address_is_split_at_its_last_colon() {
        for (text, host) in [
            ("127.0.0.1:22121", "127.0.0.1"),
            ("localhost:22121", "localhost"),
            ("::1:22121", "::1"),
            ("[::1]:22121", "::1"),
            ("[fe80::1%eth0]:22121", "fe80::1%eth0"),
            ("fe80::1%eth0:22121", "fe80::1%eth0"),
        ] {
            assert_eq!(listen(text), Ok(tcp(host, 22121)), "{text}");
        }
    }

    #[test]
    fn a_listening_address_that_cannot_work_is_refused() {
        for text in [
            "127.0.0.1",
            "22121",
            ":22121",
            "*:22121",
            "h:0",
            "h:65536",
            "h:",
            "h:x",
            "[::1:1",
            "[]:1",
            "[h]:1",
            "[::1%]:1",
            "a b:1",
            "tmp/a.sock",
            "run/x:1",
            "127.0.0.1:22121:1",
        ] {
            assert!(listen(text).is_err(), "{text}");
        }
    }

    #[test]
    fn advice_for_an_address_names_the_port_that_was_given() {
        assert!(listen("22121").unwrap_err().instead.contains("127.0.0.1:22121"));
        assert!(listen(":22121").unwrap_err().instead.contains("0.0.0.0:22121"));
    }

    #[test]
    fn a_unix_path_may_carry_an_octal_permission() {
        let unix = |path: &str, mode| Ok(ListenTarget::Unix { path: path.into(), mode });
        assert_eq!(listen("/run/a.sock"), unix("/run/a.sock", None));
        assert_eq!(listen("/run/a.sock 0666"), unix("/run/a.sock", Some(0o666)));
        assert_eq!(listen("/run/a.sock 777"), unix("/run/a.sock", Some(0o777)));
        assert_eq!(listen("/run/a.sock 0"), unix("/run/a.sock", None));
        for mode in ["1777", "abc", "0999", "-1", "+7", "99999999999999"] {
            assert!(listen(&format!("/run/a.sock {mode}")).is_err(), "{mode}");
        }
        assert!(listen(&format!("/{}", "a".repeat(106))).is_ok());
        assert!(listen(&format!("/{}", "a".repeat(107))).is_err());
    }

    #[test]
    fn labels_are_nutcrackers() {
        for (text, label, entry) in [
            ("10.0.0.1:11211:1", "10.0.0.1", "10.0.0.1:11211:1"),
            ("10.0.0.1:011211:1", "10.0.0.1", "10.0.0.1:011211:1"),
            ("10.0.0.1:11212:1", "10.0.0.1:11212", "10.0.0.1:11212:1"),
            ("10.0.0.1:11212:1 ", "10.0.0.1:11212", "10.0.0.1:11212:1"),
            ("10.0.0.1:11211:1 cache-a", "cache-a", "10.0.0.1:11211:1"),
            ("10.0.0.1:11211:1 a:b/c", "a:b/c", "10.0.0.1:11211:1"),
            ("::1:11212:3", "::1:11212", "::1:11212:3"),
            ("[::1]:11212:3", "[::1]:11212", "[::1]:11212:3"),
            ("/tmp/a.sock:1", "/tmp/a.sock:", "/tmp/a.sock:1"),
            ("/tmp/a.sock:1 a", "a", "/tmp/a.sock:1"),
        ] {
            let server = server(text, 0).unwrap();
            assert_eq!((server.label.as_str(), server.entry.as_str()), (label, entry), "{text}");
        }
    }

    #[test]
    fn brackets_are_not_part_of_a_host() {
        let address = server("[::1]:11212:1", 0).unwrap().address;
        assert_eq!(address, ServerAddress::Tcp { host: "::1".into(), port: 11212 });
    }

    #[test]
    fn an_entry_of_the_wrong_form_is_no_server() {
        for text in [
            "h",
            "h:1",
            "h:1:",
            "h:1:0",
            "h:1:-1",
            "h:1:1.5",
            "h:1:2147483648",
            "h:1:4294967297",
            "h:0:1",
            "h:65536:1",
            "h:x:1",
            ":1:1",
            "a:b:1:1",
            "h:1:1 a b",
            "h:1:1  a",
            "/a",
            "/a:1:1",
            "/a:x",
            "",
            " ",
            ":",
            "::",
        ] {
            assert!(server(text, 0).is_err(), "{text}");
        }
    }

    #[test]
    fn the_weight_is_blamed_when_a_name_has_two_words() {
        assert!(server("h:1:1 a b", 0).unwrap_err().instead.contains("one blank and a name"));
    }
}
