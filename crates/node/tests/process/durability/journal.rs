//! What a program wrote and what it synced, file by file; and a power loss made
//! of that.
//!
//! `kill -9` proves nothing about the disk, for the page cache survives it. So
//! `syncs.c` writes down every write and every completed sync, and [`lose_power`]
//! takes away from the files what was written and never synced: what lies beyond
//! the size at the last completed sync is cut off, what lies before it is zeroed.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// A record's numbers, each of eight bytes: kind, inode, birth, offset, length.
const NUMBERS: usize = 5;

const WRITE: u64 = 1;
const SYNC_BEGIN: u64 = 2;
const SYNC_END: u64 = 3;

/// Inode, and nanoseconds from 1970 to the file's creation: inodes are used again.
type FileId = (u64, u64);

/// What a journal says of one file.
#[derive(Debug, Default)]
struct History {
    /// Written, and not followed by a completed sync that began after.
    unsynced: Vec<Range<u64>>,
    /// The size of the file when the last completed sync of it began.
    durable_size: u64,
    /// Syncs that began: their number, the size, and how many of the unsynced
    /// ranges were there.
    begun: BTreeMap<u64, (u64, usize)>,
}

/// What a power loss took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// Files of which something was lost.
    pub files: usize,
    /// Bytes that were cut off or zeroed.
    pub bytes: u64,
    /// Completed syncs of files that are still there.
    pub syncs: u64,
}

/// Takes away from all files below `data` what the journals in the other folder
/// do not show as synced, and begins the journals anew. The program must not run.
pub fn lose_power(data: &Path, journals: &Path) -> io::Result<Loss> {
    let mut histories = BTreeMap::new();
    let mut syncs = BTreeMap::new();
    for journal in fs::read_dir(journals)? {
        let path = journal?.path();
        read(&fs::read(&path)?, &mut histories, &mut syncs);
        fs::remove_file(path)?;
    }
    let mut loss = Loss::default();
    visit(data, &mut |path| {
        let facts = fs::metadata(path)?;
        let born = facts.created()?.duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
        let born = u64::try_from(born.as_nanos()).map_err(io::Error::other)?;
        let id = (facts.ino(), born);
        loss.syncs += syncs.get(&id).copied().unwrap_or_default();
        if let Some(history) = histories.get(&id) {
            let bytes = take_unsynced(path, facts.len(), history)?;
            loss.bytes += bytes;
            loss.files += usize::from(bytes > 0);
        }
        Ok(())
    })?;
    Ok(loss)
}

/// Adds a journal, and counts each file's completed syncs. A last record that is
/// not whole is one that the program was killed in.
fn read(
    journal: &[u8],
    histories: &mut BTreeMap<FileId, History>,
    syncs: &mut BTreeMap<FileId, u64>,
) {
    for record in journal.chunks_exact(NUMBERS * 8) {
        let number = |at: usize| {
            let bytes = record[at * 8..at * 8 + 8].try_into().expect("eight bytes");
            u64::from_ne_bytes(bytes)
        };
        let id = (number(1), number(2));
        let (offset, length) = (number(3), number(4));
        let history: &mut History = histories.entry(id).or_default();
        match number(0) {
            WRITE => history.unsynced.push(offset..offset + length),
            SYNC_BEGIN => {
                history.begun.insert(length, (offset, history.unsynced.len()));
            }
            SYNC_END => {
                history.sync(length);
                *syncs.entry(id).or_default() += 1;
            }
            kind => panic!("a record of kind {kind}: syncs.c and this file disagree"),
        }
    }
}

impl History {
    /// The sync of this number is complete: what was written before it began is
    /// durable. Other syncs that run count their ranges from the new beginning.
    fn sync(&mut self, number: u64) {
        let (size, covered) = self.begun.remove(&number).expect("a sync begins before it ends");
        self.durable_size = self.durable_size.max(size);
        self.unsynced.drain(..covered);
        for (_, waiting) in self.begun.values_mut() {
            *waiting = waiting.saturating_sub(covered);
        }
    }
}

/// Returns how many bytes were taken.
fn take_unsynced(path: &Path, size: u64, history: &History) -> io::Result<u64> {
    if history.unsynced.is_empty() {
        return Ok(0);
    }
    let file = OpenOptions::new().write(true).open(path)?;
    let kept = size.min(history.durable_size);
    file.set_len(kept)?;
    let mut taken = size - kept;
    for range in &history.unsynced {
        let end = range.end.min(kept);
        let length = usize::try_from(end.saturating_sub(range.start)).map_err(io::Error::other)?;
        file.write_all_at(&vec![0; length], range.start)?;
        taken += length as u64;
    }
    Ok(taken)
}

fn visit(folder: &Path, see: &mut impl FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            visit(&entry.path(), see)?;
        } else if kind.is_file() {
            see(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u64, offset: u64, length: u64) -> Vec<u8> {
        [kind, 7, 8, offset, length].iter().flat_map(|number| number.to_ne_bytes()).collect()
    }

    fn history(records: &[Vec<u8>]) -> History {
        let (mut histories, mut syncs) = (BTreeMap::new(), BTreeMap::new());
        read(&records.concat(), &mut histories, &mut syncs);
        histories.remove(&(7, 8)).expect("the records' file")
    }

    #[test]
    fn only_what_was_written_before_a_sync_began_is_durable() {
        let history = history(&[
            record(WRITE, 0, 10),
            record(SYNC_BEGIN, 10, 1),
            record(WRITE, 10, 5),
            record(SYNC_BEGIN, 15, 2),
            record(WRITE, 15, 1),
            record(SYNC_END, 10, 1),
            record(SYNC_END, 15, 2),
            record(WRITE, 3, 2),
            record(SYNC_BEGIN, 16, 3),
            record(WRITE, 0, 0)[..7].to_vec(),
        ]);
        assert_eq!(history.unsynced, [15..16, 3..5]);
        assert_eq!(history.durable_size, 15);
    }

    #[test]
    fn the_unsynced_end_is_cut_and_the_unsynced_middle_zeroed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, b"abcdefgh").expect("a file");
        let history =
            History { unsynced: vec![2..4, 5..8], durable_size: 6, begun: BTreeMap::new() };
        assert_eq!(take_unsynced(&path, 8, &history).expect("taken"), 5);
        assert_eq!(fs::read(&path).expect("a file"), b"ab\0\0e\0");
    }
}
