//! How RocksDB is set up.

use rocksdb::{BlockBasedOptions, Cache, DBCompressionType, LogLevel, Options};

use crate::error::StorageError;

/// How much memory, how many files and how many threads a [`RocksState`] takes.
///
/// [`RocksState`]: super::RocksState
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RocksOptions {
    /// What reads keep in memory, in bytes, for all spaces together.
    pub block_cache_bytes: usize,
    /// How many bytes of changes one space collects in memory; then all spaces
    /// are written out together. Up to four times as much is held while the disk
    /// does not follow.
    pub write_buffer_bytes: usize,
    /// Threads that write out and merge files, at least 2.
    pub background_jobs: u32,
    /// How many files are held open.
    pub max_open_files: u32,
    /// The spaces whose single keys are often asked for, there or not: a Bloom
    /// filter spares most reads of files that do not hold the key. Names that are
    /// none of the store's are ignored.
    pub filtered_spaces: Vec<String>,
}

impl Default for RocksOptions {
    fn default() -> RocksOptions {
        RocksOptions {
            block_cache_bytes: 256 * 1024 * 1024,
            write_buffer_bytes: 64 * 1024 * 1024,
            background_jobs: 2,
            max_open_files: 512,
            filtered_spaces: Vec::new(),
        }
    }
}

/// Bits of a Bloom filter for each key: one read in a hundred is for nothing.
const FILTER_BITS: f64 = 10.0;

/// How many buffers of a space may wait to be written out, the one that is being
/// filled included. A checkpoint adds one; commits must not wait for it.
const WRITE_BUFFERS: i32 = 4;

/// Files are synced piece by piece while they are written, so that no large sync
/// stands in the way of the log's small ones. In bytes.
const BYTES_PER_SYNC: u64 = 1024 * 1024;

/// How long the list of files may grow before it is written anew, in bytes: each
/// checkpoint copies it.
const MANIFEST_BYTES: usize = 16 * 1024 * 1024;

/// RocksDB's own journal: at most so many files of so many bytes.
const JOURNAL_FILES: usize = 2;
const JOURNAL_BYTES: usize = 1024 * 1024;

/// The options of a store, with what all its databases share.
#[derive(Clone)]
pub(super) struct Setup {
    options: RocksOptions,
    cache: Cache,
}

impl Setup {
    pub(super) fn new(options: RocksOptions) -> Setup {
        let cache = Cache::new_lru_cache(options.block_cache_bytes);
        Setup { options, cache }
    }

    /// How many bytes may be committed to a space for sure before RocksDB writes
    /// its buffer out by itself: half of it, for what it holds beside the bytes.
    pub(super) fn bytes_before_flush(&self) -> u64 {
        self.options.write_buffer_bytes as u64 / 2
    }

    /// The options of a database.
    pub(super) fn database(&self) -> Result<Options, StorageError> {
        let mut options = base()?;
        options.set_atomic_flush(true);
        options.set_enable_pipelined_write(false);
        options.set_unordered_write(false);
        options.set_max_background_jobs(count(self.options.background_jobs.max(2)));
        options.set_max_open_files(count(self.options.max_open_files));
        options.set_bytes_per_sync(BYTES_PER_SYNC);
        options.set_max_manifest_file_size(MANIFEST_BYTES);
        Ok(options)
    }

    /// The options of a database that is only read. All its files are opened at
    /// once, so that it can be read whatever happens to its folder's name.
    pub(super) fn read_only(&self) -> Result<Options, StorageError> {
        let mut options = base()?;
        options.set_max_open_files(-1);
        options.set_max_file_opening_threads(2);
        Ok(options)
    }

    /// The options of one space.
    pub(super) fn space(&self, name: &str) -> Options {
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(&self.cache);
        table.set_cache_index_and_filter_blocks(true);
        table.set_pin_l0_filter_and_index_blocks_in_cache(true);
        if self.options.filtered_spaces.iter().any(|filtered| filtered == name) {
            table.set_bloom_filter(FILTER_BITS, false);
            table.set_whole_key_filtering(true);
        }
        let mut options = Options::default();
        options.set_block_based_table_factory(&table);
        options.set_compression_type(DBCompressionType::Lz4);
        options.set_write_buffer_size(self.options.write_buffer_bytes);
        options.set_max_write_buffer_number(WRITE_BUFFERS);
        options
    }
}

/// What all databases have in common.
pub(super) fn base() -> Result<Options, StorageError> {
    // Closing a database must not write: nobody would hear of the error.
    let mut options = Options::default()
        .get_options_from_string("avoid_flush_during_shutdown=true")
        .map_err(|error| {
            StorageError::io("set up", "RocksDB", std::io::Error::other(error.into_string()))
        })?;
    options.set_paranoid_checks(true);
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(JOURNAL_FILES);
    options.set_max_log_file_size(JOURNAL_BYTES);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    Ok(options)
}

fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
