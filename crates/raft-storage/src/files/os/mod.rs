//! The files of the operating system.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{File, Files, Lock};

mod free;
mod room;

pub use room::Room;

/// A real folder.
#[derive(Clone, Debug)]
pub struct OsFiles {
    root: PathBuf,
}

impl OsFiles {
    /// The folder at this path, created durably if there is none, its parents too.
    ///
    /// # Errors
    ///
    /// If the system refuses to create it.
    pub fn new(root: impl Into<PathBuf>) -> io::Result<OsFiles> {
        let root = root.into();
        create_all(&root)?;
        Ok(OsFiles { root })
    }

    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.root.clone() } else { self.root.join(name) }
    }
}

impl Files for OsFiles {
    fn describe(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file =
            fs::OpenOptions::new().read(true).write(true).create_new(true).open(self.path(name))?;
        Ok(Arc::new(OsFile { file }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file = fs::OpenOptions::new().read(true).write(true).open(self.path(name))?;
        Ok(Arc::new(OsFile { file }))
    }

    fn create_folder(&self, name: &str) -> io::Result<()> {
        create_one(&self.path(name))
    }

    fn folder(&self, name: &str) -> io::Result<Arc<dyn Files>> {
        Ok(Arc::new(OsFiles::new(self.path(name))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        remove(&self.path(name), None)
    }

    fn retire(&self, name: &str, file: Arc<dyn File>) -> io::Result<()> {
        remove(&self.path(name), Some(file))
    }

    fn remove_folder(&self, name: &str) -> io::Result<()> {
        fs::remove_dir(self.path(name))
    }

    fn is_same_file(&self, one: &str, other: &str) -> io::Result<bool> {
        let (one, other) = (fs::metadata(self.path(one))?, fs::metadata(self.path(other))?);
        Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
    }

    fn sync_folder(&self, name: &str) -> io::Result<()> {
        sync_path(&self.path(name))
    }

    fn list(&self, name: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path(name))? {
            let name = entry?.file_name().into_string().map_err(|name| {
                io::Error::new(ErrorKind::InvalidData, format!("the name {name:?} is not UTF-8"))
            })?;
            names.push(name);
        }
        names.sort();
        Ok(names)
    }

    fn lock(&self, name: &str) -> io::Result<Box<dyn Lock>> {
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.path(name))?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(OsLock { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Err(ErrorKind::WouldBlock.into()),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn real_path(&self, name: &str) -> Option<PathBuf> {
        Some(self.path(name))
    }
}

struct OsFile {
    file: fs::File,
}

impl File for OsFile {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn preallocate(&self, length: u64) -> io::Result<()> {
        let old = self.length()?;
        if length <= old {
            return Ok(());
        }
        let flags = rustix::fs::FallocateFlags::empty();
        let allocate = || rustix::fs::fallocate(&self.file, flags, 0, length);
        let allocated = match allocate() {
            Err(rustix::io::Errno::NOSPC) if free::give_all_back() => allocate(),
            other => other,
        };
        match allocated {
            Ok(()) => Ok(()),
            // A file system without the call: the length is what counts, the
            // space is then found, or not, by each write.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                self.file.set_len(length)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

/// The lock goes when the file is closed, however the process ends.
struct OsLock {
    _file: fs::File,
}

impl Lock for OsLock {}

fn create_all(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = parent_of(path);
    create_all(parent)?;
    create_one(path)?;
    sync_path(parent)
}

fn create_one(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        other => other,
    }
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Removes a file, and lets its space go in the background.
fn remove(path: &Path, handle: Option<Arc<dyn File>>) -> io::Result<()> {
    // Opened for writing: it may be cut off bit by bit.
    let file = fs::OpenOptions::new().write(true).open(path);
    fs::remove_file(path)?;
    if let Ok(file) = file {
        free::give_back(file, handle);
    }
    Ok(())
}

fn sync_path(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_folders_and_locks_do_what_they_say() {
        let temp = tempfile::tempdir().unwrap();
        let files = OsFiles::new(temp.path().join("a/b")).unwrap();
        let file = files.create("one").unwrap();
        file.preallocate(100).unwrap();
        file.write_at(10, b"here").unwrap();
        file.sync().unwrap();
        let mut read = [0; 5];
        file.read_at(9, &mut read).unwrap();
        assert_eq!(&read, b"\0here");
        assert_eq!(file.length().unwrap(), 100);
        assert_eq!(
            file.read_at(98, &mut read).unwrap_err().kind(),
            ErrorKind::UnexpectedEof,
            "beyond the end"
        );

        assert_eq!(files.create("one").err().unwrap().kind(), ErrorKind::AlreadyExists);
        assert_eq!(files.open("none").err().unwrap().kind(), ErrorKind::NotFound);
        files.rename("one", "two").unwrap();
        let below = files.folder("sub").unwrap();
        below.create("three").unwrap();
        files.sync_folder("").unwrap();
        assert_eq!(files.list("").unwrap(), ["sub", "two"]);
        assert_eq!(files.list("sub").unwrap(), ["three"]);
        assert!(files.remove_folder("sub").is_err(), "it is not empty");
        files.remove("sub/three").unwrap();
        files.remove_folder("sub").unwrap();

        let held = files.lock("lock").unwrap();
        assert_eq!(files.lock("lock").err().unwrap().kind(), ErrorKind::WouldBlock);
        drop(held);
        files.lock("lock").unwrap();
    }

    /// How often one looks, a millisecond in between.
    const LOOKS: u32 = 30_000;

    const LENGTH: u64 = 3 * 1024 * 1024;

    /// A file and the length that a descriptor of it tells, with or without a name.
    fn watched(files: &OsFiles, name: &str) -> (Arc<dyn File>, impl Fn() -> u64) {
        let file = files.create(name).unwrap();
        file.preallocate(LENGTH).unwrap();
        let watch = fs::File::open(files.path(name)).unwrap();
        (file, move || watch.metadata().unwrap().len())
    }

    fn wait_until(what: &str, is_so: impl Fn() -> bool) {
        let look = |_| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            is_so()
        };
        assert!((0..LOOKS).any(look), "{what}");
    }

    #[test]
    fn a_retired_file_goes_bit_by_bit_once_nobody_reads_it() {
        let temp = tempfile::tempdir().unwrap();
        let files = OsFiles::new(temp.path()).unwrap();
        let (file, length) = watched(&files, "retired");
        let reader = file.clone();
        files.retire("retired", file).unwrap();
        assert_eq!(files.list("").unwrap(), [""; 0], "its name is gone at once");
        let mut read = [1; 8];
        reader.read_at(LENGTH - 8, &mut read).unwrap();
        assert_eq!(read, [0; 8], "but who reads it goes on");
        drop(reader);
        wait_until("it is cut off", || length() < LENGTH);

        let (_file, length) = watched(&files, "removed");
        files.remove("removed").unwrap();
        assert_eq!(length(), LENGTH, "others may read it");

        let (file, length) = watched(&files, "linked");
        fs::hard_link(files.path("linked"), files.path("other")).unwrap();
        files.retire("linked", file).unwrap();
        let (file, last) = watched(&files, "last");
        files.retire("last", file).unwrap();
        wait_until("the one after it is cut off", || last() < LENGTH);
        assert_eq!(length(), LENGTH, "it has another name");
    }
}
