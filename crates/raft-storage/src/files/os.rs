//! The files of the operating system.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{File, Files, Lock};

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
        fs::remove_file(self.path(name))
    }

    fn remove_folder(&self, name: &str) -> io::Result<()> {
        fs::remove_dir(self.path(name))
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
        match rustix::fs::fallocate(&self.file, flags, 0, length) {
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
}
