//! Who is measured: a name and a start command each, in which words in braces stand for what is known only at the start.

use super::Problem;
use std::fmt;
use std::fs;
use std::path::Path;

/// Who answers the load generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A proxy before the two servers.
    Proxy,
    /// One of the servers themselves.
    Server,
    /// The floor: reads and answers, parses nothing.
    Floor,
}

/// One row of the comparison.
#[derive(Clone, Debug)]
pub(crate) struct Contestant {
    /// How it is called in the table.
    pub(crate) name: String,
    pub(crate) role: Role,
    /// The package that has to be built first.
    pub(crate) package: Option<&'static str>,
    /// Words of its start command.
    command: Vec<String>,
}

impl Contestant {
    fn new(name: &str, role: Role, package: Option<&'static str>, command: &str) -> Self {
        let command = command.split_whitespace().map(str::to_string).collect();
        Self { name: name.to_string(), role, package, command }
    }

    /// A proxy that is built already.
    pub(crate) fn proxy(name: &str, command: &str) -> Self {
        Self::new(name, Role::Proxy, None, command)
    }

    /// Its start command as it stands in the table, with the names in braces.
    pub(crate) fn template(&self) -> String {
        self.command.join(" ")
    }

    /// Its start command, with each `{name}` replaced by its value, and the word `{load}` by all words of the load.
    pub(crate) fn command(&self, values: &[(&str, &str)], load: &[String]) -> Vec<String> {
        let filled = |word: &String| {
            if word == "{load}" {
                return load.to_vec();
            }
            let replaced = values
                .iter()
                .fold(word.clone(), |word, (name, value)| word.replace(&format!("{{{name}}}"), value));
            vec![replaced]
        };
        self.command.iter().flat_map(filled).collect()
    }

    /// The numbers of workers for which it needs a configuration file.
    pub(crate) fn workers(&self) -> Vec<u32> {
        let of = |word: &String| word.strip_prefix("{golem_conf_")?.strip_suffix('}')?.parse().ok();
        self.command.iter().filter_map(of).collect()
    }
}

/// What stands behind the proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Servers {
    /// Two memcacheds with one thread each.
    Memcached,
    /// Two servers that store nothing and answer as cheaply as possible.
    Null,
}

impl Servers {
    /// One of them, which is also a contestant: no proxy at all.
    pub(crate) fn server(self, release: &Path) -> Contestant {
        let null = format!("{}/golem-bench --null {{listen}} {{load}}", release.display());
        let (package, command) = match self {
            Self::Memcached => {
                (None, "memcached -l {host} -p {port} -U 0 -t 1 -m 512 -I 2m -c {most} -u nobody")
            }
            Self::Null => (Some("golem-bench"), null.as_str()),
        };
        Contestant::new("direct", Role::Server, package, command)
    }
}

impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memcached => "memcached",
            Self::Null => "null",
        })
    }
}

/// The least that a proxy can be, with which the others are compared.
pub(crate) const BARE: &str = "bare";

/// The contestants of every run.
pub(crate) fn known(release: &Path, servers: Servers) -> Vec<Contestant> {
    let direct = servers.server(release);
    let release = release.display();
    let golemproxy = format!("{release}/golemproxy -c {{golem_conf}} -s 0");
    let bare = format!("{release}/golem-bench --bare {{listen}} --onto {{servers}}");
    let echo = format!("{release}/golem-bench --echo {{listen}} {{load}}");
    // Its default verbosity, 5, costs it a getpeername and a formatted line per request, which nobody reads.
    let nutcracker = "nutcracker -v 4 -c {conf} -o {log} -a 127.0.0.1 -s {port}";
    vec![
        Contestant::new("golemproxy", Role::Proxy, Some("golemproxy"), &golemproxy),
        Contestant::new("nutcracker", Role::Proxy, None, nutcracker),
        Contestant::new(BARE, Role::Proxy, Some("golem-bench"), &bare),
        direct,
        Contestant::new("echo", Role::Floor, Some("golem-bench"), &echo),
    ]
}

/// golemproxy with each of these numbers of workers, the first of which the others are compared with.
pub(crate) fn scaled(release: &Path, workers: &[u32]) -> Vec<Contestant> {
    let command = |count: u32| format!("{}/golemproxy -c {{golem_conf_{count}}} -s 0", release.display());
    let named = |count: &u32| {
        Contestant::new(&format!("golemproxy x{count}"), Role::Proxy, Some("golemproxy"), &command(*count))
    };
    workers.iter().map(named).collect()
}

/// Adds the proxies of a file: a line `NAME=COMMAND` for each; empty lines and those that begin with `#` say nothing.
pub(crate) fn add_file(contestants: &mut Vec<Contestant>, file: &Path) -> Result<(), Problem> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let is_one = |line: &&str| !line.is_empty() && !line.starts_with('#');
    for line in text.lines().map(str::trim).filter(is_one) {
        add(contestants, line)?;
    }
    Ok(())
}

/// Adds the proxy `NAME=COMMAND`, or puts it in the place of the one with that name.
pub(crate) fn add(contestants: &mut Vec<Contestant>, text: &str) -> Result<(), Problem> {
    let (name, command) = text.split_once('=').ok_or_else(|| format!("{text}: not NAME=COMMAND"))?;
    let name = name.trim();
    let added = Contestant::proxy(name, command);
    match contestants.iter_mut().find(|contestant| contestant.name == name) {
        Some(known) => *known = added,
        None => contestants.insert(contestants.len().min(1), added),
    }
    Ok(())
}

/// Those that are named; all, when none is.
pub(crate) fn chosen(all: Vec<Contestant>, names: &[String]) -> Result<Vec<Contestant>, Problem> {
    if let Some(name) = names.iter().find(|name| all.iter().all(|known| known.name != **name)) {
        let known: Vec<&str> = all.iter().map(|known| known.name.as_str()).collect();
        return Err(format!("--only {name}: there are {}", known.join(", ")));
    }
    Ok(all.into_iter().filter(|known| names.is_empty() || names.contains(&known.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::{Servers, add, add_file, chosen, known, scaled};
    use std::path::Path;

    #[test]
    fn words_in_braces_are_replaced() {
        let all = known(Path::new("/r"), Servers::Memcached);
        let command = all[0].command(&[("golem_conf", "/tmp/a b.yml")], &[]);
        assert_eq!(command, ["/r/golemproxy", "-c", "/tmp/a b.yml", "-s", "0"]);
    }

    #[test]
    fn proxies_are_added_replaced_and_chosen() {
        let mut all = known(Path::new("/r"), Servers::Memcached);
        let before = all.len();
        assert_eq!(add(&mut all, "other=other -l {listen}"), Ok(()));
        assert_eq!(add(&mut all, "nutcracker=/opt/nutcracker -c {conf}"), Ok(()));
        assert!(add(&mut all, "other").is_err());
        assert_eq!(all.len(), before + 1);
        assert!(chosen(all.clone(), &["nobody".to_string()]).is_err());
        let only = chosen(all, &["nutcracker".to_string()]).unwrap_or_default();
        assert_eq!(only.len(), 1);
        assert_eq!(only[0].command(&[("conf", "c")], &[]), ["/opt/nutcracker", "-c", "c"]);
    }

    #[test]
    fn no_proxy_at_all_is_one_of_the_servers() {
        for (servers, program) in [(Servers::Memcached, "memcached"), (Servers::Null, "/r/golem-bench")] {
            let all = known(Path::new("/r"), servers);
            let direct = all.iter().find(|contestant| contestant.name == "direct");
            let command = direct.map(|direct| direct.command(&[], &[])).unwrap_or_default();
            assert_eq!(command.first().map(String::as_str), Some(program));
        }
    }

    #[test]
    fn load_stands_for_all_its_words() {
        let all = known(Path::new("/r"), Servers::Null);
        let echo = all.iter().find(|contestant| contestant.name == "echo");
        let load = ["--depth".to_owned(), "2".to_owned()];
        let command = echo.map(|echo| echo.command(&[("listen", "a")], &load)).unwrap_or_default();
        assert_eq!(command, ["/r/golem-bench", "--echo", "a", "--depth", "2"]);
    }

    #[test]
    fn proxies_stand_in_a_file() {
        let file = tempfile::NamedTempFile::new().map(|file| file.into_temp_path());
        let Ok(file) = file else { panic!("no file") };
        let mut all = Vec::new();
        assert!(std::fs::write(&file, "# others\n\n one = /bin/one -l {listen}\ntwo=two\n").is_ok());
        assert_eq!(add_file(&mut all, &file), Ok(()));
        let names: Vec<_> = all.iter().map(|one| (one.name.as_str(), one.template())).collect();
        assert_eq!(names, [("one", "/bin/one -l {listen}".to_owned()), ("two", "two".to_owned())]);
        assert!(std::fs::write(&file, "one\n").is_ok());
        assert!(add_file(&mut all, &file).is_err());
    }

    #[test]
    fn each_number_of_workers_has_its_file() {
        let all = scaled(Path::new("/r"), &[1, 4]);
        assert_eq!(all.iter().map(|one| one.workers()).collect::<Vec<_>>(), [[1], [4]]);
        assert_eq!(all[1].command(&[("golem_conf_4", "f")], &[])[2], "f");
    }
}
