//! The log store on RocksDB: what happens on a write.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use raft_core::{Ballot, Entry, Index, LogSummary, NodeId, Position, SnapshotMeta};
use rocksdb::{WriteBatch, WriteOptions};

use super::reader::{Extent, RocksLogReader, Shared};
use super::recovery::{self, DURABLE, Recovered};
use super::rows::{self, Group, HEAD, Head};
use crate::error::StorageError;
use crate::files::{File, Files, Lock, OsFiles};
use crate::folder::{FolderId, lock};
use crate::log_store::{LogReader, LogStore, LogWrite, RecoveredLog};
use crate::random::Random;
use crate::rocksdb::database::Rocks;
use crate::rocksdb::error::{corrupt, failed, misuse};
use crate::rocksdb::folder;

/// The folder of the database.
const DATABASE: &str = "db";

/// The longest payload of an entry, in bytes: RocksDB takes no value much longer.
const ENTRY_BYTES: usize = 1024 * 1024 * 1024;

/// What a log on RocksDB is opened with.
#[derive(Clone, Debug)]
pub struct RocksLogConfig {
    /// Whose log it is.
    pub node: NodeId,
    /// In which cluster.
    pub cluster: u64,
    /// Random and fresh at each start: a new folder's id comes from it.
    pub seed: u64,
    /// How many bytes are collected in memory before a file is made of them.
    pub write_buffer_bytes: usize,
    /// What a new log starts after. An existing log has its own start.
    pub bootstrap: SnapshotMeta,
}

impl RocksLogConfig {
    /// The default of [`RocksLogConfig::write_buffer_bytes`].
    pub const WRITE_BUFFER_BYTES: usize = 64 * 1024 * 1024;

    /// A configuration with the default buffer.
    pub fn new(node: NodeId, cluster: u64, seed: u64, bootstrap: SnapshotMeta) -> RocksLogConfig {
        let write_buffer_bytes = RocksLogConfig::WRITE_BUFFER_BYTES;
        RocksLogConfig { node, cluster, seed, write_buffer_bytes, bootstrap }
    }
}

/// A [`LogStore`] on RocksDB; see the [module](super) for what it cannot tell.
///
/// Readers keep the database open: drop them before the same folder is opened
/// again in this process.
pub struct RocksLog {
    shared: Arc<Shared>,
    recovered: RecoveredLog,
    log: LogSummary,
    head: Head,
    durable: Arc<dyn File>,
    /// The group that the file `durable` names.
    noted: u64,
    failed: bool,
    storage: u64,
    _lock: Box<dyn Lock>,
}

impl RocksLog {
    /// Opens the log in a folder, or makes it there.
    ///
    /// # Errors
    ///
    /// [`StorageError::Refused`] if the folder is in use, another node's or
    /// cluster's, or of a newer format; [`StorageError::Corrupt`] or
    /// [`StorageError::BrokenLog`] if something is missing or damaged; otherwise
    /// if the disk refuses.
    pub fn open(folder: &Path, config: RocksLogConfig) -> Result<RocksLog, StorageError> {
        let files =
            OsFiles::new(folder).map_err(|error| folder::failed("create", folder, error))?;
        let lock = lock(&files)?;
        let storage = match FolderId::read(&files)? {
            Some(id) => {
                id.check(&files, config.node, config.cluster)?;
                id.storage
            }
            None => create(&files, folder, &config)?,
        };
        let path = folder.join(DATABASE);
        let rocks = recovery::open(&path, config.write_buffer_bytes, false)?;
        let Recovered { head, log } = recovery::recover(&rocks, &path, &files)?;
        let durable = files.open(DURABLE).or_else(|_| files.create(DURABLE));
        let durable =
            durable.map_err(|error| StorageError::io("open", files.describe(DURABLE), error))?;
        let recovered = RecoveredLog {
            ballot: head.ballot,
            log: log.clone(),
            committed: log.base().index,
            cut_off_bytes: 0,
        };
        let shared = Arc::new(Shared::new(rocks, path, extent_of(&log)));
        Ok(RocksLog {
            shared,
            recovered,
            log,
            head,
            durable,
            noted: 0,
            failed: false,
            storage,
            _lock: lock,
        })
    }

    /// The folder's random id, drawn when it was created.
    pub fn storage_id(&self) -> u64 {
        self.storage
    }

    /// Runs a step that changes the disk; after an error there is no other.
    fn guarded(
        &mut self,
        step: impl FnOnce(&mut RocksLog) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        if self.failed {
            return Err(StorageError::refused_after_error(self.folder().display().to_string()));
        }
        let done = step(self);
        self.failed = done.is_err();
        done
    }

    fn write_group(&mut self, writes: &[LogWrite]) -> Result<(), StorageError> {
        let number = self.head.group.number + 1;
        let mut group = Building { number, batch: WriteBatch::default(), written: BTreeMap::new() };
        for write in writes {
            self.perform(write, &mut group)?;
        }
        let Building { mut batch, written, .. } = group;
        let previous = self.head.group.checksum;
        self.head.group = Group { number, previous, checksum: 0 };
        self.head.end = self.log.last();
        self.head.group.checksum = self.head.sum(written.into_iter());
        batch.put(rows::group_key(number), self.head.group.encode());
        batch.put(HEAD, self.head.encode());
        self.shared.shrink(extent_of(&self.log));
        write_synced(&self.shared.rocks, self.folder(), batch)?;
        self.shared.publish(extent_of(&self.log));
        Ok(())
    }

    /// Takes a write into what is known of the log and into the batch, or says
    /// why it makes no sense.
    fn perform(&mut self, write: &LogWrite, group: &mut Building) -> Result<(), StorageError> {
        match write {
            LogWrite::Ballot(ballot) => self.head.ballot = *ballot,
            LogWrite::Append(entries) => self.append(entries, group)?,
            LogWrite::Purge(meta) => {
                if !self.log.holds(meta.position) {
                    return Err(self.misuse(format!("the log does not hold {}", meta.position)));
                }
                self.log.purge(meta.position.index);
                self.head.base = meta.clone();
                let first = meta.position.index.next();
                group.remove_entries(Index(0), first);
                let oldest = self.group_of(first, group)?;
                group.batch.delete_range(rows::group_key(0), rows::group_key(oldest));
            }
            LogWrite::Reset(meta) => {
                self.log = LogSummary::new(meta.clone());
                self.head.base = meta.clone();
                group.remove_entries(Index(0), Index(u64::MAX));
                group.batch.delete_range(rows::group_key(0), rows::group_key(group.number));
            }
        }
        Ok(())
    }

    fn append(&mut self, entries: &[Entry], group: &mut Building) -> Result<(), StorageError> {
        let first = entries.first().map(|entry| entry.index);
        let first = first.ok_or_else(|| self.misuse("an append without entries".to_owned()))?;
        let last = self.log.last().index;
        if first <= last {
            group.remove_entries(first, last.next());
        }
        for entry in entries {
            if entry.payload.len() > ENTRY_BYTES {
                return Err(self.misuse(format!(
                    "entry {} holds {} bytes; {ENTRY_BYTES} are the most",
                    entry.index,
                    entry.payload.len()
                )));
            }
            self.log.append(entry).map_err(|broken| StorageError::BrokenLog {
                file: self.folder().display().to_string(),
                broken,
            })?;
            group.put_entry(entry);
        }
        Ok(())
    }

    /// The group that wrote an entry; the one in the making if there is no entry.
    fn group_of(&self, index: Index, group: &Building) -> Result<u64, StorageError> {
        if index > self.log.last().index || group.written.contains_key(&index) {
            return Ok(group.number);
        }
        let key = rows::entry_key(index);
        let row = self.shared.rocks.get_pinned(key);
        let row = row.map_err(|error| failed("read", self.folder(), &error))?;
        let row =
            row.ok_or_else(|| corrupt(self.folder(), &format!("its entry {index} is gone")))?;
        let row = rows::decode_entry(&key, &row).map_err(|what| corrupt(self.folder(), what))?;
        Ok(row.group)
    }

    fn folder(&self) -> &Path {
        &self.shared.folder
    }

    fn misuse(&self, what: String) -> StorageError {
        misuse("write", self.folder(), what)
    }
}

impl LogStore for RocksLog {
    fn recovered(&self) -> &RecoveredLog {
        &self.recovered
    }

    fn write(&mut self, group: &[LogWrite]) -> Result<(), StorageError> {
        self.guarded(|store| store.write_group(group))
    }

    fn idle(&mut self) -> Result<(), StorageError> {
        self.guarded(|store| {
            let number = store.head.group.number;
            if store.noted == number {
                return Ok(());
            }
            let path = || store.folder().with_file_name(DURABLE).display().to_string();
            store
                .durable
                .write_at(0, &recovery::durable_row(number))
                .map_err(|error| StorageError::io("write", path(), error))?;
            store.noted = number;
            Ok(())
        })
    }

    fn reader(&self) -> Arc<dyn LogReader> {
        Arc::new(RocksLogReader { shared: self.shared.clone() })
    }

    fn size_bytes(&self) -> u64 {
        let property = |name: &str| self.shared.rocks.property_int_value(name).ok().flatten();
        let files = property("rocksdb.live-sst-files-size").unwrap_or(0);
        files + property("rocksdb.cur-size-all-mem-tables").unwrap_or(0)
    }
}

/// A group in the making.
struct Building {
    number: u64,
    batch: WriteBatch,
    /// The entries that it writes and has not removed again.
    written: BTreeMap<Index, u32>,
}

impl Building {
    fn put_entry(&mut self, entry: &Entry) {
        let (row, checksum) = rows::encode_entry(self.number, entry);
        self.batch.put(rows::entry_key(entry.index), row);
        self.written.insert(entry.index, checksum);
    }

    /// Removes the entries from `first` up to, not including, `end`.
    fn remove_entries(&mut self, first: Index, end: Index) {
        self.batch.delete_range(rows::entry_key(first), rows::entry_key(end));
        self.written.retain(|index, _| *index < first || *index >= end);
    }
}

/// Makes a log of a folder without an identity, and returns its storage id. The
/// identity comes last: what a crash leaves before that is thrown away by the
/// next attempt.
fn create(files: &OsFiles, root: &Path, config: &RocksLogConfig) -> Result<u64, StorageError> {
    let path = root.join(DATABASE);
    remove_blank(&path, config)?;
    let rocks = recovery::open(&path, config.write_buffer_bytes, true)?;
    let mut head = Head {
        group: Group { number: 0, previous: 0, checksum: 0 },
        ballot: Ballot::default(),
        end: config.bootstrap.position,
        base: config.bootstrap.clone(),
    };
    head.group.checksum = head.sum(std::iter::empty());
    let mut batch = WriteBatch::default();
    batch.put(rows::group_key(0), head.group.encode());
    batch.put(HEAD, head.encode());
    write_synced(&rocks, &path, batch)?;
    folder::sync(root)?;
    let storage = Random::new(config.seed).next();
    FolderId { storage, node: config.node, cluster: config.cluster }.write(files)?;
    Ok(storage)
}

/// Removes a database that nothing was written to.
fn remove_blank(path: &PathBuf, config: &RocksLogConfig) -> Result<(), StorageError> {
    let failed = |error| folder::failed("remove", path, error);
    if !path.try_exists().map_err(failed)? {
        return Ok(());
    }
    // Without this file the database was never finished.
    if path.join("CURRENT").try_exists().map_err(failed)? {
        let rocks = recovery::open(path, config.write_buffer_bytes, false)?;
        if !recovery::is_blank(&rocks, path)? {
            return Err(corrupt(path, "it holds a log, but the folder's identity is gone"));
        }
    }
    fs::remove_dir_all(path).map_err(failed)
}

fn write_synced(rocks: &Rocks, folder: &Path, batch: WriteBatch) -> Result<(), StorageError> {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    rocks.write_opt(batch, &options).map_err(|error| failed("write", folder, &error))
}

fn extent_of(log: &LogSummary) -> Extent {
    let Position { index: last, .. } = log.last();
    Extent { first: log.first_index(), last }
}
