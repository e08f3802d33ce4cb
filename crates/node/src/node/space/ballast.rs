//! A file that keeps room for hard times.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use raft_storage::files::{Files, OsFiles};

const NAME: &str = "ballast";

/// A file in the data folder that holds nothing but space. It may be removed at any time,
/// by hand too.
pub struct Ballast {
    folder: PathBuf,
}

impl Ballast {
    /// The one in this folder, whether it is there or not.
    pub fn new(folder: &Path) -> Ballast {
        Ballast { folder: folder.to_owned() }
    }

    /// How many bytes it holds; 0 if it is not there.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn bytes(&self) -> io::Result<u64> {
        match fs::metadata(self.folder.join(NAME)) {
            Ok(found) => Ok(found.len()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Makes it, or makes it anew if it has another size.
    ///
    /// # Errors
    ///
    /// If there is no room; then there is no ballast.
    pub fn fill(&self, bytes: u64) -> io::Result<()> {
        self.give_up()?;
        let files = OsFiles::new(&self.folder)?;
        let file = files.create(NAME)?;
        file.preallocate(bytes).inspect_err(|_| {
            // That error counts; what is left of the file is found by the next look.
            let _ = self.give_up();
        })
    }

    /// Removes it; its space is free at once.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn give_up(&self) -> io::Result<()> {
        match fs::remove_file(self.folder.join(NAME)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_and_goes() {
        let temp = tempfile::tempdir().unwrap();
        let ballast = Ballast::new(temp.path());
        assert_eq!(ballast.bytes().unwrap(), 0);
        ballast.give_up().unwrap();
        ballast.fill(4096).unwrap();
        assert_eq!(ballast.bytes().unwrap(), 4096);
        ballast.fill(8192).unwrap();
        assert_eq!(ballast.bytes().unwrap(), 8192);
        ballast.give_up().unwrap();
        assert_eq!(ballast.bytes().unwrap(), 0);
    }
}
