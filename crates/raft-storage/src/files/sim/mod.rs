//! A file system in memory that forgets what was not synced.
//!
//! Every process on it has a life: [`SimFiles::restart`] ends the life of all
//! handles given out so far and returns the files of the next one. What the next
//! life finds depends on the [`Outage`]: a killed process loses nothing that it
//! wrote; a power loss takes, of what was not synced, anything:
//!
//! - of a file's bytes any 512-byte sectors, each as it was after some of the
//!   writes to it, now and then torn in the middle; of its length, or not;
//! - of a folder's creations, renames and removals any.
//!
//! The choice depends on the seed and the operations before it alone.

mod disk;
mod node;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::disk::Disk;
use super::{File, Files, Lock};

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// The process is killed. The system goes on and has all that was written.
    Kill,
    /// The machine loses power: what was not synced is lost, torn or kept.
    PowerLoss,
}

/// What a planned failure looks like to whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The device reports an error. After a failed sync any part of what was
    /// written is on the disk and the rest never will be.
    Device,
    /// There is no space.
    NoSpace,
}

/// What was done so far on a simulated disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SimCounters {
    /// Operations that change or sync something; the numbers of
    /// [`SimFiles::crash_at`] and [`SimFiles::fail_at`] count these, from 1.
    pub operations: u64,
    /// Bytes written to files.
    pub written_bytes: u64,
    /// Syncs of files and folders that succeeded.
    pub syncs: u64,
    /// Files of which a power loss took all that was not synced.
    pub lost: u64,
    /// Files of which it took some: what is left was written in no order, or is torn.
    pub torn: u64,
}

/// One life's view of a simulated disk. Clones share the disk.
#[derive(Clone)]
pub struct SimFiles {
    disk: Arc<Mutex<Disk>>,
    root: String,
    life: u64,
}

impl SimFiles {
    /// An empty disk.
    pub fn new(seed: u64) -> SimFiles {
        SimFiles { disk: Arc::new(Mutex::new(Disk::new(seed))), root: String::new(), life: 0 }
    }

    /// What was done so far, in all lives.
    pub fn counters(&self) -> SimCounters {
        self.disk().counters()
    }

    /// The machine goes down with the operation of this number (see
    /// [`SimCounters::operations`]): that one fails, done or not, and so does
    /// everything after it until [`SimFiles::restart`]. `None` takes the plan back.
    pub fn crash_at(&self, operation: Option<u64>) {
        self.disk().plan_crash(operation);
    }

    /// The operation of this number fails once. Forgotten at a restart.
    pub fn fail_at(&self, operation: u64, failure: Failure) {
        self.disk().plan_failure(operation, failure);
    }

    /// Writes that would make all files together longer than this fail.
    pub fn limit_space(&self, bytes: Option<u64>) {
        self.disk().limit_space(bytes);
    }

    /// The length of all files together.
    pub fn used_bytes(&self) -> u64 {
        self.disk().used()
    }

    /// The machine goes down now.
    pub fn crash(&self) {
        self.disk().crash();
    }

    /// Whether the machine is down.
    pub fn is_down(&self) -> bool {
        self.disk().has_crashed()
    }

    /// Ends this life and returns the files as the next one finds them. Locks
    /// are free, plans are forgotten, all older handles give errors.
    pub fn restart(&self, outage: Outage) -> SimFiles {
        let mut disk = self.disk();
        disk.restart(outage);
        SimFiles { disk: self.disk.clone(), root: self.root.clone(), life: disk.life() }
    }

    /// A copy of the whole disk that goes its own way from here on. The copy's
    /// files are seen in the life that the disk is in.
    pub fn fork(&self) -> SimFiles {
        let disk = self.disk().clone();
        let life = disk.life();
        SimFiles { disk: Arc::new(Mutex::new(disk)), root: self.root.clone(), life }
    }

    /// A file's bytes as a process would read them now.
    ///
    /// # Errors
    ///
    /// If there is no such file.
    pub fn contents(&self, name: &str) -> io::Result<Vec<u8>> {
        self.disk().contents(&self.path(name))
    }

    /// Changes a file's durable bytes behind everybody's back, as a failing disk does.
    ///
    /// # Errors
    ///
    /// If there is no such file.
    pub fn damage(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk().damage(&self.path(name), offset, bytes)
    }

    /// A panic elsewhere cannot leave the disk half changed in a way that
    /// matters: a crashed simulation is over.
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, name: &str) -> String {
        match (self.root.is_empty(), name.is_empty()) {
            (true, _) => name.to_owned(),
            (false, true) => self.root.clone(),
            (false, false) => format!("{}/{name}", self.root),
        }
    }

    fn handle(&self, node: u64) -> Arc<dyn File> {
        Arc::new(SimFile { files: self.clone(), node })
    }
}

impl Files for SimFiles {
    fn describe(&self, name: &str) -> String {
        format!("sim:{}", self.path(name))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let node = self.disk().create(self.life, &self.path(name))?;
        Ok(self.handle(node))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let node = self.disk().open(self.life, &self.path(name))?;
        Ok(self.handle(node))
    }

    fn create_folder(&self, name: &str) -> io::Result<()> {
        self.disk().create_folder(self.life, &self.path(name))
    }

    fn folder(&self, name: &str) -> io::Result<Arc<dyn Files>> {
        self.create_folder(name)?;
        let path = self.path(name);
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        self.disk().sync_folder(self.life, parent)?;
        Ok(Arc::new(SimFiles { disk: self.disk.clone(), root: path, life: self.life }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk().rename(self.life, &self.path(from), &self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk().remove(self.life, &self.path(name))
    }

    fn remove_folder(&self, name: &str) -> io::Result<()> {
        self.disk().remove_folder(self.life, &self.path(name))
    }

    fn is_same_file(&self, one: &str, other: &str) -> io::Result<bool> {
        self.disk().is_same_file(self.life, &self.path(one), &self.path(other))
    }

    fn sync_folder(&self, name: &str) -> io::Result<()> {
        self.disk().sync_folder(self.life, &self.path(name))
    }

    fn list(&self, name: &str) -> io::Result<Vec<String>> {
        self.disk().list(self.life, &self.path(name))
    }

    fn lock(&self, name: &str) -> io::Result<Box<dyn Lock>> {
        let path = self.path(name);
        self.disk().lock(self.life, &path)?;
        Ok(Box::new(SimLock { files: self.clone(), path }))
    }

    fn real_path(&self, _name: &str) -> Option<PathBuf> {
        None
    }
}

struct SimFile {
    files: SimFiles,
    node: u64,
}

impl File for SimFile {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.files.disk().read(self.files.life, self.node, offset, into)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.files.disk().write(self.files.life, self.node, offset, bytes)
    }

    fn preallocate(&self, length: u64) -> io::Result<()> {
        self.files.disk().preallocate(self.files.life, self.node, length)
    }

    fn sync(&self) -> io::Result<()> {
        self.files.disk().sync(self.files.life, self.node)
    }

    fn length(&self) -> io::Result<u64> {
        self.files.disk().length(self.files.life, self.node)
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        self.files.disk().close(self.files.life, self.node);
    }
}

struct SimLock {
    files: SimFiles,
    path: String,
}

impl Lock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.files.disk().unlock(self.files.life, &self.path);
    }
}

impl Failure {
    fn error(self) -> io::Error {
        match self {
            Failure::Device => io::Error::other("the simulated device failed"),
            Failure::NoSpace => io::ErrorKind::StorageFull.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_synced_survives_and_the_rest_may_not() {
        let (mut lost, mut kept, mut torn) = (0, 0, 0);
        for seed in 0..200 {
            let files = SimFiles::new(seed);
            let file = files.create("file").unwrap();
            file.preallocate(2_048).unwrap();
            file.write_at(0, &[1; 1_024]).unwrap();
            file.sync().unwrap();
            files.sync_folder("").unwrap();
            file.write_at(512, &[2; 1_024]).unwrap();
            let files = files.restart(Outage::PowerLoss);
            let found = files.contents("file").unwrap();
            assert_eq!(found.len(), 2_048, "seed {seed}: the length was synced");
            assert_eq!(found[..512], [1; 512], "seed {seed}: synced and not written again");
            assert_eq!(found[1_536..], [0; 512], "seed {seed}: never written");
            match found[512..1_536].iter().filter(|byte| **byte == 2).count() {
                0 => lost += 1,
                1_024 => kept += 1,
                _ => torn += 1,
            }
        }
        assert!(lost > 20 && kept > 20 && torn > 20, "lost {lost} kept {kept} torn {torn}");
    }

    #[test]
    fn names_that_are_not_synced_may_be_lost_and_a_kill_loses_nothing() {
        let (mut lost, mut kept) = (0, 0);
        for seed in 0..100 {
            let files = SimFiles::new(seed);
            files.create("one").unwrap();
            let files = files.restart(Outage::Kill);
            assert_eq!(files.list("").unwrap(), ["one"], "seed {seed}");
            match files.restart(Outage::PowerLoss).list("").unwrap().len() {
                0 => lost += 1,
                _ => kept += 1,
            }
        }
        assert!(lost > 20 && kept > 20, "lost {lost} kept {kept}");
    }

    #[test]
    fn the_planned_operation_fails_and_after_a_crash_all_do() {
        let files = SimFiles::new(1);
        let file = files.create("file").unwrap();
        let now = files.counters().operations;
        files.fail_at(now + 1, Failure::NoSpace);
        assert_eq!(file.write_at(0, b"x").unwrap_err().kind(), io::ErrorKind::StorageFull);
        file.write_at(0, b"x").unwrap();
        files.crash_at(Some(now + 4));
        file.sync().unwrap();
        file.write_at(1, b"y").unwrap_err();
        file.sync().unwrap_err();
        files.list("").unwrap_err();
        assert!(files.is_down());
        let next = files.restart(Outage::Kill);
        assert_eq!(next.contents("file").unwrap(), b"xy");
        file.write_at(0, b"z").unwrap_err();
    }

    #[test]
    fn a_failed_sync_may_lose_what_a_later_one_promises() {
        let lost = (0..50).filter(|seed| {
            let files = SimFiles::new(*seed);
            let file = files.create("file").unwrap();
            files.sync_folder("").unwrap();
            file.write_at(0, b"x").unwrap();
            files.fail_at(files.counters().operations + 1, Failure::Device);
            file.sync().unwrap_err();
            file.sync().unwrap();
            files.restart(Outage::PowerLoss).contents("file").unwrap().is_empty()
        });
        assert!(lost.count() > 5);
    }

    #[test]
    fn a_removed_file_is_readable_as_long_as_it_is_open() {
        let files = SimFiles::new(1);
        let file = files.create("file").unwrap();
        file.write_at(0, b"x").unwrap();
        files.remove("file").unwrap();
        files.sync_folder("").unwrap();
        let mut read = [0];
        file.read_at(0, &mut read).unwrap();
        assert_eq!(&read, b"x");
    }
}
