//! Running short of space, and not into a full disk.
//!
//! A log that cannot be written ends the node, so clients are refused before that. The
//! node looks at the file systems of its data folder a few times a second, and more often
//! when little is left:
//!
//! ```text
//!   free                                                     what happens
//!   ─────────────────────────────────────────────────────────────────────────────────
//!   2 × reserve and more                                     all is well
//!   below the reserve    this node refuses puts at once, and raises the alarm NOSPACE:
//!                        all members refuse them; reads, deletions, compactions go on
//!   below a quarter      the ballast, a file of half a reserve, is given up: the node's
//!                        own entries (alarm, office, members) and flushes find room
//!   2 × reserve again    the alarm is lifted
//!   2½ × reserve         the ballast is made anew
//! ```
//!
//! The state's quota is watched in the same way: the alarm rises when a put would not fit,
//! and is lifted when nine tenths are taken or less.
//!
//! What is applied depends on the log alone: the alarm is a command like any other. What
//! refuses at this node's door, before anything is in the log, is the [`Gate`], so that
//! clients who keep asking fill no log. Whether the alarm is up is the only memory of
//! the watch; it outlives restarts, and an operator may lift it by hand where the marks
//! allow it.

mod ballast;
mod disk;
mod gate;
mod marks;
mod reclaim;
mod watch;

use std::io::{self, ErrorKind};
use std::path::PathBuf;

use raft_storage::files::Room;

pub use ballast::Ballast;
pub use disk::Disk;
pub use gate::Gate;
pub use marks::Marks;
pub use watch::Watch;

/// How much space a node keeps free on the file systems of its data folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiskReserve {
    /// A twentieth of the file system, 256 MiB at most.
    #[default]
    Auto,
    /// So many bytes; 0: nothing is watched, and a full disk ends the node.
    Bytes(u64),
}

impl DiskReserve {
    const PART: u64 = 20;
    const MOST: u64 = 256 * 1024 * 1024;

    /// How many bytes that is on a file system of such a size.
    pub fn bytes(self, total_bytes: u64) -> u64 {
        match self {
            DiskReserve::Auto => (total_bytes / DiskReserve::PART).min(DiskReserve::MOST),
            DiskReserve::Bytes(bytes) => bytes,
        }
    }
}

/// Tells how much room a node's files have.
pub trait RoomSource: Send + Sync {
    /// The room where there is least of what is to be there.
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    fn room(&self) -> io::Result<Room>;
}

/// Asks the file systems of folders, as far as they are there.
pub struct FolderRoom {
    /// The folders.
    pub folders: Vec<PathBuf>,
    /// What is to be free on each of their file systems.
    pub reserve: DiskReserve,
}

impl RoomSource for FolderRoom {
    fn room(&self) -> io::Result<Room> {
        let mut least: Option<Room> = None;
        for folder in &self.folders {
            let room = match Room::at(folder) {
                Ok(room) => room,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            least = least.filter(|least| !self.is_shorter(room, *least)).or(Some(room));
        }
        least.ok_or_else(|| ErrorKind::NotFound.into())
    }
}

impl FolderRoom {
    /// Whether one file system has less than another of what is to be free there.
    fn is_shorter(&self, one: Room, other: Room) -> bool {
        let reserve = |room: Room| u128::from(self.reserve.bytes(room.total_bytes).max(1));
        u128::from(one.free_bytes) * reserve(other) < u128::from(other.free_bytes) * reserve(one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_fits_its_file_system() {
        let mib = 1024 * 1024;
        assert_eq!(DiskReserve::Auto.bytes(200 * mib), 10 * mib);
        assert_eq!(DiskReserve::Auto.bytes(1 << 40), 256 * mib);
        assert_eq!(DiskReserve::Bytes(7).bytes(1 << 40), 7);
    }

    #[test]
    fn folders_that_are_not_there_have_no_room() {
        let temp = tempfile::tempdir().unwrap();
        let (here, gone) = (temp.path().to_owned(), temp.path().join("gone"));
        let of = |folders| FolderRoom { folders, reserve: DiskReserve::Auto };
        assert!(of(vec![here.clone()]).room().is_ok());
        assert!(of(vec![here, gone.clone()]).room().is_ok());
        assert!(of(vec![gone]).room().is_err());
        assert!(of(Vec::new()).room().is_err());
    }

    #[test]
    fn each_file_system_has_a_reserve_of_its_own() {
        let of = |reserve| FolderRoom { folders: Vec::new(), reserve };
        let mib = 1 << 20;
        let small = Room { free_bytes: 120 * mib, total_bytes: 2048 * mib };
        let large = Room { free_bytes: 200 * mib, total_bytes: 1 << 40 };
        assert!(of(DiskReserve::Auto).is_shorter(large, small), "the small one has all it needs");
        assert!(!of(DiskReserve::Auto).is_shorter(small, large));
        assert!(of(DiskReserve::Bytes(mib)).is_shorter(small, large));
    }
}
