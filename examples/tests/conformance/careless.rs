//! Files of somebody who forgot that a name has to be synced too.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use raft_storage::files::{File, Files, Lock, SimFiles};

/// Simulated files whose [`Files::sync_folder`] does nothing.
pub struct Careless(pub SimFiles);

impl Files for Careless {
    fn is_same_file(&self, one: &str, other: &str) -> io::Result<bool> {
        self.0.is_same_file(one, other)
    }

    fn sync_folder(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn describe(&self, name: &str) -> String {
        self.0.describe(name)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.0.create(name)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.0.open(name)
    }

    fn create_folder(&self, name: &str) -> io::Result<()> {
        self.0.create_folder(name)
    }

    fn folder(&self, name: &str) -> io::Result<Arc<dyn Files>> {
        self.0.folder(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    fn remove_folder(&self, name: &str) -> io::Result<()> {
        self.0.remove_folder(name)
    }

    fn list(&self, name: &str) -> io::Result<Vec<String>> {
        self.0.list(name)
    }

    fn lock(&self, name: &str) -> io::Result<Box<dyn Lock>> {
        self.0.lock(name)
    }

    fn real_path(&self, name: &str) -> Option<PathBuf> {
        self.0.real_path(name)
    }
}
