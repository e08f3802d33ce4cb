//! The few things that a log and a snapshot store ask of a file system.
//!
//! [`OsFiles`] is the real one. [`SimFiles`] lives in memory and does to what
//! was not synced whatever a disk may do to it: it is lost, torn or kept in
//! part, directory entries too; so whoever stands on [`Files`] can be crashed
//! between any two operations and looked at afterwards.
//!
//! ```text
//!   segments ──┐                 ┌── OsFiles   (a folder)
//!              ├──▶ Files, File ─┤
//!   snapshots ─┘                 └── SimFiles  (memory, a seed, planned faults)
//! ```
//!
//! Two promises are asked for, and no more: what [`File::sync`] returned for is
//! in the file after a power loss, and what [`Files::sync_folder`] returned for
//! is in the folder. Everything else may or may not have happened, in any order.

mod os;
mod sim;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

pub use os::{OsFiles, Room};
pub use sim::{Failure, Outage, SimCounters, SimFiles};

/// A folder and what lies below it. Names are relative, parts separated by `/`;
/// the empty name is the folder itself.
pub trait Files: Send + Sync {
    /// The name as an operator would look for it, for messages.
    fn describe(&self, name: &str) -> String;

    /// Creates an empty file.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AlreadyExists`] if there is one.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Opens a file for reading and writing.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if there is none.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Creates a folder if there is none.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    fn create_folder(&self, name: &str) -> io::Result<()>;

    /// Another view, with this folder below as its root; created if there is
    /// none, durably.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    fn folder(&self, name: &str) -> io::Result<Arc<dyn Files>>;

    /// Gives a file or folder another name in the same folder, at once. A file
    /// that has the name already is replaced.
    ///
    /// # Errors
    ///
    /// If it is not there or the disk refuses.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. Whoever has it open keeps reading it; its space is free
    /// some time later.
    ///
    /// # Errors
    ///
    /// If it is not there or the disk refuses.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Removes a file of which all readers share this handle, so that its space
    /// may be given back bit by bit once they have dropped it.
    ///
    /// # Errors
    ///
    /// As [`Files::remove`].
    fn retire(&self, name: &str, file: Arc<dyn File>) -> io::Result<()> {
        drop(file);
        self.remove(name)
    }

    /// Removes an empty folder.
    ///
    /// # Errors
    ///
    /// If it is not there, not empty, or the disk refuses.
    fn remove_folder(&self, name: &str) -> io::Result<()>;

    /// Whether two names are links to one file.
    ///
    /// # Errors
    ///
    /// If one of them is not there or the disk refuses.
    fn is_same_file(&self, one: &str, other: &str) -> io::Result<bool>;

    /// Makes the folder's list of names durable: creations, renames and removals.
    ///
    /// # Errors
    ///
    /// If the disk refuses; what is durable is unknown then.
    fn sync_folder(&self, name: &str) -> io::Result<()>;

    /// The names in a folder, in order.
    ///
    /// # Errors
    ///
    /// If it is not there or the disk refuses.
    fn list(&self, name: &str) -> io::Result<Vec<String>>;

    /// Takes a lock that is named by a file and lasts until it is dropped or its
    /// process ends.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if somebody holds it.
    fn lock(&self, name: &str) -> io::Result<Box<dyn Lock>>;

    /// The real path of a name; `None` where there are no real files.
    fn real_path(&self, name: &str) -> Option<PathBuf>;
}

/// A file. Positions and lengths are in bytes.
pub trait File: Send + Sync {
    /// Fills the buffer from an offset on.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::UnexpectedEof`] if the file ends before that.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;

    /// Writes all bytes at an offset. Not durable before [`File::sync`].
    ///
    /// # Errors
    ///
    /// If the disk refuses; any part may be written then.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes the file at least this long and keeps the space; what is new reads
    /// as zeros.
    ///
    /// # Errors
    ///
    /// If there is no space.
    fn preallocate(&self, length: u64) -> io::Result<()>;

    /// Makes everything written so far durable, the length too.
    ///
    /// # Errors
    ///
    /// If the disk refuses. What is durable is unknown then, and a second sync
    /// that succeeds proves nothing about it.
    fn sync(&self) -> io::Result<()>;

    /// The length.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    fn length(&self) -> io::Result<u64>;
}

/// A lock that is held.
pub trait Lock: Send + Sync {}
