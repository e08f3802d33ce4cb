//! The state store on RocksDB.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use raft_core::NodeId;

use super::checkpoint::RocksCheckpoint;
use super::database::Database;
use super::error::corrupt;
use super::folder::{self, failed};
use super::install;
use super::merge::merge;
use super::options::{RocksOptions, Setup};
use super::pin::Pin;
use super::pointer::{POINTER, POINTER_TEMPORARY, Pointer};
use super::view::RocksView;
use crate::error::StorageError;
use crate::files::{Files, Lock, OsFiles};
use crate::folder::{FolderId, lock};
use crate::random::Random;
use crate::snapshot_store::SnapshotSource;
use crate::state_store::{Checkpoint, Mutation, Space, StateStore, StateView};

/// How the folders of databases and of captured checkpoints are named.
const DATABASE: &str = "db-";
const CAPTURED: &str = "pin-";

/// What a change takes in a buffer beside its key and value, in bytes, at most.
const OVERHEAD: u64 = 64;

/// What a state on RocksDB is opened with.
#[derive(Clone, Debug)]
pub struct RocksConfig {
    /// Whose state it is.
    pub node: NodeId,
    /// In which cluster.
    pub cluster: u64,
    /// Random and fresh at each start: a new folder's id comes from it.
    pub seed: u64,
    /// Memory, files and threads.
    pub options: RocksOptions,
}

impl RocksConfig {
    /// A configuration with the default options.
    pub fn new(node: NodeId, cluster: u64, seed: u64) -> RocksConfig {
        RocksConfig { node, cluster, seed, options: RocksOptions::default() }
    }
}

/// A [`StateStore`] on RocksDB; see the [module](super).
///
/// Views keep their database open: drop them before the same folder is opened
/// again in this process.
pub struct RocksState {
    files: OsFiles,
    root: PathBuf,
    storage: u64,
    names: Arc<Vec<String>>,
    setup: Setup,
    current: Mutex<Arc<Database>>,
    writer: Mutex<Writer>,
    /// Held by who merges files by hand.
    merging: Mutex<()>,
    /// The number of the next folder.
    next: AtomicU64,
    _lock: Box<dyn Lock>,
}

/// What changes with a write. One write is under way at a time.
struct Writer {
    failed: bool,
    pointer: Pointer,
    /// The last state that was pinned, if it may still have to be captured.
    pin: Weak<Pin>,
    /// How many bytes were committed since, at most.
    since_pin: u64,
    /// Whether files are being merged by hand, which writes out the buffers whenever it
    /// likes: whatever is pinned is captured at once.
    merges: bool,
}

impl RocksState {
    /// Opens the state in a folder, or makes it there, with one space per name.
    /// What a crash left unfinished there is removed.
    ///
    /// # Errors
    ///
    /// [`StorageError::Refused`] if the folder is in use, another node's or
    /// cluster's, of a newer format, or was written with other spaces;
    /// [`StorageError::Corrupt`] if something is missing or damaged; otherwise if
    /// the disk refuses.
    pub fn open(
        folder: &Path,
        spaces: &[&str],
        config: RocksConfig,
    ) -> Result<RocksState, StorageError> {
        let files = OsFiles::new(folder).map_err(|error| failed("create", folder, error))?;
        let lock = lock(&files)?;
        let names = Arc::new(spaces.iter().map(|name| (*name).to_owned()).collect());
        let setup = Setup::new(config.options.clone());
        let storage = match FolderId::read(&files)? {
            Some(id) => {
                id.check(&files, config.node, config.cluster)?;
                id.storage
            }
            None => create(&files, folder, &names, &setup, &config)?,
        };
        let pointer = Pointer::read(&files)?.ok_or_else(|| {
            corrupt(&folder.join(POINTER), "it is gone, though the folder is whole")
        })?;
        remove_all_but(folder, pointer.database)?;
        let database = Database::open(folder_of(folder, pointer.database), &names, &setup)?;
        let pin = Weak::new();
        Ok(RocksState {
            files,
            root: folder.to_owned(),
            storage,
            names,
            setup,
            current: Mutex::new(Arc::new(database)),
            writer: Mutex::new(Writer { failed: false, pointer, pin, since_pin: 0, merges: false }),
            merging: Mutex::new(()),
            next: AtomicU64::new(pointer.database + 1),
            _lock: lock,
        })
    }

    /// The folder's random id, drawn when it was created.
    pub fn storage_id(&self) -> u64 {
        self.storage
    }

    fn database(&self) -> Arc<Database> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who writes. After an error nobody does.
    fn writer(&self) -> Result<MutexGuard<'_, Writer>, StorageError> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.failed {
            return Err(StorageError::refused_after_error(self.files.describe("")));
        }
        Ok(writer)
    }

    /// Runs a step that changes the disk; after an error there is no other.
    fn guarded(
        &self,
        step: impl FnOnce(&mut Writer) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let mut writer = self.writer()?;
        let done = step(&mut writer);
        writer.failed = done.is_err();
        done
    }

    fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

impl Writer {
    /// Captures what was pinned, before something is written that is not part of it.
    fn settle(&mut self) {
        if let Some(pin) = std::mem::take(&mut self.pin).upgrade() {
            pin.capture();
        }
    }
}

impl StateStore for RocksState {
    fn view(&self) -> Arc<dyn StateView> {
        Arc::new(RocksView::of(self.database()))
    }

    fn commit(&self, batch: Vec<Mutation>) -> Result<(), StorageError> {
        self.guarded(|writer| {
            writer.since_pin = writer.since_pin.saturating_add(size_of(&batch));
            if writer.since_pin > self.setup.bytes_before_flush() {
                writer.settle();
            }
            self.database().commit(&batch)
        })
    }

    fn flush(&self) -> Result<(), StorageError> {
        self.guarded(|writer| {
            writer.settle();
            self.database().flush(true)
        })
    }

    fn durable_get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        self.database().durable_get(space, key)
    }

    fn checkpoint(&self) -> Result<Box<dyn Checkpoint>, StorageError> {
        let mut writer = self.writer()?;
        writer.settle();
        let target = self.root.join(format!("{CAPTURED}{:016x}", self.next_number()));
        let pin = Arc::new(Pin::new(self.database(), target, writer.merges)?);
        if writer.merges {
            pin.capture();
        }
        writer.pin = Arc::downgrade(&pin);
        writer.since_pin = 0;
        let (names, setup) = (self.names.clone(), self.setup.clone());
        Ok(Box::new(RocksCheckpoint { pin, names, setup }))
    }

    fn install(&self, snapshot: &mut dyn SnapshotSource) -> Result<(), StorageError> {
        self.guarded(|writer| {
            let number = self.next_number();
            let received = install::receive(snapshot, folder_of(&self.root, number))?;
            folder::sync(&self.root)?;
            let database = Database::open(received.path().to_owned(), &self.names, &self.setup)?;
            // Whatever becomes of the pointer now, it may name this folder.
            received.keep();
            let pointer = Pointer { database: number, installing: true };
            pointer.write(&self.files)?;
            writer.pointer = pointer;
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, Arc::new(database)).doom();
            Ok(())
        })
    }

    fn install_unfinished(&self) -> bool {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).pointer.installing
    }

    fn finish_install(&self) -> Result<(), StorageError> {
        self.guarded(|writer| {
            let pointer = Pointer { installing: false, ..writer.pointer };
            pointer.write(&self.files)?;
            writer.pointer = pointer;
            Ok(())
        })
    }

    fn reclaim(&self, has_room: &mut dyn FnMut(u64) -> bool) -> Result<bool, StorageError> {
        let _alone = self.merging.lock().unwrap_or_else(PoisonError::into_inner);
        let (database, _merging) = {
            let mut writer = self.writer()?;
            writer.settle();
            writer.merges = true;
            (self.database(), Merging(&self.writer))
        };
        // One that was replaced by a snapshot has nothing to give back.
        let is_current = || Arc::ptr_eq(&database, &self.database());
        merge(&database, &mut |bytes| is_current() && has_room(bytes))
            .map(|is_done| is_done || !is_current())
    }

    fn size_bytes(&self) -> u64 {
        // Only a database without these properties, which there is not, gives none.
        self.database().size_bytes().unwrap_or(0)
    }
}

/// While it lives the files are merged by hand; it ends that even if who asks whether
/// there is room panics.
struct Merging<'a>(&'a Mutex<Writer>);

impl Drop for Merging<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).merges = false;
    }
}

/// Makes a state of a folder without an identity, and returns its storage id. The
/// identity comes last: what a crash leaves before that is thrown away by the
/// next attempt.
fn create(
    files: &OsFiles,
    root: &Path,
    names: &Arc<Vec<String>>,
    setup: &Setup,
    config: &RocksConfig,
) -> Result<u64, StorageError> {
    for name in folder::list(root)?.iter().filter(|name| name.starts_with(DATABASE)) {
        let path = root.join(name);
        if folder::list(&path)?.iter().any(|file| file.ends_with(".sst")) {
            return Err(corrupt(&path, "it holds a state, but the folder's identity is gone"));
        }
    }
    let pointer = Pointer { database: 1, installing: false };
    remove_all_but(root, 0)?;
    Database::create(folder_of(root, pointer.database), names, setup)?;
    folder::sync(root)?;
    pointer.write(files)?;
    let storage = Random::new(config.seed).next();
    FolderId { storage, node: config.node, cluster: config.cluster }.write(files)?;
    Ok(storage)
}

fn folder_of(root: &Path, number: u64) -> PathBuf {
    root.join(format!("{DATABASE}{number:016x}"))
}

/// Removes what a crash, or a view that was held for long, has left.
fn remove_all_but(root: &Path, database: u64) -> Result<(), StorageError> {
    let kept = format!("{DATABASE}{database:016x}");
    for name in folder::list(root)? {
        let path = root.join(&name);
        let failed = |error| failed("remove", &path, error);
        if name == POINTER_TEMPORARY {
            fs::remove_file(&path).map_err(failed)?;
        } else if [DATABASE, CAPTURED].iter().any(|of| name.starts_with(of)) && name != kept {
            fs::remove_dir_all(&path).map_err(failed)?;
        }
    }
    Ok(())
}

/// How much room a batch takes in the buffers, at most.
fn size_of(batch: &[Mutation]) -> u64 {
    let size = |mutation: &Mutation| match mutation {
        Mutation::Put(_, key, value) => key.len() + value.len(),
        Mutation::Delete(_, key) => key.len(),
    };
    batch.iter().map(|mutation| size(mutation) as u64 + OVERHEAD).sum()
}
