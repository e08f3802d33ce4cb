//! A file that is only ever replaced as a whole.
//!
//! ```text
//!   create NAME.new, write, sync     NAME is as it was
//!   rename NAME.new to NAME          at once: the old bytes or the new ones
//!   sync the folder                  the new ones, from now on
//! ```
//!
//! The last four bytes are a CRC-32C of those before, little-endian: a disk that
//! changed something by itself is found out.

use std::io::ErrorKind;
use std::sync::Arc;

use bytes::{BufMut, Bytes};
use raft_storage::StorageError;
use raft_storage::files::Files;

/// Bytes under a name in a folder. What [`ReplacedFile::read`] returns is durable.
pub struct ReplacedFile {
    files: Arc<dyn Files>,
    name: &'static str,
    /// A write failed. What the disk holds is unknown since then.
    has_failed: bool,
}

impl ReplacedFile {
    /// Opens the file, which need not exist.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn open(files: Arc<dyn Files>, name: &'static str) -> Result<ReplacedFile, StorageError> {
        let file = ReplacedFile { files, name, has_failed: false };
        match file.files.remove(&file.new_name()) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(file.failed("remove an unfinished copy of", error));
            }
            _ => {}
        }
        // The process before may have been killed between the rename and the sync.
        // Whoever reads the new bytes now acts on them: they must not go away.
        file.files.sync_folder("").map_err(|error| file.failed("sync the folder of", error))?;
        Ok(file)
    }

    /// The bytes; `None` before the first replacement.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] if they are not what was written, otherwise if the
    /// disk refuses.
    pub fn read(&self) -> Result<Option<Bytes>, StorageError> {
        let failed = |error| self.failed("read", error);
        let file = match self.files.open(self.name) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        let length = file.length().map_err(failed)?;
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        file.read_at(0, &mut bytes).map_err(failed)?;
        match bytes.split_last_chunk::<4>() {
            Some((body, checksum)) if checksum[..] == crc32c::crc32c(body).to_le_bytes() => {
                let length = body.len();
                Ok(Some(Bytes::from(bytes).slice(..length)))
            }
            _ => Err(self.corrupt("its checksum does not match")),
        }
    }

    /// Replaces the bytes; the new ones are durable on return, and after a crash
    /// before that it is either the old or the new ones.
    ///
    /// # Errors
    ///
    /// If the disk refuses. That is final: nothing is written any more.
    pub fn replace(&mut self, mut bytes: Vec<u8>) -> Result<(), StorageError> {
        self.check()?;
        bytes.put_u32_le(crc32c::crc32c(&bytes));
        // Until all of it is done, it may be half done.
        self.has_failed = true;
        let new_name = self.new_name();
        let file = self.files.create(&new_name).map_err(|error| self.failed("create", error))?;
        file.write_at(0, &bytes).map_err(|error| self.failed("write", error))?;
        file.sync().map_err(|error| self.failed("sync", error))?;
        let renamed = self.files.rename(&new_name, self.name);
        renamed.map_err(|error| self.failed("rename", error))?;
        let synced = self.files.sync_folder("");
        synced.map_err(|error| self.failed("sync the folder of", error))?;
        self.has_failed = false;
        Ok(())
    }

    /// Writes nothing any more, as after a failure: whoever writes is broken.
    pub fn give_up(&mut self) {
        self.has_failed = true;
    }

    /// Whether the file can still be replaced.
    ///
    /// # Errors
    ///
    /// If a replacement has failed.
    pub fn check(&self) -> Result<(), StorageError> {
        if self.has_failed {
            Err(StorageError::refused_after_error(self.describe()))
        } else {
            Ok(())
        }
    }

    /// The error for bytes that are whole and yet make no sense.
    pub fn corrupt(&self, what: &str) -> StorageError {
        StorageError::Corrupt {
            file: self.describe(),
            offset: 0,
            index: None,
            what: what.to_owned(),
            way_out: StorageError::REPLACE_MEMBER,
        }
    }

    /// The file, for messages.
    pub fn describe(&self) -> String {
        self.files.describe(self.name)
    }

    fn new_name(&self) -> String {
        format!("{}.new", self.name)
    }

    fn failed(&self, operation: &'static str, error: std::io::Error) -> StorageError {
        StorageError::io(operation, self.describe(), error)
    }
}
