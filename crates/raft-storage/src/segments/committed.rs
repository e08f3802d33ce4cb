//! The file `committed`: how far the log is known to be committed.
//!
//! ```text
//!   index u64   CRC-32C u32 of the folder's storage id and the index
//! ```
//!
//! All numbers are little-endian. The file is written after the entries that it
//! speaks of were synced, and is never synced itself: whatever a crash leaves of it
//! was true once, and stays true, or does not match its checksum and says nothing.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use raft_core::Index;

use crate::error::StorageError;
use crate::files::{File, Files};

const NAME: &str = "committed";
const LENGTH: usize = 12;

/// The note of one folder.
pub(super) struct CommitNote {
    file: Option<Arc<dyn File>>,
    storage: u64,
    noted: Option<Index>,
}

impl CommitNote {
    /// Looks for the note in a folder.
    ///
    /// # Errors
    ///
    /// If the disk refuses. A note that is damaged or cut off is none.
    pub(super) fn open(files: &dyn Files, storage: u64) -> Result<CommitNote, StorageError> {
        let failed = |error| StorageError::io("read", files.describe(NAME), error);
        let file = match files.open(NAME) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let noted = match &file {
            Some(file) => read(file.as_ref(), storage).map_err(failed)?,
            None => None,
        };
        Ok(CommitNote { file, storage, noted })
    }

    /// What it says.
    pub(super) fn noted(&self) -> Option<Index> {
        self.noted
    }

    /// Notes a later index; an earlier one changes nothing.
    pub(super) fn write(&mut self, files: &dyn Files, index: Index) -> Result<(), StorageError> {
        if self.noted.is_some_and(|noted| noted >= index) {
            return Ok(());
        }
        let failed = |error| StorageError::io("write", files.describe(NAME), error);
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(files.create(NAME).map_err(failed)?),
        };
        file.write_at(0, &row(self.storage, index)).map_err(failed)?;
        self.noted = Some(index);
        Ok(())
    }
}

fn read(file: &dyn File, storage: u64) -> io::Result<Option<Index>> {
    if file.length()? != LENGTH as u64 {
        return Ok(None);
    }
    let mut found = [0; LENGTH];
    file.read_at(0, &mut found)?;
    let (index, _) = found.split_first_chunk::<8>().expect("a row is longer");
    let index = Index(u64::from_le_bytes(*index));
    Ok((row(storage, index) == found).then_some(index))
}

fn row(storage: u64, index: Index) -> [u8; LENGTH] {
    let sum = crc32c::crc32c(&storage.to_le_bytes());
    let sum = crc32c::crc32c_append(sum, &index.0.to_le_bytes());
    let mut row = [0; LENGTH];
    row[..8].copy_from_slice(&index.0.to_le_bytes());
    row[8..].copy_from_slice(&sum.to_le_bytes());
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Outage, SimFiles};

    #[test]
    fn a_note_rises_and_is_found_unless_it_is_damaged() {
        let files = SimFiles::new(1);
        let mut note = CommitNote::open(&files, 7).unwrap();
        assert_eq!(note.noted(), None);
        for (index, noted) in [(5, 5), (3, 5), (9, 9)] {
            note.write(&files, Index(index)).unwrap();
            assert_eq!(note.noted(), Some(Index(noted)));
        }
        files.crash();
        let files = files.restart(Outage::Kill);
        assert_eq!(CommitNote::open(&files, 7).unwrap().noted(), Some(Index(9)));
        assert_eq!(CommitNote::open(&files, 8).unwrap().noted(), None, "another folder's");
        files.damage(NAME, 2, b"x").unwrap();
        assert_eq!(CommitNote::open(&files, 7).unwrap().noted(), None);
        files.damage(NAME, 11, b"longer").unwrap();
        assert_eq!(CommitNote::open(&files, 7).unwrap().noted(), None);
    }
}
