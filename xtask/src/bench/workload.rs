//! The workloads: a row each, in the words of the load generator.

use super::Problem;

/// What is asked, and of how many servers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    /// How it is called in tables and for `--workload`.
    pub(crate) name: &'static str,
    /// How many servers stand behind the proxies.
    pub(crate) servers: usize,
    /// Flags of the load generator; `{most}` stands for as many connections as descriptors allow.
    load: &'static str,
    /// Requests that count system calls; fewer where each is large.
    pub(crate) counted: u32,
}

const fn row(name: &'static str, servers: usize, load: &'static str) -> Workload {
    Workload { name, servers, load, counted: 20_000 }
}

const fn large(name: &'static str, load: &'static str) -> Workload {
    Workload { counted: 1000, ..row(name, 2, load) }
}

static WORKLOADS: &[Workload] = &[
    row("10 clients, 1 in flight, 32 B", 2, "--connections 10"),
    row("50 clients, 1 in flight, 32 B", 2, "--connections 50"),
    row("500 clients, 1 in flight, 32 B", 2, "--connections 500"),
    // So many that making the connections does not count.
    Workload { counted: 200_000, ..row("5000 clients, 1 in flight, 32 B", 2, "--connections 5000") },
    row("50 clients, 16 in flight, 32 B", 2, "--connections 50 --depth 16"),
    row("50 clients, bursts of 16, 32 B", 2, "--connections 50 --depth 16 --burst"),
    row("50 clients, 100 in flight, 32 B", 2, "--connections 50 --depth 100"),
    row("50 clients, 1 in flight, 4 KiB", 2, "--connections 50 --value-size 4096"),
    large("50 clients, 1 in flight, 64 KiB", "--connections 50 --value-size 65536 --keys 1000"),
    // Beside the value a memcached item of at most 1 MiB has a key and a head.
    large("10 clients, 1 in flight, 1 MiB", "--connections 10 --value-size 1048000 --keys 50"),
    row("multiget of 10 over 2 servers", 2, "--connections 50 --mix multiget=90,set=10 --multiget 10"),
    row("multiget of 100 over 2 servers", 2, "--connections 50 --mix multiget=90,set=10 --multiget 100"),
    row("multiget of 10 over 10 servers", 10, "--connections 50 --mix multiget=90,set=10 --multiget 10"),
    row("multiget of 100 over 10 servers", 10, "--connections 50 --mix multiget=90,set=10 --multiget 100"),
    row("50 clients, zipf, 32 B", 2, "--connections 50 --popularity zipf"),
    row("connection churn", 2, "--connections 50 --requests-per-connection 1"),
    row("10000 idle clients", 2, "--connections 50 --idle 10000"),
    row("as many idle clients as may be", 2, "--connections 50 --idle {most}"),
];

impl Workload {
    /// The flags of the load generator, for a process with so many descriptors at most.
    pub(crate) fn load(&self, descriptors: u64) -> Vec<String> {
        // A tenth is kept back for whatever a proxy needs itself, and one address has 28,000 ports.
        let most = (descriptors - descriptors / 10).saturating_sub(100).min(27_000);
        self.load.replace("{most}", &most.to_string()).split_whitespace().map(str::to_owned).collect()
    }

    /// Whether it can be asked at a fixed rate: bursts wait for their replies.
    pub(crate) fn has_rate(&self) -> bool {
        !self.is_idle() && !self.load.contains("--burst")
    }

    /// Whether it is about memory rather than about time.
    pub(crate) fn is_idle(&self) -> bool {
        self.load.contains("--idle")
    }
}

/// Those whose name contains one of `texts`; all, when there are none.
pub(crate) fn chosen(texts: &[String]) -> Result<Vec<Workload>, Problem> {
    let is_wanted =
        |workload: &&Workload| texts.is_empty() || texts.iter().any(|text| workload.name.contains(text));
    let found: Vec<Workload> = WORKLOADS.iter().filter(is_wanted).copied().collect();
    if found.is_empty() {
        let names: Vec<&str> = WORKLOADS.iter().map(|workload| workload.name).collect();
        return Err(format!("no workload is called like that; there are: {}", names.join("; ")));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{WORKLOADS, chosen};

    fn load(text: &str, descriptors: u64) -> String {
        let found = chosen(&[text.to_owned()]).unwrap_or_default();
        found.iter().map(|workload| workload.load(descriptors).join(" ")).collect()
    }

    #[test]
    fn bursts_are_asked_for() {
        assert!(load("bursts of 16", 1000).contains("--burst"));
        assert!(!load("16 in flight", 1000).contains("--burst"));
    }

    #[test]
    fn as_many_as_may_be_leaves_room() {
        assert!(load("as many idle", 20_000).ends_with("--idle 17900"));
        assert!(load("as many idle", 10_000_000).ends_with("--idle 27000"));
    }

    #[test]
    fn names_are_told_apart() {
        for (at, one) in WORKLOADS.iter().enumerate() {
            assert!(WORKLOADS[at + 1..].iter().all(|other| other.name != one.name), "{}", one.name);
        }
        assert!(chosen(&["nothing".to_owned()]).is_err());
    }
}
