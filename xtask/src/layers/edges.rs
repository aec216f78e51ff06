//! The list of allowed dependencies, one row per package, and the check of manifests against it. A crate exists to say
//! what its code may not use; this table is where that is written down.

use crate::repository::{Dependency, Kind, Package, Repository};

/// What one package may use.
struct Allowed {
    package: &'static str,
    /// In the crate itself and in its build script.
    uses: &'static [&'static str],
    /// In its tests, besides.
    tests: &'static [&'static str],
}

const ALLOWED: &[Allowed] = &[
    Allowed { package: "golem-protocol", uses: &["memchr"], tests: &["proptest", "tempfile"] },
    Allowed { package: "golem-ring", uses: &["crc32fast", "md5"], tests: &["proptest"] },
    Allowed {
        package: "golem-config",
        uses: &["golem-ring", "saphyr-parser"],
        tests: &["proptest", "serde_json"],
    },
    Allowed {
        package: "golem-engine",
        uses: &["golem-config", "golem-protocol", "golem-ring", "memchr"],
        tests: &["golem-memserver", "proptest"],
    },
    Allowed {
        package: "golem-net",
        uses: &["libc", "mio", "rustix", "signal-hook", "socket2"],
        tests: &["tempfile"],
    },
    Allowed { package: "golem-memserver", uses: &["golem-net"], tests: &["proptest", "tempfile"] },
    Allowed {
        package: "golem-bench",
        uses: &["clap", "golem-memserver", "golem-net", "hdrhistogram", "memchr", "serde_json"],
        tests: &["proptest", "tempfile"],
    },
    Allowed {
        package: "golemproxy",
        uses: &[
            "clap",
            "golem-bench",
            "golem-config",
            "golem-engine",
            "golem-memserver",
            "golem-net",
            "golem-ring",
            "jiff",
            "serde_json",
            "tracing",
            "tracing-subscriber",
        ],
        tests: &["golem-e2e", "tempfile"],
    },
    Allowed {
        package: "golem-e2e",
        uses: &["serde_json", "socket2", "tempfile"],
        tests: &["golem-config", "golem-ring"],
    },
    Allowed {
        package: "xtask",
        uses: &["clap", "proc-macro2", "pulldown-cmark", "serde_json", "tempfile"],
        tests: &[],
    },
];

/// Crates without std: clocks, files, sockets, threads and locks are not there to be used.
pub(super) const WITHOUT_STD: &[&str] = &["golem-protocol", "golem-ring", "golem-engine"];

/// Crates whose manifest sets lints of its own instead of the workspace's.
const OWN_LINTS: &[(&str, &str)] = &[("golem-net", "the only crate with unsafe code and system calls")];

/// Every edge that is not allowed, and every crate that lacks what its layer asks for.
pub(super) fn check(repository: &Repository) -> Result<Vec<String>, String> {
    let mut breaches = Vec::new();
    for package in &repository.packages {
        match ALLOWED.iter().find(|allowed| allowed.package == package.name) {
            Some(allowed) => check_edges(package, allowed, &mut breaches),
            None => breaches.push(format!("{}: has no row in the list of allowed edges", package.name)),
        }
        let manifest = repository.text(&format!("{}/Cargo.toml", package.folder))?;
        let inherits = manifest.contains("[lints]\nworkspace = true");
        if !inherits && OWN_LINTS.iter().all(|(name, _)| *name != package.name) {
            breaches.push(format!("{}: lacks `[lints]` with `workspace = true`", package.name));
        }
    }
    Ok(breaches)
}

fn check_edges(package: &Package, allowed: &Allowed, breaches: &mut Vec<String>) {
    let name = &package.name;
    for dependency in &package.dependencies {
        let is_used = allowed.uses.contains(&dependency.name.as_str());
        let is_allowed = match dependency.kind {
            Kind::Use => is_used,
            Kind::Test => is_used || allowed.tests.contains(&dependency.name.as_str()),
        };
        if !is_allowed {
            let where_from = match dependency.kind {
                Kind::Use => "",
                Kind::Test => " in its tests",
            };
            breaches.push(format!("{name}: may not use {}{where_from}", dependency.name));
        }
        if WITHOUT_STD.contains(&name.as_str()) && brings_std(dependency) {
            breaches.push(format!("{name}: uses {} with std; the crate is no_std", dependency.name));
        }
    }
}

/// Whether an external crate is linked with its `std` feature. A member is judged by its own row: golem-config, for one, reads
/// with std, but the engine takes only its types.
fn brings_std(dependency: &Dependency) -> bool {
    let is_judged = dependency.kind == Kind::Use && !dependency.is_member;
    is_judged
        && (dependency.has_default_features || dependency.features.iter().any(|feature| feature == "std"))
}
