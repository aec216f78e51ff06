//! The file of a UNIX socket, which goes with the last door that has it.

use golem_net::{Reserved, Target};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::{fs, io};

/// The file of a UNIX socket of this process. Dropping it removes the file if that still belongs to it: a successor may have put
/// its own in the place. As long as a socket lives, its file's number is not given to another file; so it is to be dropped
/// before its socket.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    /// That of a socket; none if it has none.
    pub(super) fn of(listener: &Reserved) -> io::Result<Option<Self>> {
        let Target::Unix(path) = listener.address()? else { return Ok(None) };
        let found = fs::symlink_metadata(&path)?;
        Ok(Some(Self { path, device: found.dev(), inode: found.ino() }))
    }

    fn is_own(&self) -> bool {
        fs::symlink_metadata(&self.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode))
    }

    /// Gives it another permission.
    pub(super) fn set_mode(&self, mode: u32) -> io::Result<()> {
        fs::set_permissions(&self.path, fs::Permissions::from_mode(mode))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_own() {
            // Where it cannot be removed, the next start does it.
            let _ = fs::remove_file(&self.path);
        }
    }
}
