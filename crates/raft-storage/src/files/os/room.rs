//! How much room a file system has.

use std::io;
use std::path::Path;

/// The room on a file system, in bytes, as a process without privileges sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// What can still be written.
    pub free_bytes: u64,
    /// What there is in all.
    pub total_bytes: u64,
}

impl Room {
    /// Asks the file system that a file or folder lies on.
    ///
    /// # Errors
    ///
    /// If it is not there or the system refuses.
    pub fn at(path: &Path) -> io::Result<Room> {
        let found = rustix::fs::statvfs(path)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Room { free_bytes: bytes(found.f_bavail), total_bytes: bytes(found.f_blocks) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_tells_its_room() {
        let temp = tempfile::tempdir().unwrap();
        let room = Room::at(temp.path()).unwrap();
        assert!(room.total_bytes > 0 && room.free_bytes <= room.total_bytes, "{room:?}");
        assert!(Room::at(&temp.path().join("none")).is_err());
    }
}
