//! Makes a database of a snapshot.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::misuse;
use super::folder::{self, Folder, failed};
use crate::error::StorageError;
use crate::snapshot_store::SnapshotSource;

/// Bytes asked of the source at a time.
const PIECE: usize = 1024 * 1024;

/// The file without which a folder is no database.
const CURRENT: &str = "CURRENT";

/// Puts the files of a snapshot into a new folder; durable on return but for the
/// folder's own name. Every file is read through, so that its checksum is
/// verified. Tables never change and are linked; all else is copied.
pub(super) fn receive(
    snapshot: &mut dyn SnapshotSource,
    target: PathBuf,
) -> Result<Folder, StorageError> {
    fs::create_dir(&target).map_err(|error| failed("create", &target, error))?;
    let target = Folder::temporary(target);
    let mut whole = false;
    let mut copy = None;
    while let Some(chunk) = snapshot.next_chunk(PIECE)? {
        let path = path_of(target.path(), &chunk.file)?;
        let original = snapshot.folder().filter(|_| chunk.file.ends_with(".sst"));
        if let Some(original) = original {
            if chunk.ends_file {
                folder::link(&original.join(&chunk.file), &path)?;
            }
            continue;
        }
        let write = |file: &mut File| {
            file.write_all(&chunk.bytes)?;
            if chunk.ends_file { file.sync_all() } else { Ok(()) }
        };
        let failed = |error| failed("write", &path, error);
        let mut file = match copy.take() {
            Some(file) => file,
            None => new_file(&path).map_err(failed)?,
        };
        write(&mut file).map_err(failed)?;
        copy = Some(file).filter(|_| !chunk.ends_file);
        whole |= chunk.file == CURRENT;
    }
    if !whole {
        let what = "it was made by another kind of store".to_owned();
        return Err(misuse("install a snapshot into", target.path(), what));
    }
    folder::sync(target.path())?;
    Ok(target)
}

fn new_file(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).open(path)
}

/// Where a file of the snapshot goes.
fn path_of(target: &Path, name: &str) -> Result<PathBuf, StorageError> {
    if name.is_empty() || name.contains(['/', '\\', '\0']) || name == "." || name == ".." {
        let what = format!("the snapshot names a file {name:?}");
        return Err(misuse("install a snapshot into", target, what));
    }
    Ok(target.join(name))
}
