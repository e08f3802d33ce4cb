//! One database: the state between two installations, or a checkpoint of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rocksdb::{
    ColumnFamily, ColumnFamilyDescriptor, DBWithThreadMode, FlushOptions, Options, ReadOptions,
    ReadTier, SingleThreaded, WriteBatch, WriteOptions,
};

use super::error::{self, failed, failed_to_open};
use super::folder::Folder;
use super::options::Setup;
use crate::error::StorageError;
use crate::state_store::{Mutation, Space};

/// RocksDB, with the column families fixed when it is opened.
pub(super) type Rocks = DBWithThreadMode<SingleThreaded>;

/// The column family that every database has, wanted or not.
const DEFAULT_FAMILY: &str = "default";

/// An open database.
pub(super) struct Database {
    rocks: Rocks,
    pub(super) names: Arc<Vec<String>>,
    /// After the database itself, so that it is closed before.
    folder: Folder,
}

impl Database {
    /// Makes a new database in a folder that is not there yet.
    pub(super) fn create(
        folder: PathBuf,
        names: &Arc<Vec<String>>,
        setup: &Setup,
    ) -> Result<Database, StorageError> {
        let mut options = setup.database()?;
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_error_if_exists(true);
        let rocks = Rocks::open_cf_descriptors(&options, &folder, descriptors(names, setup))
            .map_err(|error| failed("create", &folder, &error))?;
        Ok(Database { rocks, names: names.clone(), folder: Folder::new(folder) })
    }

    /// Opens a database that is there.
    pub(super) fn open(
        folder: PathBuf,
        names: &Arc<Vec<String>>,
        setup: &Setup,
    ) -> Result<Database, StorageError> {
        check_families(&folder, names)?;
        let rocks =
            Rocks::open_cf_descriptors(&setup.database()?, &folder, descriptors(names, setup))
                .map_err(|error| failed_to_open(&folder, &error))?;
        Ok(Database { rocks, names: names.clone(), folder: Folder::new(folder) })
    }

    /// Opens a database to read it as it is now, whatever becomes of its folder.
    pub(super) fn open_read_only(
        folder: PathBuf,
        names: &Arc<Vec<String>>,
        setup: &Setup,
    ) -> Result<Database, StorageError> {
        let descriptors = descriptors(names, setup);
        let rocks =
            Rocks::open_cf_descriptors_read_only(&setup.read_only()?, &folder, descriptors, false)
                .map_err(|error| failed_to_open(&folder, &error))?;
        Ok(Database { rocks, names: names.clone(), folder: Folder::new(folder) })
    }

    /// From now on the folder goes with the database.
    pub(super) fn doom(&self) {
        self.folder.doom();
    }

    pub(super) fn rocks(&self) -> &Rocks {
        &self.rocks
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The column family of a space.
    pub(super) fn family(&self, space: Space) -> Result<&ColumnFamily, StorageError> {
        let family =
            self.names.get(usize::from(space.0)).and_then(|name| self.rocks.cf_handle(name));
        family.ok_or_else(|| {
            let count = self.names.len();
            let what = format!("{space:?} is beyond the {count} that were opened");
            error::misuse("look into", self.folder(), what)
        })
    }

    /// Performs all mutations as one, in memory.
    pub(super) fn commit(&self, batch: &[Mutation]) -> Result<(), StorageError> {
        let families: Vec<_> =
            (0..self.names.len()).map(|at| self.family(Space(at as u8))).collect();
        let mut writes = WriteBatch::default();
        for mutation in batch {
            let (Mutation::Put(space, ..) | Mutation::Delete(space, _)) = mutation;
            let Some(Ok(family)) = families.get(usize::from(space.0)) else {
                self.family(*space)?;
                continue;
            };
            match mutation {
                Mutation::Put(_, key, value) => writes.put_cf(*family, key, value),
                Mutation::Delete(_, key) => writes.delete_cf(*family, key),
            }
        }
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        self.rocks
            .write_opt(writes, &options)
            .map_err(|error| failed("commit to", self.folder(), &error))
    }

    /// Writes out what is in memory, of all spaces at one point. With `wait` it
    /// is durable on return; without, the writing has begun.
    pub(super) fn flush(&self, wait: bool) -> Result<(), StorageError> {
        let mut options = FlushOptions::default();
        options.set_wait(wait);
        let families: Vec<_> = self.families().collect();
        self.rocks
            .flush_cfs_opt(&families, &options)
            .map_err(|error| failed("flush", self.folder(), &error))
    }

    /// A key's value as a crash now would leave it.
    pub(super) fn durable_get(
        &self,
        space: Space,
        key: &[u8],
    ) -> Result<Option<Bytes>, StorageError> {
        let mut options = ReadOptions::default();
        options.set_read_tier(ReadTier::Persisted);
        let found = self.rocks.get_pinned_cf_opt(self.family(space)?, key, &options);
        let found = found.map_err(|error| failed("read", self.folder(), &error))?;
        Ok(found.map(|value| Bytes::copy_from_slice(&value)))
    }

    /// How many buffers wait to be written out.
    pub(super) fn waiting_buffers(&self) -> Result<u64, StorageError> {
        self.sum("rocksdb.num-immutable-mem-table")
    }

    /// How often writing out or merging has failed.
    pub(super) fn background_errors(&self) -> Result<u64, StorageError> {
        self.sum("rocksdb.background-errors")
    }

    /// What the files and the buffers take, in bytes.
    pub(super) fn size_bytes(&self) -> Result<u64, StorageError> {
        Ok(self.sum("rocksdb.live-sst-files-size")? + self.buffered_bytes()?)
    }

    /// What the buffers take, in bytes.
    pub(super) fn buffered_bytes(&self) -> Result<u64, StorageError> {
        self.sum("rocksdb.cur-size-all-mem-tables")
    }

    /// The sum of a property over all column families.
    fn sum(&self, property: &str) -> Result<u64, StorageError> {
        let mut sum = 0;
        for family in self.families() {
            let value = self.rocks.property_int_value_cf(family, property);
            let value = value.map_err(|error| failed("look into", self.folder(), &error))?;
            sum += value.ok_or_else(|| {
                error::misuse("look into", self.folder(), format!("it has no property {property}"))
            })?;
        }
        Ok(sum)
    }

    /// All column families, the one that nobody asked for included.
    fn families(&self) -> impl Iterator<Item = &ColumnFamily> {
        let names = self.names.iter().map(String::as_str);
        let others =
            (!self.names.iter().any(|name| name == DEFAULT_FAMILY)).then_some(DEFAULT_FAMILY);
        names.chain(others).filter_map(|name| self.rocks.cf_handle(name))
    }
}

fn descriptors(names: &[String], setup: &Setup) -> Vec<ColumnFamilyDescriptor> {
    names.iter().map(|name| ColumnFamilyDescriptor::new(name, setup.space(name))).collect()
}

/// Refuses a database that was written with other spaces.
fn check_families(folder: &Path, names: &[String]) -> Result<(), StorageError> {
    let mut found = Rocks::list_cf(&Options::default(), folder)
        .map_err(|error| failed_to_open(folder, &error))?;
    found.retain(|name| name != DEFAULT_FAMILY);
    let mut wanted: Vec<_> = names.iter().filter(|name| *name != DEFAULT_FAMILY).collect();
    found.sort();
    wanted.sort();
    if found.iter().eq(wanted.iter().copied()) {
        return Ok(());
    }
    Err(StorageError::Refused {
        folder: folder.display().to_string(),
        why: format!(
            "it was written with the spaces {found:?}, not {wanted:?}; \
             run the version that wrote it"
        ),
    })
}
