//! The file that holds the process id while the process runs: digits without a line end, as nutcracker writes them.
//!
//! It is removed at the end, but only while it still holds this process's id: after a handover it is the successor's.
//! A start that fails leaves the file of another process as it was.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A pid file that can be written. Dropping it removes what this process made of it.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    file: File,
    /// It was not there before.
    is_new: bool,
}

impl PidFile {
    /// Makes sure that the file can be written, without changing what it holds; mode 0644 if it is new.
    ///
    /// # Errors
    /// It cannot be opened for writing; the text says which and why.
    pub fn open(path: &Path) -> Result<Self, String> {
        let mut options = OpenOptions::new();
        options.write(true).mode(0o644);
        let opened = match options.clone().create_new(true).open(path) {
            Ok(file) => Ok((file, true)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                options.open(path).map(|file| (file, false))
            }
            Err(error) => Err(error),
        };
        match opened {
            Ok((file, is_new)) => Ok(Self { path: path.to_owned(), file, is_new }),
            Err(error) => Err(format!("cannot write the pid file '{}': {error}", path.display())),
        }
    }

    /// Writes the id of the calling process.
    ///
    /// # Errors
    /// The text says which file and why.
    pub fn write(&mut self) -> Result<(), String> {
        let written = self.replace(&std::process::id().to_string());
        written.map_err(|error| format!("cannot write the pid file '{}': {error}", self.path.display()))
    }

    fn replace(&mut self, text: &str) -> io::Result<()> {
        // Only a regular file has a length to cut.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(text.as_bytes())
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let is_plain = self.file.metadata().is_ok_and(|found| found.is_file());
        let holds = |text: &str| fs::read_to_string(&self.path).is_ok_and(|held| held == text);
        if is_plain && (holds(&std::process::id().to_string()) || (self.is_new && holds(""))) {
            // Where it cannot be removed, there is nobody left to tell.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::PidFile;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    #[test]
    fn a_file_lives_as_long_as_its_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        fs::write(&path, "a long line of an earlier run\n").unwrap();
        let mut file = PidFile::open(&path).unwrap();
        file.write().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), std::process::id().to_string());
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_not_written_leaves_the_folder_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        let file = PidFile::open(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o600, 0o600);
        drop(file);
        assert!(!path.exists());
        fs::write(&path, "1").unwrap();
        drop(PidFile::open(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "1");
    }

    #[test]
    fn a_successors_file_is_not_removed_nor_is_a_device() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        let mut file = PidFile::open(&path).unwrap();
        file.write().unwrap();
        fs::write(&path, "1").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "1");
        let mut device = PidFile::open(Path::new("/dev/null")).unwrap();
        device.write().unwrap();
        drop(device);
        assert!(Path::new("/dev/null").exists());
    }
}
