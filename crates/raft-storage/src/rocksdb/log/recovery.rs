//! Opens the log's database, and checks that it is what its head says.

use std::io::ErrorKind;
use std::path::Path;

use raft_core::{Index, LogSummary};
use rocksdb::{DBRecoveryMode, IteratorMode, Options, ReadOptions};

use super::rows::{self, ENTRIES_END, GROUPS_END, Group, HEAD, Head};
use crate::error::StorageError;
use crate::files::Files;
use crate::rocksdb::database::Rocks;
use crate::rocksdb::error::{corrupt, failed, failed_to_open};
use crate::rocksdb::options;

/// The file that says up to which group all is durable.
pub(super) const DURABLE: &str = "durable";

/// Number u64, CRC-32C u32 of it.
const DURABLE_LENGTH: usize = 12;

/// What the log is.
pub(super) struct Recovered {
    pub(super) head: Head,
    pub(super) log: LogSummary,
}

/// Opens the database. A new one is made only if `create` says so.
pub(super) fn open(
    folder: &Path,
    write_buffer_bytes: usize,
    create: bool,
) -> Result<Rocks, StorageError> {
    let mut options = options::base()?;
    configure(&mut options, write_buffer_bytes);
    options.create_if_missing(create);
    options.set_error_if_exists(create);
    Rocks::open(&options, folder).map_err(|error| {
        if create { failed("create", folder, &error) } else { failed_to_open(folder, &error) }
    })
}

/// Reads all rows. `files` is the folder around the database.
pub(super) fn recover(
    rocks: &Rocks,
    folder: &Path,
    files: &dyn Files,
) -> Result<Recovered, StorageError> {
    let head = rocks.get(HEAD).map_err(|error| failed("read", folder, &error))?;
    let head = head.ok_or_else(|| corrupt(folder, "it has no head"))?;
    let mut head = Head::decode(&head).map_err(|what| corrupt(folder, what))?;
    let oldest = check_groups(rocks, folder, &mut head)?;
    let log = check_entries(rocks, folder, &head, oldest)?;
    let durable = read_durable(files)?;
    if durable.is_some_and(|durable| durable > head.group.number) {
        return Err(corrupt(folder, "its last groups are gone, though they were durable"));
    }
    Ok(Recovered { head, log })
}

/// The head of a database that a creation left unfinished or nobody wrote to;
/// otherwise what it holds must not be thrown away.
pub(super) fn is_blank(rocks: &Rocks, folder: &Path) -> Result<bool, StorageError> {
    let head = rocks.get(HEAD).map_err(|error| failed("read", folder, &error))?;
    let head = head.map(|row| Head::decode(&row)).transpose();
    let head = head.map_err(|what| corrupt(folder, what))?;
    Ok(head.is_none_or(|head| head.group.number == 0))
}

/// What the file `durable` holds for a group.
pub(super) fn durable_row(number: u64) -> [u8; DURABLE_LENGTH] {
    let mut row = [0; DURABLE_LENGTH];
    row[..8].copy_from_slice(&number.to_le_bytes());
    let checksum = crc32c::crc32c(&row[..8]);
    row[8..].copy_from_slice(&checksum.to_le_bytes());
    row
}

fn configure(options: &mut Options, write_buffer_bytes: usize) {
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    // A log file that is used again could show records of its earlier life.
    options.set_recycle_log_file_num(0);
    options.set_write_buffer_size(write_buffer_bytes);
    options.set_max_background_jobs(2);
    options.set_max_open_files(128);
}

/// Follows the chain of groups to the head. Returns the number of the oldest.
fn check_groups(rocks: &Rocks, folder: &Path, head: &mut Head) -> Result<u64, StorageError> {
    let mut before: Option<Group> = None;
    let mut oldest = None;
    let mut bounds = ReadOptions::default();
    bounds.set_iterate_lower_bound(rows::group_key(0));
    bounds.set_iterate_upper_bound(GROUPS_END);
    for row in rocks.iterator_opt(IteratorMode::Start, bounds) {
        let (key, row) = row.map_err(|error| failed("read", folder, &error))?;
        let group = Group::decode(&key, &row).map_err(|what| corrupt(folder, what))?;
        let linked = before.is_none_or(|before| {
            group.number == before.number + 1 && group.previous == before.checksum
        });
        if !linked {
            let what = format!("its group {} does not follow the one before", group.number);
            return Err(corrupt(folder, &what));
        }
        oldest.get_or_insert(group.number);
        before = Some(group);
    }
    let last = before
        .filter(|last| (last.number, last.checksum) == (head.group.number, head.group.checksum));
    let last = last.ok_or_else(|| corrupt(folder, "its last group is not the head's"))?;
    head.group = last;
    Ok(oldest.unwrap_or(last.number))
}

/// Reads all entries from the base to the end.
fn check_entries(
    rocks: &Rocks,
    folder: &Path,
    head: &Head,
    oldest: u64,
) -> Result<LogSummary, StorageError> {
    let mut log = LogSummary::new(head.base.clone());
    let mut group = oldest;
    let mut of_the_last = Vec::new();
    let mut bounds = ReadOptions::default();
    bounds.set_iterate_lower_bound(rows::entry_key(Index(0)));
    bounds.set_iterate_upper_bound(ENTRIES_END);
    for row in rocks.iterator_opt(IteratorMode::Start, bounds) {
        let (key, row) = row.map_err(|error| failed("read", folder, &error))?;
        let row = rows::decode_entry(&key, &row).map_err(|what| corrupt(folder, what))?;
        let index = row.entry.index;
        if index != log.last().index.next() {
            return Err(corrupt(folder, &format!("it has no entry before {index}")));
        }
        if row.group < group || row.group > head.group.number {
            let what = format!("entry {index} is of group {}, out of turn", row.group);
            return Err(corrupt(folder, &what));
        }
        group = row.group;
        if group == head.group.number {
            of_the_last.push((index, row.checksum));
        }
        log.append(&row.entry).map_err(|broken| StorageError::BrokenLog {
            file: folder.display().to_string(),
            broken,
        })?;
    }
    if log.last() != head.end {
        let what = format!("it ends with {}, and not with {}", log.last(), head.end);
        return Err(corrupt(folder, &what));
    }
    if head.sum(of_the_last.into_iter()) != head.group.checksum {
        return Err(corrupt(folder, "its last group does not match its checksum"));
    }
    Ok(log)
}

/// The last group that is known to be durable. A file that is torn says nothing:
/// it is written without a sync.
fn read_durable(files: &dyn Files) -> Result<Option<u64>, StorageError> {
    let failed = |error| StorageError::io("read", files.describe(DURABLE), error);
    let file = match files.open(DURABLE) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if file.length().map_err(failed)? < DURABLE_LENGTH as u64 {
        return Ok(None);
    }
    let mut row = [0; DURABLE_LENGTH];
    file.read_at(0, &mut row).map_err(failed)?;
    let number =
        u64::from_le_bytes([row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7]]);
    Ok((durable_row(number) == row).then_some(number))
}
