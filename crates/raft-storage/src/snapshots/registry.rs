//! Which snapshots there are, and their removal.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use raft_core::{NodeId, TransferId};

use super::manifest::Manifest;
use crate::error::StorageError;
use crate::files::{Files, Lock};

pub(super) const OWN: &str = "own-";
pub(super) const MAKING: &str = "new-";
const REMOVING: &str = "old-";

/// How many complete snapshots of one's own are kept.
const KEPT: usize = 2;

/// A complete snapshot. Whoever holds it keeps its files from being removed.
pub(super) struct Stored {
    pub(super) manifest: Manifest,
    /// The folder's name; it changes when the snapshot is promoted.
    folder: Mutex<String>,
}

impl Stored {
    pub(super) fn folder(&self) -> String {
        self.folder.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_folder(&self, name: String) {
        *self.folder.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }
}

/// The store's shared part: the folder and what lies in it.
pub(super) struct Registry {
    pub(super) files: Arc<dyn Files>,
    _lock: Box<dyn Lock>,
    contents: Mutex<Contents>,
}

#[derive(Default)]
struct Contents {
    /// The number that the next folder gets.
    next: u64,
    /// By index and number: the last one is the newest.
    own: BTreeMap<(u64, u64), Arc<Stored>>,
    received: BTreeMap<(NodeId, TransferId), Arc<Stored>>,
    /// Removed, but somebody may still read them.
    doomed: Vec<Arc<Stored>>,
}

impl Registry {
    /// Takes stock of a folder, and removes what a crash left unfinished.
    pub(super) fn open(
        files: Arc<dyn Files>,
        lock: Box<dyn Lock>,
    ) -> Result<Registry, StorageError> {
        let failed = |error| StorageError::io("list", files.describe(""), error);
        let mut contents = Contents::default();
        for name in files.list("").map_err(failed)? {
            if let Some(number) = number_of(&name, OWN) {
                let manifest = Manifest::read(&*files, &name)?;
                let key = (manifest.meta.position.index.0, number);
                contents.next = contents.next.max(number + 1);
                let stored = Stored { manifest, folder: Mutex::new(name) };
                contents.own.insert(key, Arc::new(stored));
            } else if [MAKING, REMOVING, "in-"].iter().any(|prefix| name.starts_with(prefix)) {
                empty_and_remove(&*files, &name)?;
            }
        }
        // A rename of the process before may not be durable yet.
        files
            .sync_folder("")
            .map_err(|error| StorageError::io("sync", files.describe(""), error))?;
        let registry = Registry { files, _lock: lock, contents: Mutex::new(contents) };
        registry.trim()?;
        Ok(registry)
    }

    pub(super) fn newest(&self) -> Option<Arc<Stored>> {
        self.contents().own.values().next_back().cloned()
    }

    pub(super) fn received(&self, from: NodeId, id: TransferId) -> Option<Arc<Stored>> {
        self.contents().received.get(&(from, id)).cloned()
    }

    /// Names a folder for a snapshot in the making.
    pub(super) fn new_folder(&self) -> Result<String, StorageError> {
        let number = self.next_number();
        let name = format!("{MAKING}{number:016x}");
        let failed = |error| StorageError::io("create", self.files.describe(&name), error);
        self.files.create_folder(&name).map_err(failed)?;
        Ok(name)
    }

    /// Makes a finished folder the newest snapshot of one's own.
    pub(super) fn add_own(&self, folder: &str, manifest: Manifest) -> Result<(), StorageError> {
        let stored = Stored { manifest, folder: Mutex::new(folder.to_owned()) };
        self.own(Arc::new(stored))
    }

    /// Keeps a finished folder as one that came in.
    pub(super) fn add_received(
        &self,
        from: NodeId,
        id: TransferId,
        folder: &str,
        manifest: Manifest,
    ) -> Result<(), StorageError> {
        let name = received_folder(from, id);
        self.rename(folder, &name)?;
        let stored = Arc::new(Stored { manifest, folder: Mutex::new(name) });
        self.contents().received.insert((from, id), stored);
        Ok(())
    }

    /// Makes one that came in the newest of one's own.
    pub(super) fn promote(&self, from: NodeId, id: TransferId) -> Result<(), StorageError> {
        let stored = self.contents().received.remove(&(from, id));
        self.own(stored.ok_or_else(|| missing(from, id))?)
    }

    /// Drops whatever came in and `drops` holds for.
    pub(super) fn drop_received(
        &self,
        drops: impl Fn(NodeId, TransferId) -> bool,
    ) -> Result<(), StorageError> {
        let mut contents = self.contents();
        let names: Vec<_> =
            contents.received.keys().filter(|key| drops(key.0, key.1)).copied().collect();
        for name in names {
            let dropped = contents.received.remove(&name);
            contents.doomed.extend(dropped);
        }
        drop(contents);
        self.sweep()
    }

    /// Where a name really lies.
    pub(super) fn real_path(&self, name: &str) -> Option<PathBuf> {
        self.files.real_path(name)
    }

    fn own(&self, stored: Arc<Stored>) -> Result<(), StorageError> {
        let number = self.next_number();
        let name = format!("{OWN}{number:016x}");
        self.rename(&stored.folder(), &name)?;
        stored.set_folder(name);
        let index = stored.manifest.meta.position.index.0;
        self.contents().own.insert((index, number), stored);
        self.trim()
    }

    /// Removes all but the newest of one's own.
    fn trim(&self) -> Result<(), StorageError> {
        let mut contents = self.contents();
        while contents.own.len() > KEPT {
            let oldest = contents.own.pop_first().map(|(_, stored)| stored);
            contents.doomed.extend(oldest);
        }
        drop(contents);
        self.sweep()
    }

    /// Removes the files of what is doomed and no longer read.
    fn sweep(&self) -> Result<(), StorageError> {
        let mut contents = self.contents();
        let (read, free): (Vec<_>, Vec<_>) = std::mem::take(&mut contents.doomed)
            .into_iter()
            .partition(|stored| Arc::strong_count(stored) > 1);
        contents.doomed = read;
        drop(contents);
        for stored in free {
            self.remove(&stored.folder())?;
        }
        Ok(())
    }

    /// Removes a snapshot's folder. It loses its name first, durably: a crash
    /// must not leave half a snapshot under the name of a whole one.
    pub(super) fn remove(&self, folder: &str) -> Result<(), StorageError> {
        let name = format!("{REMOVING}{folder}");
        self.rename(folder, &name)?;
        empty_and_remove(&*self.files, &name)
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), StorageError> {
        let failed = |error| StorageError::io("rename", self.files.describe(from), error);
        self.files.rename(from, to).map_err(failed)?;
        self.files.sync_folder("").map_err(failed)
    }

    fn next_number(&self) -> u64 {
        let mut contents = self.contents();
        contents.next += 1;
        contents.next - 1
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn missing(from: NodeId, id: TransferId) -> StorageError {
    StorageError::Missing { what: format!("snapshot {id} of {from}") }
}

fn received_folder(from: NodeId, id: TransferId) -> String {
    format!("in-{:x}-{:x}-{:x}", from.0, id.incarnation.0, id.counter)
}

fn number_of(name: &str, prefix: &str) -> Option<u64> {
    u64::from_str_radix(name.strip_prefix(prefix)?, 16).ok()
}

fn empty_and_remove(files: &dyn Files, folder: &str) -> Result<(), StorageError> {
    let failed = |error| StorageError::io("remove", files.describe(folder), error);
    for name in files.list(folder).map_err(failed)? {
        files.remove(&format!("{folder}/{name}")).map_err(failed)?;
    }
    files.remove_folder(folder).map_err(failed)
}
