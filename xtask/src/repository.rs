//! What every check looks at: the root of the repository, its files, and the packages of the
//! workspace with the dependencies that their manifests declare. Reads only; changes nothing.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository as the checks see it.
pub(crate) struct Repository {
    /// Folder that holds the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// All files but what is built; relative to the root, sorted, `/` between the parts.
    pub(crate) files: Vec<String>,
    /// Members of the workspace.
    pub(crate) packages: Vec<Package>,
}

/// One member of the workspace.
pub(crate) struct Package {
    pub(crate) name: String,
    /// Folder relative to the root.
    pub(crate) folder: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One dependency as its manifest declares it.
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Lies in this repository.
    pub(crate) is_member: bool,
    pub(crate) has_default_features: bool,
    pub(crate) features: Vec<String>,
}

/// When a dependency is linked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Into the crate, or into its build script: both count as what the crate uses.
    Use,
    /// Into the crate's tests only.
    Test,
}

impl Repository {
    /// Reads the repository that xtask was built from.
    pub(crate) fn read() -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .ok_or("xtask does not lie in a repository")?
            .to_path_buf();
        let mut files = Vec::new();
        walk(&root, "", &mut files)?;
        files.sort();
        let metadata = output(
            Command::new(cargo()).args(["metadata", "--format-version=1", "--no-deps"]).current_dir(&root),
        )?;
        let metadata: Value = serde_json::from_str(&metadata).map_err(|e| format!("cargo metadata: {e}"))?;
        let packages = list(&metadata["packages"]).iter().map(|p| Package::read(&root, p)).collect();
        Ok(Self { root, files, packages })
    }

    /// The text of one of the files.
    pub(crate) fn text(&self, file: &str) -> Result<String, String> {
        std::fs::read_to_string(self.root.join(file)).map_err(|e| format!("{file}: {e}"))
    }

    /// The package of this name, if it exists.
    pub(crate) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }
}

impl Package {
    fn read(root: &Path, package: &Value) -> Self {
        let manifest = Path::new(text(&package["manifest_path"]));
        let folder = manifest.parent().and_then(|folder| folder.strip_prefix(root).ok());
        Self {
            name: text(&package["name"]).to_owned(),
            folder: folder.map(|folder| folder.display().to_string()).unwrap_or_default(),
            dependencies: list(&package["dependencies"]).iter().map(Dependency::read).collect(),
        }
    }
}

impl Dependency {
    fn read(dependency: &Value) -> Self {
        let features = list(&dependency["features"]);
        Self {
            name: text(&dependency["name"]).to_owned(),
            kind: if text(&dependency["kind"]) == "dev" { Kind::Test } else { Kind::Use },
            is_member: dependency["path"].is_string(),
            has_default_features: dependency["uses_default_features"].as_bool().unwrap_or(true),
            features: features.iter().map(|feature| text(feature).to_owned()).collect(),
        }
    }
}

/// Folders that hold nothing of the source: git's own, and what builds and tests leave. git itself is not asked, so that
/// the checks also run in an unpacked archive.
fn is_source(folder: &str) -> bool {
    !(folder == ".git" || folder.starts_with("target") || folder == ".venv" || folder == "__pycache__")
}

fn walk(root: &Path, folder: &str, files: &mut Vec<String>) -> Result<(), String> {
    let entries = std::fs::read_dir(root.join(folder)).map_err(|e| format!("{folder}: {e}"))?;
    for entry in entries {
        let entry = entry.map_err(|e| format!("{folder}: {e}"))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let kind = entry.file_type().map_err(|e| format!("{path}: {e}"))?;
        if kind.is_dir() && is_source(&name) {
            walk(root, &path, files)?;
        } else if kind.is_file() && name != ".git" {
            files.push(path);
        }
    }
    Ok(())
}

/// The cargo that runs xtask.
pub(crate) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// Runs a command and takes its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let shown = format!("{command:?}");
    let done = command.output().map_err(|e| format!("{shown}: {e}"))?;
    if !done.status.success() {
        return Err(format!("{shown}: {}\n{}", done.status, String::from_utf8_lossy(&done.stderr)));
    }
    String::from_utf8(done.stdout).map_err(|e| format!("{shown}: {e}"))
}

/// As `output`, with standard error behind it: where a program prints its help there.
pub(crate) fn output_and_errors(command: &mut Command) -> Result<String, String> {
    let shown = format!("{command:?}");
    let done = command.output().map_err(|e| format!("{shown}: {e}"))?;
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if done.status.success() { Ok(said) } else { Err(format!("{shown}: {}\n{said}", done.status)) }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
