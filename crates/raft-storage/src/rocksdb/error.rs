//! RocksDB's errors as ours.

use std::io;
use std::path::Path;

use rocksdb::ErrorKind;

use crate::error::StorageError;

/// Sorts an error of a database in use.
pub(super) fn failed(
    operation: &'static str,
    folder: &Path,
    error: &rocksdb::Error,
) -> StorageError {
    match error.kind() {
        ErrorKind::Corruption => corrupt(folder, error.as_ref()),
        _ => StorageError::io(operation, folder.display().to_string(), other(error)),
    }
}

/// Sorts an error of opening a database that should be there: what is missing
/// then is damage too.
pub(super) fn failed_to_open(folder: &Path, error: &rocksdb::Error) -> StorageError {
    if error.kind() == ErrorKind::IOError && error.as_ref().contains("/LOCK: ") {
        return StorageError::Refused {
            folder: folder.display().to_string(),
            why: "it is still open in this process: drop all views of it first".to_owned(),
        };
    }
    let missing = match error.kind() {
        ErrorKind::InvalidArgument => true,
        ErrorKind::IOError => error.as_ref().contains("No such file"),
        _ => false,
    };
    if missing { corrupt(folder, error.as_ref()) } else { failed("open", folder, error) }
}

/// A database that is not as it was written.
pub(super) fn corrupt(folder: &Path, what: &str) -> StorageError {
    StorageError::Corrupt {
        file: folder.display().to_string(),
        offset: offset_in(what).unwrap_or(0),
        index: None,
        what: what.to_owned(),
        way_out: StorageError::REPLACE_MEMBER,
    }
}

/// A call that makes no sense.
pub(super) fn misuse(operation: &'static str, folder: &Path, what: String) -> StorageError {
    let source = io::Error::new(io::ErrorKind::InvalidInput, what);
    StorageError::io(operation, folder.display().to_string(), source)
}

fn other(error: &rocksdb::Error) -> io::Error {
    io::Error::other(error.as_ref().to_owned())
}

/// Where in a file the damage is, if the message says so.
fn offset_in(message: &str) -> Option<u64> {
    let (_, rest) = message.split_once(" offset ")?;
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_the_damage_is_taken_from_the_message() {
        let message =
            "block checksum mismatch: stored = 1, computed = 2, in /s/000008.sst offset 77 size 63";
        let error = corrupt(Path::new("/s"), message);
        assert!(matches!(error, StorageError::Corrupt { offset: 77, .. }), "{error}");
        assert_eq!(offset_in("bad table magic number"), None);
    }
}
