//! Merges a database's files by hand, so that the space of what was overwritten and
//! deleted is given back.
//!
//! RocksDB merges by itself too, but only as others write. Here all keys are gone
//! through in pieces of about one file each, and between two pieces one may stop. How
//! much RocksDB takes up with a piece is its own choice: whole files of the levels
//! above, and all below that these meet. What is asked for is the most that it takes.

use rocksdb::{BottommostLevelCompaction, CompactOptions, LiveFile};

use super::database::Database;
use super::error::{failed, misuse};
use crate::error::StorageError;

/// Keys of one space that are merged in one go, both ends included; `None` is the first
/// key, or the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Piece {
    from: Option<Vec<u8>>,
    to: Option<Vec<u8>>,
}

/// The most bytes that RocksDB merges in one go, by its defaults: 25 files of 64 MiB.
const LARGEST_MERGE: u64 = 25 * (64 << 20);

/// Merges all files of all spaces while there is room; tells whether it came to the end.
pub(super) fn merge(
    database: &Database,
    has_room: &mut dyn FnMut(u64) -> bool,
) -> Result<bool, StorageError> {
    if !has_room(database.buffered_bytes()?) {
        return Ok(false);
    }
    // What was deleted lately is in no file yet.
    database.flush(true)?;
    let errors_before = database.background_errors()?;
    let mut options = CompactOptions::default();
    options.set_exclusive_manual_compaction(false);
    // What a view kept from being dropped is in files of the last level.
    options.set_bottommost_level_compaction(BottommostLevelCompaction::ForceOptimized);
    for name in database.names.iter() {
        let Some(family) = database.rocks().cf_handle(name) else { continue };
        for Piece { from, to } in pieces(&files_of(database, name)?) {
            let files: u64 = files_of(database, name)?.iter().map(|file| file.size as u64).sum();
            // What was committed meanwhile may be written out with it.
            if !has_room(files.min(LARGEST_MERGE) + database.buffered_bytes()?) {
                return Ok(false);
            }
            database.rocks().compact_range_cf_opt(family, from, to, &options);
            // It tells nobody else that it failed.
            if database.background_errors()? > errors_before {
                let what = "its files could not be merged; RocksDB's journal, the file LOG \
                            beside, says why"
                    .to_owned();
                return Err(misuse("merge", database.folder(), what));
            }
        }
    }
    Ok(true)
}

fn files_of(database: &Database, space: &str) -> Result<Vec<LiveFile>, StorageError> {
    let failed = |error| failed("list the files of", database.folder(), &error);
    let mut files = database.rocks().live_files().map_err(failed)?;
    files.retain(|file| file.column_family_name == space);
    Ok(files)
}

/// All keys, cut where the files of the last level end.
fn pieces(files: &[LiveFile]) -> Vec<Piece> {
    let last = files.iter().map(|file| file.level).max().unwrap_or(0);
    let of_last = files.iter().filter(|file| file.level == last && last > 0);
    let mut ends: Vec<Vec<u8>> = of_last.filter_map(|file| file.end_key.clone()).collect();
    ends.sort_unstable();
    ends.pop();
    let mut pieces = vec![Piece::default()];
    for end in ends {
        // The first key behind it.
        let behind = [&end[..], &[0]].concat();
        pieces.last_mut().expect("there is one").to = Some(end);
        pieces.push(Piece { from: Some(behind), to: None });
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(level: i32, start: &str, end: &str, size: usize) -> LiveFile {
        LiveFile {
            column_family_name: "a".to_owned(),
            name: "1.sst".to_owned(),
            size,
            level,
            start_key: Some(start.into()),
            end_key: Some(end.into()),
            num_entries: 1,
            num_deletions: 0,
        }
    }

    #[test]
    fn pieces_end_where_files_of_the_last_level_end() {
        let files = [file(0, "a", "z", 1), file(6, "n", "y", 20), file(6, "a", "m", 10)];
        let found = pieces(&files);
        let key = |text: &str| Some(text.as_bytes().to_vec());
        let expected = [Piece { from: None, to: key("m") }, Piece { from: key("m\0"), to: None }];
        assert_eq!(found, expected);
        assert_eq!(pieces(&files[..1]), [Piece::default()], "files of the first level overlap");
        assert_eq!(pieces(&[]), [Piece::default()]);
    }
}
